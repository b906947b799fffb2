from __future__ import annotations

import pytest

from tests.cloud.identity.running import Identity


def test_a_region_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    made = admin.ok("POST", "/v3/regions", {"region": {"id": "North"}}, status=201)["region"]
    assert made == {
        "id": "North",
        "description": "",
        "parent_region_id": None,
        "links": {"self": f"{identity.url}/v3/regions/North"},
    }
    inner = {"id": "Oslo", "parent_region_id": "North"}
    admin.ok("POST", "/v3/regions", {"region": inner}, status=201)
    assert [item["id"] for item in admin.ok("GET", "/v3/regions?parent_region_id=North")["regions"]] == ["Oslo"]
    assert admin("POST", "/v3/regions", {"region": inner}).status_code == 409
    assert admin("PATCH", "/v3/regions/North", {"region": {"parent_region_id": "Oslo"}}).status_code == 409
    assert admin("PATCH", "/v3/regions/North", {"region": {"parent_region_id": "no-such"}}).status_code == 404
    assert admin.ok("PATCH", "/v3/regions/North", {"region": {"description": "d"}})["region"]["description"] == "d"
    assert admin("DELETE", "/v3/regions/North").status_code == 409
    admin.ok("DELETE", "/v3/regions/Oslo", status=204)
    admin.ok("DELETE", "/v3/regions/North", status=204)
    assert admin("GET", "/v3/regions/North").status_code == 404
    assert len(admin.ok("POST", "/v3/regions", {"region": {}}, status=201)["region"]["id"]) == 32


def test_a_region_with_endpoints_stays(identity: Identity) -> None:
    assert identity.admin("DELETE", "/v3/regions/RegionOne").status_code == 409


def test_everybody_reads_regions(identity: Identity) -> None:
    demo = identity.demo
    assert "RegionOne" in {item["id"] for item in demo.ok("GET", "/v3/regions")["regions"]}
    assert demo.ok("GET", "/v3/regions/RegionOne")["region"]["id"] == "RegionOne"
    assert demo("POST", "/v3/regions", {"region": {"id": "x"}}).status_code == 403
    assert demo("DELETE", "/v3/regions/RegionOne").status_code == 403


@pytest.mark.parametrize("region", [None, {"id": ""}, {"id": "a/b"}, {"id": 1}, {"id": "x" * 256}, {"unknown": 1}])
def test_a_region_that_makes_no_sense_is_refused(identity: Identity, region: object) -> None:
    assert identity.admin("POST", "/v3/regions", {"region": region}).status_code == 400
