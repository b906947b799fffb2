"""What becomes of a boot when something fails on a host or at a service while the host builds."""

from __future__ import annotations

import time

from tests.system.drills import Drill, qcow2

EXHAUSTED = "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for"


def test_the_image_service_away_while_building_is_tried_on_other_hosts_then_an_error(drill: Drill) -> None:
    drill.cloud.faults([drill.hold(delay_s=0.5)])
    with drill.own_image() as image:
        server = drill.boot("no-glance", imageRef=image)
        drill.cloud.faults([{"part": "image", "point": "GET /v2/images/.*", "status": 500}])
        fault = drill.failed(server)
    assert fault.startswith(f"{EXHAUSTED} instance {server}.")
    assert [result for _, result in drill.tried(server)] == ["Error"] * 3
    assert len({host for host, _ in drill.tried(server)}) == 3


def test_an_image_without_data_ends_the_build_on_the_first_host(drill: Drill) -> None:
    drill.fail("image", "download", value="empty")
    with drill.own_image() as image:
        server = drill.boot("no-data", imageRef=image)
        assert drill.failed(server) == (
            f"Build of instance {server} aborted: Image {image} is unacceptable: Image has no associated data"
        )
    assert len(drill.tried(server)) == 1


def test_a_corrupt_download_is_tried_on_other_hosts_then_an_error(drill: Drill) -> None:
    drill.fail("image", "download", value="corrupt")
    with drill.own_image() as image:
        server = drill.boot("corrupt", imageRef=image)
        fault = drill.failed(server)
    assert fault.startswith(f"{EXHAUSTED} instance {server}.")
    assert "Corrupt image download" in fault
    assert len(drill.tried(server)) == 3


def test_one_corrupt_download_costs_one_host(drill: Drill) -> None:
    drill.fail("image", "download", value="corrupt", times=1)
    with drill.own_image() as image:
        server = drill.boot("corrupt-once", imageRef=image)
        drill.running(server)
        assert [result for _, result in drill.tried(server)] == ["Error", "Success"]
        drill.delete(server)


def test_an_image_deactivated_before_the_host_asks_ends_the_build(drill: Drill) -> None:
    drill.cloud.faults([drill.hold(delay_s=0.5)])
    with drill.own_image() as image:
        server = drill.boot("deactivated", imageRef=image)
        drill.admin.image.post(f"/v2/images/{image}/actions/deactivate")
        assert drill.failed(server) == f"Build of instance {server} aborted: Image {image} is not active."
    assert len(drill.tried(server)) == 1


def test_an_image_whose_disk_is_larger_than_the_flavors_ends_the_build_on_the_first_host(drill: Drill) -> None:
    with drill.own_image(qcow2(50), disk_format="qcow2") as image:
        server = drill.boot("too-large", imageRef=image)
        assert "Flavor's disk is too small for requested image." in drill.failed(server)
        assert len(drill.tried(server)) == 1


def test_the_port_quota_lost_in_a_race_is_tried_on_other_hosts_then_an_error(drill: Drill) -> None:
    drill.cloud.faults([drill.hold(delay_s=0.7)])
    server = drill.boot("port-race")
    with drill.port_quota(port=0):
        fault = drill.failed(server)
    assert fault.startswith(f"{EXHAUSTED} instance {server}.")
    assert "Maximum number of ports exceeded" in fault
    assert len(drill.tried(server)) == 3


def test_a_subnet_without_a_free_address_ends_the_build_on_the_first_host(drill: Drill) -> None:
    with drill.own_network("192.0.2.0/30") as network:
        ports = drill.demo.network
        held = ports.post("/v2.0/ports", json={"port": {"network_id": network}}).json()
        server = drill.boot("no-address", networks=[{"uuid": network}])
        assert drill.failed(server) == (
            f"Build of instance {server} aborted: Failed to allocate the network(s) with error "
            f"No fixed IP addresses available for network: {network}, not rescheduling."
        )
        assert len(drill.tried(server)) == 1
        ports.delete(f"/v2.0/ports/{held['port']['id']}")


