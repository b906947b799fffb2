from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.harness import Cloud, cloud
from tests.cloud.network.api import Api
from tests.cloud.network.receiver import Event, Receiver, receiving
from tests.ports import free_port

BOUND = {"port_filter": True, "bridge_name": "br-int", "datapath_type": "system"}


NOVA_PORT = free_port()
URL = f"http://127.0.0.1:{NOVA_PORT}/v2.1"


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules") / "faults.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, rule_file: Path) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("plugging"), "network", compute_url=URL, fault_file=rule_file) as running:
        yield running


@pytest.fixture(scope="module")
def api(running: Cloud) -> Api:
    return Api(running, "nova")


@pytest.fixture(autouse=True)
def receiver() -> Iterator[Receiver]:
    with receiving(NOVA_PORT) as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def no_ports_left(api: Api, receiver: Receiver) -> Iterator[None]:
    yield
    for port in api.get("/ports")["ports"]:
        api.delete(f"/ports/{port['id']}")


@pytest.fixture
def rules(rule_file: Path) -> Iterator[Path]:
    yield rule_file
    rule_file.unlink()


def bind(api: Api, port_id: str, device: str, host: str = "h1", **more: Any) -> dict[str, Any]:
    wanted = {"device_id": device, "device_owner": "compute:nova", "binding:host_id": host, **more}
    return api.put(f"/ports/{port_id}", {"port": wanted})["port"]


