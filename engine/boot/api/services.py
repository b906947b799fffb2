"""Compute services, for administrators: listed, taken out of use and back, forced down, removed."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.compute_services import COMPUTE, Service, compute_service, services_of
from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Flag, Name, ShortText
from engine.boot.api.fleet import Fleet, FleetView, small_id
from engine.boot.api.links import PREFIX
from engine.boot.api.scheduler_calls import ask
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import check_query, minor_of, only_between
from engine.boot.store.aggregates import leave_all
from engine.boot.store.instances import find_instances
from engine.boot.store.schema import instances
from engine.errors import HostInUseError, UnknownHostError
from engine.rest.errors import BadRequest, Conflict, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of
from engine.v1.inventory_pb2 import Host, HostService
from engine.v1.inventory_service_pb2 import UpdateHostsRequest

_FORCED_DOWN_SINCE = 11
_UUID_SINCE = 53
_RULE = "os_compute_api:os-services"

Reason = Annotated[ShortText, StringConstraints(min_length=1)]


class _Update(BaseModel):
    """The body of ``PUT /os-services/ID``, from 2.53."""

    model_config = STRICT

    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: Reason | None = None
    forced_down: Flag | None = None


class _OldUpdate(BaseModel):
    """The body of ``PUT /os-services/ACTION``, below 2.53."""

    model_config = STRICT

    host: Name
    binary: Name
    disabled_reason: Reason | None = None
    forced_down: Flag | None = None


def _view(request: Request, service: Service) -> dict[str, Any]:
    minor = minor_of(request)
    view: dict[str, Any] = {
        "id": service.uuid if minor >= _UUID_SINCE else small_id(service.uuid),
        "binary": service.binary,
        "host": service.host,
        "zone": service.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if service.up else "down",
        "updated_at": micro_text(service.seen_at),
        "disabled_reason": service.disabled_reason or None,
    }
    return view | ({"forced_down": service.forced_down} if minor >= _FORCED_DOWN_SINCE else {})


def _checked(given: _Update) -> None:
    """Raise BadRequest for a body that changes nothing, or gives a reason for nothing."""
    if given.status is None and given.forced_down is None:
        raise BadRequest("No valid updates were requested: give status or forced_down.")
    if given.disabled_reason is not None and given.status != "disabled":
        raise BadRequest("Specifying disabled_reason requires that status is set to disabled.")


def _merged(known: HostService, given: _Update) -> HostService:
    """Return what is to be known of a host's service; its heartbeats are the agent's to tell."""
    disabled = known.disabled if given.status is None else given.status == "disabled"
    reason = known.disabled_reason if given.status is None else given.disabled_reason or ""
    forced = known.forced_down if given.forced_down is None else given.forced_down
    return HostService(disabled=disabled, disabled_reason=reason if disabled else "", forced_down=forced)


def routes(deps: Deps, fleet: FleetView | None = None) -> list[Route]:
    """Return the routes of services; ``fleet`` is the view that others show too."""
    view = fleet or FleetView(deps)

    async def found(request: Request) -> Service:
        """Return the service that the path names; raise BadRequest or NotFound."""
        name = request.path_params["name"]
        minor = minor_of(request)
        if minor >= _UUID_SINCE and not _is_uuid(name):
            raise BadRequest(f"Invalid uuid {name}")
        for service in await services_of(deps, view):
            if name == (service.uuid if minor >= _UUID_SINCE else str(small_id(service.uuid))):
                return service
        raise NotFound(f"Service {name} not found.")

    async def change(host_id: str, given: _Update) -> tuple[Fleet, Host]:
        """Tell the scheduler of a change of a host's service; return the fleet and the host as they are then."""
        try:
            known = (await ask(deps, deps.scheduler.get_host, host_id)).host
        except UnknownHostError as error:
            raise NotFound(f"Compute host {host_id} could not be found.") from error
        told = UpdateHostsRequest(hosts=[Host(host_id=host_id, service=_merged(known.service, given))])
        await ask(deps, lambda: list(deps.scheduler.update_hosts([told])))
        view.forget()
        after = await view.look()
        return after, after.by_name.get(host_id, known)

    async def index(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:list")
        check_query(request, ("host", "binary"))
        host, binary = request.query_params.get("host"), request.query_params.get("binary")
        services = [
            service
            for service in await services_of(deps, view)
            if (not host or service.host == host) and (not binary or service.binary == binary)
        ]
        return json_reply({"services": [_view(request, service) for service in services]})

    async def update(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:update")
        if minor_of(request) < _UUID_SINCE:
            return await old_update(request)
        given = await body_of(request, _Update)
        _checked(given)
        service = await found(request)
        if service.binary != COMPUTE:
            raise BadRequest(
                f"Updating a {service.binary} service is not supported. Only nova-compute services can be updated."
            )
        after, host = await change(service.host, given)
        return json_reply({"service": _view(request, compute_service(after, host))})

    async def old_update(request: Request) -> Response:
        action = request.path_params["name"]
        given = await body_of(request, _OldUpdate)
        wanted = _wanted(request, action, given)
        if given.binary != COMPUTE:
            raise NotFound(f"Could not find binary {given.binary} on host {given.host}.")
        _, host = await change(given.host, wanted)
        told: dict[str, Any] = {"host": given.host, "binary": given.binary}
        if action == "force-down":
            return json_reply({"service": told | {"forced_down": host.service.forced_down}})
        told["status"] = "disabled" if host.service.disabled else "enabled"
        if action == "disable-log-reason":
            told["disabled_reason"] = host.service.disabled_reason
        return json_reply({"service": told})

    async def delete(request: Request) -> Response:
        access_of(request).require_admin(f"{_RULE}:delete")
        service = await found(request)
        if service.binary != COMPUTE:
            raise BadRequest(f"A {service.binary} service cannot be removed: it belongs to the installation.")

        def is_used(connection: sa.Connection) -> bool:
            live = (instances.c.host == service.host, instances.c.deleted.is_(False))
            return bool(find_instances(connection, *live, limit=1))

        if await deps.store.read(is_used):
            raise _in_use()
        try:
            await ask(deps, deps.scheduler.delete_hosts, [service.host])
        except HostInUseError as error:
            raise _in_use() from error
        except UnknownHostError as error:
            raise NotFound(f"Service {request.path_params['name']} not found.") from error
        await deps.store.write(lambda connection: leave_all(connection, service.host, now=deps.clock()))
        view.forget()
        return empty_reply()

    place = f"{PREFIX}/os-services"
    return [
        Route(place, index, methods=["GET"]),
        Route(f"{place}/{{name}}", update, methods=["PUT"]),
        Route(f"{place}/{{name}}", delete, methods=["DELETE"]),
    ]


def _wanted(request: Request, action: str, given: _OldUpdate) -> _Update:
    """Return what one of the older actions asks for."""
    if action == "enable":
        return _Update(status="enabled")
    if action == "disable":
        return _Update(status="disabled")
    if action == "disable-log-reason":
        if given.disabled_reason is None:
            raise BadRequest("Missing disabled reason field")
        return _Update(status="disabled", disabled_reason=given.disabled_reason)
    if action == "force-down":
        only_between(request, _FORCED_DOWN_SINCE)
        if given.forced_down is None:
            raise BadRequest("Missing forced_down field")
        return _Update(forced_down=given.forced_down)
    raise NotFound("Unknown action")


def _in_use() -> Conflict:
    return Conflict(
        "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