def test_a_port_that_cannot_be_bound_on_one_host_is_made_anew_on_another(drill: Drill) -> None:
    drill.fail("network", "bind_port", value="binding_failed", times=1)
    server = drill.boot("unbound")
    running = drill.running(server)
    (bad, failed), (good, succeeded) = drill.tried(server)
    assert (failed, succeeded) == ("Error", "Success")
    assert running["OS-EXT-SRV-ATTR:host"] == good != bad
    ports = drill.admin.network.get(f"/v2.0/ports?device_id={server}").json()["ports"]
    assert [port["binding:host_id"] for port in ports] == [good]


def test_a_port_that_cannot_be_bound_anywhere_ends_in_an_error(drill: Drill) -> None:
    drill.fail("network", "bind_port", value="binding_failed")
    with drill.own_port() as port:
        server = drill.boot("unbound-everywhere", networks=[{"port": port}])
        fault = drill.failed(server)
    assert fault.startswith(f"{EXHAUSTED} instance {server}.")
    assert "Binding failed for port" in fault
    assert len({host for host, _ in drill.tried(server)}) == 3


def test_a_vif_that_is_never_plugged_ends_the_build_after_the_time_that_is_set(drill: Drill) -> None:
    drill.fail("network", "plug_vif", value="never")
    started = time.monotonic()
    server = drill.boot("never-plugged")
    assert drill.failed(server) == (
        f"Build of instance {server} aborted: Failed to allocate the network(s), not rescheduling."
    )
    assert 2.0 <= time.monotonic() - started < 10.0
    assert len(drill.tried(server)) == 1


def test_a_vif_whose_plugging_failed_ends_the_build_at_once(drill: Drill) -> None:
    drill.fail("network", "plug_vif", value="failed")
    started = time.monotonic()
    server = drill.boot("plug-failed")
    assert drill.failed(server) == (
        f"Build of instance {server} aborted: Failed to allocate the network(s), not rescheduling."
    )
    assert time.monotonic() - started < 2.0


def test_an_event_that_comes_before_anybody_waits_is_not_lost(drill: Drill) -> None:
    drill.fail("network", "plug_vif", value="early")
    drill.running(drill.boot("early-event"))


def test_a_volume_that_fails_while_being_made_ends_the_build(drill: Drill) -> None:
    drill.fail("volume", "create_volume", value="error")
    server = drill.boot("bad-volume", block_device_mapping_v2=drill.made_volume())
    fault = drill.failed(server)
    assert fault.startswith(f"Build of instance {server} aborted: Volume ")
    assert fault.endswith("And its status is error.")
    assert len(drill.tried(server)) == 1


def test_a_volume_that_is_never_made_ends_the_build_and_is_not_left(drill: Drill) -> None:
    drill.fail("volume", "create_volume", value="stuck")
    server = drill.boot("stuck-volume", block_device_mapping_v2=drill.made_volume())
    fault = drill.failed(server, within_s=60.0)
    assert "did not finish being created even after we waited" in fault
    assert fault.endswith("attempts. And its status is creating.")
    drill.until(lambda: not drill.leftovers(), "the volume is deleted")


def test_an_attachment_that_cannot_be_updated_ends_the_build(drill: Drill) -> None:
    drill.fail("volume", "PUT /v3/.*attachments/.*", status=500, message="cinder fails")
    with drill.own_volume() as volume:
        server = drill.boot("no-connection", block_device_mapping_v2=drill.given_volume(volume))
        fault = drill.failed(server)
        assert fault.startswith(f"Build of instance {server} aborted: Unable to update attachment (")
        drill.until(lambda: drill.volume_status(volume) == "available", "the volume is free")
    assert len(drill.tried(server)) == 1


def test_the_volume_quota_ends_the_build_on_the_first_host(drill: Drill) -> None:
    with drill.volume_quota(volumes=0):
        server = drill.boot("volume-quota", block_device_mapping_v2=drill.made_volume())
        fault = drill.failed(server)
    assert fault == f"Build of instance {server} aborted: Volume resource quota exceeded"
    assert len(drill.tried(server)) == 1


