"""HostTable: the live columns and everything that changes them, by one writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import HostInUseError, InvalidRequestError
from engine.inventory.equipped import EquippedFleet
from engine.inventory.identity import Identity, IdentityTexts
from engine.inventory.ingest import FleetColumns, fleet_columns
from engine.inventory.mutable import Rows
from engine.inventory.profiles import Numbering, Profile
from engine.inventory.schema import CLASS_PREFIX, COLUMNS, LEAF_ROWS
from engine.inventory.services import service_states
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage, apply_usages
from engine.model.assignment import Assignment
from engine.model.limits import MAX_HOSTS

_Value = TypeVar("_Value")
_NO_ASSIGNMENTS: Mapping[int, Assignment] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Upserted:
    """What an update did: how many hosts it added and changed, and all their rows."""

    added: int
    changed: int
    rows: Rows


class HostTable(EquippedFleet):
    """The hosts as columns, mutable. One writer at a time; readers take ``snapshot()``."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[tuple[int, str]] = []
        """(generation, host_id) of each removal, oldest first."""
        self._service_valid_from_us = 0
        self._service_valid_until_us = -1
        self._service_down_time_us = -1

    def part(self) -> None:
        """Have nothing that changes in common with the table that this is a copy of."""
        super().part()
        self.removed = list(self.removed)

    # -- hosts ---------------------------------------------------------------------------------------------------------

    def upsert(self, fleet: pa.Table) -> Upserted:
        """Add or replace hosts from a canonical fleet table (see fleet_schema).

        What Berth's allocations hold on known hosts stays.
        Raises InvalidHostError when a row breaks the rules, InvalidRequestError for too many metrics, with nothing
        applied.
        """
        incoming = fleet_columns(fleet)
        self.check_metric_names(incoming.metrics.values())
        return self.upsert_columns(incoming)

    def rows_for(self, host_ids: Sequence[str]) -> Rows:
        """Return the row of each host, and for those that are not known the rows they would get."""
        rows = self.identity.row_of.rows_of(host_ids)
        fresh = np.flatnonzero(rows < 0)
        if self.rows + len(fresh) > MAX_HOSTS:
            raise InvalidRequestError(
                f"the table would hold more than {MAX_HOSTS} hosts: split the fleet over several services"
            )
        rows[fresh] = np.arange(self.rows, self.rows + len(fresh))
        return rows

    def upsert_columns(self, incoming: FleetColumns, rows: Rows | None = None, *, named: bool = False) -> Upserted:
        """Add or replace hosts from columns that ``fleet_columns`` made and checked.

        ``rows`` are those that ``rows_for`` gives, unless told. Explicit ``rows`` may leave gaps, which stay rows that
        are no host. ``named`` rows have their names from ``name_rows``.
        """
        rows = self.rows_for(list(incoming.host_ids)) if rows is None else rows
        added = 0 if named else self._write_identities(rows, incoming)
        self._write_reasons(rows, incoming)
        self._write_facts(rows, incoming)
        self._write_reported_devices(rows, incoming)
        self.write_metrics(rows, incoming.metrics)
        self.touch(rows, facts=True)
        self._service_valid_until_us = -1
        return Upserted(added, len(rows) - added, rows)

    def _write_identities(self, rows: Rows, incoming: FleetColumns) -> int:
        """Write the texts of ``incoming`` to ``rows``, and return how many hosts are new."""
        return self._identity_of(int(rows.max(initial=-1)) + 1).write(rows, incoming.texts)

    def _write_reasons(self, rows: Rows, incoming: FleetColumns) -> None:
        """Write why services are disabled."""
        if not incoming.disabled_reasons and not self.identity.disabled_reasons:
            return
        reasons = self.own_identity().disabled_reasons
        for row in rows.tolist() if reasons else ():
            reasons.pop(row, None)
        reasons.update((int(rows[index]), reason) for index, reason in incoming.disabled_reasons.items())

    def _identity_of(self, rows: int) -> Identity:
        """Return the identities to write to, after making the table at least ``rows`` rows long."""
        identity = self.own_identity()
        if rows > self.rows:
            self.reserve(rows)
            identity.resize(rows)
            self.rows = rows
        return identity

    def _write_facts(self, rows: Rows, incoming: FleetColumns) -> None:
        """Write the facts of ``incoming`` to ``rows``; what is held there goes back on top of the new foreign use."""
        # columns are written to in one go where the rows are next to each other
        at = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) and bool((np.diff(rows) == 1).all()) else rows
        held = {
            name: self.columns[name][at] - self.columns[base][at]
            for name, base in (
                ("vcpu_used", "vcpu_foreign"),
                ("memory_mb_used", "memory_mb_foreign"),
                ("disk_gb_used", "disk_gb_foreign"),
                ("vcpus_used", "vcpu_foreign"),
                ("free_ram_mb", "base_free_ram_mb"),
                ("free_disk_gb", "base_free_disk_gb"),
                ("num_instances", "base_num_instances"),
            )
        }
        names = [column.name for column in COLUMNS if column.name != "generation"]
        self.own(names)
        write = self.columns
        for name, values in incoming.numbers.items():
            write[name][at] = values
        for prefix in CLASS_PREFIX.values():
            write[f"{prefix}_used"][at] = incoming.numbers[f"{prefix}_foreign"] + held[f"{prefix}_used"]
            capacity = np.floor(
                (incoming.numbers[f"{prefix}_total"] - incoming.numbers[f"{prefix}_reserved"])
                * incoming.numbers[f"{prefix}_allocation_ratio"]
            )
            write[f"{prefix}_free"][at] = capacity.astype(np.int64) - write[f"{prefix}_used"][at]
        write["vcpus_used"][at] = incoming.numbers["vcpu_foreign"] + held["vcpus_used"]
        write["cpu_free"][at] = write["vcpu_total"][at] * write["vcpu_allocation_ratio"][at] - write["vcpus_used"][at]
        write["free_ram_mb"][at] = incoming.numbers["base_free_ram_mb"] + held["free_ram_mb"]
        write["free_disk_gb"][at] = incoming.numbers["base_free_disk_gb"] + held["free_disk_gb"]
        write["num_instances"][at] = incoming.numbers["base_num_instances"] + held["num_instances"]
        write["present"][at] = 1
        write["profile"][at] = self._codes(
            incoming.profile_codes, [self._profile(item) for item in incoming.profiles], self.profiles
        )
        write["units"][at] = self._codes(incoming.unit_codes, incoming.units, self.units)
        self.ensure_aggregates({name for names_ in incoming.aggregate_names for name in names_})
        members = [frozenset(self.aggregate_code(name) for name in names_) for names_ in incoming.aggregate_names]
        write["membership"][at] = self._codes(incoming.membership_codes, members, self.memberships)

    def _write_reported_devices(self, rows: Rows, incoming: FleetColumns) -> None:
        """Write NUMA cells, PCI pools and provider trees; hosts without any, in a table without any, cost nothing."""
        reported = incoming.devices
        devices = self.devices
        if reported is None:
            if max(len(devices.numas), len(devices.pools), len(devices.trees)) == 1:
                return
            nothing = np.zeros(len(rows), dtype=np.int32)
            self.write_devices(rows, nothing, nothing, nothing, {})
            return
        self.write_devices(
            rows,
            self.numa_codes(reported.numas)[reported.numa_codes],
            self.pool_codes(reported.pools)[reported.pool_codes],
            self.tree_codes(reported.trees)[reported.tree_codes],
            reported.providers,
        )

    def _codes(
        self, codes: npt.NDArray[np.int64], values: Sequence[_Value], numbering: Numbering[_Value]
    ) -> npt.NDArray[np.int32]:
        """Translate codes of a batch's own dictionary into the table's."""
        return np.array([numbering.code(value) for value in values], dtype=np.int32)[codes]

    def _profile(self, item: tuple[Profile, tuple[str, ...]]) -> Profile:
        profile, trait_names = item
        return replace(profile, traits=self.traits.bits(trait_names))

    def delete(self, host_ids: Sequence[str]) -> Rows:
        """Remove hosts and return their rows, which are never used again.

        A host that holds allocations is refused, and then none is removed.
        Raises UnknownHostError, HostInUseError.
        """
        rows = np.array([self.row(host_id) for host_id in dict.fromkeys(host_ids)], dtype=np.int64)
        for row in rows.tolist():
            held = int(self.columns["num_instances"][row] - self.columns["base_num_instances"][row])
            if held:
                host_id = self.identity.host_ids[row]
                raise HostInUseError(
                    f"host {host_id!r} holds {held} allocations: move or release them first, or disable the host",
                    host_id=host_id,
                    held=held,
                )
        identity = self.own_identity()
        (present, service_up) = self.own(["present", "service_up"])
        present[rows] = 0
        service_up[rows] = 0
        self.touch(rows, facts=True)
        for row in rows.tolist():
            host_id = identity.host_ids[row]
            del identity.row_of[host_id]
            identity.disabled_reasons.pop(row, None)
            identity.providers.pop(row, None)
            self.removed.append((self.generation, host_id))
        return rows

    def name_rows(self, texts: IdentityTexts, present: Rows) -> None:
        """Name every row of an empty table at once; those that are not ``present`` are set aside and not used again."""
        self._identity_of(len(texts.host_ids)).fill(texts, present)

    def set_numbers(self, rows: Rows, column: str, values: npt.NDArray[np.int64]) -> None:
        """Write a plain fact column (num_io_ops, failed_builds) of some rows."""
        (target,) = self.own([column])
        target[rows] = values
        self.touch(rows, facts=False)

    # -- service states ------------------------------------------------------------------------------------------------

    def refresh_services(self, now_us: int, down_time_us: int) -> None:
        """Bring the column ``service_up`` to the state at ``now_us``.

        Costs nothing while no host can have changed state since the last time.
        """
        unchanged = down_time_us == self._service_down_time_us
        if unchanged and self._service_valid_from_us <= now_us <= self._service_valid_until_us:
            return
        states = service_states(self.columns, now_us, down_time_us)
        changed = np.flatnonzero(states.up != self.columns["service_up"])
        if len(changed):
            self.own(["service_up"])[0][:] = states.up
            self.touch(changed, facts=False)
        self._service_valid_from_us, self._service_valid_until_us = states.valid_from_us, states.valid_until_us
        self._service_down_time_us = down_time_us

    def heartbeat(self, rows: Rows, seen_us: npt.NDArray[np.int64]) -> None:
        """Record heartbeats; the generation moves only for hosts whose state changes (see refresh_services)."""
        if not len(rows):
            return
        (last_seen,) = self.own(["last_seen_up_us"])
        last_seen[rows] = seen_us
        if bool(self.columns["service_up"][rows].all()) and self._service_valid_until_us >= 0:
            earliest = int(seen_us.min()) + self._service_down_time_us
            latest = int(seen_us.max()) - self._service_down_time_us
            self._service_valid_until_us = min(self._service_valid_until_us, earliest)
            self._service_valid_from_us = max(self._service_valid_from_us, latest)
        else:
            self._service_valid_until_us = -1

    # -- usage ---------------------------------------------------------------------------------------------------------

    def apply(self, row: int, sign: int, amounts: Amounts, assignment: Assignment | None = None) -> None:
        """Claim (sign 1) or give back (sign -1) one instance's amounts on a row, and what it was assigned there.

        ``amounts`` are those that the host's own inventory gives (``assigned_amounts``). Raises ConflictError, with
        nothing changed, for an assignment to give back that is not held.
        """
        if assignment is not None:
            self.hold(row, sign, assignment)
        usage = self.own_usage()
        now = self.advance()
        apply_usage(row, sign, amounts, now, *usage)
        self.journal.note_leaves(np.array([row // LEAF_ROWS]))

    def apply_many(
        self,
        rows: Rows,
        sign: int,
        amounts: npt.NDArray[np.int64],
        assignments: Mapping[int, Assignment] = _NO_ASSIGNMENTS,
    ) -> None:
        """Claim or give back ``amounts`` (int64[n, 6], in the order of Amounts) on ``rows``, under one generation.

        Rows may repeat. ``assignments`` are those of the instances that have one, by index. Raises ConflictError as
        ``apply`` does, with nothing of the amounts changed.
        """
        if not len(rows):
            return
        for index, assignment in assignments.items():
            self.hold(int(rows[index]), sign, assignment)
        usage = dict(zip(USAGE_COLUMNS, self.own_usage(), strict=True))
        apply_usages(rows, sign, amounts, usage)
        self.touch(rows, facts=False)
