from __future__ import annotations

import requests

from tests.cloud.network.api import Api


def test_versions_need_no_token(demo: Api) -> None:
    reply = requests.get(demo.base.removesuffix("/v2.0") + "/", timeout=20)
    (version,) = reply.json()["versions"]
    assert (reply.status_code, version["id"], version["status"]) == (200, "v2.0", "CURRENT")
    assert version["links"][0]["href"] == demo.base + "/"


def test_extensions(demo: Api) -> None:
    listed = demo.get("/extensions")["extensions"]
    assert {"security-group", "binding", "quotas", "standard-attr-tag"} <= {one["alias"] for one in listed}
    assert all({"alias", "name", "description", "updated", "links"} == set(one) for one in listed)
    assert demo.get("/extensions/binding")["extension"]["alias"] == "binding"
    demo.get("/extensions/tag-ports-during-bulk-creation", expect=404)
    demo.get("/extensions/Availability%20Zone", expect=404)


def test_zones(demo: Api) -> None:
    assert demo.get("/availability_zones") == {"availability_zones": []}


def test_every_host_with_a_port_has_an_agent(demo: Api, nova: Api) -> None:
    network_id, _ = nova.wired("10.0.0.0/24")
    for host in ("agent-host-1", "agent-host-1", "agent-host-2"):
        nova.port(network_id, **{"binding:host_id": host})
    agents = nova.get("/agents?host=agent-host-1&host=agent-host-2")["agents"]
    assert [(agent["host"], agent["alive"]) for agent in agents] == [("agent-host-1", True), ("agent-host-2", True)]
    assert nova.get("/agents?binary=neutron-dhcp-agent")["agents"] == []
    demo.get("/agents", expect=403)
