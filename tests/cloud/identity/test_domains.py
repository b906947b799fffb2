from __future__ import annotations

from tests.cloud.identity.running import Identity


def test_there_is_one_domain(identity: Identity) -> None:
    admin = identity.admin
    listed = admin.ok("GET", "/v3/domains")["domains"]
    assert [domain["id"] for domain in listed] == ["default"]
    assert admin.ok("GET", "/v3/domains?name=Default")["domains"] == listed
    assert admin.ok("GET", "/v3/domains?name=Other")["domains"] == []
    assert admin.ok("GET", "/v3/domains?enabled=false")["domains"] == []
    assert admin.ok("GET", "/v3/domains/default")["domain"] == listed[0]
    assert admin("GET", "/v3/domains/Default").status_code == 404


def test_it_stays_as_it_is(identity: Identity) -> None:
    for caller in (identity.admin, identity.demo):
        assert caller("POST", "/v3/domains", {"domain": {"name": "x"}}).status_code == 403
        assert caller("PATCH", "/v3/domains/default", {"domain": {"enabled": False}}).status_code == 403
        assert caller("DELETE", "/v3/domains/default").status_code == 403
    assert identity.demo("GET", "/v3/domains").status_code == 403
    assert identity.demo("GET", "/v3/domains/default").status_code == 200
