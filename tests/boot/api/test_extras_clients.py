"""The unmodified clients: openstack, openstacksdk and novaclient, with tokens of the embedded identity service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import openstack
import pytest
from novaclient import client as novaclient
from novaclient import exceptions as nova_exceptions
from openstack import exceptions as sdk_exceptions

from engine.rest.keystone import Credentials, identity_adapter, session_of
from engine.rest.tokens import KeystoneGate
from tests.boot.api.extras_harness import Api, extras_api
from tests.boot.api.test_public_keys import ED25519
from tests.cloud.harness import PASSWORDS, Cloud, cloud


@dataclass
class Site:
    """The API behind the embedded identity service."""

    api: Api
    cloud: Cloud

    def openstack(self, *commands: str, user: str = "admin") -> str:
        """What one openstack process prints, of commands typed one after the other."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.cloud.state_dir),
            "OS_AUTH_URL": self.cloud.options.identity_url,
            "OS_USERNAME": user,
            "OS_PASSWORD": PASSWORDS[user],
            "OS_PROJECT_NAME": user,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
        }
        done = subprocess.run(
            [str(Path(sys.executable).parent / "openstack")],
            input="\n".join([*commands, "quit", ""]),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def sdk(self, user: str = "admin") -> Any:
        """An openstacksdk connection."""
        return openstack.connection.Connection(session=self.cloud.session(user))

    def nova(self, user: str = "admin") -> Any:
        """A novaclient of the newest version that it knows."""
        return novaclient.Client("2.96", session=self.cloud.session(user))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("clients")
    with cloud(folder, "identity") as running:
        credentials = Credentials(running.options.identity_url, "nova", PASSWORDS["nova"])
        gate = KeystoneGate(identity_adapter(session_of(credentials), credentials))
        port = urlsplit(running.options.compute_url).port or 0
        with extras_api(folder, gate=gate, port=port) as api:
            api.add_host("cn1", hypervisor_version=8_002_000)
            api.add_host("cn2")
            yield Site(api, running)


def test_the_openstack_command_of_an_administrator(site: Site) -> None:
    sizes = "--ram 256 --vcpus 1 --disk 1"
    said = site.openstack(
        f"flavor create {sizes} --property bench:x=y cli.tiny",
        f"flavor create {sizes} cli.tiny",
        "flavor show -c properties -f value cli.tiny",
        "flavor show cli.none",
        "compute service set --disable --disable-reason maint cn2 nova-compute",
        "compute service list --long -f csv",
        "compute service set --enable cn2 nova-compute",
        "aggregate create --zone az-cli cli-agg",
        "aggregate add host cli-agg cn2",
        "aggregate set --property ssd=true cli-agg",
        "aggregate show -c hosts -c properties -f json cli-agg",
        "hypervisor show -c hypervisor_hostname -c aggregates -f json cn2",
        "hypervisor stats show -c vcpus -f json",
        "availability zone list --compute -f csv",
        "keypair list -f csv",
    )

    for expected in (
        "Flavor with name cli.tiny already exists.",
        "{'bench:x': 'y'}",
        "No Flavor found for cli.none",
        '"nova-compute","cn2","nova","disabled","up",',
        ',"maint"',
        '"ssd": "true"',
        '"hypervisor_hostname": "cn2"',
        '"cli-agg"',
        '"vcpus": 16',
        '"az-cli"',
        '"Name","Fingerprint","Type"',
    ):
        assert expected in said, said


def test_the_openstack_command_of_a_user(site: Site) -> None:
    said = site.openstack(
        "flavor create --ram 256 --vcpus 1 --disk 1 cli.mine",
        "keypair create cli-key",
        "keypair show -c type -f value cli-key",
        "server group create --policy anti-affinity cli-group",
        "server group show -c policy -f value cli-group",
        "compute service list",
        "aggregate list",
        user="demo",
    )

    for expected in ("-----BEGIN OPENSSH PRIVATE KEY-----", "ssh", "anti-affinity"):
        assert expected in said
    for rule in ("os-flavor-manage:create", "os-services:list", "os-aggregates:index"):
        assert f"Policy doesn't allow os_compute_api:{rule} to be performed." in said


def test_the_sdk_reads_and_writes(site: Site) -> None:
    compute = site.sdk().compute
    demo = site.sdk("demo").compute

    key = demo.create_keypair(name="sdk", public_key=ED25519)
    assert key.fingerprint == "ff:bd:44:65:9f:8d:98:99:0f:69:38:00:25:b9:32:cb"
    assert "sdk" in {item.name for item in demo.keypairs()}
    assert list(compute.keypairs()) == []
    demo.delete_keypair("sdk", ignore_missing=False)
    with pytest.raises(sdk_exceptions.NotFoundException):
        demo.delete_keypair("sdk", ignore_missing=False)

    group = demo.create_server_group(name="sdk", policy="anti-affinity", rules={"max_server_per_host": 2})
    assert demo.find_server_group("sdk", ignore_missing=False).id == group.id
    with pytest.raises(sdk_exceptions.NotFoundException):
        site.sdk("nova").compute.get_server_group("no such group")
    demo.delete_server_group(group)

    assert {item.name for item in compute.hypervisors(details=True)} == {"cn1", "cn2"}
    assert compute.get_limits().absolute.total_cores == 20
    assert {item.name for item in demo.availability_zones()} >= {"nova"}
    with pytest.raises(sdk_exceptions.ForbiddenException):
        list(demo.services())
    quota = compute.update_quota_set(site.sdk("demo").current_project_id, cores=30)
    assert quota.cores == 30
    assert compute.get_quota_set(site.sdk("demo").current_project_id).cores == 30


def test_novaclient_reads_and_writes(site: Site) -> None:
    nova = site.nova()

    flavor = nova.flavors.create("nova.one", 512, 2, 3, swap=4, description="by novaclient")
    assert nova.flavors.find(name="nova.one").id == flavor.id
    assert (flavor.vcpus, flavor.swap, flavor.description) == (2, 4, "by novaclient")
    flavor.set_keys({"k": "v"})
    assert flavor.get_keys() == {"k": "v"}
    flavor.unset_keys(["k"])
    private = nova.flavors.create("nova.private", 512, 1, 1, is_public=False)
    nova.flavor_access.add_tenant_access(private, "p1")
    assert [item.tenant_id for item in nova.flavor_access.list(flavor=private)] == ["p1"]
    with pytest.raises(nova_exceptions.Conflict):
        nova.flavors.create("nova.one", 512, 1, 1)
    nova.flavors.delete(flavor)

    made = nova.server_groups.create("nova", "soft-anti-affinity")
    assert [item.id for item in nova.server_groups.list()] == [made.id]
    aggregate = nova.aggregates.create(f"nova-{uuid4().hex[:6]}", None)
    assert nova.aggregates.add_host(aggregate, "cn1").hosts == ["cn1"]
    with pytest.raises(nova_exceptions.NotFound):
        nova.aggregates.add_host(aggregate, "nowhere")
    nova.aggregates.remove_host(aggregate, "cn1")
    nova.aggregates.delete(aggregate)
    assert {item.host for item in nova.services.list(binary="nova-compute")} == {"cn1", "cn2"}
    assert nova.quotas.get("p1").cores == 20
    assert {item.hypervisor_hostname for item in nova.hypervisors.list(detailed=True)} == {"cn1", "cn2"}
    assert nova.limits.get().to_dict()["absolute"]["maxTotalInstances"] == 10
    assert nova.migrations.list() == []
