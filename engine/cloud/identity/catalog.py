"""The service catalog, as a token and ``/v3/auth/catalog`` show it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, select

from engine.cloud.identity.schema import endpoints, services

_PROJECT_IN_URL = re.compile(r"[%$]\((?:project_id|tenant_id)\)s")
_ENTRIES = (
    select(
        services.c.id.label("service_id"),
        services.c.type,
        services.c.name,
        endpoints.c.id,
        endpoints.c.interface,
        endpoints.c.region_id,
        endpoints.c.url,
    )
    .join(endpoints, endpoints.c.service_id == services.c.id)
    .where(services.c.enabled, endpoints.c.enabled)
    .order_by(services.c.type, services.c.id, endpoints.c.interface, endpoints.c.id)
)


def catalog_of(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Return the enabled services and their enabled endpoints; ``%(project_id)s`` in a URL becomes the project."""
    entries: dict[str, dict[str, Any]] = {}
    for row in connection.execute(_ENTRIES):
        entry = entries.setdefault(
            row.service_id, {"id": row.service_id, "type": row.type, "name": row.name or "", "endpoints": []}
        )
        entry["endpoints"].append(
            {
                "id": row.id,
                "interface": row.interface,
                "region": row.region_id,
                "region_id": row.region_id,
                "url": _PROJECT_IN_URL.sub(project_id, row.url),
            }
        )
    return list(entries.values())
