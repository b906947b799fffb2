from __future__ import annotations

import pytest
import requests

from tests.cloud.identity.running import DOMAIN, Caller, Identity, password_auth

HOUR = 3600


def test_a_token_says_what_clients_and_services_need(identity: Identity) -> None:
    reply = identity.authenticate(password_auth("demo", "demo-secret", {"project": {"name": "demo", "domain": DOMAIN}}))
    assert reply.status_code == 201
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Openstack-Request-Id"].startswith("req-")
    assert len(reply.headers["X-Subject-Token"]) == 43
    token = reply.json()["token"]
    assert token["methods"] == ["password"]
    assert token["expires_at"].endswith("Z")
    assert len(token["expires_at"]) == len("2026-11-22T13:15:44.000000Z")
    assert token["user"]["name"] == "demo"
    assert token["user"]["domain"] == {"id": "default", "name": "Default"}
    assert token["project"]["name"] == "demo"
    assert len(token["project"]["id"]) == 32
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]
    assert token["is_domain"] is False
    catalog = {entry["type"]: entry for entry in token["catalog"]}
    assert set(catalog) == {"identity", "compute", "image", "network", "block-storage", "volumev3"}
    assert {endpoint["interface"] for endpoint in catalog["compute"]["endpoints"]} == {"public", "internal", "admin"}
    assert {endpoint["region_id"] for endpoint in catalog["compute"]["endpoints"]} == {"RegionOne"}


def test_admin_has_the_implied_roles(identity: Identity) -> None:
    assert [role["name"] for role in identity.admin.document["roles"]] == ["admin", "member", "reader"]
    assert "service" in [role["name"] for role in identity.nova.document["roles"]]


@pytest.mark.parametrize("path", ["/v3/auth/tokens?nocatalog", "/v3/auth/tokens?nocatalog=1"])
def test_the_catalog_can_be_left_out(identity: Identity, path: str) -> None:
    reply = identity.authenticate(password_auth("demo", "demo-secret"), path)
    assert reply.status_code == 201
    assert "catalog" not in reply.json()["token"]


def test_a_service_validates_a_users_token(identity: Identity) -> None:
    demo = identity.demo
    reply = identity.nova("GET", "/v3/auth/tokens", X_Subject_Token=demo.token, OpenStack_Identity_Access_Rules="1")
    assert reply.status_code == 200
    assert reply.json()["token"] == demo.document
    assert reply.headers["X-Subject-Token"] == demo.token


def test_head_answers_without_a_body(identity: Identity) -> None:
    nova = identity.nova
    assert nova("HEAD", "/v3/auth/tokens", X_Subject_Token=identity.demo.token).status_code == 200
    assert nova("HEAD", "/v3/auth/tokens", X_Subject_Token="no-such").status_code == 404


@pytest.mark.parametrize("subject", ["no-such-token", "x" * 5000, "' OR 1=1 --", "%00"])
def test_an_unknown_token_is_not_found(identity: Identity, subject: str) -> None:
    reply = identity.nova("GET", "/v3/auth/tokens", X_Subject_Token=subject)
    assert (reply.status_code, reply.json()["error"]["message"]) == (404, "Failed to validate token")


def test_validation_without_a_subject_is_not_found(identity: Identity) -> None:
    assert identity.nova("GET", "/v3/auth/tokens").status_code == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("token", ["", "no-such-token"])