def until_status(api: Api, port_id: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while (port := api.get(f"/ports/{port_id}")["port"])["status"] != status:
        assert time.monotonic() < deadline, port
        time.sleep(0.01)
    return port


def plugged(device: str, port_id: str, status: str = "completed") -> Event:
    return {"name": "network-vif-plugged", "status": status, "server_uuid": device, "tag": port_id}


def test_a_bound_port_turns_active_and_nova_hears_of_it(api: Api, running: Cloud, receiver: Receiver) -> None:
    network_id, _ = api.wired("10.0.0.0/24")
    device = str(uuid.uuid4())
    port = api.port(network_id, device_id=device)
    assert (port["binding:host_id"], port["binding:vif_type"], port["binding:vif_details"]) == ("", "unbound", {})
    bound = bind(api, port["id"], device)
    assert bound["status"] == "DOWN"
    assert (bound["binding:host_id"], bound["binding:vif_type"]) == ("h1", "ovs")
    assert bound["binding:vif_details"] == BOUND
    until_status(api, port["id"], "ACTIVE")
    assert receiver.until(1) == [plugged(device, port["id"])]
    assert user_of(running, receiver.tokens[0]) == "neutron"
    # the same again is no news
    assert bind(api, port["id"], device)["status"] == "ACTIVE"
    gone = api.put(f"/ports/{port['id']}", {"port": {"device_id": "", "device_owner": "", "binding:host_id": None}})
    assert (gone["port"]["status"], gone["port"]["binding:vif_type"]) == ("DOWN", "unbound")
    moved = bind(api, port["id"], device, "h2")
    assert moved["status"] == "DOWN"
    assert receiver.until(2)[1] == plugged(device, port["id"])
    assert len(receiver.events) == 2


def user_of(running: Cloud, token: str) -> str:
    url = running.options.identity_url + "/auth/tokens"
    reply = running.session("nova").get(url, headers={"X-Subject-Token": token})
    name: str = reply.json()["token"]["user"]["name"]
    return name


def test_a_port_made_bound_is_plugged_too(api: Api, receiver: Receiver) -> None:
    network_id, _ = api.wired("10.0.0.0/24")
    device = str(uuid.uuid4())
    port = api.port(network_id, device_id=device, device_owner="compute:az1", **{"binding:host_id": "h1"})
    assert port["status"] == "DOWN"
    assert receiver.until(1) == [plugged(device, port["id"])]


def test_what_is_not_plugged(api: Api, receiver: Receiver) -> None:
    network_id, _ = api.wired("10.0.0.0/24")
    device = str(uuid.uuid4())
    switched_off, of_another = api.port(network_id), api.port(network_id)
    bind(api, switched_off["id"], device, admin_state_up=False)
    api.put(f"/ports/{of_another['id']}", {"port": {"device_owner": "baremetal:none", "binding:host_id": "h1"}})
    named = bind(api, api.port(network_id)["id"], "no-uuid")
    until_status(api, named["id"], "ACTIVE")
    for port in (switched_off, of_another):
        assert api.get(f"/ports/{port['id']}")["port"]["status"] == "DOWN"
    assert receiver.events == []
    bind(api, switched_off["id"], device, admin_state_up=True)
    assert receiver.until(1) == [plugged(device, switched_off["id"])]
    assert bind(api, switched_off["id"], device, admin_state_up=False)["status"] == "DOWN"


def test_kinds_of_vif_that_no_agent_here_takes_fail_to_bind(api: Api) -> None:
    network_id, _ = api.wired("10.0.0.0/24")
    port = api.port(network_id, **{"binding:vnic_type": "direct", "binding:host_id": "h1"})
    assert port["binding:vif_type"] == "binding_failed"


def test_binding_fails_on_one_host_and_is_tried_again_on_it(api: Api, rules: Path) -> None:
    rules.write_text(
        json.dumps([{"part": "network", "point": "bind_port", "host": "h1", "value": "binding_failed", "times": 1}])
    )
    network_id, _ = api.wired("10.0.0.0/24")
    first = bind(api, api.port(network_id)["id"], str(uuid.uuid4()))
    assert (first["binding:vif_type"], first["status"], first["binding:vif_details"]) == ("binding_failed", "DOWN", {})
    assert api.put(f"/ports/{first['id']}", {"port": {"name": "n"}})["port"]["binding:vif_type"] == "binding_failed"
    assert bind(api, first["id"], first["device_id"])["binding:vif_type"] == "ovs"


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        ({"value": "never"}, lambda _, status: status == "DOWN"),
        ({"value": "failed"}, lambda event, status: status == "ERROR" and event["status"] == "failed"),
        ({"delay_s": 0.4}, lambda event, status: status == "ACTIVE" and event["status"] == "completed"),
    ],
)
def test_plugging_goes_wrong_as_told(
    api: Api, rules: Path, receiver: Receiver, rule: dict[str, Any], check: Callable[[Event | None, str], bool]
) -> None:
    rules.write_text(json.dumps([{"part": "network", "point": "plug_vif", "host": "h1", **rule}]))
    network_id, _ = api.wired("10.0.0.0/24")
    port = api.port(network_id)
    bind(api, port["id"], str(uuid.uuid4()))
    time.sleep(0.2)
    assert (receiver.events == []) == ("failed" not in rule.values())
    event = None if rule.get("value") == "never" else receiver.until(1)[0]
    assert check(event, api.get(f"/ports/{port['id']}")["port"]["status"])


def test_nova_may_hear_before_the_caller(api: Api, rules: Path, receiver: Receiver) -> None:
    rules.write_text(json.dumps([{"part": "network", "point": "plug_vif", "value": "early"}]))
    network_id, _ = api.wired("10.0.0.0/24")
    port, device = api.port(network_id), str(uuid.uuid4())
    bind(api, port["id"], device)
    assert receiver.events == [plugged(device, port["id"])]


def test_the_delay_is_kept_and_a_restart_forgets_no_port(tmp_path: Path, receiver: Receiver) -> None:
    with cloud(tmp_path, "network", compute_url=URL, vif_plug_delay_s=0.5) as running:
        api = Api(running, "nova")
        network_id, _ = api.wired("10.0.0.0/24")
        port, device = api.port(network_id), str(uuid.uuid4())
        started = time.monotonic()
        bind(api, port["id"], device)
        receiver.until(1)
        assert time.monotonic() - started >= 0.5
        left, device = api.port(network_id), str(uuid.uuid4())
        bind(api, left["id"], device)
        running.stop("network")
        assert len(receiver.events) == 1
        running.start("network")
        assert receiver.until(2)[1] == plugged(device, left["id"])
        assert until_status(api, left["id"], "ACTIVE")["fixed_ips"] == left["fixed_ips"]
