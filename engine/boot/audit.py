"""The audit: compares the database with the scheduler, the network and volume services, and the hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.boot.audit_findings import DEVICE_KEY, Finding, Records, World, compare
from engine.boot.conductor.client import ConductorClient
from engine.boot.openstack import Clouds
from engine.boot.store.instances import BlockDeviceRow, devices_of_many, find_instances
from engine.boot.store.opening import open_store
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.client import Client
from engine.config import Settings
from engine.errors import EngineError

_PAGE = 10_000
_HOSTS_AT_A_TIME = 32
_HOST_ANSWER_S = 15.0
_DEVICES_AT_ONCE = 500


@dataclass(frozen=True)
class AuditReport:
    """What was found, how much was looked at, and which hosts could not be asked, with the reason."""

    findings: tuple[Finding, ...]
    instances: int
    allocations: int
    ports: int
    attachments: int
    volumes: int
    domains: int
    hosts_asked: int
    hosts_not_asked: dict[str, str]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, as far as could be asked."""
        return not self.findings


async def audit(store: Store, scheduler: Client, clouds: Clouds, conductor: ConductorClient) -> AuditReport:
    """Compare everything and return what is wrong; changes nothing.

    Raises EngineError when the database, the scheduler or a service cannot be asked; a host that cannot is reported.
    """
    before = await store.read(_records)
    (allocations, hosts), ports, attachments, volumes = await asyncio.gather(
        asyncio.to_thread(_scheduled, scheduler),
        clouds.networks.list_ports(None),
        clouds.volumes.list_attachments(),
        clouds.volumes.list(None, all_tenants="1"),
    )
    hosts |= {row.host for row in before.instances.values() if row.host}
    domains, not_asked = await _domains_of(conductor, sorted(hosts))
    after = await store.read(_records)
    world = World(allocations, ports, attachments, volumes, domains)
    return AuditReport(
        findings=tuple(compare(before, world, after)),
        instances=len(after.instances),
        allocations=len(allocations),
        ports=len(ports),
        attachments=len(attachments),
        volumes=sum(DEVICE_KEY in (volume.get("metadata") or {}) for volume in volumes),
        domains=sum(len(found) for found in domains.values()),
        hosts_asked=len(domains),
        hosts_not_asked=not_asked,
    )


async def audit_running(settings: Settings) -> AuditReport:
    """Return the audit of the cloud that runs with these settings; raises EngineError as ``audit`` does."""
    boot = settings.boot
    store = await asyncio.to_thread(open_store, boot, settings.state_dir, durable=False)
    scheduler = Client(boot.scheduler)
    clouds = Clouds.connect(boot)
    conductor = ConductorClient(boot.conductor, patience_s=_HOST_ANSWER_S)
    try:
        return await audit(store, scheduler, clouds, conductor)
    finally:
        await conductor.close()
        clouds.close()
        scheduler.close()
        store.close()


def _records(connection: Any) -> Records:
    rows = find_instances(connection, instances.c.deleted.is_(False))
    uuids = [row.uuid for row in rows]
    devices: dict[str, list[BlockDeviceRow]] = {}
    for first in range(0, len(uuids), _DEVICES_AT_ONCE):
        devices |= devices_of_many(connection, uuids[first : first + _DEVICES_AT_ONCE])
    return Records({row.uuid: row for row in rows}, devices)


def _scheduled(scheduler: Client) -> tuple[dict[str, str], set[str]]:
    """Return who holds resources on which host, and all hosts."""
    held: dict[str, str] = {}
    token = ""
    while True:
        page = scheduler.list_allocations(page_size=_PAGE, page_token=token)
        held |= {allocation.consumer_uuid: allocation.host_id for allocation in page.allocations}
        token = page.next_page_token
        if not token:
            break
    hosts: set[str] = set()
    while True:
        listed = scheduler.list_hosts(page_token=token)
        hosts |= {host.host_id for host in listed.hosts}
        token = listed.next_page_token
        if not token:
            return held, hosts


async def _domains_of(
    conductor: ConductorClient, hosts: Iterable[str]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Return the domains of the hosts that answer, and why the others do not."""
    slots = asyncio.Semaphore(_HOSTS_AT_A_TIME)
    domains: dict[str, list[dict[str, Any]]] = {}
    not_asked: dict[str, str] = {}

    async def ask(host: str) -> None:
        async with slots:
            try:
                domains[host] = await conductor.call_host(host, "domains", {}, timeout_s=_HOST_ANSWER_S)
            except EngineError as error:
                not_asked[host] = error.message

    await asyncio.gather(*(ask(host) for host in hosts))
    return domains, not_asked
