"""Extra specs: kept, shown, and told to the scheduler."""

from __future__ import annotations

import pytest

from tests.boot.api.extras_harness import Api, message_of
from tests.boot.api.test_flavors import made


def told(api: Api, name: str) -> dict[str, str]:
    """What the scheduler knows of a flavor's extra specs."""
    (flavor,) = [item for item in api.scheduler.client.list_flavors().flavors if item.name == name]
    return dict(flavor.extra_specs)


def test_extra_specs_come_and_go(extras: Api) -> None:
    flavor = made(extras)
    place = f"/flavors/{flavor['id']}/os-extra_specs"

    assert extras.get(place).json() == {"extra_specs": {}}
    assert extras.post(place, {"extra_specs": {"hw:a": "1", "ssd": "true"}}).json() == {
        "extra_specs": {"hw:a": "1", "ssd": "true"}
    }
    assert extras.put(f"{place}/ssd", {"ssd": "false"}).json() == {"ssd": "false"}
    assert extras.get(f"{place}/ssd", user="demo").json() == {"ssd": "false"}
    assert told(extras, flavor["name"]) == {"hw:a": "1", "ssd": "false"}
    assert extras.delete(f"{place}/hw:a").status_code == 200
    assert told(extras, flavor["name"]) == {"ssd": "false"}
    assert extras.get(f"/flavors/{flavor['id']}").json()["flavor"]["extra_specs"] == {"ssd": "false"}


def test_a_key_that_is_not_there(extras: Api) -> None:
    flavor = made(extras)["id"]

    for method in ("GET", "DELETE"):
        answer = extras.call(method, f"/flavors/{flavor}/os-extra_specs/nothing")
        assert answer.status_code == 404
        assert message_of(answer) == f"Flavor {flavor} has no extra specs with key nothing."


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"extra_specs": {"k/ey": "v"}},
        {"extra_specs": {"": "v"}},
        {"extra_specs": {"k" * 256: "v"}},
        {"extra_specs": {"k": "v" * 256}},
        {"extra_specs": {"k": "a\x00b"}},
        {"extra_specs": {"k": None}},
        {"extra_specs": {"k": {"a": 1}}},
        {"extra_specs": []},
        {"extra_specs": {}, "more": 1},
    ],
    ids=str,
)
def test_bad_specs_are_refused(extras: Api, body: object) -> None:
    assert extras.post(f"/flavors/{made(extras)['id']}/os-extra_specs", body).status_code == 400


def test_half_characters_are_refused(extras: Api) -> None:
    place = f"/flavors/{made(extras)['id']}/os-extra_specs"

    assert extras.call("POST", place, content=b'{"extra_specs": {"k": "\\ud800"}}').status_code == 400


@pytest.mark.parametrize("body", [{}, {"other": "v"}, {"ssd": "v", "more": "v"}, {"ssd": None}, []])
def test_an_update_names_its_key_alone(extras: Api, body: object) -> None:
    assert extras.put(f"/flavors/{made(extras)['id']}/os-extra_specs/ssd", body).status_code == 400


def test_only_administrators_write(extras: Api) -> None:
    place = f"/flavors/{made(extras)['id']}/os-extra_specs"

    assert extras.post(place, {"extra_specs": {"a": "b"}}, user="demo").status_code == 403
    assert extras.put(f"{place}/a", {"a": "b"}, user="demo").status_code == 403
    assert extras.delete(f"{place}/a", user="demo").status_code == 403
    assert extras.post("/flavors/nothing/os-extra_specs", {"extra_specs": {"a": "b"}}).status_code == 404