def test_the_volume_service_away_while_building_ends_the_build(drill: Drill) -> None:
    drill.cloud.faults([drill.hold(delay_s=0.5)])
    server = drill.boot("no-cinder", block_device_mapping_v2=drill.made_volume())
    drill.fail("volume", "POST /v3/.*volumes", status=500, message="cinder fails")
    fault = drill.failed(server)
    assert fault.startswith(f"Build of instance {server} aborted: ")
    assert "cinder fails" in fault
    assert len(drill.tried(server)) == 1


def test_a_launcher_that_fails_on_one_host_is_visible_and_costs_one_host(drill: Drill) -> None:
    drill.fail("compute", "spawn", status=500, message="libvirt refused the domain", times=1)
    with drill.own_port() as port, drill.own_volume() as volume:
        server = drill.boot(
            "second-host", networks=[{"port": port}], block_device_mapping_v2=drill.given_volume(volume)
        )
        running = drill.running(server)
        (bad, failed), (good, succeeded) = drill.tried(server)
        assert (failed, succeeded) == ("Error", "Success")
        assert running["OS-EXT-SRV-ATTR:host"] == good != bad
        assert "fault" not in running
        event = next(one for one in drill.action(server)["events"] if one["host"] == bad)
        assert "libvirt refused the domain" in event["details"]
        assert drill.volume_status(volume) == "in-use"
        drill.clean()
        drill.delete(server)


def test_a_launcher_that_fails_everywhere_ends_in_an_error(drill: Drill) -> None:
    drill.fail("compute", "spawn", status=500, message="libvirt refused the domain")
    server = drill.boot("nowhere", block_device_mapping_v2=drill.made_volume())
    fault = drill.failed(server)
    assert fault.startswith(f"{EXHAUSTED} instance {server}.")
    assert len({host for host, _ in drill.tried(server)}) == 3
    assert drill.action(server)["message"] == "Error"
    assert not drill.leftovers()


def test_a_failure_on_a_host_that_was_insisted_on_is_told_as_it_is(drill: Drill) -> None:
    drill.fail("compute", "spawn", status=500, message="libvirt refused the domain")
    server = drill.boot("forced", user=drill.admin, availability_zone="nova:host-2")
    assert drill.failed(server) == "libvirt refused the domain"
    assert drill.tried(server) == [("host-2", "Error")]


def test_servers_that_must_be_apart_are_apart_when_booted_at_once(drill: Drill) -> None:
    group = drill.demo.compute.post(
        "/os-server-groups", json={"server_group": {"name": "apart", "policy": "anti-affinity"}}
    )
    group_id = group.json()["server_group"]["id"]
    servers = []
    for number in range(4):
        body = drill.body(f"apart-{number}") | {"os:scheduler_hints": {"group": group_id}}
        servers.append(drill.demo.compute.post("/servers", json=body).json()["server"]["id"])
    hosts = {drill.running(server)["OS-EXT-SRV-ATTR:host"] for server in servers}
    assert len(hosts) == 4
    body = drill.body("one-too-many") | {"os:scheduler_hints": {"group": group_id}}
    extra = drill.demo.compute.post("/servers", json=body).json()["server"]["id"]
    assert drill.failed(extra) == "No valid host was found. There are not enough hosts available."
    for server in [*servers, extra]:
        drill.delete(server)
    assert drill.demo.compute.delete(f"/os-server-groups/{group_id}").status_code == 204


def test_no_valid_host_is_told_in_novas_words_for_all_of_a_request(drill: Drill) -> None:
    flavor = {"name": "huge", "vcpus": 4000, "ram": 512, "disk": 1}
    huge = drill.admin.compute.post("/flavors", json={"flavor": flavor}).json()["flavor"]["id"]
    with drill.server_quota(cores=-1):
        drill.boot("no-host", flavorRef=huge, min_count=2, max_count=2)
        servers = [server["id"] for server in drill.all_servers()]
        assert len(servers) == 2
        for server in servers:
            assert drill.failed(server) == "No valid host was found. There are not enough hosts available."
            action = drill.action(server)
            assert action["message"] == "Error"
            (event,) = action["events"]
            assert (event["event"], event["result"]) == ("conductor_schedule_and_build_instances", "Error")
            drill.delete(server)
    assert drill.admin.compute.delete(f"/flavors/{huge}").status_code == 202
