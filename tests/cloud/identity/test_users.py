from __future__ import annotations

import pytest

from tests.cloud.identity.running import Identity, password_auth


def test_a_user_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    project = identity.new_project()
    body = {"name": "anna", "password": "p", "email": "a@example.org", "default_project_id": project["id"]}
    made = admin.ok("POST", "/v3/users", {"user": body}, status=201)["user"]
    assert made == {
        "id": made["id"],
        "name": "anna",
        "domain_id": "default",
        "enabled": True,
        "default_project_id": project["id"],
        "email": "a@example.org",
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"{identity.url}/v3/users/{made['id']}"},
    }
    assert len(made["id"]) == 32
    path = f"/v3/users/{made['id']}"
    assert admin.ok("GET", path)["user"] == made
    assert admin.ok("GET", "/v3/users?name=anna")["users"] == [made]
    changed = admin.ok("PATCH", path, {"user": {"name": "anne", "email": None, "description": "d"}})["user"]
    assert (changed["name"], changed["description"]) == ("anne", "d")
    assert "email" not in changed
    assert admin.ok("PATCH", path, {"user": {}})["user"] == changed
    admin.ok("DELETE", path, status=204)
    assert admin("GET", path).json()["error"]["message"] == f"Could not find user: {made['id']}."
    assert admin("DELETE", path).status_code == 404
    assert admin("PATCH", path, {"user": {}}).status_code == 404


def test_lists_by_name_and_whether_enabled(identity: Identity) -> None:
    admin = identity.admin
    user = identity.new_user()
    admin.ok("PATCH", f"/v3/users/{user['id']}", {"user": {"enabled": False}})
    listed = admin.ok("GET", "/v3/users")["users"]
    assert {"admin", "demo", "nova", "glance", "neutron", "cinder", user["name"]} <= {item["name"] for item in listed}
    disabled = admin.ok("GET", "/v3/users?enabled=false")["users"]
    assert [item["name"] for item in disabled] == [user["name"]]
    assert user["name"] not in {item["name"] for item in admin.ok("GET", "/v3/users?enabled=1")["users"]}
    assert admin.ok("GET", "/v3/users?name=no-such")["users"] == []
    assert admin.ok("GET", "/v3/users?domain_id=elsewhere")["users"] == []
    assert admin("GET", "/v3/users?enabled=perhaps").status_code == 400


def test_a_user_sees_itself_alone(identity: Identity) -> None:
    demo = identity.demo
    own, other = demo.document["user"]["id"], identity.admin.document["user"]["id"]
    assert demo.ok("GET", f"/v3/users/{own}")["user"]["name"] == "demo"
    for method, path in (
        ("GET", f"/v3/users/{other}"),
        ("GET", "/v3/users/no-such"),
        ("GET", "/v3/users"),
        ("GET", f"/v3/users/{other}/projects"),
        ("DELETE", f"/v3/users/{own}"),
    ):
        assert demo(method, path).status_code == 403, path
    assert demo("POST", "/v3/users", {"user": {"name": "x"}}).status_code == 403
    assert demo("PATCH", f"/v3/users/{own}", {"user": {"name": "x"}}).status_code == 403
    assert [item["name"] for item in demo.ok("GET", f"/v3/users/{own}/projects")["projects"]] == ["demo"]


def test_a_service_reads_but_does_not_manage(identity: Identity) -> None:
    project = identity.new_project()
    service = identity.login(identity.new_user(project, "service")["name"], "secret", project["name"])
    assert service("GET", "/v3/users").status_code == 200
    assert service("GET", "/v3/auth/tokens", X_Subject_Token=identity.demo.token).status_code == 200
    assert service("POST", "/v3/users", {"user": {"name": "x"}}).status_code == 403
    assert service("DELETE", "/v3/auth/tokens", X_Subject_Token=identity.demo.token).status_code == 403


