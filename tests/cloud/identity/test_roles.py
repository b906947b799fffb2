from __future__ import annotations

import pytest

from tests.cloud.identity.running import Identity


def test_a_role_is_made_shown_changed_and_deleted(identity: Identity) -> None:
    admin = identity.admin
    made = admin.ok("POST", "/v3/roles", {"role": {"name": "auditor"}}, status=201)["role"]
    assert made["domain_id"] is None
    assert made["options"] == {}
    path = f"/v3/roles/{made['id']}"
    assert admin.ok("GET", path)["role"] == made
    assert admin.ok("GET", "/v3/roles?name=auditor")["roles"] == [made]
    assert admin.ok("PATCH", path, {"role": {"description": "looks"}})["role"]["description"] == "looks"
    assert admin("POST", "/v3/roles", {"role": {"name": "auditor"}}).status_code == 409
    assert admin("PATCH", path, {"role": {"name": "member"}}).status_code == 409
    admin.ok("DELETE", path, status=204)
    for method in ("GET", "DELETE"):
        assert admin(method, path).status_code == 404


def test_the_clouds_own_roles_stay(identity: Identity) -> None:
    admin = identity.admin
    roles = {role["name"]: role for role in admin.ok("GET", "/v3/roles")["roles"]}
    assert {"admin", "member", "reader", "service"} <= set(roles)
    path = f"/v3/roles/{roles['reader']['id']}"
    assert roles["reader"]["options"] == {"immutable": True}
    assert admin("DELETE", path).status_code == 403
    assert admin("PATCH", path, {"role": {"name": "x"}}).status_code == 403
    assert admin("PATCH", path, {"role": {"name": "x", "options": {"immutable": False}}}).status_code == 403
    assert admin.ok("PATCH", path, {"role": {"options": {"immutable": False}}})["role"]["options"] == {}
    admin.ok("PATCH", path, {"role": {"options": {"immutable": True}}})


def test_deleting_a_role_revokes_the_tokens_that_carry_it(identity: Identity) -> None:
    admin = identity.admin
    role = admin.ok("POST", "/v3/roles", {"role": {"name": "operator"}}, status=201)["role"]
    project = identity.new_project()
    holder, other = identity.new_user(project, "operator"), identity.new_user(project)
    carrier = identity.login(holder["name"], "secret", project["name"])
    bystander = identity.login(other["name"], "secret", project["name"])
    assert [item["name"] for item in carrier.document["roles"]] == ["operator"]
    admin.ok("DELETE", f"/v3/roles/{role['id']}", status=204)
    assert not carrier.is_valid
    assert bystander.is_valid


def test_which_roles_imply_which(identity: Identity) -> None:
    rules = identity.admin.ok("GET", "/v3/role_inferences")["role_inferences"]
    pairs = {(rule["prior_role"]["name"], implied["name"]) for rule in rules for implied in rule["implies"]}
    assert pairs == {("admin", "member"), ("member", "reader")}


@pytest.mark.parametrize("role", [None, {}, {"name": ""}, {"name": 1}, {"name": "x", "domain_id": "default"}, {"x": 1}])
def test_a_role_that_makes_no_sense_is_refused(identity: Identity, role: object) -> None:
    assert identity.admin("POST", "/v3/roles", {"role": role}).status_code == 400


def test_roles_are_for_administrators(identity: Identity) -> None:
    demo = identity.demo
    assert demo("GET", "/v3/roles").status_code == 403
    assert demo("POST", "/v3/roles", {"role": {"name": "x"}}).status_code == 403
    assert demo("DELETE", f"/v3/roles/{identity.role_id('member')}").status_code == 403
    assert demo("GET", "/v3/role_inferences").status_code == 403
