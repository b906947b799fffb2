from __future__ import annotations

import pytest

from tests.cloud.identity.running import Identity


def test_a_service_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    made = admin.ok("POST", "/v3/services", {"service": {"type": "dns", "name": "designate"}}, status=201)["service"]
    path = f"/v3/services/{made['id']}"
    assert admin.ok("GET", path)["service"] == made
    assert admin.ok("GET", "/v3/services?type=dns")["services"] == [made]
    assert admin.ok("GET", "/v3/services?name=designate")["services"] == [made]
    endpoint = {"service_id": made["id"], "interface": "public", "url": "http://dns:9001"}
    admin.ok("POST", "/v3/endpoints", {"endpoint": endpoint}, status=201)
    assert "dns" in {entry["type"] for entry in identity.demo.document["catalog"]}
    admin.ok("PATCH", path, {"service": {"enabled": False, "description": "off"}})
    assert "dns" not in {entry["type"] for entry in identity.demo.document["catalog"]}
    admin.ok("DELETE", path, status=204)
    assert admin.ok("GET", f"/v3/endpoints?service_id={made['id']}")["endpoints"] == []
    for method in ("GET", "DELETE"):
        assert admin(method, path).json()["error"]["message"] == f"Could not find service: {made['id']}."


@pytest.mark.parametrize("service", [None, {}, {"type": ""}, {"type": 1}, {"type": "x", "enabled": "on"}, {"a": 1}])
def test_a_service_that_makes_no_sense_is_refused(identity: Identity, service: object) -> None:
    assert identity.admin("POST", "/v3/services", {"service": service}).status_code == 400


def test_services_are_for_administrators(identity: Identity) -> None:
    demo = identity.demo
    assert demo("GET", "/v3/services").status_code == 403
    assert demo("POST", "/v3/services", {"service": {"type": "x"}}).status_code == 403
