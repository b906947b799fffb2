"""Kills a service at random moments while instances take, move and give back CPUs and devices of their own.

Run it by hand for as long as wanted: ``python -m tests.torture.kill_devices --kills 50``. After every restart each
instance and migration is where it was answered to be, or where the call that was under way may have put it, whole or
not at all; no CPU and no device is given twice; and the audit is clean.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from engine.client import Client
from engine.errors import LedgerError, NoValidHostError, ServiceUnavailableError, ShuttingDownError
from engine.scheduler.options import SchedulerOptions
from engine.service.audit import audit_state_dir
from engine.v1.pci_pb2 import PciPools
from engine.v1.selection_pb2 import Allocation
from tests.ports import free_port
from tests.service.devices import gpus, numa_host, update
from tests.service.messages import add_flavor, spec
from tests.service.subprocesses import Served, served
from tests.torture.command import run

HOSTS = 6
DEVICES = 3
"""GPUs near each cell of a host."""
FLAVORS = ("pinned", "gpu")
ALIAS = {"name": "gpu", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-PCI"}
AWAY = (ServiceUnavailableError, ShuttingDownError, LedgerError)
ANYWHERE = "*"
Where = dict[str, str]
"""Host by consumer; consumers that hold nothing are not in it."""


@dataclass
class Notes:
    """Where a client's consumers are, its open migrations, and what the call under way may have made of them."""

    where: Where = field(default_factory=dict)
    migrations: dict[str, str] = field(default_factory=dict)
    doubt: list[Where] = field(default_factory=list)

    def begin(self, after: Where, *gone: str) -> Where:
        """Note that a call has begun that may leave things as they are, or ``after`` so."""
        kept = {name: host for name, host in self.where.items() if name not in gone}
        self.doubt = [dict(self.where), {**kept, **after}]
        return self.doubt[1]

    def end(self, where: Where) -> None:
        """Note that the call was answered."""
        self.where = where
        self.doubt = []


def client(target: str, notes: Notes, chance: random.Random, stop: threading.Event) -> None:
    """Place, move, migrate, confirm, go back and release, one call at a time, until the service is away."""
    with Client(target, timeout_s=10) as calls:
        while not stop.is_set():
            try:
                _one_call(calls, notes, chance)
            except NoValidHostError:
                notes.doubt = []
            except AWAY:
                return


def _one_call(calls: Client, notes: Notes, chance: random.Random) -> None:
    kind = chance.random()
    free = [name for name in notes.where if name not in notes.migrations and name not in notes.migrations.values()]
    if notes.migrations and kind < 0.3:
        instance, migration = chance.choice(list(notes.migrations.items()))
        if chance.random() < 0.5:
            after = notes.begin({instance: notes.where[migration]}, migration)
            calls.revert_move(instance, migration)
        else:
            after = notes.begin({}, migration)
            calls.release_allocations([migration])
        notes.end(after)
        del notes.migrations[instance]
    elif not free or kind < 0.5:
        instance = str(uuid4())
        notes.begin({instance: ANYWHERE})
        request = spec(flavor_name=chance.choice(FLAVORS), instance_uuids=[instance])
        reply = calls.select_destinations(request, client_token=instance)
        notes.end({**notes.where, instance: reply.selections[0].host.host_id})
    elif kind < 0.65:
        instance, migration = chance.choice(free), str(uuid4())
        after = notes.begin({instance: ANYWHERE, migration: notes.where[instance]})
        request = spec(flavor_name=chance.choice(FLAVORS), instance_uuids=[instance], migration_uuid=migration)
        reply = calls.select_destinations(request, client_token=migration)
        notes.end({**after, instance: reply.selections[0].host.host_id})
        notes.migrations[instance] = migration
    elif kind < 0.85:
        instance, host_id = chance.choice(free), f"h{chance.randrange(HOSTS)}"
        after = notes.begin({instance: host_id})
        calls.move_allocation(instance, host_id)
        notes.end(after)
    else:
        instance = chance.choice(free)
        after = notes.begin({}, instance)
        calls.release_allocations([instance])
        notes.end(after)


