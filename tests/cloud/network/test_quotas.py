from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.network.api import Api


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


def test_a_project_has_the_defaults_until_it_has_its_own(admin: Api, project: str) -> None:
    defaults = admin.get(f"/quotas/{project}")["quota"]
    assert defaults == admin.get(f"/quotas/{project}/default")["quota"]
    assert defaults["port"] == -1
    assert admin.put(f"/quotas/{project}", {"quota": {"port": 3}})["quota"] == {**defaults, "port": 3}
    assert admin.put(f"/quotas/{project}", {"quota": {"network": 0}})["quota"] == {**defaults, "port": 3, "network": 0}
    listed = admin.get("/quotas")["quotas"]
    assert [one["port"] for one in listed if one["project_id"] == project] == [3]
    admin.delete(f"/quotas/{project}")
    assert admin.get(f"/quotas/{project}")["quota"] == defaults


def test_exactly_as_many_ports_as_the_quota_has_under_concurrency(admin: Api, project: str) -> None:
    network_id, _ = admin.wired("10.0.0.0/24")
    admin.put(f"/quotas/{project}", {"quota": {"port": 10}})
    body = {"port": {"network_id": network_id, "tenant_id": project}}

    def make(_: int) -> tuple[int, str]:
        reply = admin.http.post(admin.base + "/ports", json=body, timeout=30)
        return reply.status_code, reply.text

    with ThreadPoolExecutor(32) as threads:
        outcomes = list(threads.map(make, range(32)))
    assert [status for status, _ in outcomes].count(201) == 10
    assert all("OverQuota" in text for status, text in outcomes if status != 201)
    details = admin.get(f"/quotas/{project}/details.json")["quota"]
    assert details["port"] == {"limit": 10, "used": 10, "reserved": 0}
    kind, message = admin.refused("POST", "/ports", body, 409)
    assert (kind, message) == ("OverQuota", "Quota exceeded for resources: ['port'].")
    listed = admin.get(f"/ports?project_id={project}")["ports"]
    admin.delete(f"/ports/{listed[0]['id']}")
    admin.post("/ports", body)
    admin.refused("POST", "/ports", body, 409)
    admin.refused("POST", "/ports", {"ports": [body["port"]]}, 409)


def test_what_goes_with_a_network_or_a_group_is_counted_no_more(admin: Api, project: str) -> None:
    network = admin.network(project_id=project)
    admin.subnet(network["id"], "10.0.0.0/24", project_id=project)
    body = {"security_group": {"name": "g", "project_id": project}}
    group = admin.post("/security-groups", body)["security_group"]["id"]

    def used() -> dict[str, int]:
        details = admin.get(f"/quotas/{project}/details")["quota"]
        return {resource: detail["used"] for resource, detail in details.items()}

    full = {"network": 1, "subnet": 1, "port": 0, "security_group": 2, "security_group_rule": 6}
    assert used() == full
    admin.delete(f"/networks/{network['id']}")
    admin.delete(f"/security-groups/{group}")
    assert used() == {**full, "network": 0, "subnet": 0, "security_group": 1, "security_group_rule": 4}


@pytest.mark.parametrize("resource", ["network", "subnet", "security_group", "security_group_rule"])
def test_every_resource_has_its_quota(admin: Api, project: str, resource: str) -> None:
    network = admin.network(project_id=project)
    group = admin.post("/security-groups", {"security_group": {"name": "g", "project_id": project}})
    admin.put(f"/quotas/{project}", {"quota": {resource: 0}})
    bodies = {
        "network": ("/networks", {"project_id": project}),
        "subnet": ("/subnets", {"network_id": network["id"], "cidr": "10.0.0.0/24", "project_id": project}),
        "security_group": ("/security-groups", {"name": "h", "project_id": project}),
        "security_group_rule": (
            "/security-group-rules",
            {"security_group_id": group["security_group"]["id"], "direction": "ingress", "project_id": project},
        ),
    }
    path, body = bodies[resource]
    kind, message = admin.refused("POST", path, {resource: body}, 409)
    assert (kind, message) == ("OverQuota", f"Quota exceeded for resources: ['{resource}'].")


def test_quotas_are_administrators(demo: Api, project: str) -> None:
    demo.get(f"/quotas/{demo.project_id}")
    demo.get(f"/quotas/{demo.project_id}/details")
    demo.get(f"/quotas/{project}", expect=403)
    demo.get("/quotas", expect=403)
    demo.put(f"/quotas/{demo.project_id}", {"quota": {"port": 5000}}, expect=403)
    demo.delete(f"/quotas/{demo.project_id}", expect=403)


@pytest.mark.parametrize(
    "body",
    [{}, {"quota": {"port": -2}}, {"quota": {"port": 10**20}}, {"quota": {"port": "5"}}, {"quota": {"router": 5}}],
)
def test_bad_quotas_are_refused(admin: Api, project: str, body: object) -> None:
    admin.put(f"/quotas/{project}", body, expect=400)
