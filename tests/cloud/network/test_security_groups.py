from __future__ import annotations

import uuid

import pytest

from tests.cloud.harness import Cloud
from tests.cloud.network.api import Api


def test_a_project_has_a_default_group_as_soon_as_it_looks(shared: Cloud) -> None:
    api = Api(shared, "glance")
    (group,) = api.get(f"/security-groups?project_id={api.project_id}")["security_groups"]
    assert group["name"] == "default"
    kinds = {
        (rule["direction"], rule["ethertype"], rule["remote_group_id"], rule["protocol"])
        for rule in group["security_group_rules"]
    }
    assert kinds == {
        ("egress", "IPv4", None, None),
        ("egress", "IPv6", None, None),
        ("ingress", "IPv4", group["id"], None),
        ("ingress", "IPv6", group["id"], None),
    }
    again = api.get(f"/security-groups?name=default&project_id={api.project_id}&fields=id&fields=name")
    assert again["security_groups"] == [{"id": group["id"], "name": "default"}]


def test_the_default_group_keeps_its_name_and_stays(demo: Api) -> None:
    default = demo.get("/security-groups?name=default")["security_groups"][0]["id"]
    path = f"/security-groups/{default}"
    assert demo.refused("DELETE", path, None, 409)[0] == "SecurityGroupCannotRemoveDefault"
    change = {"security_group": {"name": "other"}}
    assert demo.refused("PUT", path, change, 409)[0] == "SecurityGroupCannotUpdateDefault"
    body = {"security_group": {"name": "default"}}
    assert demo.refused("POST", "/security-groups", body, 409)[0] == "SecurityGroupDefaultAlreadyExists"
    demo.put(path, {"security_group": {"description": "ours"}})


def test_a_group_is_made_changed_and_deleted_with_its_rules(demo: Api, admin: Api) -> None:
    body = {"security_group": {"name": "web", "description": "w"}}
    group = demo.post("/security-groups", body)["security_group"]
    assert [rule["direction"] for rule in group["security_group_rules"]] == ["egress", "egress"]
    assert (group["stateful"], group["shared"], group["tags"]) == (True, False, [])
    path = f"/security-groups/{group['id']}"
    assert demo.put(path, {"security_group": {"name": "www"}})["security_group"]["name"] == "www"
    admin.get(path)
    demo.delete(path)
    demo.get(path, expect=404)
    kind, message = demo.refused("GET", "/security-groups/recsg", None, 404)
    assert (kind, message) == ("SecurityGroupNotFound", "Security group recsg does not exist")
    assert demo.get(f"/security-group-rules?security_group_id={group['id']}")["security_group_rules"] == []


def test_groups_are_their_projects_own(demo: Api, admin: Api) -> None:
    theirs = admin.post("/security-groups", {"security_group": {"name": "t"}})["security_group"]
    demo.get(f"/security-groups/{theirs['id']}", expect=404)
    demo.delete(f"/security-groups/{theirs['id']}", expect=404)
    rule = {"security_group_id": theirs["id"], "direction": "ingress"}
    demo.post("/security-group-rules", {"security_group_rule": rule}, expect=404)
    own_rule = theirs["security_group_rules"][0]["id"]
    demo.get(f"/security-group-rules/{own_rule}", expect=404)
    demo.delete(f"/security-group-rules/{own_rule}", expect=404)


@pytest.fixture
def group_id(demo: Api) -> str:
    made = demo.post("/security-groups", {"security_group": {"name": f"g{uuid.uuid4()}"}})
    identifier: str = made["security_group"]["id"]
    return identifier


@pytest.fixture(autouse=True, scope="module")
def roomy(admin: Api, demo: Api) -> None:
    limits = {"security_group": -1, "security_group_rule": -1}
    admin.put(f"/quotas/{demo.project_id}", {"quota": limits})


def test_a_rule_as_the_client_makes_it(demo: Api, group_id: str) -> None:
    body = {
        "security_group_rule": {
            "direction": "ingress",
            "port_range_max": 22,
            "remote_ip_prefix": "0.0.0.0/0",
            "port_range_min": 22,
            "ethertype": "IPv4",
            "security_group_id": group_id,
            "protocol": "tcp",
        }
    }
    rule = demo.post("/security-group-rules", body)["security_group_rule"]
    assert rule["normalized_cidr"] == "0.0.0.0/0"
    assert (rule["protocol"], rule["port_range_min"], rule["port_range_max"]) == ("tcp", 22, 22)
    kind, message = demo.refused("POST", "/security-group-rules", body, 409)
    assert kind == "SecurityGroupRuleExists"
    assert rule["id"] in message
    assert demo.get(f"/security-group-rules/{rule['id']}")["security_group_rule"] == rule
    demo.delete(f"/security-group-rules/{rule['id']}")
    assert demo.refused("GET", f"/security-group-rules/{rule['id']}", None, 404)[0] == "SecurityGroupRuleNotFound"


@pytest.mark.parametrize(
    "rule",
    [
        {"protocol": "icmp", "port_range_min": 8},
        {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0},
        {"protocol": 17, "port_range_min": "53", "port_range_max": "53"},
        {"protocol": "any"},
        {"protocol": "112", "remote_ip_prefix": "10.0.0.1"},
        {"ethertype": "ipv6", "remote_ip_prefix": "2001:db8::/32"},
    ],
)
def test_good_rules(demo: Api, group_id: str, rule: dict[str, object]) -> None:
    demo.post(
        "/security-group-rules",
        {"security_group_rule": {"security_group_id": group_id, "direction": "ingress", **rule}},
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"direction": "sideways"},
        {"direction": None},
        {"protocol": "pigeon"},
        {"protocol": 256},
        {"protocol": -1},
        {"protocol": 1.5},
        {"port_range_min": 1, "port_range_max": 2},
        {"protocol": "tcp", "port_range_min": 5},
        {"protocol": "tcp", "port_range_min": 9, "port_range_max": 5},
        {"protocol": "tcp", "port_range_min": 1, "port_range_max": 65_536},
        {"protocol": "tcp", "port_range_min": -1, "port_range_max": 5},
        {"protocol": "vrrp", "port_range_min": 1, "port_range_max": 5},
        {"protocol": "icmp", "port_range_max": 5},
        {"protocol": "icmp", "port_range_min": 256},
        {"remote_ip_prefix": "10.0.0.0/99"},
        {"remote_ip_prefix": "2001:db8::/32"},
        {"ethertype": "IPX"},
        {"remote_address_group_id": "x"},
        {"colour": "red"},
    ],
)
def test_bad_rules(demo: Api, group_id: str, rule: dict[str, object]) -> None:
    body = {"security_group_rule": {"security_group_id": group_id, "direction": "ingress", **rule}}
    demo.post("/security-group-rules", body, expect=400)


def test_a_rule_for_a_group(demo: Api, admin: Api, group_id: str) -> None:
    other = demo.post("/security-groups", {"security_group": {"name": "o"}})["security_group"]["id"]
    base = {"security_group_id": group_id, "direction": "ingress", "remote_group_id": other}
    rule = demo.post("/security-group-rules", {"security_group_rule": base})["security_group_rule"]
    both = {"security_group_rule": {**base, "remote_ip_prefix": "10.0.0.0/8"}}
    demo.post("/security-group-rules", both, expect=400)
    demo.post("/security-group-rules", {"security_group_rule": {**base, "remote_group_id": "x"}}, expect=404)
    demo.delete(f"/security-groups/{other}")
    demo.get(f"/security-group-rules/{rule['id']}", expect=404)
