from __future__ import annotations

import pytest

from tests.cloud.identity.running import Identity


def test_an_endpoint_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    service = admin.ok("POST", "/v3/services", {"service": {"type": "metric"}}, status=201)["service"]
    given = {
        "service_id": service["id"],
        "interface": "public",
        "url": "http://m:1/%(tenant_id)s",
        "region": "RegionOne",
    }
    made = admin.ok("POST", "/v3/endpoints", {"endpoint": given}, status=201)["endpoint"]
    assert (made["region"], made["region_id"], made["enabled"]) == ("RegionOne", "RegionOne", True)
    path = f"/v3/endpoints/{made['id']}"
    assert admin.ok("GET", path)["endpoint"] == made
    for query in (f"service_id={service['id']}", f"service_id={service['id']}&interface=public&region_id=RegionOne"):
        assert admin.ok("GET", f"/v3/endpoints?{query}")["endpoints"] == [made]
    assert admin.ok("GET", f"/v3/endpoints?service_id={service['id']}&interface=admin")["endpoints"] == []
    said = identity.demo.document
    entry = next(entry for entry in said["catalog"] if entry["type"] == "metric")
    assert entry["endpoints"][0]["url"] == f"http://m:1/{said['project']['id']}"
    assert admin.ok("PATCH", path, {"endpoint": {"url": "http://m:2"}})["endpoint"]["url"] == "http://m:2"
    admin.ok("PATCH", path, {"endpoint": {"enabled": False}})
    assert "metric" not in {entry["type"] for entry in identity.demo.document["catalog"]}
    admin.ok("DELETE", path, status=204)
    for method in ("GET", "DELETE"):
        assert admin(method, path).status_code == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"interface": "publicURL"},
        {"interface": None},
        {"url": "ftp://x"},
        {"url": "http://a b"},
        {"url": 5},
        {"service_id": "no-such"},
        {"region_id": "no-such"},
        {"enabled": "yes"},
        {"unknown": 1},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(identity: Identity, changed: dict[str, object]) -> None:
    admin = identity.admin
    service = admin.ok("GET", "/v3/services?type=image")["services"][0]
    given = {"service_id": service["id"], "interface": "public", "url": "http://x:1"}
    assert admin("POST", "/v3/endpoints", {"endpoint": given | changed}).status_code == 400
    endpoint = admin.ok("GET", f"/v3/endpoints?service_id={service['id']}")["endpoints"][0]
    assert admin("PATCH", f"/v3/endpoints/{endpoint['id']}", {"endpoint": changed}).status_code == 400
    assert admin.ok("GET", f"/v3/endpoints/{endpoint['id']}")["endpoint"] == endpoint


def test_endpoints_are_for_administrators(identity: Identity) -> None:
    demo = identity.demo
    assert demo("GET", "/v3/endpoints").status_code == 403
    assert demo("POST", "/v3/endpoints", {"endpoint": {}}).status_code == 403
