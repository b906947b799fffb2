"""What clients read before they have a token, and how versions are negotiated."""

from __future__ import annotations

import httpx
import pytest

from tests.boot.api.extras_harness import Api, message_of


@pytest.mark.parametrize("path", ["/v2.1", "/v2.1/"])
def test_the_version_document_needs_no_token_and_links_to_the_host_that_was_asked(extras: Api, path: str) -> None:
    answer = httpx.get(extras.url + path, headers={"Host": "cloud.example:8774"})

    version = answer.json()["version"]
    assert answer.status_code == 200
    assert (version["id"], version["version"], version["min_version"]) == ("v2.1", "2.96", "2.1")
    assert version["links"][0] == {"rel": "self", "href": "http://cloud.example:8774/v2.1/"}


def test_the_root_lists_the_versions(extras: Api) -> None:
    answer = httpx.get(extras.url + "/")

    assert [version["id"] for version in answer.json()["versions"]] == ["v2.1"]


def test_everything_else_needs_a_token(extras: Api) -> None:
    assert httpx.get(extras.url + "/v2.1/flavors").status_code == 401


def test_a_version_outside_the_range_is_not_acceptable(extras: Api) -> None:
    answer = extras.get("/flavors", version="2.97")

    assert answer.status_code == 406
    assert message_of(answer) == "Version 2.97 is not supported by the API. Minimum is 2.1 and maximum is 2.96."


def test_the_answer_tells_the_version(extras: Api) -> None:
    answer = extras.get("/flavors", version="latest")

    assert answer.headers["OpenStack-API-Version"] == "compute 2.96"
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.96"


def test_extensions_are_what_is_part_of_the_api(extras: Api) -> None:
    listed = {item["alias"] for item in extras.get("/extensions").json()["extensions"]}

    assert "os-keypairs" in listed
    assert extras.get("/extensions/os-keypairs").json()["extension"]["alias"] == "os-keypairs"
    assert extras.get("/extensions/os-nothing").status_code == 404
