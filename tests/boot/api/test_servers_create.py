"""``POST /servers``: what is made of a request, and every request that is refused, in nova's words."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from engine.boot.messages import SCHEDULE_TOPIC, Build, compute_topic
from engine.boot.store.schema import instances
from tests.boot.harness import BootApi, boot_api, message_of
from tests.service.messages import add_hosts

MISSING = "0f0f0f0f-0000-4000-8000-00000000dead"


def forget(connection: sa.Connection, uuid: str) -> None:
    connection.execute(instances.delete().where(instances.c.uuid == uuid))


def volume_device(volume: str, **fields: Any) -> dict[str, Any]:
    return {"uuid": volume, "source_type": "volume", "destination_type": "volume", "boot_index": 0, **fields}


def test_a_boot_is_recorded_scheduled_and_cast(api: BootApi) -> None:
    answer = api.boot(name="first", metadata={"k": "v"}, user_data=base64.b64encode(b"#!/bin/sh").decode())
    assert answer.status_code == 202
    made = answer.json()["server"]
    assert answer.headers["Location"] == f"{api.url}/servers/{made['id']}"
    assert made["OS-DCF:diskConfig"] == "MANUAL"
    assert len(made["adminPass"]) == 12
    row = api.wait_for(made["id"], lambda row: bool(row.host))
    assert (row.vm_state, row.task_state, row.attempt) == ("building", "scheduling", 1)
    assert row.availability_zone == "nova"
    assert row.metadata == {"k": "v"}
    assert len(row.scheduling["alternates"]) == 2
    (build,) = (cast for cast in api.casts(compute_topic(row.host)) if cast.instance_uuid == row.uuid)
    assert isinstance(build, Build)
    assert build.caller.token == api.token()
    assert build.attempt == 1
    assert api.holds(row.uuid) == row.host
    assert not any(getattr(cast, "instance_uuids", ()) == (row.uuid,) for cast in api.casts(SCHEDULE_TOPIC))


def test_the_first_twelve_steps_are_recorded_in_order_of_time(api: BootApi) -> None:
    row = api.placed()
    steps = api.steps(row.uuid)
    assert [step.step for step in steps] == list(range(1, 13))
    assert all(step.started_us <= step.finished_us for step in steps)
    starts = [step.started_us for step in steps]
    assert starts == sorted(starts)
    assert row.host in steps[10].detail


def test_the_server_is_there_at_once(api: BootApi) -> None:
    shown = api.server(api.booted())
    assert (shown["status"], shown["OS-EXT-STS:vm_state"]) == ("BUILD", "building")
    assert shown["OS-EXT-STS:task_state"] == "scheduling"
    assert "OS-EXT-SRV-ATTR:host" not in shown


@pytest.mark.parametrize("name", ["<b>x</b> (1)", "../../etc/passwd", "' OR 1=1 --", "ÄÖÜ ☃", "a" * 255, "]]>"])
def test_any_printable_name_is_just_text(api: BootApi, name: str) -> None:
    assert api.server(api.booted(name=name))["name"] == name


@pytest.mark.parametrize(
    ("name", "hostname"),
    [("Web Server_1", "web-server-1"), ("..a..", "a"), ("x" * 80, "x" * 63), ("a/b;c", "abc")],
)
def test_host_names_come_from_names(api: BootApi, name: str, hostname: str) -> None:
    row = api.row(api.booted(name=name))
    assert row is not None
    assert row.hostname == hostname


def test_several_servers_are_numbered_and_the_reply_names_the_first(api: BootApi) -> None:
    answer = api.boot(name="many", min_count=3, max_count=3, return_reservation_id=True)
    reservation = answer.json()["reservation_id"]
    listed = api.get(f"/servers/detail?reservation_id={reservation}").json()["servers"]
    assert sorted(server["name"] for server in listed) == ["many-1", "many-2", "many-3"]
    hosts = {api.wait_for(server["id"], lambda row: bool(row.host)).host for server in listed}
    assert hosts <= {"h0", "h1", "h2"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "name"),
        ("name", "   ", "name"),
        ("name", "a\x00b", "name"),
        ("name", "x" * 256, "name"),
        ("name", 7, "name"),
        ("flavorRef", None, "flavorRef"),
        ("flavorRef", "no-such-flavor", "Invalid flavorRef provided."),
        ("imageRef", "cirros", "Invalid imageRef provided."),
        ("imageRef", MISSING, "Can not find requested image"),
        ("imageRef", "", "Missing imageRef attribute"),
        ("networks", [{"uuid": "x"}], "networks"),
        ("networks", [{"uuid": MISSING}], f"Network {MISSING} could not be found."),
        ("networks", [{"port": MISSING}], f"Port id {MISSING} could not be found."),
        ("networks", [{}], "Each must have a 'uuid' or a 'port'"),
        ("networks", "some", "networks"),
        ("networks", {"uuid": MISSING}, "networks"),
        ("min_count", 0, "min_count"),
        ("min_count", -1, "min_count"),
        ("max_count", 10**30, "max_count"),
        ("max_count", "many", "max_count"),
        ("max_count", 2**31 - 1, "max_count must be <= 10000"),
        ("key_name", "no-such-key", "Invalid key_name provided."),
        ("availability_zone", "nope", "The requested availability zone is not available"),
        ("metadata", {"k": "v" * 256}, "metadata"),
        ("metadata", {"": "v"}, "metadata"),
        ("metadata", {"k": 1}, "metadata"),
        ("metadata", [], "metadata"),
        ("user_data", "not base64!", "user_data"),
        ("user_data", "A" * 10_000_000, "user_data"),
        ("security_groups", [{"name": "no-such-group"}], "Security group no-such-group not found"),
        ("config_drive", "perhaps", "config_drive"),
        ("tags", ["a/b"], "tags"),
        ("tags", ["t" * 61], "tags"),
        ("tags", [str(number) for number in range(51)], "tags"),
        ("hostname", "-bad-", "hostname"),
        ("personality", [], "personality"),
        ("surprise", 1, "surprise"),
        ("block_device_mapping_v2", [{"source_type": "tape"}], "source_type"),
        ("block_device_mapping_v2", "x", "block_device_mapping_v2"),
    ],
)
def test_bad_fields_are_refused(api: BootApi, field: str, value: object, said: str) -> None:
    answer = api.boot(**{field: value})
    assert answer.status_code == 400, answer.text
    assert said in message_of(answer)
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"server": 7}', b"{}", b"\xff\xfe", b'{"server": {}, "x": 1}'])
def test_garbage_bodies_are_refused(api: BootApi, body: bytes) -> None:
    answer = api.call("POST", "/servers", content=body)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("2.18", {"networks": None, "description": "x"}),
        ("2.51", {"tags": ["x"]}),
        ("2.73", {"host": "h0"}),
        ("2.89", {"hostname": "x"}),
        ("2.36", {"networks": "none"}),
        ("2.37", {"networks": None}),
        ("2.31", {"networks": [{"uuid": MISSING, "tag": "x"}]}),
    ],
)
def test_fields_come_with_their_version(api: BootApi, version: str, fields: dict[str, Any]) -> None:
    assert api.boot(version=version, **fields).status_code == 400


def test_more_than_the_most_is_refused(api: BootApi) -> None:
    assert message_of(api.boot(min_count=3, max_count=2)) == "min_count must be <= max_count"


def test_nobody_boots_without_a_token(api: BootApi) -> None:
    assert api.call("POST", "/servers", {}, headers={"X-Auth-Token": "nonsense"}).status_code == 401


class TestImages:
    def test_one_that_is_not_active(self, api: BootApi) -> None:
        base = f"{api.cloud.url('image')}/v2/images"
        body = {"name": "queued", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        queued = api.session("admin").post(base, json=body).json()["id"]
        assert message_of(api.boot(imageRef=queued)) == f"Image {queued} is not active."

    @pytest.mark.parametrize(
        ("name", "fields", "said"),
        [
            ("hungry", {"min_ram": 4096}, "Flavor's memory is too small for requested image."),
            ("wide", {"min_disk": 30}, "Flavor's disk is smaller than the minimum size specified in image metadata."),
        ],
    )
    def test_one_that_needs_more_than_the_flavor_has(
        self, api: BootApi, name: str, fields: dict[str, int], said: str
    ) -> None:
        answer = api.boot(imageRef=api.image(name, **fields))
        assert answer.status_code == 400
        assert said in message_of(answer)

    def test_a_link_stands_for_its_id(self, api: BootApi) -> None:
        row = api.row(api.booted(imageRef=f"http://glance/v2/images/{api.image()}", flavorRef="http://nova/flavors/1"))
        assert row is not None
        assert (row.image_id, row.flavor_id) == (api.image(), "1")

    def test_its_properties_reach_the_scheduler_through_the_record(self, api: BootApi) -> None:
        row = api.row(api.booted(imageRef=api.image("props", hw_disk_bus="virtio")))
        assert row is not None
        assert row.image["properties"] == {"hw_disk_bus": "virtio"}


class TestZonesAndHosts:
    def test_the_default_zone_is_known(self, api: BootApi) -> None:
        assert api.boot(availability_zone="nova").status_code == 202

    def test_a_zone_is_made_by_an_aggregate_with_hosts(self, api: BootApi) -> None:
        add_hosts(api.scheduler.client, {"host_id": "z1"})
        body = {"aggregate": {"name": "zoned", "availability_zone": "az2"}}
        aggregate = api.post("/os-aggregates", body, user="admin").json()["aggregate"]["id"]
        assert api.boot(availability_zone="az2").status_code == 400
        path = f"/os-aggregates/{aggregate}/action"
        assert api.post(path, {"add_host": {"host": "z1"}}, user="admin").status_code == 200
        named = api.placed(availability_zone="az2")
        assert (named.host, named.availability_zone) == ("z1", "az2")
        assert api.server(named.uuid)["pinned_availability_zone"] == "az2"
        found = api.placed(user="admin", host="z1")
        assert found.availability_zone == "az2"
        # the fleet is as it was
        for row in (named, found):
            api.write(lambda connection, row=row: forget(connection, row.uuid))
            api.scheduler.client.release_allocations([row.uuid])
        assert api.post(path, {"remove_host": {"host": "z1"}}, user="admin").status_code == 200
        api.scheduler.client.delete_hosts(["z1"])

    def test_a_host_is_for_admins(self, api: BootApi) -> None:
        for fields in ({"availability_zone": "nova:h1"}, {"host": "h1"}, {"hypervisor_hostname": "h1"}):
            assert api.boot(**fields).status_code == 403

    @pytest.mark.parametrize("fields", [{"availability_zone": "nova:h1"}, {"host": "h1"}])
    def test_an_admin_names_the_host(self, api: BootApi, fields: dict[str, str]) -> None:
        assert api.placed(user="admin", **fields).host == "h1"

    @pytest.mark.parametrize("fields", [{"availability_zone": "nova:h99"}, {"host": "h99"}])
    def test_a_host_that_is_not_there(self, api: BootApi, fields: dict[str, str]) -> None:
        assert message_of(api.boot(user="admin", **fields)) == "Compute host h99 could not be found."


class TestGroups:
    def test_members_of_an_anti_affinity_group_are_apart(self, api: BootApi) -> None:
        body = {"server_group": {"name": "apart", "policy": "anti-affinity"}}
        group = api.post("/os-server-groups", body).json()["server_group"]["id"]
        rows = [api.placed(hints={"group": group}) for _ in range(3)]
        assert sorted(row.host for row in rows) == ["h0", "h1", "h2"]
        fourth = api.wait_for(api.booted(hints={"group": group}), lambda row: row.vm_state == "error")
        shown = api.server(fourth.uuid)
        assert shown["server_groups"] == [group]
        assert shown["fault"]["message"] == "No valid host was found. There are not enough hosts available."

    @pytest.mark.parametrize("key", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
    def test_one_that_is_not_there(self, api: BootApi, key: str) -> None:
        server = {"name": "x", "flavorRef": "1", "imageRef": api.image(), "networks": "none"}
        answer = api.post("/servers", {"server": server, key: {"group": MISSING}})
        assert answer.status_code == 400
        assert message_of(answer) == f"Instance group {MISSING} could not be found."

    def test_hints_of_a_wrong_type(self, api: BootApi) -> None:
        assert api.boot(hints={"group": {"a": 1}}).status_code == 400
        assert api.boot(hints=[]).status_code == 400


@pytest.fixture(scope="module")
def network(api: BootApi) -> str:
    return api.network("net-a", user="admin")


class TestNetworks:
    def test_one_by_its_id(self, api: BootApi, network: str) -> None:
        row = api.row(api.booted(user="admin", networks=[{"uuid": network, "fixed_ip": "10.1.0.77", "tag": "nic"}]))
        assert row is not None
        assert row.requested_networks == [{"network_id": network, "port_id": "", "fixed_ip": "10.1.0.77", "tag": "nic"}]

    def test_the_only_one_is_taken_when_none_is_named(self, api: BootApi, network: str) -> None:
        row = api.row(api.booted(user="admin", networks="auto"))
        assert row is not None
        assert [wanted["network_id"] for wanted in row.requested_networks] == [network]

    def test_another_projects_network_is_not_there(self, api: BootApi, network: str) -> None:
        assert message_of(api.boot(networks=[{"uuid": network}])) == f"Network {network} could not be found."

    def test_a_port_that_is_free_and_one_in_use(self, api: BootApi, network: str) -> None:
        port = api.port(network, user="admin")
        assert api.boot(user="admin", networks=[{"port": port}]).status_code == 202
        used = api.port(network, user="admin", device_id="someone", device_owner="compute:nova")
        answer = api.boot(user="admin", networks=[{"port": used}])
        assert (answer.status_code, message_of(answer)) == (409, f"Port {used} is still in use.")

    def test_one_port_is_not_for_several_servers(self, api: BootApi, network: str) -> None:
        port = api.port(network, user="admin")
        assert api.boot(user="admin", networks=[{"port": port}], min_count=2, max_count=2).status_code == 400
        fixed = [{"uuid": network, "fixed_ip": "10.1.0.9"}]
        assert api.boot(user="admin", networks=fixed, min_count=2, max_count=2).status_code == 400

    def test_an_address_in_use(self, api: BootApi, network: str) -> None:
        api.port(network, user="admin", fixed_ips=[{"ip_address": "10.1.0.99"}])
        answer = api.boot(user="admin", networks=[{"uuid": network, "fixed_ip": "10.1.0.99"}])
        assert answer.status_code == 400
        assert "already in use" in message_of(answer)


def test_no_network_one_several_and_none_that_answers(tmp_path: Any) -> None:
    with boot_api(tmp_path, cloud_options={"port_quota": 1}) as api:
        row = api.row(api.booted(networks="auto"))
        assert row is not None
        assert row.requested_networks == []
        network = api.network("one")
        answer = api.boot(networks=[{"uuid": network}], min_count=2, max_count=2)
        assert (answer.status_code, message_of(answer)) == (403, "Maximum number of ports exceeded")
        assert api.boot(networks=[{"uuid": network}], min_count=1, max_count=2).status_code == 202
        assert len(api.get("/servers").json()["servers"]) == 2
        api.network("two")
        answer = api.boot(networks="auto")
        assert answer.status_code == 409
        assert message_of(answer) == "Multiple possible networks found, use a Network ID to be more specific."
        api.cloud.stop("network")
        assert api.boot(networks="auto").status_code == 503


class TestVolumes:
    def test_a_given_volume_is_reserved_and_booted_from(self, api: BootApi) -> None:
        volume = api.volume(bootable=True)
        row = api.placed(imageRef="", block_device_mapping_v2=[volume_device(volume)])
        assert api.volume_status(volume) == "reserved"
        (device,) = api.devices(row.uuid)
        assert (device.volume_id, device.boot_index) == (volume, 0)
        assert device.attachment_id
        shown = api.server(row.uuid)
        assert shown["image"] == ""
        assert shown["os-extended-volumes:volumes_attached"] == [{"id": volume, "delete_on_termination": False}]
        assert dict(api.scheduler.client.get_allocation(row.uuid).allocation.resources) == {"VCPU": 1, "MEMORY_MB": 512}

    def test_one_that_is_not_there_or_not_free_or_not_bootable(self, api: BootApi) -> None:
        def refused(volume: str) -> str:
            answer = api.boot(imageRef="", block_device_mapping_v2=[volume_device(volume)])
            assert answer.status_code == 400
            return message_of(answer)

        assert refused(MISSING) == f"Block Device Mapping is Invalid: failed to get volume {MISSING}."
        plain = api.volume()
        assert refused(plain) == f"Block Device {plain} is not bootable."
        taken = api.volume(bootable=True)
        api.booted(imageRef="", block_device_mapping_v2=[volume_device(taken)])
        assert "status must be 'available'. Currently in 'reserved'" in refused(taken)

    def test_a_refusal_after_the_reservation_gives_it_back(self, api: BootApi) -> None:
        volume = api.volume()
        data = volume_device(volume, boot_index=-1)
        too_much = {str(number): "x" for number in range(129)}
        answer = api.boot(imageRef=api.image(), block_device_mapping_v2=[data], metadata=too_much)
        assert answer.status_code == 403
        assert message_of(answer) == "Maximum number of metadata items exceeds 128"
        assert api.volume_status(volume) == "available"
        assert not api.casts(SCHEDULE_TOPIC)

    def test_of_two_servers_that_want_one_volume_one_gets_it(self, api: BootApi) -> None:
        volume = api.volume()
        answers: list[int] = []

        image, device = api.image(), volume_device(volume, boot_index=-1)

        def boot() -> None:
            answers.append(api.boot(imageRef=image, block_device_mapping_v2=[device]).status_code)

        threads = [threading.Thread(target=boot) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [202, 400, 400, 400]

    def test_volumes_are_not_for_several_servers(self, api: BootApi) -> None:
        device = volume_device(api.volume(bootable=True))
        answer = api.boot(imageRef="", block_device_mapping_v2=[device], max_count=2)
        assert message_of(answer) == "Cannot attach one or more volumes to multiple instances"

    def test_no_valid_host_gives_the_reservation_back(self, api: BootApi) -> None:
        body = {"flavor": {"name": "huge", "ram": 512, "vcpus": 1000, "disk": 1}}
        huge = api.post("/flavors", body, user="admin").json()["flavor"]["id"]
        volume = api.volume(bootable=True)
        uuid = api.booted(imageRef="", flavorRef=huge, block_device_mapping_v2=[volume_device(volume)])
        api.wait_for(uuid, lambda row: row.vm_state == "error")
        api.wait_for(uuid, lambda _: api.volume_status(volume) == "available")
        assert api.delete(f"/servers/{uuid}").status_code == 204
        api.wait_for(uuid, lambda row: row.deleted)
