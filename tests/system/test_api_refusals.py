"""What nova-api refuses on the spot, or answers while a service is away: nothing is stored, nothing is left."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from tests.system.drills import Drill, message_of


@pytest.fixture(autouse=True)
def nothing_stored(drill: Drill) -> Iterator[None]:
    yield
    assert drill.all_servers() == []


def test_without_a_valid_token_nothing_is_answered(drill: Drill) -> None:
    compute = drill.demo.compute.get_endpoint()
    for headers in ({}, {"X-Auth-Token": "garbage"}, {"X-Auth-Token": "x" * 8000}, {"X-Auth-Token": "../../etc"}):
        reply = requests.post(f"{compute}/servers", json=drill.body("no-token"), headers=headers, timeout=10)
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"].startswith("Keystone uri=")


def test_the_image_service_away_is_said_and_not_waited_for_long(drill: Drill) -> None:
    with drill.away("image"):
        started = time.monotonic()
        message = message_of(drill.ask("no-glance"), 503)
        assert time.monotonic() - started < 6.0
    assert "image service" in message


def test_a_failing_image_service_is_said(drill: Drill) -> None:
    drill.fail("image", "GET /v2/images/.*", status=500, message="glance fails")
    assert "glance fails" in message_of(drill.ask("bad-glance"), 503)


def test_the_network_service_away_is_said(drill: Drill) -> None:
    with drill.away("network"):
        assert "network service" in message_of(drill.ask("no-neutron"), 503)


def test_the_volume_service_away_is_said_and_only_to_those_who_need_it(drill: Drill) -> None:
    with drill.own_volume() as volume:
        with drill.away("volume"):
            message = message_of(drill.ask("no-cinder", block_device_mapping_v2=drill.given_volume(volume)), 503)
            assert "block-storage service" in message
            server = drill.boot("needs-none")
            drill.running(server)
            drill.demo.compute.delete(f"/servers/{server}")
        drill.gone(server)


def test_a_volume_that_cannot_be_reserved_refuses_the_boot(drill: Drill) -> None:
    with drill.own_volume() as volume:
        drill.fail("volume", "POST /v3/.*attachments", status=500, message="cinder fails")
        devices = drill.given_volume(volume)
        assert "cinder fails" in message_of(drill.ask("unreserved", block_device_mapping_v2=devices), 503)


def test_an_image_that_is_not_active_is_refused(drill: Drill) -> None:
    queued = {"name": "queued", "disk_format": "raw", "container_format": "bare"}
    image = drill.demo.image.post("/v2/images", json=queued).json()["id"]
    assert message_of(drill.ask("queued", imageRef=image), 400) == f"Image {image} is not active."
    drill.demo.image.delete(f"/v2/images/{image}")


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"min_ram": 1 << 20}, "Flavor's memory is too small for requested image."),
        ({"min_disk": 1000}, "Flavor's disk is smaller than the minimum size specified in image metadata."),
    ],
)
def test_an_image_that_needs_more_than_the_flavor_has_is_refused(
    drill: Drill, needs: dict[str, int], told: str
) -> None:
    with drill.own_image(**needs) as image:
        assert message_of(drill.ask("too-small", imageRef=image), 400).startswith(told)


def test_the_port_quota_is_refused_in_novas_words(drill: Drill) -> None:
    with drill.port_quota(port=0):
        assert message_of(drill.ask("no-ports"), 403) == "Maximum number of ports exceeded"


def test_the_server_quota_is_refused_in_novas_words(drill: Drill) -> None:
    with drill.server_quota(cores=0, ram=100):
        message = message_of(drill.ask("no-quota"), 403)
    assert message.startswith("Quota exceeded for cores, ram: Requested 1, 512, but already used 0, 0 of 0, 100 cores")


def test_an_unknown_availability_zone_is_refused(drill: Drill) -> None:
    message = message_of(drill.ask("no-zone", availability_zone="atlantis"), 400)
    assert message == "The requested availability zone is not available"


def test_several_networks_and_none_named_are_refused(drill: Drill) -> None:
    with drill.own_network("192.0.2.0/24"):
        message = message_of(drill.ask("which-network", networks="auto"), 409)
    assert message == "Multiple possible networks found, use a Network ID to be more specific."


def test_identity_away_is_said_and_tokens_known_keep_working(drill: Drill) -> None:
    known = drill.demo.token
    compute = drill.demo.compute.get_endpoint()
    fresh = drill.session("demo", drill.cloud.settings.cloud.member_password.get_secret_value(), "demo").get_token()
    assert requests.get(f"{compute}/servers", headers={"X-Auth-Token": known}, timeout=10).status_code == 200
    with drill.away("identity"):
        started = time.monotonic()
        unknown = requests.get(f"{compute}/servers", headers={"X-Auth-Token": fresh}, timeout=20)
        assert message_of(unknown, 503) == "The Keystone service is temporarily unavailable."
        assert time.monotonic() - started < 12.0
        again = requests.get(f"{compute}/servers", headers={"X-Auth-Token": known}, timeout=20)
        assert again.status_code == 200
