"""Processes that die or stay away in the middle of a boot: it ends all the same, and nothing is in between for ever."""

from __future__ import annotations

import threading
import time

import pytest

from engine.client import Client
from engine.v1 import inventory_pb2
from engine.v1 import inventory_service_pb2 as inventory_service
from tests.system.drills import HOSTS, Drill


def held(drill: Drill, point: str, name: str, *, delay_s: float = 2.0, task_state: str | None = None) -> str:
    """Return a server whose build has come to a point and is held there."""
    drill.cloud.faults([drill.hold(point, delay_s=delay_s, times=1)])
    server = drill.boot(name, block_device_mapping_v2=drill.made_volume())
    drill.until(lambda: drill.show(server)["OS-EXT-STS:task_state"] == task_state, f"{name} is at {point}")
    return server


def test_identity_away_while_building_does_not_end_the_build(drill: Drill) -> None:
    # the agent and the services have tokens of their own, which they keep
    drill.delete(drill.running(drill.boot("warm", block_device_mapping_v2=drill.made_volume()))["id"])
    server = held(drill, "before_network", "no-keystone")
    with drill.away("identity"):
        drill.running(server)


def test_an_identity_service_that_hangs_holds_a_build_up_only_for_moments(drill: Drill) -> None:
    drill.delete(drill.running(drill.boot("warm", block_device_mapping_v2=drill.made_volume()))["id"])
    server = held(drill, "before_network", "hanging-keystone", delay_s=1.0)
    with drill.hung("identity"):
        drill.running(server, within_s=20.0)


@pytest.mark.parametrize("part", ["network", "conductor"])
def test_a_part_that_hangs_for_a_moment_delays_a_build(drill: Drill, part: str) -> None:
    server = held(drill, "before_network", f"hanging-{part}", delay_s=0.5)
    with drill.hung(part):
        time.sleep(2.0)
    drill.running(server)


def test_what_cannot_be_undone_without_identity_is_undone_when_it_is_back(drill: Drill) -> None:
    refused = {"part": "compute", "point": "spawn", "status": 500, "message": "libvirt refused the domain"}
    drill.cloud.faults([refused | {"delay_s": 1.0}])
    server = drill.boot("left-behind")
    drill.until(lambda: drill.show(server)["OS-EXT-STS:task_state"] == "spawning", "it is spawning")
    silent = {"part": "identity", "point": "GET /v3/auth/tokens", "status": 503, "message": "keystone is away"}
    drill.cloud.faults([silent, refused])
    # a network service that remembers no token can check none
    drill.killed("network")
    ended = drill.ended(server, within_s=60.0)
    assert (ended["status"], ended["fault"]["message"]) == (
        "ERROR",
        f"Build of instance {server} aborted: libvirt refused the domain",
    )
    drill.cloud.faults([])
    drill.until(lambda: not drill.leftovers(), "its port is taken back")
    drill.clean()


def test_the_scheduler_away_for_a_moment_delays_a_boot(drill: Drill) -> None:
    with drill.away("scheduler"):
        server = drill.boot("short-outage")
        time.sleep(0.5)
        assert drill.show(server)["OS-EXT-STS:task_state"] == "scheduling"
    drill.running(server)


def test_the_scheduler_killed_between_its_claim_and_its_answer_claims_once(drill: Drill) -> None:
    drill.cloud.faults([{"part": "api", "point": "record_selection", "delay_s": 1.0, "times": 1}])
    server = drill.boot("claimed")
    time.sleep(0.3)
    drill.killed("scheduler")
    drill.running(server)


def test_the_api_killed_before_it_records_the_host_goes_on_afterwards(drill: Drill) -> None:
    drill.cloud.faults([{"part": "api", "point": "record_selection", "delay_s": 5.0, "times": 1}])
    server = drill.boot("unrecorded")
    time.sleep(0.3)
    drill.cloud.faults([])
    drill.killed("api")
    drill.running(server)


def test_a_build_waits_for_an_agent_that_is_away(drill: Drill) -> None:
    with drill.away("compute"):
        server = drill.boot("waits")
        drill.until(lambda: drill.casts(server), "its message waits")
        assert drill.show(server)["status"] == "BUILD"
    drill.running(server)


@pytest.mark.parametrize(
    ("point", "task_state"), [("before_network", None), ("spawn", "spawning"), ("before_finish", "spawning")]
)
def test_an_agent_killed_in_the_middle_takes_the_build_up_again(
    drill: Drill, point: str, task_state: str | None
) -> None:
    server = held(drill, point, f"resumed-{point}", delay_s=30.0, task_state=task_state)
    time.sleep(0.2)
    # a rule's count of times is each process's own
    drill.cloud.faults([])
    drill.killed("compute")
    drill.running(server)
    drill.clean()
    assert [host for host, _ in drill.tried(server)] == [drill.show(server)["OS-EXT-SRV-ATTR:host"]]


