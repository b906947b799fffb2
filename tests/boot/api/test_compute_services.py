"""The services behind the API: up when something answers at their address."""

from __future__ import annotations

import socket

from engine.boot.api.compute_services import CONDUCTOR, SCHEDULER, Service, services_of
from engine.boot.api.fleet import FleetView
from tests.boot.api.extras_harness import Api


def internal(api: Api, conductor: str) -> dict[str, Service]:
    boot = api.deps.settings.boot.model_copy(update={"conductor": conductor})
    settings = api.deps.settings.model_copy(update={"boot": boot})
    deps = type(api.deps)(**{**api.deps.__dict__, "settings": settings})

    async def look() -> list[Service]:
        return await services_of(deps, FleetView(deps))

    return {service.binary: service for service in api.run(look())[:2]}


def test_a_conductor_that_takes_connections_is_up(extras: Api, nowhere: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = internal(extras, f"127.0.0.1:{listener.getsockname()[1]}")
    gone = internal(extras, nowhere)

    assert found[SCHEDULER].up
    assert found[CONDUCTOR].up
    assert found[CONDUCTOR].host == socket.gethostname()
    assert (gone[CONDUCTOR].up, gone[CONDUCTOR].seen_at) == (False, None)
    assert gone[CONDUCTOR].uuid == found[CONDUCTOR].uuid


def test_an_address_that_is_none_is_down(extras: Api) -> None:
    assert not internal(extras, "no address")[CONDUCTOR].up
