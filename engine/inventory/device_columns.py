"""The device columns of a fleet table: texts read into states, each distinct one once, and states written as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidHostError
from engine.fitting.pci import total
from engine.inventory.device_texts import numa_of, numa_text, pools_of, pools_text, tree_of, tree_text
from engine.inventory.devices import Pools
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_error import FleetSource
from engine.inventory.provider_shapes import ProviderNames, children_of, tree_shape
from engine.model.candidates import ProviderTree
from engine.model.numa import HostNuma

_READERS: Mapping[str, Callable[[str], object]] = {
    "numa_topology": numa_of,
    "pci_device_pools": pools_of,
    "resource_providers": tree_of,
}
_ADVICE = {
    "numa_topology": 'write JSON such as {"cells": [{"id": 0, "cpuset": [0, 1], "memory": 1024}]}',
    "pci_device_pools": 'write JSON such as [{"vendor_id": "10de", "product_id": "20b5", "count": 2}]',
    "resource_providers": 'write JSON such as {"inventories": {"CUSTOM_FOO": {"total": 2}}, "providers": []}',
}
_Read = TypeVar("_Read")
_Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReportedDevices:
    """What a batch of hosts reports: distinct states, the code of each host's, and its providers' names by index."""

    numas: list[HostNuma | None]
    numa_codes: _Codes
    pools: list[Pools]
    pool_codes: _Codes
    trees: list[ProviderTree | None]
    tree_codes: _Codes
    providers: dict[int, ProviderNames]

    def pci_devices(self, reported: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return how many devices each host has: the sum of its pools, or where it has none what it ``reported``."""
        counts = np.array([-1 if pools is None else total(pools) for pools in self.pools], dtype=np.int64)
        mine = counts[self.pool_codes]
        return np.where(mine < 0, reported, mine)


def reported_devices(fleet: pa.Table, host_ids: Sequence[str]) -> ReportedDevices | None:
    """Return what the hosts of a canonical fleet table report, None where none reports any; raise InvalidHostError."""
    if not any(_says_anything(fleet[name]) for name in _READERS):
        return None
    numas, numa_codes = _read(fleet, "numa_topology", numa_of, host_ids)
    pools, pool_codes = _read(fleet, "pci_device_pools", pools_of, host_ids)
    found, found_codes = _read(fleet, "resource_providers", tree_of, host_ids)
    uuids = fleet["uuid"].to_pylist()
    trees: list[ProviderTree | None] = [None]
    code_of: dict[ProviderTree | None, int] = {None: 0}
    tree_codes = np.zeros(len(host_ids), dtype=np.int64)
    providers: dict[int, ProviderNames] = {}
    owner: dict[str, str] = {}
    for index, code in enumerate(found_codes.tolist()):
        extra, children = found[code]
        if not extra and not children:
            continue
        host_id = host_ids[index]
        try:
            shape, names = tree_shape(uuids[index], extra, children)
        except ValueError as error:
            raise _invalid(host_id, "resource_providers", error) from error
        for uuid, _ in names:
            if owner.setdefault(uuid, host_id) != host_id:
                problem = ValueError(f"names provider {uuid}, which host {owner[uuid]!r} has")
                raise _invalid(host_id, "resource_providers", problem)
        tree_codes[index] = code_of.setdefault(shape, len(trees))
        if tree_codes[index] == len(trees):
            trees.append(shape)
        if names:
            providers[index] = names
    return ReportedDevices(numas, numa_codes, pools, pool_codes, trees, tree_codes, providers)


def check_device_texts(table: pa.Table, source: FleetSource) -> None:
    """Raise InvalidFileError for the first distinct text of a device column that cannot be read."""
    for name, read in _READERS.items():
        values = table[name]
        if not _says_anything(values):
            continue
        for text in values.unique().to_pylist():
            try:
                read(text)
            except ValueError as error:
                row = pc.index(values, value=pa.scalar(text)).as_py()
                raise source.fault(str(error), _ADVICE[name], column=name, row=row) from error


def device_texts(fleet: Fleet, rows: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return the device columns of some rows as their hosts reported them, and ``pci_devices`` in accordance."""
    devices = fleet.devices
    many = len(rows)
    columns = fleet.columns
    pci_devices = columns["pci_devices"][rows].astype(np.int64)
    if max(len(devices.numas), len(devices.pools), len(devices.trees)) == 1:
        empty = pa.repeat(pa.scalar("", pa.string()), many)
        return {**dict.fromkeys(_READERS, empty), "pci_devices": pa.array(pci_devices)}
    held = [index for index, row in enumerate(rows.tolist()) if row in devices.holdings]
    numas = _texts(columns["numa"][rows], devices.numas.values, numa_text)
    pools = _texts(columns["pci"][rows], devices.pools.values, pools_text)
    for index in held:
        base = devices.holdings[int(rows[index])].base
        numas[index], pools[index] = numa_text(base.numa), pools_text(base.pools)
        if base.pools is not None:
            pci_devices[index] = total(base.pools)
    trees = [""] * many
    for index in np.flatnonzero(columns["tree"][rows]).tolist():
        row = int(rows[index])
        shape = fleet.reported_devices(row).tree
        if shape is not None:
            trees[index] = tree_text(
                dict(shape.root.inventories), children_of(shape, fleet.identity.providers.get(row, ()))
            )
    return {
        "numa_topology": pa.array(numas, pa.string()),
        "pci_device_pools": pa.array(pools, pa.string()),
        "resource_providers": pa.array(trees, pa.string()),
        "pci_devices": pa.array(pci_devices),
    }


def _says_anything(values: pa.ChunkedArray) -> bool:
    if pa.types.is_dictionary(values.type):
        values = pa.chunked_array([chunk.dictionary for chunk in values.chunks], pa.string())
    return bool(pc.max(pc.binary_length(values)).as_py())


def _read(
    fleet: pa.Table, column: str, read: Callable[[str], _Read], host_ids: Sequence[str]
) -> tuple[list[_Read], _Codes]:
    """Return what a column's distinct texts say, and the code of each row's."""
    encoded = pc.dictionary_encode(fleet[column]).unify_dictionaries().combine_chunks()
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    found = []
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            found.append(read(text))
        except ValueError as error:
            raise _invalid(host_ids[int(np.argmax(codes == code))], column, error) from error
    return found, codes


def _invalid(host_id: str, column: str, error: ValueError) -> InvalidHostError:
    return InvalidHostError(f"host {host_id!r}: column {column} {error}", host_id=host_id)


def _texts(codes: npt.NDArray[Any], values: list[_Read], text: Callable[[_Read], str]) -> list[str]:
    distinct, places = np.unique(codes, return_inverse=True)
    texts = [text(values[code]) for code in distinct.tolist()]
    return [texts[place] for place in places.tolist()]
