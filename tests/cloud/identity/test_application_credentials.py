from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.identity.running import DOMAIN, Caller, Identity


def make(caller: Caller, name: str, **given: object) -> dict[str, Any]:
    path = f"/v3/users/{caller.document['user']['id']}/application_credentials"
    body = {"application_credential": {"name": name, **given}}
    made: dict[str, Any] = caller.ok("POST", path, body, status=201)["application_credential"]
    return made


def auth(credential: dict[str, Any], **changed: object) -> dict[str, Any]:
    proof = {"id": credential["id"], "secret": credential["secret"]} | changed
    return {"identity": {"methods": ["application_credential"], "application_credential": proof}}


def own(identity: Identity) -> tuple[Caller, dict[str, Any], dict[str, Any]]:
    """A new user, its project, and the user as a caller in it."""
    project = identity.new_project()
    user = identity.new_user(project)
    return identity.login(user["name"], "secret", project["name"]), user, project


def test_a_secret_is_shown_once_and_logs_in(identity: Identity) -> None:
    caller, user, project = own(identity)
    made = make(caller, "ci", description="d")
    assert len(made["secret"]) >= 64
    assert (made["project_id"], made["unrestricted"], made["expires_at"]) == (project["id"], False, None)
    assert [role["name"] for role in made["roles"]] == ["member", "reader"]
    path = f"/v3/users/{user['id']}/application_credentials"
    shown = caller.ok("GET", f"{path}/{made['id']}")["application_credential"]
    assert "secret" not in shown
    assert caller.ok("GET", path)["application_credentials"] == [shown]
    assert caller.ok("GET", f"{path}?name=other")["application_credentials"] == []
    program = identity.caller(auth(made))
    said = program.document
    assert said["methods"] == ["application_credential"]
    assert said["application_credential"] == {"id": made["id"], "name": "ci", "restricted": True}
    assert (said["user"]["id"], said["project"]["id"]) == (user["id"], project["id"])
    assert said["catalog"]


def test_login_by_name_and_user(identity: Identity) -> None:
    caller, user, _ = own(identity)
    made = make(caller, "by-name", secret="chosen")
    assert made["secret"] == "chosen"
    for named in ({"id": user["id"]}, {"name": user["name"], "domain": DOMAIN}):
        proof = {"name": "by-name", "secret": "chosen", "user": named}
        wanted = {"identity": {"methods": ["application_credential"], "application_credential": proof}}
        assert identity.caller(wanted).document["user"]["id"] == user["id"]


def test_a_wrong_proof_is_unauthorized(identity: Identity) -> None:
    caller, _, _ = own(identity)
    made = make(caller, "x")
    assert identity.authenticate(auth(made, secret="wrong")).status_code == 401
    assert identity.authenticate(auth(made, id="0" * 32)).status_code == 401
    scoped = auth(made) | {"scope": {"project": {"name": "demo", "domain": DOMAIN}}}
    assert identity.authenticate(scoped).status_code == 401
    nameless = {"identity": {"methods": ["application_credential"], "application_credential": {"secret": "s"}}}
    assert identity.authenticate(nameless).status_code == 401


def test_roles_are_a_choice_of_those_held(identity: Identity) -> None:
    caller, user, _ = own(identity)
    reader = make(caller, "reader", roles=[{"name": "reader"}])
    assert [role["name"] for role in identity.caller(auth(reader)).document["roles"]] == ["reader"]
    path = f"/v3/users/{user['id']}/application_credentials"
    for role in ({"name": "admin"}, {"id": identity.role_id("admin")}, {}, {"name": "no-such"}):
        body = {"application_credential": {"name": "more", "roles": [role]}}
        assert caller("POST", path, body).status_code == 400


