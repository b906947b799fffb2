"""Quota sets: shown to the project, set by administrators, never below what is used unless forced."""

from __future__ import annotations

from typing import Any

import pytest

from tests.boot.api.extras_harness import Api, message_of

DEFAULTS = {
    "instances": 10,
    "cores": 20,
    "ram": 51_200,
    "key_pairs": 100,
    "metadata_items": 128,
    "server_groups": 10,
    "server_group_members": 10,
}
FILES = {"injected_files": 5, "injected_file_content_bytes": 10_240, "injected_file_path_bytes": 255}
NETWORK = {"fixed_ips": -1, "floating_ips": -1, "security_groups": -1, "security_group_rules": -1}


@pytest.mark.parametrize(
    ("version", "more"), [("2.57", {}), ("2.56", FILES), ("2.36", FILES), ("2.35", FILES | NETWORK)]
)
def test_the_resources_depend_on_the_version(extras: Api, version: str, more: dict[str, int]) -> None:
    expected = {"quota_set": {"id": "p-other"} | DEFAULTS | more}

    assert extras.get("/os-quota-sets/p-other", version=version).json() == expected
    assert extras.get("/os-quota-sets/p-other/defaults", user="demo", version=version).json() == expected


def test_a_project_sees_its_own(extras: Api) -> None:
    assert extras.get("/os-quota-sets/p-demo", user="reader").status_code == 200
    assert extras.get("/os-quota-sets/p-demo/detail", user="reader").status_code == 200
    for path in ("", "/detail"):
        refused = extras.get(f"/os-quota-sets/p-demo{path}", user="other")
        assert refused.status_code == 403
        assert message_of(refused) == "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed."


def test_limits_are_set_and_reset(extras: Api) -> None:
    place = "/os-quota-sets/p-set"

    changed = extras.put(place, {"quota_set": {"cores": 99, "ram": "-1", "tenant_id": "p-set"}})
    assert changed.json() == {"quota_set": DEFAULTS | {"cores": 99, "ram": -1}}
    extras.put(place, {"quota_set": {"cores": 98}})
    assert extras.get(place).json()["quota_set"].items() >= {"cores": 98, "ram": -1}.items()
    assert extras.get(f"{place}/defaults").json()["quota_set"]["cores"] == 20
    assert extras.delete(place).status_code == 202
    assert extras.get(place).json()["quota_set"]["cores"] == 20


def test_usage_is_counted(extras: Api) -> None:
    place = "/os-quota-sets/p-used"
    uuids = [extras.add_instance(project_id="p-used") for _ in range(2)]
    extras.post("/os-server-groups", {"server_group": {"name": "g", "policy": "affinity"}}, user="demo:p-used")

    detail = extras.get(f"{place}/detail").json()["quota_set"]
    used = {name: figures["in_use"] for name, figures in detail.items() if name != "id"}
    assert used == dict.fromkeys(DEFAULTS, 0) | {"instances": 2, "cores": 2, "ram": 1024, "server_groups": 1}
    assert detail["cores"] == {"limit": 20, "in_use": 2, "reserved": 0}

    refused = extras.put(place, {"quota_set": {"cores": 1}})
    assert refused.status_code == 400
    assert message_of(refused) == (
        "Quota limit 1 for cores must be greater than or equal to already used and reserved 2."
    )
    assert extras.put(place, {"quota_set": {"cores": 1, "force": True}}).json()["quota_set"]["cores"] == 1
    for uuid in uuids:
        extras.remove_instance(uuid)


@pytest.mark.parametrize(
    "fields",
    [
        {"cores": -2},
        {"cores": 2**31},
        {"cores": "many"},
        {"cores": "1" * 30},
        {"cores": 1.5},
        {"cores": True},
        {"force": "perhaps"},
        {"injected_files": 5},
        {"floating_ips": 5},
        {"gold": 1},
    ],
    ids=str,
)
def test_bad_limits_are_refused(extras: Api, fields: dict[str, Any]) -> None:
    assert extras.put("/os-quota-sets/p-bad", {"quota_set": fields}).status_code == 400
    assert extras.get("/os-quota-sets/p-bad").json()["quota_set"] == {"id": "p-bad"} | DEFAULTS


def test_older_versions_take_what_they_show(extras: Api) -> None:
    body = {"quota_set": {"injected_files": 6, "floating_ips": 7}}

    assert extras.put("/os-quota-sets/p-older", body, version="2.35").json()["quota_set"]["injected_files"] == 6
    assert extras.put("/os-quota-sets/p-older", body, version="2.36").status_code == 400


def test_only_administrators_change(extras: Api) -> None:
    assert extras.put("/os-quota-sets/p-demo", {"quota_set": {"cores": 1}}, user="demo").status_code == 403
    assert extras.delete("/os-quota-sets/p-demo", user="demo").status_code == 403


def test_the_one_quota_class(extras: Api) -> None:
    shown = extras.get("/os-quota-class-sets/default").json()

    assert shown == {"quota_class_set": {"id": "default"} | DEFAULTS}
    assert extras.get("/os-quota-class-sets/gold").status_code == 404
    assert extras.get("/os-quota-class-sets/default", user="demo").status_code == 403