def test_two_users_of_one_name_conflict(identity: Identity) -> None:
    admin, user = identity.admin, identity.new_user()
    assert admin("POST", "/v3/users", {"user": {"name": "demo"}}).status_code == 409
    assert admin("PATCH", f"/v3/users/{user['id']}", {"user": {"name": "demo"}}).status_code == 409


def test_another_password_revokes_the_users_tokens(identity: Identity) -> None:
    project = identity.new_project()
    user = identity.new_user(project)
    caller = identity.login(user["name"], "secret", project["name"])
    identity.admin.ok("PATCH", f"/v3/users/{user['id']}", {"user": {"password": "other"}})
    assert not caller.is_valid
    assert identity.authenticate(password_auth(user["name"], "secret")).status_code == 401
    assert identity.login(user["name"], "other", project["name"]).is_valid


def test_disabling_and_deleting_revoke_the_users_tokens(identity: Identity) -> None:
    project = identity.new_project()
    user = identity.new_user(project)
    caller = identity.login(user["name"], "secret", project["name"])
    path = f"/v3/users/{user['id']}"
    identity.admin.ok("PATCH", path, {"user": {"enabled": False}})
    assert not caller.is_valid
    identity.admin.ok("PATCH", path, {"user": {"enabled": True}})
    assert not caller.is_valid
    caller = identity.login(user["name"], "secret", project["name"])
    identity.admin.ok("DELETE", path, status=204)
    assert not caller.is_valid
    assert identity.authenticate(password_auth(user["name"], "secret")).status_code == 401


def test_a_user_changes_its_own_password_knowing_the_old_one(identity: Identity) -> None:
    user = identity.new_user()
    caller = identity.login(user["name"], "secret")
    path = f"/v3/users/{user['id']}/password"
    assert caller("POST", path, {"user": {"original_password": "wrong", "password": "new"}}).status_code == 401
    right = {"user": {"original_password": "secret", "password": "new"}}
    assert identity.demo("POST", path, right).status_code == 403
    assert identity.admin("POST", path, right).status_code == 403
    assert caller("POST", path, right).status_code == 204
    assert not caller.is_valid
    assert identity.login(user["name"], "new").is_valid


def test_a_user_without_a_password_does_not_log_in(identity: Identity) -> None:
    identity.admin.ok("POST", "/v3/users", {"user": {"name": "locked"}}, status=201)
    for guess in ("", "nobody has this password", "None"):
        assert identity.authenticate(password_auth("locked", guess)).status_code == 401


def test_options_say_who_is_never_locked_out(identity: Identity) -> None:
    user = identity.new_user()
    path = f"/v3/users/{user['id']}"
    option = {"ignore_lockout_failure_attempts": True}
    assert identity.admin.ok("PATCH", path, {"user": {"options": option}})["user"]["options"] == option
    for _ in range(4):
        assert identity.authenticate(password_auth(user["name"], "wrong")).status_code == 401
    assert identity.login(user["name"], "secret").is_valid


@pytest.mark.parametrize(
    "user",
    [
        None,
        {},
        {"name": ""},
        {"name": 5},
        {"name": None},
        {"name": "x" * 256},
        {"name": "x", "enabled": "yes"},
        {"name": "x", "password": ""},
        {"name": "x", "password": "p" * 5000},
        {"name": "x", "unknown": 1},
        {"name": "x", "options": {"unknown": True}},
        {"name": "x", "id": "chosen"},
    ],
)
def test_a_user_that_makes_no_sense_is_refused(identity: Identity, user: object) -> None:
    reply = identity.admin("POST", "/v3/users", {"user": user})
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["code"] == 400


def test_references_that_lead_nowhere_are_not_found(identity: Identity) -> None:
    admin = identity.admin
    for user in ({"name": "y", "default_project_id": "no-such"}, {"name": "y", "domain_id": "no-such"}):
        assert admin("POST", "/v3/users", {"user": user}).status_code == 404
    assert admin.ok("GET", "/v3/users?name=y")["users"] == []
