from __future__ import annotations

from tests.cloud.identity.running import Identity


def assignment(identity: Identity, project: str, user: str, role: str) -> str:
    return f"/v3/projects/{project}/users/{user}/roles/{identity.role_id(role)}"


def test_a_role_is_given_found_and_taken(identity: Identity) -> None:
    admin, project, user = identity.admin, identity.new_project(), identity.new_user()
    path = assignment(identity, project["id"], user["id"], "member")
    assert admin("HEAD", path).status_code == 404
    for _ in range(2):
        admin.ok("PUT", path, status=204)
    assert admin("HEAD", path).status_code == 204
    assert admin("GET", path).status_code == 204
    held = admin.ok("GET", f"/v3/projects/{project['id']}/users/{user['id']}/roles")["roles"]
    assert [role["name"] for role in held] == ["member"]
    admin.ok("DELETE", path, status=204)
    assert admin("DELETE", path).status_code == 404
    assert admin.ok("GET", f"/v3/projects/{project['id']}/users/{user['id']}/roles")["roles"] == []


def test_taking_a_role_revokes_the_tokens_for_that_project_alone(identity: Identity) -> None:
    here, there = identity.new_project(), identity.new_project()
    user = identity.new_user(here)
    identity.admin.ok("PUT", assignment(identity, there["id"], user["id"], "member"), status=204)
    callers = [identity.login(user["name"], "secret", project["name"]) for project in (here, there)]
    identity.admin.ok("DELETE", assignment(identity, here["id"], user["id"], "member"), status=204)
    assert [caller.is_valid for caller in callers] == [False, True]


def test_assignments_are_listed_by_user_project_and_role(identity: Identity) -> None:
    admin, project = identity.admin, identity.new_project()
    user = identity.new_user(project)
    listed = admin.ok("GET", f"/v3/role_assignments?user.id={user['id']}&include_names=True")["role_assignments"]
    domain = {"id": "default", "name": "Default"}
    assert listed == [
        {
            "links": {"assignment": identity.url + assignment(identity, project["id"], user["id"], "member")},
            "scope": {"project": {"id": project["id"], "name": project["name"], "domain": domain}},
            "user": {"id": user["id"], "name": user["name"], "domain": domain},
            "role": {"id": identity.role_id("member"), "name": "member"},
        }
    ]

    def roles(query: str) -> int:
        return len(admin.ok("GET", f"/v3/role_assignments?{query}")["role_assignments"])

    assert roles(f"scope.project.id={project['id']}") == 1
    assert roles(f"scope.project.id={project['id']}&effective") == 2
    assert roles(f"scope.project.id={project['id']}&role.id={identity.role_id('reader')}") == 0
    assert roles(f"scope.project.id={project['id']}&role.id={identity.role_id('reader')}&effective=1") == 1
    assert roles("user.id=no-such") == 0
    assert roles("group.id=any") == 0
    assert roles("scope.system=all") == 0
    assert roles("") >= 10


def test_a_user_sees_its_own_assignments_alone(identity: Identity) -> None:
    demo = identity.demo
    own = demo.document["user"]["id"]
    assert len(demo.ok("GET", f"/v3/role_assignments?user.id={own}")["role_assignments"]) == 1
    assert demo("GET", "/v3/role_assignments").status_code == 403
    assert demo("GET", "/v3/role_assignments?user.id=other").status_code == 403
    path = assignment(identity, demo.document["project"]["id"], own, "admin")
    for method in ("PUT", "DELETE", "HEAD"):
        assert demo(method, path).status_code == 403
    assert [role["name"] for role in identity.demo.document["roles"]] == ["member", "reader"]


def test_what_does_not_exist_is_not_found(identity: Identity) -> None:
    admin, project, user = identity.admin, identity.new_project(), identity.new_user()
    member = identity.role_id("member")
    for path in (
        f"/v3/projects/no-such/users/{user['id']}/roles/{member}",
        f"/v3/projects/{project['id']}/users/no-such/roles/{member}",
        f"/v3/projects/{project['id']}/users/{user['id']}/roles/no-such",
    ):
        assert admin("PUT", path).status_code == 404
    assert admin("GET", f"/v3/projects/no-such/users/{user['id']}/roles").status_code == 404
