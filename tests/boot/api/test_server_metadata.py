"""Metadata and tags of servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.boot.api.test_servers_read import active
from tests.boot.harness import BootApi, message_of


@pytest.fixture(scope="module")
def uuid(api: BootApi) -> str:
    made = api.booted(metadata={"a": "1"})
    active(api, made)
    return made


def test_items_are_merged_replaced_and_removed(api: BootApi, uuid: str) -> None:
    path = f"/servers/{uuid}/metadata"
    assert api.get(path).json() == {"metadata": {"a": "1"}}
    assert api.post(path, {"metadata": {"b": "2"}}, version="").json() == {"metadata": {"a": "1", "b": "2"}}
    assert api.call("PUT", f"{path}/b", {"meta": {"b": "3"}}).json() == {"meta": {"b": "3"}}
    assert api.get(f"{path}/b").json() == {"meta": {"b": "3"}}
    assert api.delete(f"{path}/b").status_code == 204
    assert api.delete(f"{path}/b").status_code == 404
    assert api.get(f"{path}/b").status_code == 404
    assert api.call("PUT", path, {"metadata": {"c": "é <&>"}}).json() == {"metadata": {"c": "é <&>"}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": {"x": None}},
        {"metadata": {"x": 1}},
        {"metadata": {"x" * 256: "1"}},
        {"metadata": {"x": "1" * 256}},
        {"metadata": {"a/b": "1"}},
        {"metadata": {}, "more": 1},
        [],
    ],
)
def test_bad_metadata(api: BootApi, uuid: str, body: Any) -> None:
    assert api.post(f"/servers/{uuid}/metadata", body).status_code == 400


def test_one_item_under_another_name(api: BootApi, uuid: str) -> None:
    answer = api.call("PUT", f"/servers/{uuid}/metadata/b", {"meta": {"c": "3"}})
    assert message_of(answer) == "Request body and URI mismatch"


def test_no_more_than_the_quota(api: BootApi, uuid: str) -> None:
    items = {str(number): "x" for number in range(129)}
    answer = api.call("PUT", f"/servers/{uuid}/metadata", {"metadata": items})
    assert (answer.status_code, message_of(answer)) == (403, "Maximum number of metadata items exceeds 128")


def test_not_while_it_is_built(api: BootApi) -> None:
    answer = api.post(f"/servers/{api.booted()}/metadata", {"metadata": {"a": "b"}})
    assert answer.status_code == 409
    assert "while it is in vm_state building" in message_of(answer)


def test_tags(api: BootApi, uuid: str) -> None:
    path = f"/servers/{uuid}/tags"
    assert api.call("PUT", path, {"tags": ["a", "b", "a"]}).json() == {"tags": ["a", "b"]}
    added = api.call("PUT", f"{path}/c")
    assert (added.status_code, added.headers["Location"]) == (201, f"{api.url}{path}/c")
    assert api.call("PUT", f"{path}/c").status_code == 204
    assert api.get(f"{path}/c").status_code == 204
    assert api.delete(f"{path}/c").status_code == 204
    assert api.delete(f"{path}/c").status_code == 404
    assert api.get(path).json() == {"tags": ["a", "b"]}
    assert api.get(path, version="2.25").status_code == 404
    assert api.delete(path).status_code == 204
    assert api.get(path).json() == {"tags": []}


@pytest.mark.parametrize("tags", [["x" * 61], [""], ["a,b"], "a", [1], [str(number) for number in range(51)]])
def test_bad_tags(api: BootApi, uuid: str, tags: Any) -> None:
    assert api.call("PUT", f"/servers/{uuid}/tags", {"tags": tags}).status_code == 400