def test_a_caller_with_a_bad_token_is_unauthorized(identity: Identity, method: str, token: str) -> None:
    reply = Caller(identity.url, token)(method, "/v3/auth/tokens", X_Subject_Token=identity.demo.token)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Keystone uri=")
    assert reply.json()["error"] == {
        "code": 401,
        "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }


def test_a_user_validates_only_its_own_token(identity: Identity) -> None:
    demo, admin = identity.demo, identity.admin
    assert demo("GET", "/v3/auth/tokens", X_Subject_Token=admin.token).status_code == 403
    assert demo("GET", "/v3/auth/tokens", X_Subject_Token=identity.demo.token).status_code == 200


def test_a_user_revokes_its_own_token_and_no_other(identity: Identity) -> None:
    demo, other, admin = identity.demo, identity.demo, identity.admin
    assert demo("DELETE", "/v3/auth/tokens", X_Subject_Token=admin.token).status_code == 403
    assert demo("DELETE", "/v3/auth/tokens", X_Subject_Token=other.token).status_code == 204
    assert not other.is_valid
    assert demo("DELETE", "/v3/auth/tokens", X_Subject_Token=demo.token).status_code == 204
    assert demo("GET", "/v3/auth/projects").status_code == 401
    assert admin("GET", "/v3/auth/tokens", X_Subject_Token=demo.token).status_code == 404


def test_an_expired_token_counts_only_for_who_asks_for_expired_ones(identity: Identity) -> None:
    demo = identity.demo
    identity.clock.ahead_s = HOUR + 1
    nova = identity.nova
    assert demo("GET", "/v3/auth/projects").status_code == 401
    assert nova("GET", "/v3/auth/tokens", X_Subject_Token=demo.token).status_code == 404
    reply = nova("GET", "/v3/auth/tokens?allow_expired=1", X_Subject_Token=demo.token)
    assert reply.status_code == 200
    assert reply.json()["token"]["user"]["name"] == "demo"
    identity.clock.ahead_s = 49 * HOUR + 1
    nova = identity.nova
    assert nova("GET", "/v3/auth/tokens?allow_expired=1", X_Subject_Token=demo.token).status_code == 404


def test_an_expired_token_that_was_revoked_counts_for_nobody(identity: Identity) -> None:
    demo = identity.demo
    demo("DELETE", "/v3/auth/tokens", X_Subject_Token=demo.token)
    assert identity.nova("GET", "/v3/auth/tokens?allow_expired=1", X_Subject_Token=demo.token).status_code == 404


def test_the_caller_sees_the_projects_it_can_choose(identity: Identity) -> None:
    found = identity.demo.ok("GET", "/v3/auth/projects")
    assert [project["name"] for project in found["projects"]] == ["demo"]
    assert found["links"]["self"] == f"{identity.url}/v3/auth/projects"
    assert identity.demo.ok("GET", "/v3/auth/domains")["domains"] == []


def test_the_catalog_of_the_caller(identity: Identity) -> None:
    assert identity.demo.ok("GET", "/v3/auth/catalog")["catalog"] == identity.demo.document["catalog"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "auth",
        {},
        {"auth": None},
        {"auth": {}},
        {"auth": {"identity": {}}},
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": "password"}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo"}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo", "password": "x"}}}}},
        {"auth": password_auth("demo", "x" * 5000)},
        {"auth": password_auth("d" * 300, "x")},
        {"auth": password_auth("demo", "demo-secret", {})},
        {"auth": password_auth("demo", "demo-secret", {"project": {"name": "demo"}})},
        {"auth": password_auth("demo", "demo-secret", {"project": {"id": 5}})},
        {"auth": password_auth("demo", "demo-secret") | {"unknown": 1}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": 10**18, "password": "x"}}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": True}}}},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(identity: Identity, body: object) -> None:
    reply = requests.post(f"{identity.url}/v3/auth/tokens", json=body, timeout=20)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["title"] == "Bad Request"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"auth": ' + b"9" * 5000 + b"}"])
def test_a_body_that_is_no_json_is_refused(identity: Identity, body: bytes) -> None:
    reply = requests.post(f"{identity.url}/v3/auth/tokens", data=body, timeout=20)
    assert reply.status_code == 400


def test_a_body_that_is_too_large_is_refused(identity: Identity) -> None:
    reply = requests.post(f"{identity.url}/v3/auth/tokens", data=b"x" * 200_000, timeout=20)
    assert reply.status_code == 413
