"""A server may be deleted at any moment of its boot: it goes, with all that was made for it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.system.drills import Drill

STAGES: dict[str, dict[str, Any]] = {
    "before the scheduler's answer is recorded": {"part": "api", "point": "record_selection", "delay_s": 1.0},
    "before the host begins": {"part": "compute", "point": "before_network", "delay_s": 5.0},
    "while the image is downloaded": {"part": "image", "point": "download", "delay_s": 1.0},
    "while a port is made": {"part": "network", "point": "POST /v2.0/ports", "delay_s": 1.0},
    "while a port is bound": {"part": "network", "point": "PUT /v2.0/ports/.*", "delay_s": 1.0},
    "while a volume is made": {"part": "volume", "point": "create_volume", "delay_s": 1.0},
    "while a volume is asked for": {"part": "volume", "point": "POST /v3/.*volumes", "delay_s": 1.0},
    "while a volume is connected": {"part": "volume", "point": "PUT /v3/.*attachments/.*", "delay_s": 1.0},
    "before the guest is started": {"part": "compute", "point": "spawn", "delay_s": 5.0},
    "while the guest waits for its VIF": {"part": "network", "point": "plug_vif", "value": "never"},
    "before the end is recorded": {"part": "compute", "point": "before_finish", "delay_s": 5.0},
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_delete_ends_the_build(drill: Drill, stage: str) -> None:
    drill.cloud.faults([STAGES[stage]])
    with drill.own_image() as image:
        server = drill.boot(
            "deleted",
            imageRef=image,
            block_device_mapping_v2=None
            if "image" in stage
            else [{**drill.made_volume()[0], "uuid": image}, drill.made_volume()[1]],
        )
        time.sleep(0.4)
        started = time.monotonic()
        drill.delete(server)
        assert time.monotonic() - started < 4.0
        drill.clean()
        drill.until(lambda: not drill.leftovers(), "nothing is left of it", within_s=10.0)
        history = drill.action(server, "delete")
        assert history["message"] is None


def test_the_ports_and_volumes_that_the_user_gave_stay(drill: Drill) -> None:
    drill.cloud.faults([drill.hold("before_finish", delay_s=5.0)])
    with drill.own_port() as port, drill.own_volume() as volume:
        server = drill.boot("given", networks=[{"port": port}], block_device_mapping_v2=drill.given_volume(volume))
        drill.until(lambda: drill.volume_status(volume) == "in-use", "the volume is attached")
        drill.delete(server)


def test_two_deletes_at_once_delete_once(drill: Drill) -> None:
    server = drill.running(drill.boot("twice"))["id"]
    drill.fail("compute", "destroy", delay_s=0.3)
    statuses: list[int] = []

    def delete() -> None:
        statuses.append(drill.demo.compute.delete(f"/servers/{server}").status_code)

    askers = [threading.Thread(target=delete) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert set(statuses) <= {204, 404}
    assert 204 in statuses
    drill.gone(server)
    path = f"/servers/{server}/os-instance-actions"
    actions = drill.admin.compute.get(path).json()["instanceActions"]
    assert [action["action"] for action in actions].count("delete") == 1


def test_a_delete_at_once_after_the_answer_leaves_nothing(drill: Drill) -> None:
    servers = []
    for number in range(8):
        server = drill.boot(f"at-once-{number}", block_device_mapping_v2=drill.made_volume())
        assert drill.demo.compute.delete(f"/servers/{server}").status_code == 204
        servers.append(server)
    for server in servers:
        drill.gone(server)


def test_a_server_in_error_can_be_deleted(drill: Drill) -> None:
    drill.fail("compute", "spawn", status=500)
    server = drill.boot("broken", block_device_mapping_v2=drill.made_volume())
    drill.failed(server)
    drill.cloud.faults([])
    drill.delete(server)


def test_a_guest_that_cannot_be_destroyed_at_first_goes_all_the_same(drill: Drill) -> None:
    server = drill.running(drill.boot("stubborn"))["id"]
    drill.fail("compute", "destroy", status=500, message="libvirt is busy", times=2)
    drill.delete(server)
