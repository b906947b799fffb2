"""The audit of NUMA cells, PCI devices and resource providers: what instances hold of them against what is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from engine.errors import LedgerCorruptError
from engine.fitting.numa_usage import with_usage
from engine.fitting.pci import without
from engine.inventory.fleet import Fleet
from engine.model.assignment import Assignment
from engine.model.candidates import Amount, Provider
from engine.model.host import Host
from engine.model.resources import RESOURCE_CLASSES
from engine.service.assignments import decoded
from engine.service.convert import consumer_text

Difference = tuple[str, str]
"""A subject and what is wrong with it."""


def compare_assignments(in_ledger: Mapping[bytes, bytes], in_memory: Mapping[bytes, Assignment]) -> list[Difference]:
    """Return where the ledger and memory say that an instance was given different parts of its host."""
    found = []
    for consumer in sorted(in_ledger.keys() | in_memory.keys()):
        try:
            durable = decoded(in_ledger[consumer]) if consumer in in_ledger else None
        except LedgerCorruptError as error:
            found.append((consumer_text(consumer), error.message))
            continue
        if durable != in_memory.get(consumer):
            found.append((consumer_text(consumer), "was given other parts of its host in memory than in the ledger"))
    return found


def compare_devices(
    held: Sequence[tuple[int, Assignment]], fleet: Fleet, sharing: Iterable[Provider]
) -> list[Difference]:
    """Return the hosts and sharing providers of which more or less is in use than (row, assignment) pairs hold.

    ``sharing`` are the sharing providers without what is held of them.
    """
    by_row: dict[int, list[Assignment]] = {}
    for row, assignment in held:
        by_row.setdefault(row, []).append(assignment)
    present, columns = fleet.present_rows(), fleet.columns
    equipped = present[(columns["numa"][present] | columns["pci"][present] | columns["tree"][present]) != 0]
    found: list[Difference] = []
    for row in np.union1d(equipped, np.array(list(by_row), dtype=np.int64)).tolist():
        found += [(fleet.identity.host_ids[row], problem) for problem in _of_host(fleet, row, by_row.get(row, []))]
    taken = _taken(assignment for _, assignment in held)
    wanted = {provider.uuid: _sum(provider, taken) for provider in sharing}
    for uuid in sorted(wanted.keys() | fleet.sharing.keys()):
        live = fleet.sharing.get(uuid)
        if live is None or uuid not in wanted:
            where = "ledger but not in memory" if live is None else "memory but not in the ledger"
            found.append((f"sharing provider {uuid}", f"is in {where}"))
        elif _known(live.used) != wanted[uuid]:
            found.append((f"sharing provider {uuid}", _difference(_known(live.used), wanted[uuid])))
    return found


def _of_host(fleet: Fleet, row: int, assignments: Sequence[Assignment]) -> Iterator[str]:
    host = fleet.host(row)
    numa, pools = host.numa, host.pci_pools
    for assignment in assignments:
        if numa is not None and assignment.numa is not None:
            numa = with_usage(numa, assignment.numa)
        if pools is not None and assignment.pci:
            pools = without(pools, assignment.pci)
    if numa != fleet.numa(row):
        yield "the use of its NUMA cells is not what its allocations make it"
    if pools is not None and sorted(pools, key=repr) != sorted(fleet.pci_pools(row), key=repr):
        yield "its free PCI devices are not what its allocations leave"
    tree = fleet.tree(row)
    if tree is not None:
        live = {provider.uuid: provider.used for provider in tree.providers}
        for uuid, wanted in _used(host, _taken(assignments)):
            # what columns count of the host's own provider is compared with them
            used = (item for item in live.get(uuid, ()) if uuid != host.uuid or item[0] not in RESOURCE_CLASSES)
            known = _known(used)
            if known != wanted:
                yield f"of its provider {uuid} {_difference(known, wanted)}"


def _used(host: Host, taken: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, tuple[Amount, ...]]]:
    """Yield what should be in use of each of a host's providers, of its own beyond what columns count."""
    yield host.uuid, _known(item for item in taken.get(host.uuid, {}).items() if item[0] not in RESOURCE_CLASSES)
    for child in host.children:
        yield child.uuid, _sum(child, taken)


def _sum(provider: Provider, taken: Mapping[str, Mapping[str, int]]) -> tuple[Amount, ...]:
    """Return what is in use of a provider that has so much used beside what is taken."""
    used = dict(provider.used)
    for name, amount in taken.get(provider.uuid, {}).items():
        used[name] = used.get(name, 0) + amount
    return _known(used.items())


def _taken(assignments: Iterable[Assignment]) -> dict[str, dict[str, int]]:
    """Return what assignments take, by provider and resource class."""
    taken: dict[str, dict[str, int]] = {}
    for assignment in assignments:
        for uuid, amounts in assignment.candidate.allocations if assignment.candidate else ():
            of_provider = taken.setdefault(uuid, {})
            for name, amount in amounts:
                of_provider[name] = of_provider.get(name, 0) + amount
    return taken


def _known(used: Iterable[Amount]) -> tuple[Amount, ...]:
    return tuple(sorted(item for item in used if item[1]))


def _difference(known: Iterable[Amount], wanted: Iterable[Amount]) -> str:
    return f"{_text(known)} is in use, its allocations make it {_text(wanted)}"


def _text(used: Iterable[Amount]) -> str:
    return ", ".join(f"{amount} {name}" for name, amount in used) or "nothing"
