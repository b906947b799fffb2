"""Ports with a real embedded network service: made, bound, taken over, given back."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from engine.boot.effects import ports
from engine.boot.effects.errors import BuildAbort, PortBindingFailed, Reschedule, UndoFailed
from engine.boot.messages import Caller
from engine.boot.openstack import CallTrace, Clouds
from engine.v1 import instance_pb2 as v1
from tests.boot.effects.world import World, leftovers, world
from tests.boot.openstack.stage import PROJECT, USER, exchange, run, stage

Network = v1.RequestedNetwork


def user_port(here: World, **attributes: Any) -> dict[str, Any]:
    url = f"{here.cloud.url('network')}/v2.0/ports"
    body = {"port": {"network_id": here.network_id, **attributes}}
    made: dict[str, Any] = here.demo.post(url, json=body).json()["port"]
    return made


def test_a_port_is_made_and_bound_and_released(here: World) -> None:
    instance, who, trace = here.instance(), here.caller(), CallTrace()

    async def work(clouds: Clouds) -> None:
        (interface,) = await ports.allocate(clouds, instance, who, "host-1", trace=trace)
        port = await clouds.networks.get_port(None, interface.port_id)
        assert port["binding:host_id"] == "host-1"
        assert port["device_id"] == instance.uuid
        assert port["device_owner"] == "compute:nova"
        assert port["project_id"] == here.project_id
        assert interface.network_name == "net"
        assert interface.vif_type == "ovs"
        assert interface.mac_address == port["mac_address"]
        assert interface.addresses[0].address.startswith("10.8.0.")
        assert interface.mtu > 0
        assert not interface.preexisting
        await ports.release(clouds, instance)
        await ports.release(clouds, instance)
        assert await leftovers(clouds, instance) == []

    here.run(work)
    assert [call.method for call in trace.calls] == ["GET", "POST", "PUT"]
    assert trace.token_check("network") is not None


def test_several_networks_and_given_ports_keep_their_order(here: World) -> None:
    given, second = user_port(here), here.network("10.10.0.0/24")
    instance = here.instance(
        Network(network_id=second, tag="a"),
        Network(port_id=given["id"], tag="b"),
        Network(network_id=here.network_id),
        Network(network_id=here.network_id, fixed_ip="10.8.0.77"),
    )

    async def work(clouds: Clouds) -> None:
        found = await ports.allocate(clouds, instance, here.caller(), "host-1")
        assert [interface.network_id for interface in found] == [second, *[here.network_id] * 3]
        assert [interface.preexisting for interface in found] == [False, True, False, False]
        assert [interface.tag for interface in found] == ["a", "b", "", ""]
        assert found[1].port_id == given["id"]
        assert found[3].addresses[0].address == "10.8.0.77"
        await ports.release(clouds, instance)
        after = await clouds.networks.get_port(None, given["id"])
        assert (after["device_id"], after["device_owner"], after["binding:host_id"]) == ("", "", "")
        assert after["mac_address"] == given["mac_address"]

    here.run(work)


def test_no_network_is_wanted(here: World) -> None:
    instance = here.instance()
    del instance.requested_networks[:]
    trace = CallTrace()
    assert here.run(lambda clouds: ports.allocate(clouds, instance, here.caller(), "h", trace=trace)) == []
    assert trace.calls == []


def test_the_only_network_is_found_and_several_are_refused(tmp_path: Path) -> None:
    with world(tmp_path) as alone:
        instance = alone.instance(Network())
        (interface,) = alone.run(lambda clouds: ports.allocate(clouds, instance, alone.caller(), "h"))
        assert interface.network_id == alone.network_id
        alone.network("10.11.0.0/24")
        with pytest.raises(BuildAbort, match="Multiple possible networks found"):
            alone.run(lambda clouds: ports.allocate(clouds, alone.instance(Network()), alone.caller(), "h"))


def test_an_interrupted_try_is_taken_over(here: World) -> None:
    instance = here.instance(
        Network(network_id=here.network_id), Network(network_id=here.network_id, fixed_ip="10.8.0.200")
    )

    async def work(clouds: Clouds) -> None:
        who = here.caller()
        first = await ports.allocate(clouds, instance, who, "host-1")
        trace = CallTrace()
        again = await ports.allocate(clouds, instance, who, "host-1", resume=True, trace=trace)
        assert [interface.port_id for interface in again] == [interface.port_id for interface in first]
        assert {call.method for call in trace.calls} == {"GET"}
        await clouds.networks.delete_port(first[0].port_id)
        third = await ports.allocate(clouds, instance, who, "host-1", resume=True)
        assert third[1].port_id == first[1].port_id
        assert third[0].port_id != first[0].port_id
        await ports.release(clouds, instance)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_of_two_ports_made_for_one_request_one_goes(here: World) -> None:
    instance = here.instance()

    async def work(clouds: Clouds) -> None:
        who = here.caller()
        body = {"device_id": instance.uuid, "network_id": here.network_id, "tenant_id": here.project_id}
        made = {(await clouds.networks.create_port(who, body))["id"] for _ in range(2)}
        (interface,) = await ports.allocate(clouds, instance, who, "host-1", resume=True)
        assert interface.port_id in made
        assert len(await clouds.networks.list_ports(None, device_id=instance.uuid)) == 1

    here.run(work)


def test_a_foreign_port_that_claims_to_be_the_instances_is_left_alone(here: World) -> None:
    instance = here.instance()
    admin = here.cloud.session("admin")
    url = f"{here.cloud.url('network')}/v2.0"
    network = admin.post(f"{url}/networks", json={"network": {"name": "shared", "shared": True}}).json()["network"]
    foreign = admin.post(
        f"{url}/ports", json={"port": {"network_id": network["id"], "device_id": instance.uuid}}
    ).json()["port"]

    async def work(clouds: Clouds) -> None:
        (interface,) = await ports.allocate(clouds, instance, here.caller(), "host-1", resume=True)
        assert interface.port_id != foreign["id"]
        await ports.release(clouds, instance)
        assert (await clouds.networks.get_port(None, foreign["id"]))["device_id"] == instance.uuid

    try:
        here.run(work)
    finally:
        admin.delete(f"{url}/ports/{foreign['id']}")
        admin.delete(f"{url}/networks/{network['id']}")


def test_a_binding_that_fails_reschedules_and_leaves_nothing(here: World) -> None:
    given = user_port(here)
    instance = here.instance(Network(network_id=here.network_id), Network(port_id=given["id"]))
    here.break_down({"part": "network", "point": "bind_port", "host": "bad", "value": "binding_failed"})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(PortBindingFailed, match="Binding failed for port"):
            await ports.allocate(clouds, instance, here.caller(), "bad")
        assert await leftovers(clouds, instance) == []
        await ports.allocate(clouds, instance, here.caller(), "good")
        await ports.release(clouds, instance)

    here.run(work)


def test_no_address_left_aborts_in_novas_words(here: World) -> None:
    small = here.network("10.12.0.0/30")
    instance = here.instance(Network(network_id=here.network_id), *[Network(network_id=small)] * 3)

    async def work(clouds: Clouds) -> None:
        words = (
            f"Failed to allocate the network(s) with error No fixed IP addresses available for network: {small}, "
            "not rescheduling."
        )
        with pytest.raises(BuildAbort) as caught:
            await ports.allocate(clouds, instance, here.caller(), "h")
        assert caught.value.message == words
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_the_port_quota_reschedules_as_in_nova(tmp_path: Path) -> None:
    with world(tmp_path, port_quota=1) as tight:
        instance = tight.instance(*[Network(network_id=tight.network_id)] * 3)

        async def work(clouds: Clouds) -> None:
            with pytest.raises(Reschedule, match="Maximum number of ports exceeded"):
                await ports.allocate(clouds, instance, tight.caller(), "h")
            assert await leftovers(clouds, instance) == []

        tight.run(work)


@pytest.mark.parametrize("what", ["network", "port"])
def test_what_is_gone_aborts(here: World, what: str) -> None:
    gone = str(uuid.uuid4())
    instance = here.instance(Network(network_id=gone) if what == "network" else Network(port_id=gone))

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match="could not be found"):
            await ports.allocate(clouds, instance, here.caller(), "h")

    here.run(work)


def test_a_port_that_another_instance_has_is_not_taken_from_it(here: World) -> None:
    other = str(uuid.uuid4())
    given = user_port(here, device_id=other)
    instance = here.instance(Network(port_id=given["id"]))

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match="is still in use"):
            await ports.allocate(clouds, instance, here.caller(), "h")
        assert (await clouds.networks.get_port(None, given["id"]))["device_id"] == other

    here.run(work)


def test_of_instances_that_were_given_one_port_at_once_one_has_it(here: World) -> None:
    given = user_port(here)
    asked = [here.instance(Network(port_id=given["id"])) for _ in range(6)]

    async def work(clouds: Clouds) -> None:
        outcomes = await asyncio.gather(
            *(ports.allocate(clouds, instance, here.caller(), "h") for instance in asked), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, BuildAbort)]
        assert len(refused) == len(asked) - 1
        assert {refusal.message for refusal in refused} == {f"Port {given['id']} is still in use."}
        (owner,) = (one for one, outcome in zip(asked, outcomes, strict=True) if isinstance(outcome, list))
        assert (await clouds.networks.get_port(None, given["id"]))["device_id"] == owner.uuid

    here.run(work)


def test_security_groups_by_name_and_id(here: World) -> None:
    url = f"{here.cloud.url('network')}/v2.0/security-groups"
    web, twin, _ = (
        here.demo.post(url, json={"security_group": {"name": name}}).json()["security_group"]["id"]
        for name in ("web", "twin", "twin")
    )

    async def groups_of(clouds: Clouds, *names: str) -> list[str]:
        instance = here.instance(security_groups=list(names))
        (interface,) = await ports.allocate(clouds, instance, here.caller(), "h")
        port = await clouds.networks.get_port(None, interface.port_id)
        await ports.release(clouds, instance)
        return sorted(port["security_groups"])

    async def work(clouds: Clouds) -> None:
        assert await groups_of(clouds, "web", twin) == sorted([web, twin])
        assert await groups_of(clouds, "web", web) == [web]
        assert len(await groups_of(clouds, "default")) == 1
        with pytest.raises(BuildAbort, match="Security group nowhere not found for project"):
            await groups_of(clouds, "nowhere")
        with pytest.raises(BuildAbort, match="Multiple security groups found matching 'twin'"):
            await groups_of(clouds, "twin")

    here.run(work)


def test_a_revoked_token_aborts_with_clear_words_and_leaves_nothing(here: World) -> None:
    who, instance = here.caller(), here.instance()
    here.demo.delete(f"{here.cloud.options.identity_url}/auth/tokens", headers={"X-Subject-Token": who.token})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(BuildAbort, match="token of the request is not valid any more"):
            await ports.allocate(clouds, instance, who, "h")
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_the_service_away_reschedules(here: World) -> None:
    here.break_down({"part": "network", "point": "POST /v2.0/ports", "status": 500, "message": "broken"})

    async def work(clouds: Clouds) -> None:
        with pytest.raises(Reschedule, match="broken"):
            await ports.allocate(clouds, here.instance(), here.caller(), "h")

    here.run(work)


def test_what_cannot_be_released_is_told_and_released_later(here: World) -> None:
    instance = here.instance()

    async def work(clouds: Clouds) -> None:
        await ports.allocate(clouds, instance, here.caller(), "h")
        here.break_down({"part": "network", "point": "DELETE /v2.0/ports/.*", "status": 500, "message": "stuck"})
        with pytest.raises(UndoFailed, match=r"a port of instance .* is left: stuck"):
            await ports.release(clouds, instance)
        here.break_down({"part": "network", "point": "GET /v2.0/ports", "status": 500, "message": "blind"})
        with pytest.raises(UndoFailed, match="could not be listed: blind"):
            await ports.release(clouds, instance)
        here.break_down()
        await ports.release(clouds, instance)
        assert await leftovers(clouds, instance) == []

    here.run(work)


def test_a_cancelled_allocation_leaves_no_port_that_a_release_would_miss(here: World) -> None:
    async def work(clouds: Clouds) -> None:
        who = here.caller()
        for delay_ms in (1, 5, 10, 20, 40):
            instance = here.instance(*[Network(network_id=here.network_id)] * 3)
            building = asyncio.ensure_future(ports.allocate(clouds, instance, who, "h"))
            await asyncio.sleep(delay_ms / 1000)
            building.cancel()
            await asyncio.wait({building})
            await ports.release(clouds, instance)
            await asyncio.sleep(0.05)
            assert await leftovers(clouds, instance) == []

    here.run(work)


def test_many_at_once_get_ports_of_their_own(here: World) -> None:
    wide = here.network("10.64.0.0/20")

    async def work(clouds: Clouds) -> None:
        who = here.caller()
        instances = [here.instance(*[Network(network_id=wide)] * 2) for _ in range(25)]
        found = await asyncio.gather(*(ports.allocate(clouds, instance, who, "h") for instance in instances))
        addresses = [address.address for made in found for one in made for address in one.addresses]
        assert len(addresses) == len(set(addresses)) == 50
        await asyncio.gather(*(ports.release(clouds, instance) for instance in instances))
        assert await clouds.networks.list_ports(None, network_id=wide) == []

    here.run(work)


def test_a_real_neutrons_answers_become_the_interface() -> None:
    made, bound = (
        exchange("POST", "/v2.0/ports", 201),
        exchange("PUT", "/v2.0/ports/05c77956-1324-409a-ab29-da8a82c570a8"),
    )
    network = exchange("GET", "/v2.0/networks?id=811ed31f-a4ce-4bb9-850c-522826696693").reply["networks"][0]
    wanted = made.request["port"]
    instance = v1.Instance(
        uuid=wanted["device_id"],
        project_id=PROJECT,
        availability_zone="nova",
        requested_networks=[Network(network_id=wanted["network_id"])],
    )
    with stage() as play:
        play.answer("GET", f"/v2.0/networks/{network['id']}", 200, {"network": network})
        play.play(made)
        play.play(bound)
        (interface,) = run(lambda clouds: ports.allocate(clouds, instance, USER, "cn2"), play.options())
        assert [seen.body for seen in play.requests] == [None, made.request, bound.request]
        tokens = [seen.headers["x-auth-token"] for seen in play.requests]
    assert tokens == ["user-token", "user-token", "service-token-1"]
    assert interface == v1.NetworkInterface(
        port_id="05c77956-1324-409a-ab29-da8a82c570a8",
        network_id=network["id"],
        network_name="recnet",
        mac_address="fa:16:3e:88:6a:16",
        addresses=[v1.FixedAddress(address="10.77.0.26", subnet_id="d8b1e8cd-5966-4512-8ef1-b19292a8cc24")],
        vif_type="ovs",
        mtu=1500,
    )


@pytest.mark.parametrize("port", [{}, {"id": "p"}, {"id": "p", "network_id": "n", "mac_address": 5, "fixed_ips": [{}]}])
def test_a_network_service_that_answers_nonsense(port: dict[str, Any]) -> None:
    instance = v1.Instance(uuid=str(uuid.uuid4()), project_id=PROJECT, requested_networks=[Network(network_id="n")])
    with stage() as play:
        play.answer("GET", "/v2.0/networks/n", 200, {"network": {"id": "n"}})
        play.answer("POST", "/v2.0/ports", 201, {"port": port})
        play.answer("PUT", "/v2.0/ports/p", 200, {"port": port})
        play.answer("GET", "/v2.0/ports", 200, {"ports": []})
        who = Caller(token="t", user_id="u", project_id=PROJECT)
        with pytest.raises(Reschedule, match="not neutron's"):
            run(lambda clouds: ports.allocate(clouds, instance, who, "h"), play.options())
