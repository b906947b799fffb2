"""The texts of a host's NUMA cells, PCI pools and resource providers, as fleet tables and files hold them: JSON.

An empty text stands for a host that says nothing. Every reader raises ValueError whose message continues a sentence
about the text (see device_records for the fields).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec

from engine.inventory.device_records import (
    MAX_CPUS,
    MAX_POOLS,
    CellRecord,
    InventoryRecord,
    NetworksRecord,
    PoolRecord,
    TopologyRecord,
    TreeRecord,
)
from engine.model.candidates import Provider
from engine.model.limits import MAX_AMOUNT
from engine.model.numa import HostCell, HostNuma, HostPages
from engine.model.pci import PciPool
from engine.model.resources import ResourceInventory

_T = TypeVar("_T")

_topology = msgspec.json.Decoder(TopologyRecord)
_pools = msgspec.json.Decoder(Annotated[list[PoolRecord], msgspec.Meta(max_length=MAX_POOLS)])
_tree = msgspec.json.Decoder(TreeRecord)
_encoder = msgspec.json.Encoder(order="sorted")


def numa_text(numa: HostNuma | None) -> str:
    """Return the text of a host's NUMA cells, empty for none."""
    if numa is None:
        return ""
    return _text({"cells": [_cell_record(cell) for cell in numa.cells]})


def numa_of(text: str) -> HostNuma | None:
    """Return the NUMA cells that a text tells of, None for an empty one; raise ValueError."""
    if not text:
        return None
    record = _read(_topology, text)
    cells = tuple(_cell(cell) for cell in record.cells)
    _check_cells(cells)
    return HostNuma(cells)


def pools_text(pools: Sequence[PciPool] | None) -> str:
    """Return the text of a host's PCI pools: empty where it does not say, ``[]`` where it has none."""
    if pools is None:
        return ""
    return _text(
        [
            {
                "vendor_id": pool.vendor_id,
                "product_id": pool.product_id,
                "numa_node": pool.numa_node,
                "count": pool.count,
                "tags": dict(pool.tags),
            }
            for pool in pools
        ]
    )


def pools_of(text: str) -> tuple[PciPool, ...] | None:
    """Return the PCI pools that a text tells of, None for an empty one; raise ValueError."""
    if not text:
        return None
    pools = tuple(
        PciPool(pool.vendor_id, pool.product_id, pool.numa_node, pool.count, tuple(sorted(pool.tags.items())))
        for pool in _read(_pools, text)
    )
    _check_pools(pools)
    return pools


def tree_text(extra_inventories: Mapping[str, ResourceInventory], children: Sequence[Provider]) -> str:
    """Return the text of the further inventories of a host's own provider and of the providers under it.

    It is empty where there is neither.
    """
    if not extra_inventories and not children:
        return ""
    return _text(
        {
            "inventories": {name: _inventory_record(item) for name, item in extra_inventories.items()},
            "providers": [
                {
                    "uuid": child.uuid,
                    "name": child.name,
                    "parent": child.parent or None,
                    "inventories": {name: _inventory_record(item) for name, item in child.inventories},
                    "used": dict(child.used),
                    "traits": sorted(child.traits),
                    "aggregates": sorted(child.aggregates),
                }
                for child in children
            ],
        }
    )


def tree_of(text: str) -> tuple[dict[str, ResourceInventory], tuple[Provider, ...]]:
    """Return the further inventories and the providers that a text tells of, nothing for an empty one.

    Raises ValueError.
    """
    if not text:
        return {}, ()
    record = _read(_tree, text)
    children = tuple(
        Provider(
            uuid=item.uuid,
            name=item.name,
            parent=item.parent or "",
            inventories=tuple(sorted((name, _inventory(found)) for name, found in item.inventories.items())),
            traits=frozenset(item.traits),
            aggregates=frozenset(item.aggregates),
            used=tuple(sorted((name, amount) for name, amount in item.used.items() if amount)),
        )
        for item in record.providers
    )
    return {name: _inventory(item) for name, item in sorted(record.inventories.items())}, children


