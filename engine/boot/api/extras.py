"""All of the API beside servers, put together: what several resources show of the fleet is one view."""

from __future__ import annotations

from starlette.routing import Route

from engine.boot.api import (
    aggregates,
    flavors,
    hypervisors,
    keypairs,
    limits,
    migrations,
    quota_sets,
    server_groups,
    services,
    usage,
    versions,
    zones,
)
from engine.boot.api.deps import Deps
from engine.boot.api.fleet import FleetView


def routes(deps: Deps) -> list[Route]:
    """Return the routes of every resource beside servers."""
    fleet = FleetView(deps)
    return [
        *versions.routes(deps),
        *flavors.routes(deps),
        *keypairs.routes(deps),
        *server_groups.routes(deps),
        *aggregates.routes(deps, fleet),
        *zones.routes(deps, fleet),
        *services.routes(deps, fleet),
        *hypervisors.routes(deps, fleet),
        *quota_sets.routes(deps),
        *limits.routes(deps),
        *usage.routes(deps),
        *migrations.routes(deps),
    ]
