"""The audit over running parts: nothing after boots and deletes, and every stray thing found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from engine.boot.audit import AuditReport, audit
from engine.boot.conductor.client import ConductorClient
from engine.v1.request_spec_pb2 import Flavor, RequestSpec
from tests.boot.compute.harness import Stack, stack


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("audit"), "volume") as found:
        found.start_agent()
        yield found


def look(running: Stack) -> AuditReport:
    async def work() -> AuditReport:
        client = ConductorClient(running.settings.boot.conductor)
        try:
            return await audit(running.store, running.scheduler.client, running.clouds, client)
        finally:
            await client.close()

    report = running.run(work())
    assert isinstance(report, AuditReport)
    return report


def subjects(report: AuditReport) -> set[tuple[str, str]]:
    return {(finding.kind, finding.subject) for finding in report.findings}


def test_boots_and_deletes_leave_nothing_to_find(running: Stack) -> None:
    volume = {"source_type": "image", "destination_type": "volume", "image_id": running.image_id, "size_gb": 1,
              "boot_index": 0, "delete_on_termination": True}  # fmt: skip
    names = [*running.boot(count=3), *running.boot(devices=[volume], on_volume=True)]
    running.wait_active(*names)
    report = look(running)
    assert report.clean, report.findings
    assert (report.instances, report.allocations, report.ports >= 4, report.domains) == (4, 4, True, 4)
    assert (report.attachments, report.volumes) == (1, 1)
    assert (report.hosts_asked, report.hosts_not_asked) == (4, {})
    running.delete(names[0])
    running.delete(names[3])
    running.wait(lambda: running.row(names[0]).deleted and running.row(names[3]).deleted)
    report = look(running)
    assert report.clean, report.findings
    assert (report.instances, report.attachments, report.domains) == (2, 0, 2)


def test_what_is_nobodys_and_what_is_missing_is_found(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    stranger = str(uuid4())
    port = running.run(
        running.clouds.networks.create_port(running.caller, {"network_id": running.network_id, "device_id": stranger})
    )
    running.run(running.clouds.networks.bind_port(port["id"], "host-1", stranger, "compute:nova"))
    spec = RequestSpec(flavor=Flavor(name="x", vcpus=1, memory_mb=64), instance_uuids=[stranger])
    running.scheduler.client.select_destinations(spec)
    row = running.row(name)
    (own_port,) = running.ports(name)
    running.run(running.clouds.networks.delete_port(own_port["id"]))
    running.driver.destroy(row.host, name)
    expected = {
        ("allocation", stranger),
        ("port", port["id"]),
        ("port", own_port["id"]),
        ("domain", name),
    }
    assert subjects(look(running)) == expected
    running.scheduler.client.release_allocations([stranger])
    running.run(running.clouds.networks.delete_port(port["id"]))
    running.delete(name)
    running.wait(lambda: running.row(name).deleted)
    assert look(running).clean


def test_hosts_whose_agent_is_away_are_named(running: Stack) -> None:
    running.end_agents()
    time.sleep(0.2)
    report = look(running)
    assert report.hosts_asked == 0
    assert len(report.hosts_not_asked) == 4
    assert all("away" in reason for reason in report.hosts_not_asked.values())
    assert report.clean, report.findings
