from __future__ import annotations

import concurrent.futures

import pytest

from tests.cloud.identity.running import DOMAIN, Identity, password_auth

REFUSED = "The request you have made requires authentication."


def test_login_by_user_id_and_project_id(identity: Identity) -> None:
    said = identity.demo.document
    proof = {"user": {"id": said["user"]["id"], "password": "demo-secret"}}
    auth = {
        "identity": {"methods": ["password"], "password": proof},
        "scope": {"project": {"id": said["project"]["id"]}},
    }
    assert identity.caller(auth).document["project"] == said["project"]


def test_domains_go_by_name_too(identity: Identity) -> None:
    auth = password_auth("demo", "demo-secret", {"project": {"name": "demo", "domain": {"name": "Default"}}})
    auth["identity"]["password"]["user"]["domain"] = {"name": "Default"}
    assert identity.authenticate(auth).status_code == 201


@pytest.mark.parametrize(
    ("user", "password"),
    [("demo", "wrong"), ("nobody", "demo-secret"), ("demo", ""), ("DEMO", "demo-secret"), ("demo\x00", "demo-secret")],
)
def test_a_wrong_proof_is_unauthorized_in_the_same_words(identity: Identity, user: str, password: str) -> None:
    reply = identity.authenticate(password_auth(user, password))
    assert (reply.status_code, reply.json()["error"]["message"]) == (401, REFUSED)
    assert "X-Subject-Token" not in reply.headers
    assert identity.demo.is_valid  # and forgets the wrong guesses


def test_another_domain_is_unauthorized(identity: Identity) -> None:
    auth = password_auth("demo", "demo-secret", {"project": {"name": "demo", "domain": {"id": "elsewhere"}}})
    assert identity.authenticate(auth).status_code == 401
    auth = password_auth("demo", "demo-secret")
    auth["identity"]["password"]["user"]["domain"] = {"name": "elsewhere"}
    assert identity.authenticate(auth).status_code == 401


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}])
def test_an_unscoped_token_is_for_no_project(identity: Identity, scope: object) -> None:
    caller = identity.caller(password_auth("demo", "demo-secret", scope))
    assert {"project", "roles", "catalog"}.isdisjoint(caller.document)
    assert [project["name"] for project in caller.ok("GET", "/v3/auth/projects")["projects"]] == ["demo"]
    assert caller("GET", f"/v3/projects/{identity.demo.document['project']['id']}").status_code == 403


def test_without_a_scope_a_users_default_project_is_taken(identity: Identity) -> None:
    assert identity.caller(password_auth("demo", "demo-secret")).document["project"]["name"] == "demo"
    assert "project" not in identity.caller(password_auth("admin", "admin-secret")).document


def test_a_project_without_a_role_is_unauthorized(identity: Identity) -> None:
    for project in ("admin", "service", "no-such"):
        scope = {"project": {"name": project, "domain": DOMAIN}}
        reply = identity.authenticate(password_auth("demo", "demo-secret", scope))
        assert (reply.status_code, reply.json()["error"]["message"]) == (401, REFUSED)


@pytest.mark.parametrize("scope", [{"domain": {"id": "default"}}, {"system": {"all": True}}])
def test_scopes_there_are_not_are_refused_with_a_way_out(identity: Identity, scope: object) -> None:
    reply = identity.authenticate(password_auth("admin", "admin-secret", scope))
    assert reply.status_code == 401
    assert "Name a project instead" in reply.json()["error"]["message"]


@pytest.mark.parametrize("methods", [["totp"], ["password", "totp"], ["saml2", "token"]])
def test_methods_there_are_not_are_unauthorized(identity: Identity, methods: list[str]) -> None:
    reply = identity.authenticate({"identity": {"methods": methods}})
    assert reply.status_code == 401
    assert "unsupported" in reply.json()["error"]["message"]


def test_a_token_buys_a_token_that_lasts_no_longer(identity: Identity) -> None:
    first = identity.login("demo", "demo-secret")
    scope = {"project": {"name": "demo", "domain": DOMAIN}}
    auth = {"identity": {"methods": ["token"], "token": {"id": first.token}}, "scope": scope}
    second = identity.caller(auth)
    assert second.document["methods"] == ["password", "token"]
    assert second.document["expires_at"] == first.document["expires_at"]
    assert second.document["audit_ids"][1] == first.document["audit_ids"][0]
    assert second.document["project"]["name"] == "demo"


@pytest.mark.parametrize("token", ["no-such", ""])
def test_a_bad_token_buys_nothing(identity: Identity, token: str) -> None:
    assert identity.authenticate({"identity": {"methods": ["token"], "token": {"id": token}}}).status_code == 401


def test_a_token_buys_no_project_of_others(identity: Identity) -> None:
    auth = {
        "identity": {"methods": ["token"], "token": {"id": identity.demo.token}},
        "scope": {"project": {"name": "admin", "domain": DOMAIN}},
    }
    assert identity.authenticate(auth).status_code == 401


def test_too_many_wrong_passwords_lock_an_account_for_a_while(identity: Identity) -> None:
    project = identity.new_project()
    user = identity.new_user(project)
    for _ in range(3):
        assert identity.authenticate(password_auth(user["name"], "wrong")).status_code == 401
    assert identity.authenticate(password_auth(user["name"], "secret")).status_code == 401
    assert identity.demo.is_valid
    identity.clock.ahead_s = 61
    assert identity.authenticate(password_auth(user["name"], "secret")).status_code == 201


def test_guesses_at_the_same_time_count_as_those_one_by_one(identity: Identity) -> None:
    user = identity.new_user(identity.new_project())
    guesses = ["wrong"] * 6 + ["secret"] * 6
    with concurrent.futures.ThreadPoolExecutor(len(guesses)) as threads:
        for guess in guesses[:6]:
            assert identity.authenticate(password_auth(user["name"], guess)).status_code == 401
        replies = list(threads.map(lambda guess: identity.authenticate(password_auth(user["name"], guess)), guesses))
    assert {reply.status_code for reply in replies} == {401}


def test_nobody_locks_a_service_out(identity: Identity) -> None:
    for _ in range(5):
        assert identity.authenticate(password_auth("nova", "wrong")).status_code == 401
    assert identity.nova.is_valid


def test_a_disabled_user_does_not_log_in(identity: Identity) -> None:
    user = identity.new_user()
    identity.admin.ok("PATCH", f"/v3/users/{user['id']}", {"user": {"enabled": False}})
    assert identity.authenticate(password_auth(user["name"], "secret")).status_code == 401


def test_many_log_in_at_once(identity: Identity) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        tokens = list(threads.map(lambda _: identity.demo.token, range(16)))
    assert len(set(tokens)) == 16