@pytest.mark.parametrize("point", ["before_network", "before_finish"])
def test_the_conductor_away_in_the_middle_delays_a_build(drill: Drill, point: str) -> None:
    task_state = None if point == "before_network" else "spawning"
    server = held(drill, point, f"no-conductor-{point}", delay_s=1.0, task_state=task_state)
    with drill.away("conductor"):
        time.sleep(2.0)
    drill.running(server)


def test_a_lost_build_message_ends_in_a_reason(drill: Drill) -> None:
    with drill.away("compute"):
        server = drill.boot("lost-build", block_device_mapping_v2=drill.made_volume())
        drill.until(lambda: any(topic != "scheduler" for topic, _ in drill.casts(server)), "its message waits")
        with drill.database() as database:
            database.execute("DELETE FROM casts WHERE body LIKE ?", (f"%{server}%",))
    fault = drill.failed(server)
    assert fault.startswith(f"Build of instance {server} aborted: the message that announced the build")


def test_a_doubled_build_message_builds_once(drill: Drill) -> None:
    with drill.away("compute"):
        server = drill.boot("doubled")
        drill.until(lambda: any(topic != "scheduler" for topic, _ in drill.casts(server)), "its message waits")
        ((topic, body),) = drill.casts(server)
        with drill.database() as database:
            for _ in range(3):
                database.execute("INSERT INTO casts (topic, body, created_at) VALUES (?, ?, 0)", (topic, body))
    first = drill.running(server)
    with drill.database() as database:
        database.execute("INSERT INTO casts (topic, body, created_at) VALUES (?, ?, 0)", (topic, body))
    # another message to the same host has the late one delivered with it
    drill.demo.compute.post(f"/servers/{server}/action", json={"reboot": {"type": "HARD"}})
    drill.until(lambda: not drill.casts(server), "every message is dealt with")
    drill.until(lambda: drill.show(server)["OS-EXT-STS:task_state"] is None, "it is rebooted")
    now = drill.running(server)
    assert (now["OS-SRV-USG:launched_at"], now["addresses"]) == (first["OS-SRV-USG:launched_at"], first["addresses"])
    assert len(drill.tried(server)) == 1
    drill.clean()


def test_a_database_that_is_locked_for_a_while_delays_a_boot(drill: Drill) -> None:
    server = held(drill, "before_network", "locked-database", delay_s=0.5)
    with drill.database() as database:
        database.execute("BEGIN IMMEDIATE")
        answers: list[int] = []
        asker = threading.Thread(target=lambda: answers.append(drill.ask("asked-meanwhile").status_code))
        asker.start()
        time.sleep(4.0)
        database.execute("ROLLBACK")
    drill.running(server)
    asker.join()
    assert answers == [202]


def test_hosts_that_are_smaller_than_the_scheduler_believes_refuse(drill: Drill) -> None:
    names = [f"host-{number}" for number in range(1, HOSTS + 1)]
    flavor = {"name": "wide", "vcpus": 100, "ram": 512, "disk": 1}
    wide = drill.admin.compute.post("/flavors", json={"flavor": flavor}).json()["flavor"]["id"]
    with Client(drill.cloud.settings.boot.scheduler) as scheduler, drill.server_quota(cores=-1):
        before = {name: scheduler.get_host(name).host.inventories["VCPU"] for name in names}
        larger = inventory_pb2.ResourceInventory(total=200, min_unit=1, max_unit=200, step_size=1)
        _tell(scheduler, dict.fromkeys(names, larger))
        try:
            server = drill.boot("believed", flavorRef=wide)
            fault = drill.failed(server)
            assert "Insufficient compute resources" in fault
            assert len({host for host, _ in drill.tried(server)}) == 3
            drill.delete(server)
        finally:
            _tell(scheduler, before)
    assert drill.admin.compute.delete(f"/flavors/{wide}").status_code == 202


def _tell(scheduler: Client, amounts: dict[str, inventory_pb2.ResourceInventory]) -> None:
    hosts = [inventory_pb2.Host(host_id=name, inventories={"VCPU": amount}) for name, amount in amounts.items()]
    for _ in scheduler.update_hosts([inventory_service.UpdateHostsRequest(hosts=hosts)]):
        pass
