"""Between NUMA messages and the model; everything a message may get wrong is refused here, by name."""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InvalidRequestError
from engine.inventory.device_records import MAX_CELLS, MAX_CPUS
from engine.model.limits import MAX_AMOUNT, MAX_MEMORY_MB, check_amount
from engine.model.numa import (
    ANY_PAGES,
    DEDICATED,
    MIXED,
    SHARED,
    GuestCell,
    GuestNuma,
    HostCell,
    HostNuma,
    HostPages,
    NetworkNeeds,
)
from engine.service.lengths import check_count
from engine.v1 import numa_pb2

MAX_CPU = 2**20 - 1
"""The largest number of a CPU."""
MAX_PAGE_KB = 64 * 1024**2
_MAX_PAGE_SIZES = 64
_MAX_PHYSNETS = 1024
_FIELD = "numa_topology"
_MAX_ID = MAX_AMOUNT
_CPU_POLICIES = ("", SHARED, DEDICATED, MIXED)
_THREAD_POLICIES = ("", "prefer", "isolate", "require")
_EMULATOR_POLICIES = ("", "isolate", "share")


def host_numa_from(message: numa_pb2.NumaTopology) -> HostNuma | None:
    """Return a host's cells, None where there are none; raise InvalidRequestError for what no host can be."""
    check_count("NUMA cells", len(message.cells), MAX_CELLS, _FIELD)
    seen: dict[int, int] = {}
    cells = tuple(_host_cell(cell, seen) for cell in message.cells)
    _check_distinct([cell.cell_id for cell in cells])
    return HostNuma(cells) if cells else None


def _host_cell(message: numa_pb2.HostCell, seen: dict[int, int]) -> HostCell:
    where = f"NUMA cell {message.cell_id}"
    check_amount("a NUMA cell's id", message.cell_id, 0, _MAX_ID)
    check_count(f"{where}: sets of siblings", len(message.siblings), MAX_CPUS, _FIELD)
    check_count(f"{where}: page sizes", len(message.pages), _MAX_PAGE_SIZES, _FIELD)
    check_count(f"{where}: physnets", len(message.physnets), _MAX_PHYSNETS, _FIELD)
    cpus = _cpus(where, "cpus", message.cpus)
    pinnable = _cpus(where, "pinnable_cpus", message.pinnable_cpus)
    pinned = _cpus(where, "pinned_cpus", message.pinned_cpus)
    siblings = tuple(_cpus(where, "siblings", item.cpus) for item in message.siblings)
    _claim_cpus(message.cell_id, cpus | pinnable, seen)
    if not pinned <= pinnable:
        raise _invalid(f"{where}: CPU {min(pinned - pinnable)} is pinned but not among the pinnable_cpus")
    threads: set[int] = set()
    for sibling in siblings:
        if not sibling:
            raise _invalid(f"{where}: a set of siblings is empty: leave it out")
        if not sibling <= cpus | pinnable:
            raise _invalid(f"{where}: sibling {min(sibling - cpus - pinnable)} is no CPU of the cell")
        if sibling & threads:
            raise _invalid(f"{where}: CPU {min(sibling & threads)} is in two sets of siblings")
        threads |= sibling
    sizes = [pages.size_kb for pages in message.pages]
    if len(set(sizes)) != len(sizes):
        raise _invalid(f"{where}: a page size comes twice")
    if "" in message.physnets:
        raise _invalid(f"{where}: a physical network has no name")
    return HostCell(
        cell_id=message.cell_id,
        cpus=cpus,
        pinnable_cpus=pinnable,
        memory_mb=check_amount(f"{where}: memory_mb", message.memory_mb, 0, MAX_MEMORY_MB),
        cpu_usage=check_amount(f"{where}: cpu_usage", message.cpu_usage, 0, MAX_AMOUNT),
        memory_usage_mb=check_amount(f"{where}: memory_usage_mb", message.memory_usage_mb, 0, MAX_MEMORY_MB),
        pinned_cpus=pinned,
        siblings=siblings,
        pages=tuple(_pages(where, item) for item in message.pages),
        socket=check_amount(f"{where}: socket", message.socket, 0, _MAX_ID) if message.HasField("socket") else None,
        physnets=frozenset(message.physnets),
        tunneled=message.tunneled,
    )


def _pages(where: str, message: numa_pb2.HostPages) -> HostPages:
    return HostPages(
        size_kb=check_amount(f"{where}: a page's size_kb", message.size_kb, 1, MAX_PAGE_KB),
        total=check_amount(f"{where}: total pages", message.total, 0, MAX_AMOUNT),
        used=check_amount(f"{where}: used pages", message.used, 0, MAX_AMOUNT),
        reserved=check_amount(f"{where}: reserved pages", message.reserved, 0, MAX_AMOUNT),
    )


def guest_numa_from(message: numa_pb2.NumaTopologyRequest) -> GuestNuma | None:
    """Return the cells a guest asks for, None for none; raise InvalidRequestError for what no guest can be."""
    check_count("NUMA cells", len(message.cells), MAX_CELLS, _FIELD)
    seen: dict[int, int] = {}
    cells = tuple(_guest_cell(cell, seen) for cell in message.cells)
    _check_distinct([cell.cell_id for cell in cells])
    policy = _one_of("emulator_threads_policy", message.emulator_threads_policy, _EMULATOR_POLICIES)
    return GuestNuma(cells, policy) if cells else None


