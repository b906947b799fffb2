"""The unmodified ``openstack`` client boots and keeps instances on a whole cloud of separate processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.clouds import Cloud, cloud
from tests.system.shell import OpenStackShell


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("cloud") / "state", hosts=6) as up:
        yield up
        up.assert_clean()


@pytest.fixture
def member(running: Cloud) -> OpenStackShell:
    return OpenStackShell(running)


@pytest.fixture
def admin(running: Cloud) -> OpenStackShell:
    return OpenStackShell(running, "berth-admin")


@pytest.fixture(autouse=True)
def nothing_left(running: Cloud, member: OpenStackShell) -> Iterator[None]:
    yield
    running.delete_all()
    running.assert_clean()


def boot(running: Cloud, member: OpenStackShell, name: str, *options: str, image: bool = True) -> dict[str, Any]:
    """Create without ``--wait``, which looks only every five seconds, and wait here."""
    chosen = ("--image", "berth-blank") if image else ()
    member.ok("server", "create", "--flavor", "m1.tiny", *chosen, "--network", "berth-net", *options, name)
    return running.wait_for(name)


def test_a_token_and_the_catalog(member: OpenStackShell) -> None:
    assert len(member.json("token", "issue")["id"]) > 20
    assert {"compute", "identity", "image", "network", "block-storage"} <= {
        service["Type"] for service in member.json("catalog", "list")
    }


def test_a_server_boots_and_its_whole_life_is_told(running: Cloud, member: OpenStackShell) -> None:
    wanted = ("--flavor", "m1.tiny", "--image", "berth-blank", "--network", "berth-net", "--property", "tier=web")
    member.ok("server", "create", *wanted, "--wait", "first")
    server = member.json("server", "show", "first")
    assert server["status"] == "ACTIVE"
    assert server["OS-EXT-STS:vm_state"] == "active"
    assert server["addresses"]["berth-net"]
    assert "first" in [one["Name"] for one in member.json("server", "list")]
    (event,) = member.json("server", "event", "list", "first")
    assert event["Action"] == "create"
    assert member.json("server", "event", "show", "first", event["Request ID"])["events"]
    assert "started" in member.ok("console", "log", "show", "first")
    member.ok("server", "stop", "first")
    member.ok("server", "set", "--property", "colour=blue", "first")
    member.ok("server", "delete", "--wait", "first")
    assert member.fails("server", "show", "first")


def test_images_networks_and_volumes_of_ones_own(running: Cloud, member: OpenStackShell, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"\1" * 65536)
    member.ok("image", "create", "--disk-format", "raw", "--container-format", "bare", "--file", str(disk), "mine")
    member.ok("network", "create", "mynet")
    member.ok("subnet", "create", "--network", "mynet", "--subnet-range", "192.0.2.0/24", "mysub")
    member.ok("server", "create", "--flavor", "m1.tiny", "--image", "mine", "--network", "mynet", "on-mynet")
    running.wait_for("on-mynet")
    addresses = member.json("server", "show", "on-mynet")["addresses"]
    assert addresses["mynet"][0].startswith("192.0.2.")
    assert "in use" in member.fails("network", "delete", "mynet")
    running.delete_all()
    member.ok("network", "delete", "mynet")
    member.ok("image", "delete", "mine")


def test_boot_from_a_volume_of_ones_own_and_one_made_from_an_image(running: Cloud, member: OpenStackShell) -> None:
    member.ok("volume", "create", "--size", "1", "--image", "berth-blank", "--bootable", "root1")
    _wait_for_volume(member, "root1", "available")
    boot(running, member, "on-volume", "--volume", "root1", image=False)
    assert member.json("volume", "show", "root1")["status"] == "in-use"
    boot(running, member, "on-new-volume", "--boot-from-volume", "1")
    assert len(member.json("server", "volume", "list", "on-new-volume")) == 1
    running.delete_all()
    _wait_for_volume(member, "root1", "available")
    for volume in member.json("volume", "list"):
        member.ok("volume", "delete", volume["ID"])
    member.ok("volume", "create", "--size", "1", "extra")
    _wait_for_volume(member, "extra", "available")
    boot(running, member, "with-volume", "--block-device", _uuid_of(member, "extra"))
    assert member.json("volume", "show", "extra")["status"] == "in-use"
    running.delete_all()
    _wait_for_volume(member, "extra", "available")
    member.ok("volume", "delete", "extra")


def _uuid_of(member: OpenStackShell, volume: str) -> str:
    return (
        f"uuid={member.json('volume', 'show', volume)['id']},source_type=volume,destination_type=volume,boot_index=-1"
    )


def _wait_for_volume(member: OpenStackShell, name: str, status: str) -> None:
    for _ in range(100):
        found = member.json("volume", "show", name)["status"]
        if found == status:
            return
        assert found != "error"
    raise AssertionError(f"{name} is {found}, not {status}")


def test_server_groups_and_hints_spread_instances(
    running: Cloud, member: OpenStackShell, admin: OpenStackShell
) -> None:
    member.ok("server", "group", "create", "--policy", "anti-affinity", "apart")
    group = member.json("server", "group", "show", "apart")["id"]
    for name in ("apart-1", "apart-2"):
        boot(running, member, name, "--hint", f"group={group}")
    hosts = {
        admin.json("server", "show", one["ID"])["OS-EXT-SRV-ATTR:host"]
        for one in member.json("server", "list")
        if one["Name"].startswith("apart")
    }
    assert len(hosts) == 2
    assert len(member.json("server", "group", "show", "apart")["members"]) == 2
    running.delete_all()
    member.ok("server", "group", "delete", "apart")


def test_several_at_once_all_run(running: Cloud, member: OpenStackShell) -> None:
    member.ok(
        *("server", "create", "--flavor", "m1.tiny", "--image", "berth-blank", "--network", "berth-net"),
        *("--min", "3", "--max", "3", "many"),
    )
    for number in (1, 2, 3):
        running.wait_for(f"many-{number}")
    names = [one["Name"] for one in member.json("server", "list")]
    assert sorted(names) == ["many-1", "many-2", "many-3"]


def test_aggregates_zones_hypervisors_and_services(
    running: Cloud, member: OpenStackShell, admin: OpenStackShell
) -> None:
    hypervisors = admin.json("hypervisor", "list")
    assert len(hypervisors) == 6
    host = hypervisors[0]["Hypervisor Hostname"]
    admin.ok("aggregate", "create", "--zone", "rack-a", "rack-a")
    admin.ok("aggregate", "add", "host", "rack-a", host)
    assert "rack-a" in {zone["Zone Name"] for zone in admin.json("availability", "zone", "list", "--compute")}
    boot(running, member, "in-zone", "--availability-zone", "rack-a")
    assert admin.json("server", "show", _id(member, "in-zone"))["OS-EXT-SRV-ATTR:host"] == host
    running.delete_all()
    admin.ok("aggregate", "remove", "host", "rack-a", host)
    admin.ok("aggregate", "delete", "rack-a")
    services = admin.json("compute", "service", "list", "--service", "nova-compute")
    assert len(services) == 6
    assert all(service["State"] == "up" for service in services)
    assert admin.json("hypervisor", "show", host)["hypervisor_hostname"] == host
    assert member.json("limits", "show", "--absolute")
    assert member.json("flavor", "list")


def _id(member: OpenStackShell, name: str) -> str:
    return str(member.json("server", "show", name)["id"])


def test_an_administrator_chooses_the_host(running: Cloud, member: OpenStackShell, admin: OpenStackShell) -> None:
    host = admin.json("hypervisor", "list")[-1]["Hypervisor Hostname"]
    admin.ok(
        *("server", "create", "--flavor", "m1.tiny", "--image", "berth-blank", "--network", "berth-net"),
        *("--availability-zone", f"nova:{host}", "forced"),
    )
    running.wait_for("forced", user="admin")
    assert admin.json("server", "show", "forced")["OS-EXT-SRV-ATTR:host"] == host
    running.delete_all("admin")
    refused = ("--flavor", "m1.tiny", "--image", "berth-blank", "--network", "berth-net")
    assert member.fails("server", "create", *refused, "--availability-zone", f"nova:{host}", "not-mine")


def test_a_flavor_that_fits_nowhere_ends_in_error_with_the_reason(
    running: Cloud, member: OpenStackShell, admin: OpenStackShell
) -> None:
    admin.ok("quota", "set", "--cores", "-1", "--ram", "-1", "demo")
    admin.ok("flavor", "create", "--vcpus", "4000", "--ram", "512", "--disk", "1", "huge")
    refused = member.run(
        *(
            "server",
            "create",
            "--flavor",
            "huge",
            "--image",
            "berth-blank",
            "--network",
            "berth-net",
            "--wait",
            "no-room",
        )
    )
    assert refused.code != 0
    server = member.json("server", "show", "no-room")
    assert server["status"] == "ERROR"
    assert "No valid host was found" in str(server["fault"])
    running.delete_all()
    admin.ok("flavor", "delete", "huge")
