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
from engine.inventory.identity import Identity
from engine.inventory.ingest import FleetColumns, fleet_columns
from engine.inventory.mutable import Rows
from engine.inventory.profiles import Numbering, Profile
from engine.inventory.schema import BLOCK_ROWS, CLASS_PREFIX, COLUMNS
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
        known = self.identity.row_of
        rows = np.array([known.get(host_id, -1) for host_id in host_ids], dtype=np.int64)
        fresh = np.flatnonzero(rows < 0)
        if self.rows + len(fresh) > MAX_HOSTS:
            raise InvalidRequestError(
                f"the table would hold more than {MAX_HOSTS} hosts: split the fleet over several services"
            )
        rows[fresh] = np.arange(self.rows, self.rows + len(fresh))
        return rows

    def upsert_columns(self, incoming: FleetColumns, rows: Rows | None = None) -> Upserted:
        """Add or replace hosts from columns that ``fleet_columns`` made and checked.

        ``rows`` are those that ``rows_for`` gives, unless told. Explicit ``rows`` may leave gaps, which stay rows that
        are no host.
        """
        rows = self.rows_for(incoming.host_ids) if rows is None else rows
        added = self._write_identities(rows, incoming)
        self._write_facts(rows, incoming)
        self._write_reported_devices(rows, incoming)
        self.write_metrics(rows, incoming.metrics)
        self.touch(rows, facts=True)
        self._service_valid_until_us = -1
        return Upserted(added, len(rows) - added, rows)

    def _write_identities(self, rows: Rows, incoming: FleetColumns) -> int:
        """Write the texts of ``incoming`` to ``rows``, and return how many hosts are new."""
        first = self.rows
        identity = self._identity_of(int(rows.max(initial=-1)) + 1)
        known = len(identity.row_of)
        columns = (
            (identity.host_ids, incoming.host_ids),
            (identity.uuids, incoming.uuids),
            (identity.nodenames, incoming.nodenames),
            (identity.host_ips, incoming.host_ips),
        )
        places = rows.tolist()
        in_one_piece = bool((np.diff(rows) == 1).all())
        for texts, new in columns:
            if in_one_piece and places:
                texts[places[0] : places[-1] + 1] = new
            else:
                for row, text in zip(places, new, strict=True):
                    texts[row] = text
        identity.row_of.update(zip(incoming.host_ids, places, strict=True))
        if identity.disabled_reasons:
            for row in places:
                if row < first:
                    identity.disabled_reasons.pop(row, None)
        identity.disabled_reasons.update((places[index], reason) for index, reason in incoming.disabled_reasons.items())
        return len(identity.row_of) - known

    def _identity_of(self, rows: int) -> Identity:
        """Return the identities to write to, after making the table at least ``rows`` rows long."""
        identity = self.own_identity()
        if rows > self.rows:
            self.reserve(rows)
            for texts in (identity.host_ids, identity.uuids, identity.nodenames, identity.host_ips):
                texts.extend([""] * (rows - self.rows))
            self.rows = rows
        return identity

    def _write_facts(self, rows: Rows, incoming: FleetColumns) -> None:
        """Write the facts of ``incoming`` to ``rows``; what is held there goes back on top of the new foreign use."""
        held = {
            name: self.columns[name][rows] - self.columns[base][rows]
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
            write[name][rows] = values
        for prefix in CLASS_PREFIX.values():
            write[f"{prefix}_used"][rows] = incoming.numbers[f"{prefix}_foreign"] + held[f"{prefix}_used"]
            capacity = np.floor(
                (incoming.numbers[f"{prefix}_total"] - incoming.numbers[f"{prefix}_reserved"])
                * incoming.numbers[f"{prefix}_allocation_ratio"]
            )
            write[f"{prefix}_free"][rows] = capacity.astype(np.int64) - write[f"{prefix}_used"][rows]
        write["vcpus_used"][rows] = incoming.numbers["vcpu_foreign"] + held["vcpus_used"]
        write["cpu_free"][rows] = (
            write["vcpu_total"][rows] * write["vcpu_allocation_ratio"][rows] - write["vcpus_used"][rows]
        )
        write["free_ram_mb"][rows] = incoming.numbers["base_free_ram_mb"] + held["free_ram_mb"]
        write["free_disk_gb"][rows] = incoming.numbers["base_free_disk_gb"] + held["free_disk_gb"]
        write["num_instances"][rows] = incoming.numbers["base_num_instances"] + held["num_instances"]
        write["present"][rows] = 1
        write["profile"][rows] = self._codes(
            incoming.profile_codes, [self._profile(item) for item in incoming.profiles], self.profiles
        )
        write["units"][rows] = self._codes(incoming.unit_codes, incoming.units, self.units)
        self.ensure_aggregates({name for names_ in incoming.aggregate_names for name in names_})
        members = [frozenset(self.aggregate_code(name) for name in names_) for names_ in incoming.aggregate_names]
        write["membership"][rows] = self._codes(incoming.membership_codes, members, self.memberships)

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

    def retire(self, names: Mapping[int, str]) -> None:
        """Set aside the rows of hosts removed earlier, so that they keep their names and are not used again."""
        if not names:
            return
        identity = self._identity_of(max(names) + 1)
        for row, name in names.items():
            identity.host_ids[row] = name

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
        usage = self.own(USAGE_COLUMNS)
        now = self.advance()
        apply_usage(row, sign, amounts, now, *usage)
        self.block_revision[row // BLOCK_ROWS] = now

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
        usage = dict(zip(USAGE_COLUMNS, self.own(USAGE_COLUMNS), strict=True))
        apply_usages(rows, sign, amounts, usage)
        self.touch(rows, facts=False)
