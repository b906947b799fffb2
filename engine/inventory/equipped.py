"""EquippedFleet: hosts with NUMA cells, PCI pools and provider trees of which instances hold parts, and what is shared.

A fleet without any of these never comes here: a claim that holds nothing beyond amounts changes no state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import ConflictError, NotFoundError
from engine.fitting.pci import total
from engine.inventory.devices import DeviceState, Holding, Pools
from engine.inventory.measured import MeasuredFleet
from engine.inventory.mutable import Rows
from engine.inventory.profiles import Numbering
from engine.inventory.provider_shapes import ProviderNames
from engine.model.assignment import Assignment
from engine.model.candidates import SHARES, Provider, ProviderTree
from engine.model.numa import HostNuma

_Value = TypeVar("_Value")
_COLUMNS = ("numa", "pci", "tree", "pci_devices")
_SPARE_CODES = 1024
"""A numbering may hold this many values more than twice those in use before it is made anew."""


class EquippedFleet(MeasuredFleet):
    """A mutable fleet whose hosts have devices; each row's ``numa``, ``pci`` and ``tree`` are codes of their states."""

    def __init__(self) -> None:
        super().__init__()
        self._sharing_reported: dict[str, Provider] = {}
        self._sharing_taken: dict[str, dict[str, int]] = {}
        """By provider uuid: what assignments take of it, by resource class."""
        self._limits = dict.fromkeys(("numa", "pci", "tree"), _SPARE_CODES)
        """By column: how long its numbering may grow before it is looked at."""

    def part(self) -> None:
        """Have nothing that changes in common with the table that this is a copy of."""
        super().part()
        self._sharing_reported = dict(self._sharing_reported)
        self._sharing_taken = {uuid: dict(taken) for uuid, taken in self._sharing_taken.items()}
        self._limits = dict(self._limits)

    # -- hosts' reports ------------------------------------------------------------------------------------------------

    def write_devices(
        self,
        rows: Rows,
        numas: npt.NDArray[np.int32],
        pools: npt.NDArray[np.int32],
        trees: npt.NDArray[np.int32],
        names: Mapping[int, ProviderNames],
    ) -> None:
        """Write what hosts report, as codes of the table's numberings; what is held goes back on top.

        ``names`` are the providers of some of the rows, by index. ``pci_devices`` is written already, as reported.
        """
        identity = self.own_identity() if names or self.identity.providers else self.identity
        if identity.providers:
            for row in rows.tolist():
                identity.providers.pop(row, None)
        identity.providers.update((int(rows[index]), found) for index, found in names.items())
        columns = self.own(_COLUMNS)
        columns[0][rows], columns[1][rows], columns[2][rows] = numas, pools, trees
        if self.devices.holdings:
            for row in rows.tolist():
                held = self.devices.holdings.get(row)
                if held is not None:
                    self._hold(row, replace(held, base=self.device_state(row)))
        self._tidy()

    def numa_codes(self, values: Iterable[HostNuma | None]) -> npt.NDArray[np.int32]:
        """Return the codes of NUMA cells, giving new ones to those not met before."""
        return _codes(self.devices.numas, values)

    def pool_codes(self, values: Iterable[Pools]) -> npt.NDArray[np.int32]:
        """Return the codes of PCI pools, giving new ones to those not met before."""
        return _codes(self.devices.pools, values)

    def tree_codes(self, values: Iterable[ProviderTree | None]) -> npt.NDArray[np.int32]:
        """Return the codes of trees' shapes, giving new ones to those not met before."""
        return _codes(self.devices.trees, values)

    # -- assignments ---------------------------------------------------------------------------------------------------

    def hold(self, row: int, sign: int, assignment: Assignment) -> None:
        """Let an instance hold an assignment on a row (sign 1), or give one like it back (sign -1).

        The caller marks the row as changed. Raises ConflictError where nothing like it is held.
        """
        held = self.devices.holdings.get(row) or Holding(self.device_state(row), ())
        if sign > 0:
            after = replace(held, assignments=(*held.assignments, assignment))
            state = self.device_state(row).holding([assignment], *self._uuids(row))
            self._write(row, state)
            self.own_holdings()[row] = after
        else:
            if assignment not in held.assignments:
                raise ConflictError(
                    f"host {self.identity.host_ids[row]!r} holds no such assignment: it was given back before",
                    host_id=self.identity.host_ids[row],
                )
            left = list(held.assignments)
            left.remove(assignment)
            after = replace(held, assignments=tuple(left))
            given_back = self.device_state(row).giving_back(assignment, *self._uuids(row)) if left else None
            if given_back is None:
                self._hold(row, after)
            else:
                self._write(row, given_back)
                self.own_holdings()[row] = after
        self._take_shared([assignment], sign)
        self._tidy()

    def restore_assignments(self, pairs: Iterable[tuple[int, Assignment]]) -> None:
        """Let instances hold assignments on rows, all at once; their amounts are in the columns already."""
        by_row: dict[int, list[Assignment]] = {}
        for row, assignment in pairs:
            by_row.setdefault(row, []).append(assignment)
        for row, assignments in by_row.items():
            held = self.devices.holdings.get(row) or Holding(self.device_state(row), ())
            self._hold(row, replace(held, assignments=(*held.assignments, *assignments)))
            self._take_shared(assignments, 1)
        self.touch(np.array(sorted(by_row), dtype=np.int64), facts=False)
        self._tidy()

    def _hold(self, row: int, held: Holding) -> None:
        """Write what a row has and what is held of it, computed anew from the host's report."""
        self._write(row, held.base.holding(held.assignments, *self._uuids(row)))
        holdings = self.own_holdings()
        if held.assignments:
            holdings[row] = held
        else:
            holdings.pop(row, None)

    def _write(self, row: int, state: DeviceState) -> None:
        numa, pci, tree, pci_devices = self.own(_COLUMNS)
        devices = self.devices
        numa[row] = devices.numas.code(state.numa)
        pci[row] = devices.pools.code(state.pools)
        tree[row] = devices.trees.code(state.tree)
        if state.pools is not None:
            pci_devices[row] = total(state.pools)

    def _uuids(self, row: int) -> tuple[str, ProviderNames]:
        return self.identity.uuids[row], self.identity.providers.get(row, ())

    # -- sharing providers ---------------------------------------------------------------------------------------------

    def set_sharing(self, providers: Sequence[Provider]) -> None:
        """Add or replace sharing providers; ``used`` is what is used of them beside Berth's allocations."""
        for provider in providers:
            self._sharing_reported[provider.uuid] = replace(provider, parent="", traits=provider.traits | {SHARES})
        self._sharing_changed([provider.uuid for provider in providers], facts=True)

    def delete_sharing(self, uuids: Sequence[str]) -> None:
        """Remove sharing providers; raise NotFoundError or ConflictError, with none removed."""
        for uuid in uuids:
            if uuid not in self._sharing_reported:
                raise NotFoundError(f"no sharing provider has the uuid {uuid!r}", uuid=uuid)
            if self._sharing_taken.get(uuid):
                raise ConflictError(
                    f"sharing provider {uuid} gives to instances: release their allocations first", uuid=uuid
                )
        for uuid in dict.fromkeys(uuids):
            del self._sharing_reported[uuid]
        self._sharing_changed(uuids, facts=True)

    @property
    def reported_sharing(self) -> Mapping[str, Provider]:
        """The sharing providers as they were set, without what Berth's allocations take."""
        return self._sharing_reported

    def _take_shared(self, assignments: Iterable[Assignment], sign: int) -> None:
        changed = []
        for item in assignments:
            for uuid, amounts in item.candidate.allocations if item.candidate is not None else ():
                taken = self._sharing_taken.setdefault(uuid, {})
                for name, amount in amounts:
                    taken[name] = taken.get(name, 0) + sign * amount
                    if not taken[name]:
                        del taken[name]
                if not taken:
                    del self._sharing_taken[uuid]
                if uuid in self._sharing_reported:
                    changed.append(uuid)
        if changed:
            self._sharing_changed(changed, facts=False)

    def _sharing_changed(self, uuids: Iterable[str], *, facts: bool) -> None:
        """Make the live sharing providers anew; snapshots keep the earlier ones."""
        sharing = dict(self.devices.sharing)
        for uuid in uuids:
            provider = self._sharing_reported.get(uuid)
            if provider is None:
                sharing.pop(uuid, None)
                continue
            used = dict(provider.used)
            for name, amount in self._sharing_taken.get(uuid, {}).items():
                used[name] = used.get(name, 0) + amount
            sharing[uuid] = replace(provider, used=tuple(sorted(used.items())))
        self.devices.sharing = sharing
        if facts:
            self.facts_revision += 1
            self.advance()

    # -- numberings ----------------------------------------------------------------------------------------------------

    def _tidy(self) -> None:
        """Number states anew where far more have been met than rows are in, as they are after many claims."""
        devices = self.devices
        if len(devices.numas) > self._limits["numa"]:
            devices.numas = self._renumbered("numa", devices.numas)
        if len(devices.pools) > self._limits["pci"]:
            devices.pools = self._renumbered("pci", devices.pools)
        if len(devices.trees) > self._limits["tree"]:
            devices.trees = self._renumbered("tree", devices.trees)

    def _renumbered(self, name: str, numbering: Numbering[_Value]) -> Numbering[_Value]:
        codes = self.columns[name]
        used = np.unique(codes)
        # 0 stays the code of nothing, whether or not a row has it
        kept = np.union1d(used, [0])
        self._limits[name] = 2 * len(kept) + _SPARE_CODES
        if len(numbering) <= self._limits[name]:
            return numbering
        fresh: Numbering[_Value] = Numbering()
        for code in kept.tolist():
            fresh.code(numbering.values[code])
        self.own([name])[0][:] = np.searchsorted(kept, codes)
        return fresh


def _codes(numbering: Numbering[_Value], values: Iterable[_Value]) -> npt.NDArray[np.int32]:
    return np.array([numbering.code(value) for value in values], dtype=np.int32)
