"""Networks and ports as real neutron answers, asked as nova asks."""

from __future__ import annotations

import asyncio

import pytest

from engine.boot.openstack import CloudConflict, CloudNotFound, CloudOverQuota, Clouds
from tests.boot.openstack.stage import PROJECT, USER, exchange, run, stage

NETWORK = "811ed31f-a4ce-4bb9-850c-522826696693"
PORT = "05c77956-1324-409a-ab29-da8a82c570a8"
INSTANCE = "7a7f6a23-41b6-4a67-93fb-9ff22843ad8b"
QUOTA = f"/v2.0/quotas/{PROJECT}"


def test_a_projects_networks_are_its_own_and_the_shared_ones() -> None:
    with stage() as play:
        play.play(exchange("GET", f"/v2.0/networks?tenant_id={PROJECT}&shared=False"))
        play.play(exchange("GET", "/v2.0/networks?shared=True"))
        networks = run(lambda clouds: clouds.networks.list_networks(USER), play.options())
    assert [network["name"] for network in networks] == ["recnet", "net1", "net2"]


def test_named_networks_are_asked_for_in_one_call() -> None:
    with stage() as play:
        play.play(exchange("GET", f"/v2.0/networks?id={NETWORK}"))
        networks = run(lambda clouds: clouds.networks.list_networks(USER, id=[NETWORK]), play.options())
        assert len(play.requests) == 1
    assert networks[0]["mtu"] == 1500


def test_neutrons_own_not_found() -> None:
    missing = "11111111-2222-3333-4444-555555555555"
    with stage() as play:
        play.play(exchange("GET", f"/v2.0/networks/{missing}"))
        with pytest.raises(CloudNotFound, match="could not be found") as caught:
            run(lambda clouds: clouds.networks.get_network(USER, missing), play.options())
    assert caught.value.kind == "NetworkNotFound"


def test_ports_are_made_bound_and_deleted_with_novas_bodies() -> None:
    made = exchange("POST", "/v2.0/ports", 201)
    bound = exchange("PUT", f"/v2.0/ports/{PORT}")
    with stage() as play:
        for found in (made, bound, exchange("DELETE", f"/v2.0/ports/{PORT}")):
            play.play(found)

        async def work(clouds: Clouds) -> str:
            port = await clouds.networks.create_port(USER, made.request["port"])
            wanted = bound.request["port"]
            after = await clouds.networks.bind_port(
                port["id"], wanted["binding:host_id"], wanted["device_id"], wanted["device_owner"]
            )
            await clouds.networks.delete_port(port["id"])
            return str(after["binding:vif_type"])

        assert run(work, play.options()) == "ovs"
        assert [seen.body for seen in play.requests] == [made.request, bound.request, None]


def test_a_port_that_is_gone_is_as_good_as_deleted_or_given_back() -> None:
    gone = {"NeutronError": {"type": "PortNotFound", "message": "Port p could not be found.", "detail": ""}}
    with stage() as play:
        play.answer("DELETE", "/v2.0/ports/p", 404, gone)
        play.answer("PUT", "/v2.0/ports/p", 404, gone)
        run(lambda clouds: clouds.networks.delete_port("p"), play.options())
        run(lambda clouds: clouds.networks.unbind_port("p"), play.options())


def test_a_port_is_given_back_bound_to_nothing() -> None:
    with stage() as play:
        play.answer("PUT", "/v2.0/ports/p", 200, {"port": {"id": "p"}})
        run(lambda clouds: clouds.networks.unbind_port("p"), play.options())
        (seen,) = play.requests
    assert seen.body == {"port": {"device_id": "", "device_owner": "", "binding:host_id": "", "binding:profile": {}}}


@pytest.mark.parametrize(
    ("kind", "expected"), [("OverQuota", CloudOverQuota), ("IpAddressGenerationFailure", CloudConflict)]
)
def test_neutrons_conflicts(kind: str, expected: type[Exception]) -> None:
    with stage() as play:
        play.answer("POST", "/v2.0/ports", 409, {"NeutronError": {"type": kind, "message": "m", "detail": ""}})
        with pytest.raises(expected):
            run(lambda clouds: clouds.networks.create_port(USER, {}), play.options())


def test_an_unlimited_quota_as_neutron_shows_it() -> None:
    with stage() as play:
        play.answer("GET", f"{QUOTA}/details", 404, {"NeutronError": {"type": "x", "message": "", "detail": ""}})
        play.play(exchange("GET", QUOTA))

        async def work(clouds: Clouds) -> list[int | None]:
            return [await clouds.networks.port_quota_left(USER, PROJECT) for _ in range(3)]

        assert run(work, play.options()) == [None, None, None]
        assert len(play.of("GET", f"{QUOTA}/details")) == 1


@pytest.mark.parametrize(("limit", "left"), [(5, 3), (1, 0), (0, 0), (-1, None)])
def test_what_is_left_of_a_quota(limit: int, left: int | None) -> None:
    with stage() as play:
        play.answer("GET", f"{QUOTA}/details", 403, {"NeutronError": {"type": "x", "message": "", "detail": ""}})
        play.answer("GET", QUOTA, 200, {"quota": {"port": limit}})
        play.answer("GET", "/v2.0/ports", 200, {"ports": [{"id": "1"}, {"id": "2"}]})
        assert run(lambda clouds: clouds.networks.port_quota_left(USER, PROJECT), play.options()) == left


def test_what_is_left_of_a_quota_that_the_service_counts() -> None:
    with stage() as play:
        details = {"quota": {"port": {"limit": 10, "used": 4, "reserved": 1}}}
        play.answer("GET", f"{QUOTA}/details", 200, details)
        assert run(lambda clouds: clouds.networks.port_quota_left(USER, PROJECT), play.options()) == 5
        assert len(play.requests) == 1


def test_a_network_is_remembered_for_each_project() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/networks/n", 200, {"network": {"id": "n", "name": "net"}})

        async def work(clouds: Clouds) -> None:
            for _ in range(3):
                await clouds.networks.remembered_network(USER, "n")
            await clouds.networks.remembered_network(None, "n")
            await asyncio.gather(*(clouds.networks.remembered_network(USER, "n") for _ in range(5)))

        run(work, play.options())
        assert len(play.requests) == 2


def test_security_groups_as_neutron_lists_them() -> None:
    found = exchange("GET", f"/v2.0/security-groups?fields=id&fields=name&tenant_id={PROJECT}")
    with stage() as play:
        play.play(found)
        groups = run(
            lambda clouds: clouds.networks.list_security_groups(USER, fields=["id", "name"], tenant_id=PROJECT),
            play.options(),
        )
    assert groups == found.reply["security_groups"]
