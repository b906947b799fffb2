"""Unmodified OpenStack clients against the API: the command line, the SDK and novaclient."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
import pytest
from keystoneauth1.exceptions import ClientException
from novaclient import client as novaclient

from engine.boot.store.instances import InstanceRow
from tests.boot.api.test_servers_read import active
from tests.boot.harness import BootApi
from tests.cloud.harness import PASSWORDS


def command_line(api: BootApi, *words: str, user: str = "demo") -> subprocess.CompletedProcess[str]:
    """Run the ``openstack`` command as a user."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    environment |= {
        "OS_AUTH_URL": api.cloud.options.identity_url,
        "OS_USERNAME": user,
        "OS_PASSWORD": PASSWORDS[user],
        "OS_PROJECT_NAME": user,
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": "RegionOne",
    }
    program = Path(sys.executable).parent / "openstack"
    return subprocess.run([program, *words], env=environment, capture_output=True, text=True, timeout=60)


def test_the_command_line(api: BootApi) -> None:
    api.image()
    asked = ("server", "create", "--flavor", "m1.tiny", "--nic", "none", "-f", "json", "--property", "a=b", "--image")
    made = command_line(api, *asked, "cirros", "cli server")
    assert made.returncode == 0, made.stderr
    server = json.loads(made.stdout)
    active(api, server["id"])
    shown = command_line(api, "server", "show", "-f", "json", "cli server")
    assert shown.returncode == 0, shown.stderr
    seen = json.loads(shown.stdout)
    assert (seen["status"], seen["properties"]) == ("ACTIVE", {"a": "b"})
    stopped = command_line(api, "server", "stop", "cli server")
    assert stopped.returncode == 0, stopped.stderr
    refused = command_line(api, *asked, "nothing", "x")
    assert refused.returncode == 1


def test_the_sdk(api: BootApi) -> None:
    connection = openstack.connect(
        auth_url=api.cloud.options.identity_url,
        username="demo",
        password=PASSWORDS["demo"],
        project_name="demo",
        user_domain_name="Default",
        project_domain_name="Default",
        region_name="RegionOne",
    )
    made = connection.compute.create_server(
        name="sdk", flavor_id="1", image_id=api.image(), networks="none", tags=["t"], metadata={"k": "v"}
    )
    found = connection.compute.find_server("sdk", ignore_missing=False)
    assert found.id == made.id
    assert connection.compute.get_server(made.id).status == "BUILD"
    listed = list(connection.compute.servers(limit=1, name="sdk"))
    assert [server.name for server in listed] == ["sdk"]
    (action,) = connection.compute.server_actions(made.id)
    assert action.action == "create"
    connection.compute.delete_server(made.id)
    connection.close()


def test_novaclient(api: BootApi) -> None:
    nova: Any = novaclient.Client("2.93", session=api.cloud.session("demo"), region_name="RegionOne")
    server = nova.servers.create("nc", image=api.image(), flavor="1", nics="none")
    row: InstanceRow = api.wait_for(server.id, lambda row: bool(row.host))
    active(api, row.uuid)
    assert nova.servers.get(server.id).status == "ACTIVE"
    nova.servers.reboot(server.id, "HARD")
    assert nova.servers.get(server.id).status == "HARD_REBOOT"
    assert [action.action for action in nova.instance_action.list(server.id)][-1] == "create"
    nova.servers.delete(server.id)
    with pytest.raises(ClientException):
        api.cloud.session("demo").get(f"{api.url}/servers/none", raise_exc=True)
