"""Quotas and limits as clients read them, and as administrators set them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cloud.volume.bodies import QuotaBody
from engine.cloud.volume.listing import flag
from engine.cloud.volume.parts import Parts
from engine.rest.errors import BadRequest, Forbidden
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_PER_TYPE = ("volumes", "gigabytes", "snapshots")


def routes(parts: Parts) -> list[Route]:
    """Return the routes of quotas and limits."""

    def with_types(limits: dict[str, int]) -> dict[str, int]:
        """Return the limits with those of each type, which has none of its own."""
        kinds = [kind.name for kind in parts.types.all().values()]
        return limits | {f"{resource}_{kind}": -1 for kind in kinds for resource in _PER_TYPE}

    def seen_project(request: Request) -> str:
        project_id: str = request.path_params["project_id"]
        if not access_of(request).sees(project_id):
            raise Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")
        return project_id

    async def show(request: Request) -> Response:
        """Show a project's limits, with ``usage`` what it uses of them too."""
        project_id = seen_project(request)
        limits = with_types(parts.quotas.limits(project_id))
        if not flag("usage", request.query_params.get("usage", "false")):
            return json_reply({"quota_set": {"id": project_id, **limits}})
        used = parts.quotas.usage(project_id)
        full = {
            name: {"limit": most, "in_use": used.get(name, 0), "reserved": 0, "allocated": 0}
            for name, most in limits.items()
        }
        return json_reply({"quota_set": {"id": project_id, **full}})

    async def defaults(request: Request) -> Response:
        """Show the limits of a project that has none of its own."""
        project_id = seen_project(request)
        return json_reply({"quota_set": {"id": project_id, **with_types(dict(parts.quotas.defaults))}})

    async def change(request: Request) -> Response:
        """Give a project limits of its own, for administrators."""
        access_of(request).require_admin("volume_extension:quotas:update")
        asked = (await body_of(request, QuotaBody)).quota_set
        project_id: str = request.path_params["project_id"]
        limits: dict[str, int] = {}
        for name, most in asked.items():
            if name in ("tenant_id", "id", "force", "skip_validation"):
                continue
            if name not in parts.quotas.defaults:
                raise BadRequest(f"Bad key(s) in quota set: {name[:100]}")
            if isinstance(most, bool) or not isinstance(most, int):
                raise BadRequest(f"Quota limit of {name} must be a number from -1.")
            limits[name] = most
        parts.quotas.set(project_id, limits)
        return json_reply({"quota_set": parts.quotas.limits(project_id)})

    async def reset(request: Request) -> Response:
        """Let a project have the defaults again, for administrators."""
        access_of(request).require_admin("volume_extension:quotas:delete")
        parts.quotas.reset(request.path_params["project_id"])
        return empty_reply(200)

    async def limits(request: Request) -> Response:
        """Show the caller's limits and usage."""
        project_id = access_of(request).project_id
        most, used = parts.quotas.limits(project_id), parts.quotas.usage(project_id)
        absolute = {
            "maxTotalVolumes": most["volumes"],
            "maxTotalSnapshots": most["snapshots"],
            "maxTotalVolumeGigabytes": most["gigabytes"],
            "maxTotalBackups": most["backups"],
            "maxTotalBackupGigabytes": most["backup_gigabytes"],
            "totalVolumesUsed": used["volumes"],
            "totalGigabytesUsed": used["gigabytes"],
            "totalSnapshotsUsed": 0,
            "totalBackupsUsed": 0,
            "totalBackupGigabytesUsed": 0,
        }
        return json_reply({"limits": {"rate": [], "absolute": absolute}})

    one = "/v3/os-quota-sets/{project_id}"
    return [
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["PUT"]),
        Route(one, reset, methods=["DELETE"]),
        Route(one + "/defaults", defaults, methods=["GET"]),
        Route("/v3/limits", limits, methods=["GET"]),
    ]
