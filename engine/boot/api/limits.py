"""Absolute limits: a project's quota and what it uses of it, as one document."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.links import PREFIX
from engine.boot.api.quota_figures import defaults_of, usage_of_project
from engine.boot.api.versioned import check_query, minor_of
from engine.boot.store.quotas import own_limits
from engine.rest.replies import json_reply
from engine.rest.request import access_of

_NAMES = {
    "cores": "maxTotalCores",
    "instances": "maxTotalInstances",
    "ram": "maxTotalRAMSize",
    "key_pairs": "maxTotalKeypairs",
    "metadata_items": "maxServerMeta",
    "server_groups": "maxServerGroups",
    "server_group_members": "maxServerGroupMembers",
    "injected_files": "maxPersonality",
    "injected_file_content_bytes": "maxPersonalitySize",
    "floating_ips": "maxTotalFloatingIps",
    "security_groups": "maxSecurityGroups",
    "security_group_rules": "maxSecurityGroupRules",
}
_USED = {
    "cores": "totalCoresUsed",
    "instances": "totalInstancesUsed",
    "ram": "totalRAMUsed",
    "server_groups": "totalServerGroupsUsed",
}
_NETWORK_USED = {"totalFloatingIpsUsed": 0, "totalSecurityGroupsUsed": 0}
_NETWORK_UNTIL = 35
_IMAGE_META_UNTIL = 38


def routes(deps: Deps) -> list[Route]:
    """Return the route of the limits."""

    async def show(request: Request) -> Response:
        check_query(request, ("reserved", "tenant_id"))
        access = access_of(request)
        project_id = request.query_params.get("tenant_id") or access.project_id
        if project_id != access.project_id:
            access.require_admin("os_compute_api:limits:other_project")

        def read(connection: sa.Connection) -> tuple[dict[str, int], dict[str, int]]:
            return own_limits(connection, project_id), usage_of_project(connection, project_id)

        own, used = await deps.store.read(read)
        minor = minor_of(request)
        limits = defaults_of(request, deps.settings.boot.quotas)
        absolute = {_NAMES[name]: own.get(name, limit) for name, limit in limits.items() if name in _NAMES}
        absolute |= {shown: used[name] for name, shown in _USED.items()}
        if minor <= _IMAGE_META_UNTIL:
            absolute["maxImageMeta"] = absolute["maxServerMeta"]
        if minor <= _NETWORK_UNTIL:
            absolute |= _NETWORK_USED
        return json_reply({"limits": {"rate": [], "absolute": absolute}})

    return [Route(f"{PREFIX}/limits", show, methods=["GET"])]
