"""Server groups: by version, by project, and known to the scheduler before the answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.boot.api.extras_harness import Api, message_of


def group(**fields: Any) -> dict[str, Any]:
    return {"server_group": {"name": "g", "policy": "anti-affinity"} | fields}


def made(api: Api, *, user: str = "demo", **fields: Any) -> dict[str, Any]:
    answer = api.post("/os-server-groups", group(**fields), user=user)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["server_group"]
    return found


def told(api: Api) -> dict[str, Any]:
    """The groups that the scheduler knows."""
    return {item.uuid: item for item in api.scheduler.client.list_server_groups().server_groups}


def test_a_group_is_answered_as_nova_does_and_told_to_the_scheduler(extras: Api) -> None:
    found = made(extras, name="web", rules={"max_server_per_host": 3})

    assert found == {
        "id": found["id"],
        "name": "web",
        "policy": "anti-affinity",
        "rules": {"max_server_per_host": 3},
        "members": [],
        "project_id": "p-demo",
        "user_id": "u-demo",
    }
    known = told(extras)[found["id"]]
    assert (known.name, known.policy, known.max_server_per_host) == ("web", "anti-affinity", 3)
    assert extras.delete(f"/os-server-groups/{found['id']}", user="demo").status_code == 204
    assert found["id"] not in told(extras)
    gone = extras.delete(f"/os-server-groups/{found['id']}", user="demo")
    assert gone.status_code == 404
    assert message_of(gone) == f"Instance group {found['id']} could not be found."


def test_versions_below_2_64_speak_of_policies(extras: Api) -> None:
    body = {"server_group": {"name": "old", "policies": ["soft-affinity"]}}

    found = extras.post("/os-server-groups", body, version="2.63").json()["server_group"]
    assert found.keys() == {"id", "name", "policies", "metadata", "members", "project_id", "user_id"}
    assert (found["policies"], found["metadata"]) == (["soft-affinity"], {})
    oldest = extras.get(f"/os-server-groups/{found['id']}", version="2.12").json()["server_group"]
    assert oldest.keys() == {"id", "name", "policies", "metadata", "members"}
    assert extras.post("/os-server-groups", body, version="2.14").status_code == 400
    assert extras.post("/os-server-groups", body, version="2.64").status_code == 400
    assert extras.post("/os-server-groups", group(), version="2.63").status_code == 400


def test_members_are_the_live_instances(extras: Api) -> None:
    found = made(extras)["id"]
    first, second = (extras.add_instance(server_group=found) for _ in range(2))
    extras.remove_instance(first)

    shown = extras.get(f"/os-server-groups/{found}", user="demo").json()["server_group"]
    assert shown["members"] == [second]
    listed = {item["id"]: item for item in extras.get("/os-server-groups", user="demo").json()["server_groups"]}
    assert listed[found]["members"] == [second]
    extras.remove_instance(second)


def test_projects_see_their_own(extras: Api) -> None:
    mine = made(extras)["id"]

    def listed(query: str, user: str) -> set[str]:
        return {item["id"] for item in extras.get(f"/os-server-groups{query}", user=user).json()["server_groups"]}

    assert mine in listed("", "colleague")
    assert mine not in listed("", "other")
    assert mine not in listed("?all_projects=True", "other")
    assert mine not in listed("", "admin")
    assert mine in listed("?all_projects=True", "admin")
    assert extras.get(f"/os-server-groups/{mine}", user="other").status_code == 404
    assert extras.delete(f"/os-server-groups/{mine}", user="other").status_code == 404
    assert extras.get(f"/os-server-groups/{mine}", user="admin").status_code == 200


def test_readers_only_read(extras: Api) -> None:
    mine = made(extras)["id"]

    assert extras.get(f"/os-server-groups/{mine}", user="reader").status_code == 200
    assert extras.post("/os-server-groups", group(), user="reader").status_code == 403
    assert extras.delete(f"/os-server-groups/{mine}", user="reader").status_code == 403


def test_pages_by_offset(extras: Api) -> None:
    user = "demo:p-pages"
    names = [made(extras, user=user, name=f"g{number}")["name"] for number in range(4)]

    page = extras.get("/os-server-groups?limit=2&offset=1", user=user).json()["server_groups"]
    assert [item["name"] for item in page] == names[1:3]
    for query in ("offset=-1", "offset=x", "limit=x", "odd=1"):
        assert extras.get(f"/os-server-groups?{query}", user=user).status_code == 400


def test_the_quota_of_groups(extras: Api) -> None:
    user = "demo:p-groups"
    assert extras.put("/os-quota-sets/p-groups", {"quota_set": {"server_groups": 1}}).status_code == 200

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: extras.post("/os-server-groups", group(), user=user), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    refusals = {message_of(answer) for answer in answers if answer.status_code == 403}
    assert refusals == {"Quota exceeded, too many server groups."}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " g"},
        {"name": "n" * 256},
        {"name": "a\nb"},
        {"policy": "nearby"},
        {"policy": None},
        {"rules": {"max_server_per_host": 0}},
        {"rules": {"max_server_per_host": 2**31}},
        {"rules": {"max_server_per_host": "many"}},
        {"rules": {"more": 1}},
        {"rules": []},
        {"policy": "affinity", "rules": {"max_server_per_host": 2}},
        {"policies": ["affinity"]},
    ],
    ids=str,
)
def test_bad_groups_are_refused(extras: Api, fields: dict[str, Any]) -> None:
    assert extras.post("/os-server-groups", group(**fields)).status_code == 400


@pytest.mark.parametrize("policies", [[], ["affinity", "anti-affinity"], "affinity", [1], None])
def test_bad_policies_of_older_versions(extras: Api, policies: object) -> None:
    body = {"server_group": {"name": "g", "policies": policies}}

    assert extras.post("/os-server-groups", body, version="2.20").status_code == 400


def test_names_are_not_ids(extras: Api) -> None:
    answer = extras.get("/os-server-groups/recgrp")

    assert (answer.status_code, message_of(answer)) == (404, "Instance group recgrp could not be found.")
    assert extras.get(f"/os-server-groups/{uuid4()}").status_code == 404
