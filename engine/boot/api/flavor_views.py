"""Flavors as users see them, and which of them a caller sees."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from starlette.requests import Request

from engine.boot.api.links import links_of
from engine.boot.api.versioned import minor_of
from engine.boot.store.flavors import FlavorRow, get_flavor
from engine.rest.access import Access
from engine.rest.errors import NotFound

_DESCRIPTION_SINCE = 55
_EXTRA_SPECS_SINCE = 61
_ZERO_SWAP_SINCE = 75


def sees_all(access: Access) -> bool:
    """Whether a caller sees flavors that are not public without being given them."""
    return access.is_admin or "service" in access.roles


def may_use(access: Access, flavor: FlavorRow) -> bool:
    """Whether a caller's project may use a flavor."""
    return flavor.is_public or access.project_id in flavor.projects


def unknown_flavor(flavor_id: str) -> NotFound:
    """Return the refusal of an id that no flavor has."""
    return NotFound(f"Flavor {flavor_id} could not be found.")


def flavor_for(connection: sa.Connection, access: Access, flavor_id: str) -> FlavorRow:
    """Return a flavor that the caller sees; raise NotFound."""
    flavor = get_flavor(connection, flavor_id)
    if flavor is None or not (sees_all(access) or may_use(access, flavor)):
        raise unknown_flavor(flavor_id)
    return flavor


def brief_view(request: Request, flavor: FlavorRow) -> dict[str, Any]:
    """Return what the short listing says of a flavor."""
    view: dict[str, Any] = {
        "id": flavor.flavor_id,
        "name": flavor.name,
        "links": links_of(request, "flavors", flavor.flavor_id),
    }
    if minor_of(request) >= _DESCRIPTION_SINCE:
        view["description"] = flavor.description or None
    return view


def full_view(request: Request, flavor: FlavorRow) -> dict[str, Any]:
    """Return all that is said of a flavor."""
    minor = minor_of(request)
    view = brief_view(request, flavor) | {
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mb or (0 if minor >= _ZERO_SWAP_SINCE else ""),
        "rxtx_factor": flavor.rxtx_factor,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": flavor.disabled,
        "os-flavor-access:is_public": flavor.is_public,
    }
    if minor >= _EXTRA_SPECS_SINCE:
        view["extra_specs"] = flavor.extra_specs
    return view


def access_view(flavor: FlavorRow) -> dict[str, Any]:
    """Return the projects that a flavor was given to."""
    return {
        "flavor_access": [{"flavor_id": flavor.flavor_id, "tenant_id": project} for project in sorted(flavor.projects)]
    }