def _check_cells(cells: Sequence[HostCell]) -> None:
    """Raise ValueError for cells that contradict each other or themselves."""
    ids = [cell.cell_id for cell in cells]
    if len(set(ids)) != len(ids):
        raise ValueError(f"names a cell twice: the ids are {sorted(ids)}")
    seen: set[int] = set()
    for cell in cells:
        mine = cell.cpus | cell.pinnable_cpus
        if mine & seen:
            raise ValueError(f"has CPU {min(mine & seen)} in two cells")
        seen |= mine
        if not cell.pinned_cpus <= mine:
            raise ValueError(f"pins CPU {min(cell.pinned_cpus - mine)}, which is not in cell {cell.cell_id}")
        sizes = [pages.size_kb for pages in cell.pages]
        if len(set(sizes)) != len(sizes):
            raise ValueError(f"names a page size of cell {cell.cell_id} twice")
    if len(seen) > MAX_CPUS:
        raise ValueError(f"has {len(seen)} CPUs, at most {MAX_CPUS} are allowed")


def _check_pools(pools: Sequence[PciPool]) -> None:
    """Raise ValueError where the devices of all pools together are too many."""
    many = sum(pool.count for pool in pools)
    if many > MAX_AMOUNT:
        raise ValueError(f"has {many} devices, at most {MAX_AMOUNT} are allowed")


def _read(decoder: msgspec.json.Decoder[_T], text: str) -> _T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"cannot be read ({error})") from error


def _text(record: object) -> str:
    return _encoder.encode(record).decode()


@lru_cache(maxsize=4096)
def _cpus(ids: tuple[int, ...]) -> frozenset[int]:
    """Return the set of CPUs; hosts of one kind share it."""
    return frozenset(ids)


@lru_cache(maxsize=1024)
def _sibling_sets(ids: tuple[tuple[int, ...], ...]) -> tuple[frozenset[int], ...]:
    return tuple(frozenset(each) for each in ids)


def _cell(cell: CellRecord) -> HostCell:
    networks = cell.network_metadata or NetworksRecord()
    return HostCell(
        cell_id=cell.id,
        cpus=_cpus(tuple(cell.cpuset)),
        pinnable_cpus=_cpus(tuple(cell.pcpuset)),
        memory_mb=cell.memory,
        cpu_usage=cell.cpu_usage,
        memory_usage_mb=cell.memory_usage,
        pinned_cpus=_cpus(tuple(cell.pinned_cpus)),
        siblings=_sibling_sets(tuple(map(tuple, cell.siblings))),
        pages=tuple(HostPages(item.size_kb, item.total, item.used, item.reserved) for item in cell.mempages),
        socket=cell.socket,
        physnets=frozenset(networks.physnets),
        tunneled=networks.tunneled,
    )


def _cell_record(cell: HostCell) -> dict[str, object]:
    networks = {"physnets": sorted(cell.physnets), "tunneled": cell.tunneled}
    return {
        "id": cell.cell_id,
        "cpuset": sorted(cell.cpus),
        "pcpuset": sorted(cell.pinnable_cpus),
        "memory": cell.memory_mb,
        "cpu_usage": cell.cpu_usage,
        "memory_usage": cell.memory_usage_mb,
        "pinned_cpus": sorted(cell.pinned_cpus),
        "siblings": [sorted(each) for each in cell.siblings],
        "mempages": [
            {"size_kb": pages.size_kb, "total": pages.total, "used": pages.used, "reserved": pages.reserved}
            for pages in cell.pages
        ],
        "socket": cell.socket,
        "network_metadata": networks if cell.physnets or cell.tunneled else None,
    }


def _inventory(item: InventoryRecord) -> ResourceInventory:
    return ResourceInventory(
        item.total, item.reserved, item.allocation_ratio, item.min_unit, item.max_unit, item.step_size
    )


def _inventory_record(item: ResourceInventory) -> dict[str, object]:
    return {
        "total": item.total,
        "reserved": item.reserved,
        "allocation_ratio": item.allocation_ratio,
        "min_unit": item.min_unit,
        "max_unit": item.max_unit,
        "step_size": item.step_size,
    }
