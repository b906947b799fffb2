"""Where the catalog says that services are."""

from __future__ import annotations

import time

import pytest

from engine.boot.openstack import Clouds, CloudUnreachable
from engine.boot.openstack.endpoints import versioned
from tests.boot.openstack.stage import USER, Stage, run, stage

PORT = {"port": {"id": "p1"}}


def _catalogue(play: Stage, types: dict[str, str]) -> None:
    play.catalog_types = types


def test_catalog_urls_with_versions_and_projects_are_understood() -> None:
    with stage() as play:
        project = "e4bed7f96bff4971b6870753304eb8df"
        _catalogue(play, {"image": "/v2/", "network": "/net/v2.0", "volumev3": f"/v3/{project}"})
        play.answer("GET", "/v2/images/i", 200, {"id": "i"})
        play.answer("GET", "/net/v2.0/ports/p1", 200, PORT)
        play.answer("GET", f"/v3/{USER.project_id}/volumes/v", 200, {"volume": {"id": "users"}})
        play.answer("GET", f"/v3/{project}/volumes/v", 200, {"volume": {"id": "services"}})

        async def work(clouds: Clouds) -> list[str]:
            return [
                (await clouds.images.get(USER, "i"))["id"],
                (await clouds.networks.get_port(USER, "p1"))["id"],
                (await clouds.volumes.get(USER, "v"))["id"],
                (await clouds.volumes.get(None, "v"))["id"],
            ]

        assert run(work, play.options()) == ["i", "p1", "users", "services"]


def test_a_service_that_the_catalog_lacks_is_named() -> None:
    with stage() as play:
        _catalogue(play, {"image": ""})
        started = time.monotonic()
        with pytest.raises(CloudUnreachable, match="no public endpoint of a service of type network"):
            run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h:9292", "http://h:9292/v2"),
        ("http://h:9292/", "http://h:9292/v2"),
        ("http://h/image", "http://h/image/v2"),
        ("http://h/image/v2/", "http://h/image/v2"),
        ("http://v2.example/", "http://v2.example/v2"),
        ("https://h/v3/0123", "https://h/v3/0123"),
    ],
)
def test_a_url_gains_the_version_it_lacks(url: str, expected: str) -> None:
    assert versioned(url, "v2") == expected
