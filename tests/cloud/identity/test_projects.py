from __future__ import annotations

import pytest

from tests.cloud.identity.running import DOMAIN, Identity, password_auth


def test_a_project_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    made = admin.ok("POST", "/v3/projects", {"project": {"name": "web", "tags": ["a"]}}, status=201)["project"]
    assert made == {
        "id": made["id"],
        "name": "web",
        "domain_id": "default",
        "description": "",
        "enabled": True,
        "parent_id": "default",
        "is_domain": False,
        "tags": ["a"],
        "options": {},
        "links": {"self": f"{identity.url}/v3/projects/{made['id']}"},
    }
    path = f"/v3/projects/{made['id']}"
    assert admin.ok("GET", path)["project"] == made
    assert admin.ok("GET", "/v3/projects?name=web")["projects"] == [made]
    changed = admin.ok("PATCH", path, {"project": {"name": "shop", "description": None, "tags": []}})["project"]
    assert (changed["name"], changed["description"], changed["tags"]) == ("shop", "", [])
    admin.ok("DELETE", path, status=204)
    assert admin("GET", path).json()["error"]["message"] == f"Could not find project: {made['id']}."
    assert admin("DELETE", path).status_code == 404
    assert admin("PATCH", path, {"project": {}}).status_code == 404


def test_a_name_in_place_of_an_id_is_not_found(identity: Identity) -> None:
    assert identity.admin("GET", "/v3/projects/demo").status_code == 404


def test_lists_by_name_tag_domain_and_whether_enabled(identity: Identity) -> None:
    admin = identity.admin
    project = identity.new_project()
    admin.ok("PATCH", f"/v3/projects/{project['id']}", {"project": {"enabled": False, "tags": ["x", "y"]}})

    def names(query: str) -> list[str]:
        return [item["name"] for item in admin.ok("GET", f"/v3/projects?{query}")["projects"]]

    assert {"admin", "demo", "service"} <= set(names(""))
    assert names("enabled=False") == [project["name"]]
    assert names("tags=y,x") == [project["name"]]
    assert names("tags=x,z") == []
    assert names("domain_id=elsewhere") == []
    assert names("is_domain=true") == []
    assert names("name=DEMO") == []


def test_a_caller_sees_its_own_project_alone(identity: Identity) -> None:
    demo = identity.demo
    own, other = demo.document["project"]["id"], identity.admin.document["project"]["id"]
    assert demo.ok("GET", f"/v3/projects/{own}")["project"]["name"] == "demo"
    assert demo("GET", f"/v3/projects/{other}").status_code == 403
    assert demo("GET", "/v3/projects").status_code == 403
    assert demo("POST", "/v3/projects", {"project": {"name": "x"}}).status_code == 403
    assert demo("PATCH", f"/v3/projects/{own}", {"project": {"name": "x"}}).status_code == 403
    assert demo("DELETE", f"/v3/projects/{own}").status_code == 403


def test_two_projects_of_one_name_conflict(identity: Identity) -> None:
    admin, project = identity.admin, identity.new_project()
    assert admin("POST", "/v3/projects", {"project": {"name": "demo"}}).status_code == 409
    assert admin("PATCH", f"/v3/projects/{project['id']}", {"project": {"name": "demo"}}).status_code == 409


def test_disabling_and_deleting_a_project_revoke_its_tokens(identity: Identity) -> None:
    admin, project = identity.admin, identity.new_project()
    user = identity.new_user(project)
    path = f"/v3/projects/{project['id']}"
    unscoped = identity.login(user["name"], "secret")
    caller = identity.login(user["name"], "secret", project["name"])
    admin.ok("PATCH", path, {"project": {"enabled": False}})
    assert not caller.is_valid
    assert unscoped.is_valid
    scope = {"project": {"name": project["name"], "domain": DOMAIN}}
    assert identity.authenticate(password_auth(user["name"], "secret", scope)).status_code == 401
    assert unscoped.ok("GET", "/v3/auth/projects")["projects"] == []
    admin.ok("PATCH", path, {"project": {"enabled": True}})
    assert not caller.is_valid
    admin.ok("PATCH", f"/v3/users/{user['id']}", {"user": {"default_project_id": project["id"]}})
    caller = identity.login(user["name"], "secret", project["name"])
    admin.ok("DELETE", path, status=204)
    assert not caller.is_valid
    assert "default_project_id" not in admin.ok("GET", f"/v3/users/{user['id']}")["user"]
    assert admin.ok("GET", f"/v3/role_assignments?user.id={user['id']}")["role_assignments"] == []


@pytest.mark.parametrize(
    "project",
    [
        None,
        [],
        {},
        {"name": ""},
        {"name": "x" * 65},
        {"name": 1},
        {"name": "x", "enabled": 1},
        {"name": "x", "is_domain": True},
        {"name": "x", "parent_id": "0" * 32},
        {"name": "x", "tags": "a"},
        {"name": "x", "tags": ["a,b"]},
        {"name": "x", "options": {"immutable": True}},
        {"name": "x", "unknown": None},
        {"name": "x", "description": "d" * 2000},
    ],
)
def test_a_project_that_makes_no_sense_is_refused(identity: Identity, project: object) -> None:
    assert identity.admin("POST", "/v3/projects", {"project": project}).status_code == 400


def test_another_domain_is_not_found(identity: Identity) -> None:
    reply = identity.admin("POST", "/v3/projects", {"project": {"name": "x", "domain_id": "elsewhere"}})
    assert reply.status_code == 404