def test_a_restricted_program_makes_no_other_credentials_and_no_other_tokens(identity: Identity) -> None:
    caller, user, _ = own(identity)
    path = f"/v3/users/{user['id']}/application_credentials"
    program = identity.caller(auth(make(caller, "narrow")))
    assert program("POST", path, {"application_credential": {"name": "y"}}).status_code == 403
    assert program("DELETE", f"{path}/no-such").status_code == 403
    bought = identity.authenticate({"identity": {"methods": ["token"], "token": {"id": program.token}}})
    assert bought.status_code == 403
    free = identity.caller(auth(make(caller, "free", unrestricted=True, roles=[{"name": "reader"}])))
    child = make(free, "child")
    assert [role["name"] for role in child["roles"]] == ["reader"]


def test_it_ends_when_it_expires_is_deleted_or_loses_its_role(identity: Identity) -> None:
    caller, user, project = own(identity)
    path = f"/v3/users/{user['id']}/application_credentials"
    short = make(caller, "short", expires_at="2099-01-01T00:00:00")
    assert short["expires_at"] == "2099-01-01T00:00:00.000000"
    program = identity.caller(auth(short))
    caller.ok("DELETE", f"{path}/{short['id']}", status=204)
    assert not program.is_valid
    assert identity.authenticate(auth(short)).status_code == 401
    assert caller("DELETE", f"{path}/{short['id']}").status_code == 404
    kept = make(caller, "kept")
    role = f"/v3/projects/{project['id']}/users/{user['id']}/roles/{identity.role_id('member')}"
    program = identity.caller(auth(kept))
    identity.admin.ok("DELETE", role, status=204)
    identity.admin.ok("PUT", role, status=204)
    assert not program.is_valid
    assert identity.authenticate(auth(kept)).status_code == 401


def test_an_expired_one_and_its_tokens_count_no_more(identity: Identity) -> None:
    caller, _, _ = own(identity)
    made = make(caller, "soon", expires_at="2099-01-01T00:00:00Z")
    program = identity.caller(auth(made))
    identity.clock.ahead_s = 100 * 365 * 86400
    assert identity.authenticate(auth(made)).status_code == 401
    assert identity.nova("GET", "/v3/auth/tokens", X_Subject_Token=program.token).status_code == 404


def test_others_do_not_see_or_touch_it(identity: Identity) -> None:
    caller, user, _ = own(identity)
    made = make(caller, "mine")
    path = f"/v3/users/{user['id']}/application_credentials"
    demo = identity.demo
    assert demo("GET", path).status_code == 403
    assert demo("GET", f"{path}/{made['id']}").status_code == 403
    assert demo("DELETE", f"{path}/{made['id']}").status_code == 403
    assert demo("POST", path, {"application_credential": {"name": "x"}}).status_code == 403
    assert identity.admin("POST", path, {"application_credential": {"name": "x"}}).status_code == 403
    demo_path = f"/v3/users/{demo.document['user']['id']}/application_credentials"
    assert demo("GET", f"{demo_path}/{made['id']}").status_code == 404
    identity.admin.ok("DELETE", f"{path}/{made['id']}", status=204)


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": 5},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "expires_at": "2001-01-01T00:00:00"},
        {"name": "x", "expires_at": 5},
        {"name": "x", "access_rules": [{"method": "GET"}]},
        {"name": "x", "project_id": "other"},
        {"name": "x", "roles": "reader"},
        {"name": "x", "unknown": 1},
        {"name": "x", "secret": ""},
    ],
)
def test_one_that_makes_no_sense_is_refused(identity: Identity, given: object) -> None:
    demo = identity.demo
    path = f"/v3/users/{demo.document['user']['id']}/application_credentials"
    assert demo("POST", path, {"application_credential": given}).status_code == 400


def test_two_of_one_name_conflict_and_an_unscoped_token_makes_none(identity: Identity) -> None:
    caller, user, _ = own(identity)
    make(caller, "twice")
    path = f"/v3/users/{user['id']}/application_credentials"
    body = {"application_credential": {"name": "twice"}}
    assert caller("POST", path, body).status_code == 409
    assert identity.login(user["name"], "secret")("POST", path, body).status_code == 400
