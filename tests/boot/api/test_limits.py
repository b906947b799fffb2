"""Absolute limits, by version and by project."""

from __future__ import annotations

from tests.boot.api.extras_harness import Api

LATEST = {
    "maxTotalCores": 20,
    "maxTotalInstances": 10,
    "maxTotalRAMSize": 51_200,
    "maxTotalKeypairs": 100,
    "maxServerMeta": 128,
    "maxServerGroups": 10,
    "maxServerGroupMembers": 10,
    "totalCoresUsed": 0,
    "totalInstancesUsed": 0,
    "totalRAMUsed": 0,
    "totalServerGroupsUsed": 0,
}


def test_limits_of_the_latest_version(extras: Api) -> None:
    answer = extras.get("/limits", user="demo:p-limits")

    assert answer.json() == {"limits": {"rate": [], "absolute": LATEST}}


def test_the_first_version_shows_more(extras: Api) -> None:
    absolute = extras.get("/limits?reserved=False", user="demo:p-limits", version="").json()["limits"]["absolute"]

    assert absolute == LATEST | {
        "maxImageMeta": 128,
        "maxPersonality": 5,
        "maxPersonalitySize": 10_240,
        "maxTotalFloatingIps": -1,
        "maxSecurityGroups": -1,
        "maxSecurityGroupRules": -1,
        "totalFloatingIpsUsed": 0,
        "totalSecurityGroupsUsed": 0,
    }


def test_use_and_own_quota_are_counted(extras: Api) -> None:
    uuid = extras.add_instance(project_id="p-counted")
    extras.put("/os-quota-sets/p-counted", {"quota_set": {"cores": 64}})

    own = extras.get("/limits", user="demo:p-counted").json()["limits"]["absolute"]
    assert (own["maxTotalCores"], own["totalCoresUsed"], own["totalRAMUsed"], own["totalInstancesUsed"]) == (
        64,
        1,
        512,
        1,
    )
    assert extras.get("/limits?tenant_id=p-counted").json()["limits"]["absolute"] == own
    assert extras.get("/limits?tenant_id=p-counted", user="other").status_code == 403
    assert extras.get("/limits?odd=1").status_code == 400
    extras.remove_instance(uuid)
