from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.cloud.network.api import Api


def test_a_network_is_made_shown_changed_and_deleted(demo: Api) -> None:
    made = demo.network(description="d")
    assert made["status"] == "ACTIVE"
    assert made["admin_state_up"] is True
    assert made["project_id"] == made["tenant_id"] == demo.project_id
    assert made["subnets"] == []
    assert "provider:network_type" not in made
    changed = demo.put(f"/networks/{made['id']}", {"network": {"name": "new", "mtu": 1400}})["network"]
    assert (changed["name"], changed["mtu"], changed["description"]) == ("new", 1400, "d")
    assert changed["revision_number"] == made["revision_number"] + 1
    demo.delete(f"/networks/{made['id']}")
    kind, message = demo.refused("GET", f"/networks/{made['id']}", None, 404)
    assert (kind, message) == ("NetworkNotFound", f"Network {made['id']} could not be found.")


def test_only_what_is_asked_for_is_projected(admin: Api) -> None:
    made = admin.network()
    path = f"/networks/{made['id']}"
    assert admin.get(path + "?fields=segments") == {"network": {}}
    named = "fields=provider%3Aphysical_network&fields=provider%3Anetwork_type"
    assert admin.get(f"{path}?{named}") == {
        "network": {"provider:physical_network": None, "provider:network_type": "vxlan"}
    }


def test_projects_see_their_own_and_shared_networks(admin: Api, demo: Api) -> None:
    hidden, shared = admin.network(), admin.network(shared=True)
    outside = admin.network(**{"router:external": True})
    seen = {network["id"] for network in demo.get("/networks")["networks"]}
    assert shared["id"] in seen
    assert outside["id"] in seen
    assert hidden["id"] not in seen
    demo.get(f"/networks/{hidden['id']}", expect=404)
    kind, _ = demo.refused("DELETE", f"/networks/{shared['id']}", None, 403)
    assert kind == "PolicyNotAuthorized"
    demo.put(f"/networks/{shared['id']}", {"network": {"name": "mine"}}, expect=403)
    demo.put(f"/networks/{hidden['id']}", {"network": {"name": "mine"}}, expect=404)


@pytest.mark.parametrize(
    "attributes",
    [
        {"shared": True},
        {"router:external": True},
        {"provider:network_type": "vlan", "provider:physical_network": "p", "provider:segmentation_id": 5},
    ],
)
def test_what_only_administrators_may_set(demo: Api, attributes: dict[str, Any]) -> None:
    assert demo.refused("POST", "/networks", {"network": {"name": "x", **attributes}}, 403)[0] == "PolicyNotAuthorized"
    # saying what is so anyway is no offence
    assert demo.network(shared=False)["shared"] is False


def test_segments_are_checked_and_unique(admin: Api) -> None:
    physical = f"p{uuid.uuid4().hex[:8]}"
    segment = {
        "provider:network_type": "vlan",
        "provider:physical_network": physical,
        "provider:segmentation_id": "100",
    }
    assert admin.network(**segment)["provider:segmentation_id"] == 100
    assert admin.refused("POST", "/networks", {"network": segment}, 409)[0] == "VlanIdInUse"
    flat = {"provider:network_type": "flat", "provider:physical_network": physical}
    assert admin.network(**flat)["mtu"] == 1500
    assert admin.refused("POST", "/networks", {"network": flat}, 409)[0] == "FlatNetworkInUse"
    tunnel = {"provider:network_type": "gre", "provider:segmentation_id": 9}
    admin.network(**tunnel)
    assert admin.refused("POST", "/networks", {"network": tunnel}, 409)[0] == "TunnelIdInUse"
    for wrong in (
        {"provider:network_type": "carrier-pigeon"},
        {"provider:network_type": "vlan"},
        {**segment, "provider:segmentation_id": 4095},
        {**segment, "provider:segmentation_id": 0},
        {"provider:network_type": "vxlan", "provider:physical_network": physical},
        {"provider:network_type": "flat"},
        {"provider:network_type": "local", "provider:segmentation_id": 3},
        {"provider:segmentation_id": 3},
    ):
        assert admin.refused("POST", "/networks", {"network": wrong}, 400)[0] == "InvalidInput", wrong
    assert admin.network(**{"provider:network_type": "local"})["provider:segmentation_id"] is None


def test_a_network_with_ports_stays(demo: Api) -> None:
    network_id, _ = demo.wired("10.1.0.0/24")
    port = demo.port(network_id)
    kind, message = demo.refused("DELETE", f"/networks/{network_id}", None, 409)
    assert kind == "NetworkInUse"
    assert port["id"] in message
    demo.delete(f"/ports/{port['id']}")
    demo.delete(f"/networks/{network_id}")


def test_a_network_others_use_stays_shared(admin: Api, demo: Api) -> None:
    network = admin.network(shared=True)
    admin.subnet(network["id"], "10.2.0.0/24")
    port = demo.port(network["id"])
    change = {"network": {"shared": False}}
    assert admin.refused("PUT", f"/networks/{network['id']}", change, 409)[0] == "InvalidSharedSetting"
    demo.delete(f"/ports/{port['id']}")
    assert admin.put(f"/networks/{network['id']}", change)["network"]["shared"] is False


def test_a_network_for_another_project_is_an_administrators(admin: Api, demo: Api) -> None:
    other = uuid.uuid4().hex
    demo.post("/networks", {"network": {"name": "x", "project_id": other}}, expect=400)
    assert admin.network(tenant_id=other)["project_id"] == other
    admin.post("/networks", {"network": {"project_id": other, "tenant_id": "another"}}, expect=400)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "network",
        None,
        {"network": None},
        {"network": []},
        {"network": {}, "port": {}},
        {"networks": []},
        {"networks": [{}] * 251},
        {"networks": {"name": "x"}},
        {"network": {"name": 5}},
        {"network": {"name": "x" * 256}},
        {"network": {"admin_state_up": "yes"}},
        {"network": {"mtu": -1}},
        {"network": {"mtu": 10**30}},
        {"network": {"mtu": 67}},
        {"network": {"unknown": 1}},
        {"network": {"network_type": "vlan"}},
        {"network": {"id": "mine"}},
    ],
)
def test_bad_bodies_are_refused(admin: Api, body: object) -> None:
    kind, message = admin.refused("POST", "/networks", body, 400)
    assert kind
    assert message


def test_garbage_is_refused(admin: Api) -> None:
    for sent in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"network": {"name": "\\ud800"}}'):
        reply = admin.http.post(admin.base + "/networks", data=sent, timeout=20)
        assert reply.status_code == 400, (sent[:20], reply.text)
        assert reply.json()["NeutronError"]["message"]


def test_many_are_made_together_or_not_at_all(demo: Api) -> None:
    name = str(uuid.uuid4())
    made = demo.post("/networks", {"networks": [{"name": name}, {"name": name}]})["networks"]
    assert len(made) == 2
    demo.post("/networks", {"networks": [{"name": name}, {"name": name, "shared": True}]}, expect=403)
    assert len(demo.get(f"/networks?name={name}")["networks"]) == 2


def test_no_token_is_unauthorized_in_keystones_words(admin: Api) -> None:
    reply = admin.http.get(admin.base + "/networks", headers={"X-Auth-Token": "nonsense"}, timeout=20)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith('Keystone uri="http://')
    assert reply.json()["error"]["code"] == 401


def test_there_are_no_floating_ips(admin: Api) -> None:
    assert admin.refused("GET", "/floatingips?port_id=x", None, 404)[0] == "HTTPNotFound"