def check(calls: Client, everyone: Sequence[Notes]) -> int:
    """Everything is where it was answered to be, nothing is given twice; return how many allocations there are."""
    held = {item.consumer_uuid: item for item in calls.list_allocations(page_size=10_000).allocations}
    mine: set[str] = set()
    for notes in everyone:
        names = notes.where.keys() | {name for where in notes.doubt for name in where}
        now = {name: held[name].host_id for name in names if name in held}
        allowed = notes.doubt or [notes.where]
        assert any(_agree(now, where) for where in allowed), f"{now} is none of {allowed}"
        mine |= now.keys()
        notes.end(now)
        notes.migrations = {
            instance: name for instance, name in notes.migrations.items() if {instance, name} <= now.keys()
        }
    assert held.keys() == mine, f"nobody asked for {held.keys() - mine}"
    _check_nothing_is_shared(list(held.values()))
    audit = calls.audit_allocations()
    assert audit.clean, audit.differences
    return len(held)


def _agree(now: Where, where: Where) -> bool:
    return now.keys() == where.keys() and all(host in (now[name], ANYWHERE) for name, host in where.items())


def _check_nothing_is_shared(held: Sequence[Allocation]) -> None:
    cpus = Counter(
        (item.host_id, pin.host_cpu) for item in held for cell in item.assignment.cells for pin in cell.pinning
    )
    assert not cpus or max(cpus.values()) == 1, "a CPU is given twice"
    devices = Counter[tuple[str, int]]()
    for item in held:
        for taken in item.assignment.pci_devices:
            devices[item.host_id, taken.pool.numa_node] += taken.count
    assert all(many <= DEVICES for many in devices.values()), "more devices are given than there are"
    for item in held:
        assert len(item.assignment.cells) == 1, f"{item.consumer_uuid} has lost its CPUs"


def load(service: Served, everyone: Sequence[Notes], chance: random.Random, duration_s: float) -> None:
    """Let every client work until the service is killed."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def run(notes: Notes) -> None:
        try:
            client(service.target, notes, random.Random(chance.random()), stop)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(notes,)) for notes in everyone]
    for thread in threads:
        thread.start()
    time.sleep(duration_s)
    service.kill()
    stop.set()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]


def torture(folder: Path, *, kills: int, seed: int, clients: int = 3) -> int:
    """Kill a service so many times under load; return how many allocations are held in the end."""
    chance = random.Random(seed)
    target = f"127.0.0.1:{free_port()}"
    filters = (*SchedulerOptions().enabled_filters, "NUMATopologyFilter", "PciPassthroughFilter")
    environment = {
        "BERTH_SCHEDULER__ENABLED_FILTERS": json.dumps(filters),
        "BERTH_SCHEDULER__PCI_ALIAS": json.dumps([json.dumps(ALIAS)]),
    }
    everyone = [Notes() for _ in range(clients)]
    for number in range(kills):
        with served(folder, target=target, environment=environment) as service, Client(target) as calls:
            if number == 0:
                pools = PciPools(pools=[gpus(node, DEVICES) for node in range(3)])
                update(calls, *[numa_host(place, cells=3, pci_pools=pools) for place in range(HOSTS)])
                add_flavor(calls, "pinned", 2, 1024, extra_specs={"hw:cpu_policy": "dedicated"})
                gpu = {"hw:cpu_policy": "dedicated", "pci_passthrough:alias": "gpu:1"}
                add_flavor(calls, "gpu", 1, 512, extra_specs=gpu)
            check(calls, everyone)
            load(service, everyone, chance, chance.uniform(0.02, 0.5))
        offline = audit_state_dir(folder / "state")
        assert offline.clean, offline.differences
    with served(folder, target=target, environment=environment) as service, Client(target) as calls:
        held = check(calls, everyone)
        assert service.stop() == 0
    return held


if __name__ == "__main__":
    run(torture, __doc__)