def _guest_cell(message: numa_pb2.GuestCell, seen: dict[int, int]) -> GuestCell:
    where = f"guest cell {message.cell_id}"
    check_amount("a guest cell's id", message.cell_id, 0, _MAX_ID)
    cpus = _cpus(where, "cpus", message.cpus)
    dedicated = _cpus(where, "dedicated_cpus", message.dedicated_cpus)
    if cpus & dedicated:
        raise _invalid(f"{where}: vCPU {min(cpus & dedicated)} is both shared and dedicated")
    _claim_cpus(message.cell_id, cpus | dedicated, seen)
    check_amount(f"{where}: page_size_kb (0, -1, -2, -3 or KiB)", message.page_size_kb, ANY_PAGES, MAX_PAGE_KB)
    return GuestCell(
        cell_id=message.cell_id,
        cpus=cpus,
        dedicated_cpus=dedicated,
        memory_mb=check_amount(f"{where}: memory_mb", message.memory_mb, 0, MAX_MEMORY_MB),
        page_size_kb=message.page_size_kb or None,
        cpu_policy=_one_of(f"{where}: cpu_policy", message.cpu_policy, _CPU_POLICIES),
        cpu_thread_policy=_one_of(f"{where}: cpu_thread_policy", message.cpu_thread_policy, _THREAD_POLICIES),
    )


def networks_from(message: numa_pb2.NetworkNeeds) -> NetworkNeeds:
    """Return what networks want near; raise InvalidRequestError for a network without a name, or too many."""
    check_count("networks", len(message.physnets), _MAX_PHYSNETS)
    if "" in message.physnets:
        raise _invalid("networks: a physical network has no name")
    return NetworkNeeds(frozenset(message.physnets), message.tunneled)


def host_numa_message(numa: HostNuma) -> numa_pb2.NumaTopology:
    """Return the message of a host's cells."""
    return numa_pb2.NumaTopology(cells=[_host_cell_message(cell) for cell in numa.cells])


def _host_cell_message(cell: HostCell) -> numa_pb2.HostCell:
    return numa_pb2.HostCell(
        cell_id=cell.cell_id,
        cpus=sorted(cell.cpus),
        pinnable_cpus=sorted(cell.pinnable_cpus),
        memory_mb=cell.memory_mb,
        cpu_usage=cell.cpu_usage,
        memory_usage_mb=cell.memory_usage_mb,
        pinned_cpus=sorted(cell.pinned_cpus),
        siblings=[numa_pb2.CpuSet(cpus=sorted(item)) for item in cell.siblings],
        pages=[
            numa_pb2.HostPages(size_kb=item.size_kb, total=item.total, used=item.used, reserved=item.reserved)
            for item in cell.pages
        ],
        socket=cell.socket,
        physnets=sorted(cell.physnets),
        tunneled=cell.tunneled,
    )


def guest_cell_message(cell: GuestCell) -> numa_pb2.GuestCell:
    """Return the message of what a guest cell asks for."""
    return numa_pb2.GuestCell(
        cell_id=cell.cell_id,
        cpus=sorted(cell.cpus),
        dedicated_cpus=sorted(cell.dedicated_cpus),
        memory_mb=cell.memory_mb,
        page_size_kb=cell.page_size_kb or 0,
        cpu_policy=cell.cpu_policy or "",
        cpu_thread_policy=cell.cpu_thread_policy or "",
    )


def _check_distinct(cell_ids: list[int]) -> None:
    twice = [cell_id for index, cell_id in enumerate(cell_ids) if cell_id in cell_ids[:index]]
    if twice:
        raise _invalid(f"NUMA cell {twice[0]} comes twice")


def _claim_cpus(cell_id: int, cpus: frozenset[int], seen: dict[int, int]) -> None:
    """Note the cell of each CPU; raise InvalidRequestError for one that another cell has, or for too many."""
    for cpu in sorted(cpus & seen.keys()):
        raise _invalid(f"CPU {cpu} is in the NUMA cells {seen[cpu]} and {cell_id}")
    seen.update(dict.fromkeys(cpus, cell_id))
    if len(seen) > MAX_CPUS:
        raise _invalid(f"the NUMA cells have more than {MAX_CPUS} CPUs together")


def _cpus(where: str, name: str, cpus: Iterable[int]) -> frozenset[int]:
    listed = list(cpus)
    if len(listed) > MAX_CPUS:
        raise _invalid(f"{where}: {name} has more than {MAX_CPUS} CPUs")
    found = frozenset(listed)
    if len(found) != len(listed):
        raise _invalid(f"{where}: {name} names a CPU twice")
    if found and max(found) > MAX_CPU:
        raise _invalid(f"{where}: {name} has a CPU {max(found)}, beyond {MAX_CPU}")
    return found


def _one_of(name: str, text: str, known: tuple[str, ...]) -> str | None:
    if text not in known:
        raise _invalid(f"{name} {text!r} is none of {', '.join(item for item in known if item)}, or empty")
    return text or None


def _invalid(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, field=_FIELD)
