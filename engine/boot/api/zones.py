"""Availability zones, as the hosts and the aggregates make them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.compute_services import INTERNAL_ZONE, Service, services_of
from engine.boot.api.deps import Deps
from engine.boot.api.fleet import FleetView
from engine.boot.api.links import PREFIX
from engine.boot.api.times import micro_text
from engine.rest.replies import json_reply
from engine.rest.request import access_of


def _host_view(service: Service) -> dict[str, Any]:
    state = {"available": service.up, "active": not service.disabled, "updated_at": micro_text(service.seen_at)}
    return {service.binary: state}


def _view(zone: str, services: list[Service], *, detail: bool) -> dict[str, Any]:
    """Return a zone; it is available when one of its services is enabled."""
    hosts: dict[str, dict[str, Any]] = {}
    for service in services if detail else ():
        hosts.setdefault(service.host, {}).update(_host_view(service))
    available = any(not service.disabled for service in services)
    return {"zoneName": zone, "zoneState": {"available": available}, "hosts": hosts if detail else None}


def routes(deps: Deps, fleet: FleetView | None = None) -> list[Route]:
    """Return the routes of availability zones; ``fleet`` is the view that others show too."""
    view = fleet or FleetView(deps)

    async def listing(*, detail: bool) -> Response:
        zones: dict[str, list[Service]] = {}
        for service in await services_of(deps, view):
            zones.setdefault(service.zone, []).append(service)
        names = sorted(zones.keys() - {INTERNAL_ZONE})
        shown = ([INTERNAL_ZONE] if detail else []) + names
        return json_reply({"availabilityZoneInfo": [_view(name, zones.get(name, []), detail=detail) for name in shown]})

    async def index(request: Request) -> Response:
        return await listing(detail=False)

    async def detail(request: Request) -> Response:
        access_of(request).require_admin("os_compute_api:os-availability-zone:detail")
        return await listing(detail=True)

    place = f"{PREFIX}/os-availability-zone"
    return [Route(place, index, methods=["GET"]), Route(f"{place}/detail", detail, methods=["GET"])]
