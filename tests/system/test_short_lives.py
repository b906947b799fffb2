"""A cloud whose tokens last for seconds only, and in which nothing that is away is waited for long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from tests.system.clouds import cloud
from tests.system.drills import QUICK, Drill, User

LIFETIME_S = 4


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    settings = {
        "boot": QUICK["boot"] | {"dead_host_s": 3.0, "scheduler_timeout_s": 2.0},
        "cloud": QUICK["cloud"] | {"token_lifetime_s": LIFETIME_S},
    }
    with cloud(tmp_path_factory.mktemp("short") / "state", hosts=3, each=True, settings=settings) as up:
        yield Drill(up)


@pytest.fixture(autouse=True)
def nothing_left(short: Drill) -> Iterator[None]:
    yield
    short.tidy()


def fresh(short: Drill) -> User:
    """Return the member with a token that is new."""
    password = short.cloud.settings.cloud.member_password.get_secret_value()
    return User(short.cloud, short.session("demo", password, "demo"))


def test_an_expired_token_is_refused(short: Drill) -> None:
    user = fresh(short)
    url, token = f"{user.compute.get_endpoint()}/servers", user.token
    assert requests.get(url, headers={"X-Auth-Token": token}, timeout=10).status_code == 200
    time.sleep(LIFETIME_S + 0.2)
    for path in ("", "/detail"):
        assert requests.get(url + path, headers={"X-Auth-Token": token}, timeout=10).status_code == 401
    asked = requests.post(url, json=short.body("expired"), headers={"X-Auth-Token": token}, timeout=10)
    assert asked.status_code == 401


def test_a_token_that_expires_while_building_does_not_end_the_build(short: Drill) -> None:
    short.cloud.faults([short.hold(delay_s=LIFETIME_S + 1.0)])
    user = fresh(short)
    url = f"{user.compute.get_endpoint()}/servers"
    with short.own_image() as image:
        body = short.body("outlives-its-token", imageRef=image, block_device_mapping_v2=short.made_volume()[1:])
        reply = requests.post(
            url,
            json=body,
            headers={"X-Auth-Token": user.token, "OpenStack-API-Version": "compute 2.96"},
            timeout=10,
        )
        assert reply.status_code == 202, reply.text
        server = reply.json()["server"]["id"]
        short.running(server)
        short.delete(server)


def test_a_token_that_expires_before_a_build_fails_leaves_nothing(short: Drill) -> None:
    refused = {"part": "compute", "point": "spawn", "status": 500, "message": "libvirt refused it"}
    short.cloud.faults([refused | {"delay_s": LIFETIME_S + 1.0, "times": 1}, refused])
    server = short.boot("fails-late", user=fresh(short), block_device_mapping_v2=short.made_volume())
    fault = short.failed(server, within_s=60.0)
    assert fault.startswith("Exceeded maximum number of retries.")


def test_a_build_on_hosts_that_stay_away_ends_in_a_reason_and_leaves_nothing(short: Drill) -> None:
    short.cloud.faults([short.hold("before_finish", delay_s=60.0)])
    server = short.boot("dead-hosts", block_device_mapping_v2=short.made_volume())
    short.until(lambda: short.show(server)["OS-EXT-STS:task_state"] == "spawning", "it is spawning")
    short.cloud.faults([])
    with short.away("compute"):
        ended = short.ended(server)
        assert ended["status"] == "ERROR"
        assert "stopped answering" in ended["fault"]["message"]
        assert not [one for one in short.leftovers() if not one.startswith("/")]
    # the domain goes when its host is back
    short.clean()
    short.until(lambda: not short.leftovers(), "no file of it is left")


def test_a_server_on_a_host_that_stays_away_can_be_deleted(short: Drill) -> None:
    server = short.running(short.boot("on-dead-host", block_device_mapping_v2=short.made_volume()))["id"]
    with short.away("compute"):
        short.delete(server)
        assert not [one for one in short.leftovers() if not one.startswith("/")]
    short.clean()
    short.until(lambda: not short.leftovers(), "no file of it is left")


def test_the_scheduler_away_for_too_long_ends_a_boot_in_a_reason(short: Drill) -> None:
    with short.away("scheduler"):
        server = short.boot("long-outage")
        assert short.ended(server)["fault"]["message"] == (
            "No valid host was found. The scheduler could not be used for 2 s."
        )
    short.clean()


def test_a_lost_request_for_a_host_ends_in_a_reason(short: Drill) -> None:
    with short.away("scheduler"):
        server = short.boot("lost-schedule")
        with short.away("api"), short.database() as database:
            assert database.execute("DELETE FROM casts WHERE body LIKE ?", (f"%{server}%",)).rowcount == 1
    assert short.failed(server) == "No valid host was found. The request to choose a host was lost."
