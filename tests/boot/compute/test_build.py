"""From a message to a running guest, with every other part real."""

from __future__ import annotations

import itertools

import pytest

from engine.boot.messages import Build
from engine.boot.states import PowerState
from tests.boot.compute.harness import Stack, make_port

SPAWN_SLOWLY = {"point": "spawn", "delay_s": 0.5, "times": 1}


def test_an_instance_becomes_active_with_all_it_asked_for(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    row = running.row(name)
    assert row.launched_at is not None
    assert row.root_device_name == "/dev/vda"
    (port,) = running.ports(name)
    assert port["binding:host_id"] == row.host
    assert [item["port_id"] for item in row.interfaces] == [port["id"]]
    assert running.driver.power_state(row.host, name) == PowerState.RUNNING
    assert running.domains().count(name) == 1
    assert name in running.allocations()
    running.wait(lambda: not running.messages())


def test_every_step_is_recorded_in_order(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    steps = {step.step: step for step in running.steps(name)}
    assert sorted(steps) == list(range(13, 29))
    assert all(step.finished_us >= step.started_us and not step.error for step in steps.values())
    for earlier, later in itertools.pairwise((13, 14, 15, 16, 17, 18, 22, 24, 25, 26, 27, 28)):
        assert steps[earlier].started_us <= steps[later].started_us
    assert steps[20].detail.startswith("token")
    assert steps[22].started_us <= steps[23].started_us <= steps[23].finished_us <= steps[22].finished_us
    assert steps[25].detail == steps[26].detail == steps[27].detail == "no volumes"
    assert "memory (not libvirt)" in steps[28].detail
    assert "every interface is plugged" in steps[28].detail
    assert len(running.steps(name)) == 16


def test_many_instances_at_once(running: Stack) -> None:
    names = running.boot(count=12)
    running.wait_active(*names)
    assert all(running.domains().count(name) == 1 for name in names)
    assert len({running.ports(name)[0]["mac_address"] for name in names}) == 12


def test_an_instance_without_network_waits_for_none(running: Stack) -> None:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    assert running.ports(name) == []
    assert "no interface was waited for" in running.steps(name)[-1].detail


def test_a_given_port_is_used_and_given_back(running: Stack) -> None:
    port = make_port(running.cloud, running.network_id)
    (name,) = running.boot(networks=[{"port_id": port}, {"network_id": running.network_id}])
    running.wait_active(name)
    interfaces = running.row(name).interfaces
    assert [item["preexisting"] for item in interfaces] == [True, False]
    running.delete(name)
    running.wait(lambda: running.row(name).deleted)
    kept = running.run(running.clouds.networks.get_port(None, port))
    assert kept["device_id"] == ""
    running.assert_nothing_left(name)


def test_lost_events_are_made_up_for_by_the_ports_status(running: Stack) -> None:
    running.deaf = True
    (name,) = running.boot()
    running.wait_active(name)


def test_a_copy_of_a_message_changes_nothing(running: Stack) -> None:
    running.faults(SPAWN_SLOWLY)
    (name,) = running.boot()
    row = running.row(name)
    copy = Build(instance_uuid=name, attempt=1, caller=running.caller, cast_at_us=0)
    running.cast(row.host, copy)
    running.wait_active(name)
    running.cast(row.host, copy)
    running.wait(lambda: not running.messages())
    assert running.row(name) == running.row(name, deleted=False)
    assert len(running.ports(name)) == 1
    assert running.domains().count(name) == 1
    assert len(running.steps(name)) == 16


@pytest.mark.parametrize("attempt", [2, 2_000_000_000])
def test_a_message_of_an_attempt_that_is_not_the_records_is_dropped(running: Stack, attempt: int) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    before = running.row(name)
    running.cast(before.host, Build(instance_uuid=name, attempt=attempt, caller=running.caller, cast_at_us=0))
    running.wait(lambda: not running.messages())
    assert running.row(name) == before
    assert running.domains().count(name) == 1


def test_a_message_about_nobody_is_dropped(running: Stack) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    running.cast("host-1", Build(instance_uuid=nobody, attempt=1, caller=running.caller, cast_at_us=0))
    running.wait(lambda: not running.messages())
    assert nobody not in running.domains()
