"""HostTable: the live columns and everything that changes them, by one writer.

Columns are contiguous, because the selection kernel streams through them. A snapshot shares them all; the first write to a shared column
copies that column (1 ms for a million hosts), so a snapshot costs nothing until then and never changes.
Every change takes a new generation: the table's counter, the changed rows' ``generation`` and their blocks' revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import ConflictError, HostInUseError, InvalidRequestError, UnknownAggregateError
from engine.inventory.fleet import AnyArray, Fleet, Identity
from engine.inventory.ingest import FleetColumns, fleet_columns
from engine.inventory.profiles import BitNames, Numbering, Profile
from engine.inventory.schema import BLOCK_ROWS, CLASS_PREFIX, COLUMNS
from engine.inventory.services import service_states
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage
from engine.model.aggregate import Aggregate
from engine.model.limits import MAX_HOSTS

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Upserted:
    """What an update did: how many hosts it added and changed, and all their rows."""

    added: int
    changed: int
    rows: Rows


class HostTable(Fleet):
    """The hosts as columns, mutable. One writer at a time; readers take ``snapshot()``."""

    def __init__(self) -> None:
        columns: dict[str, AnyArray] = {column.name: np.zeros(BLOCK_ROWS, dtype=column.dtype) for column in COLUMNS}
        super().__init__(
            columns=columns,
            rows=0,
            generation=0,
            identity=Identity([], [], [], [], {}, {}),
            profiles=Numbering(),
            memberships=Numbering(),
            units=Numbering(),
            traits=BitNames(),
            aggregate_codes=Numbering(),
            aggregates={},
        )
        self.memberships.code(frozenset())
        self.counter = np.zeros(1, dtype=np.int64)
        """The generation, in an array so that a kernel can count on."""
        self.block_revision = np.zeros(1, dtype=np.int64)
        """int64[blocks]: the generation at which a row of the block last changed."""
        self.facts_revision = 0
        """Grows whenever a text fact, a unit or an aggregate changes anywhere."""
        self.removed: list[tuple[int, str]] = []
        """(generation, host_id) of each removal, oldest first."""
        self._shared: set[str] = set()
        self._identity_shared = False
        self._aggregate_uuid_of_name: dict[str, str] = {}
        self._service_valid_from_us = 0
        self._service_valid_until_us = -1
        self._service_down_time_us = -1

    @property
    def generation(self) -> int:
        """How many changes the table has seen."""
        return int(self.counter[0])

    @property
    def blocks(self) -> int:
        """How many blocks of BLOCK_ROWS the columns hold."""
        return len(self.block_revision)

    # -- snapshots -----------------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Fleet:
        """Return an immutable picture of the table as it is now."""
        self._shared.update(self.columns)
        self._identity_shared = True
        frozen = {}
        for name, values in self.columns.items():
            view = values.view()
            view.flags.writeable = False
            frozen[name] = view
        picture = Fleet(
            frozen,
            self.rows,
            self.generation,
            self.identity,
            self.profiles,
            self.memberships,
            self.units,
            self.traits,
            self.aggregate_codes,
            dict(self.aggregates),
        )
        picture.arrays = dict(self.columns)
        return picture

    def own(self, names: Iterable[str]) -> list[AnyArray]:
        """Return columns to write to, copied first where a snapshot shares them."""
        for name in names:
            if name in self._shared:
                self.columns[name] = self.columns[name].copy()
                self._shared.discard(name)
        return [self.columns[name] for name in names]

    def _own_identity(self) -> Identity:
        if self._identity_shared:
            self.identity = self.identity.copy()
            self._identity_shared = False
        return self.identity

    def advance(self) -> int:
        """Take and return the next generation."""
        self.counter[0] += 1
        return int(self.counter[0])

    def touch(self, rows: Rows, *, facts: bool) -> None:
        """Mark rows as changed under a new generation; ``facts`` says that more than usage changed."""
        if not len(rows):
            return
        now = self.advance()
        (generation,) = self.own(["generation"])
        generation[rows] = now
        self.block_revision[np.unique(rows // BLOCK_ROWS)] = now
        if facts:
            self.facts_revision += 1

    # -- hosts ---------------------------------------------------------------------------------------------------------------------

    def upsert(self, fleet: pa.Table) -> Upserted:
        """Add or replace hosts from a canonical fleet table (see fleet_schema), keeping what Berth's allocations hold on known hosts.

        Raises InvalidHostError when a row breaks the rules, with nothing applied.
        """
        return self.upsert_columns(fleet_columns(fleet))

    def upsert_columns(self, incoming: FleetColumns) -> Upserted:
        """Add or replace hosts from columns that ``fleet_columns`` made and checked."""
        known = self.identity.row_of
        targets = [known.get(host_id, -1) for host_id in incoming.host_ids]
        rows = np.array(targets, dtype=np.int64)
        fresh = np.flatnonzero(rows < 0)
        if self.rows + len(fresh) > MAX_HOSTS:
            raise InvalidRequestError(f"the table would hold more than {MAX_HOSTS} hosts: split the fleet over several services")
        changed = len(rows) - len(fresh)
        identity = self._own_identity()
        if len(fresh):
            rows[fresh] = np.arange(self.rows, self.rows + len(fresh))
            self._reserve(self.rows + len(fresh))
            for index in fresh.tolist():
                identity.row_of[incoming.host_ids[index]] = len(identity.host_ids)
                identity.host_ids.append(incoming.host_ids[index])
                identity.uuids.append("")
                identity.nodenames.append("")
                identity.host_ips.append("")
            self.rows += len(fresh)
        for index, row in enumerate(rows.tolist()):
            identity.uuids[row] = incoming.uuids[index]
            identity.nodenames[row] = incoming.nodenames[index]
            identity.host_ips[row] = incoming.host_ips[index]
            reason = incoming.disabled_reasons.get(index)
            if reason:
                identity.disabled_reasons[row] = reason
            else:
                identity.disabled_reasons.pop(row, None)
        self._write_facts(rows, incoming)
        self.touch(rows, facts=True)
        self._service_valid_until_us = -1
        return Upserted(len(fresh), changed, rows)

    def _write_facts(self, rows: Rows, incoming: FleetColumns) -> None:
        """Write the facts of ``incoming`` to ``rows`` and put the held allocations back on top of the new foreign use."""
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
        write["cpu_free"][rows] = write["vcpu_total"][rows] * write["vcpu_allocation_ratio"][rows] - write["vcpus_used"][rows]
        write["free_ram_mb"][rows] = incoming.numbers["base_free_ram_mb"] + held["free_ram_mb"]
        write["free_disk_gb"][rows] = incoming.numbers["base_free_disk_gb"] + held["free_disk_gb"]
        write["num_instances"][rows] = incoming.numbers["base_num_instances"] + held["num_instances"]
        write["present"][rows] = 1
        write["profile"][rows] = self._codes(incoming.profile_codes, [self._profile(item) for item in incoming.profiles], self.profiles)
        write["units"][rows] = self._codes(incoming.unit_codes, incoming.units, self.units)
        members = [frozenset(self._aggregate_code(name) for name in names_) for names_ in incoming.aggregate_names]
        write["membership"][rows] = self._codes(incoming.membership_codes, members, self.memberships)

    def _codes(self, codes: npt.NDArray[np.int64], values: Sequence[object], numbering: Numbering[object]) -> npt.NDArray[np.int32]:
        """Translate codes of a batch's own dictionary into the table's."""
        return np.array([numbering.code(value) for value in values], dtype=np.int32)[codes]

    def _profile(self, item: tuple[Profile, tuple[str, ...]]) -> Profile:
        profile, trait_names = item
        return replace(profile, traits=self.traits.bits(trait_names))

    def _aggregate_code(self, name: str) -> int:
        """Return the code of the aggregate of this name, made if there is none."""
        uuid = self._aggregate_uuid_of_name.get(name)
        if uuid is None:
            uuid = str(uuid5(NAMESPACE_URL, f"berth:aggregate:{name}"))
            self.aggregates[uuid] = Aggregate(uuid, name)
            self._aggregate_uuid_of_name[name] = uuid
        return self.aggregate_codes.code(uuid)

    def delete(self, host_ids: Sequence[str]) -> Rows:
        """Remove hosts and return their rows, which are never used again; a host that holds allocations is refused, and then none is removed.

        Raises UnknownHostError, HostInUseError.
        """
        rows = np.array([self.row(host_id) for host_id in dict.fromkeys(host_ids)], dtype=np.int64)
        for row in rows.tolist():
            held = int(self.columns["num_instances"][row] - self.columns["base_num_instances"][row])
            if held:
                host_id = self.identity.host_ids[row]
                raise HostInUseError(
                    f"host {host_id!r} holds {held} allocations: move or release them first, or disable the host", host_id=host_id, held=held
                )
        identity = self._own_identity()
        (present, service_up) = self.own(["present", "service_up"])
        present[rows] = 0
        service_up[rows] = 0
        self.touch(rows, facts=True)
        for row in rows.tolist():
            host_id = identity.host_ids[row]
            del identity.row_of[host_id]
            identity.disabled_reasons.pop(row, None)
            self.removed.append((self.generation, host_id))
        return rows

    def set_numbers(self, rows: Rows, column: str, values: npt.NDArray[np.int64]) -> None:
        """Write a plain fact column (num_io_ops, failed_builds) of some rows."""
        (target,) = self.own([column])
        target[rows] = values
        self.touch(rows, facts=False)

    # -- aggregates ----------------------------------------------------------------------------------------------------------------

    def set_aggregate(self, aggregate: Aggregate) -> None:
        """Add or replace an aggregate with its metadata and hosts; raise UnknownHostError before anything changes."""
        wanted = np.array(sorted(self.row(host_id) for host_id in aggregate.hosts), dtype=np.int64)
        owner = self._aggregate_uuid_of_name.get(aggregate.name)
        if owner not in (None, aggregate.uuid):
            raise ConflictError(f"another aggregate is called {aggregate.name!r}: {owner}", name=aggregate.name)
        earlier = self.aggregates.get(aggregate.uuid)
        if earlier is not None:
            self._aggregate_uuid_of_name.pop(earlier.name, None)
        self.aggregates[aggregate.uuid] = replace(aggregate, hosts=frozenset())
        self._aggregate_uuid_of_name[aggregate.name] = aggregate.uuid
        self._set_members(self.aggregate_codes.code(aggregate.uuid), wanted)
        self.facts_revision += 1
        self.advance()

    def delete_aggregate(self, uuid: str) -> None:
        """Remove an aggregate; raise UnknownAggregateError."""
        aggregate = self.aggregates.get(uuid)
        if aggregate is None:
            raise UnknownAggregateError(f"no aggregate has the uuid {uuid!r}", uuid=uuid)
        self._set_members(self.aggregate_codes.code(uuid), np.empty(0, dtype=np.int64))
        del self.aggregates[uuid]
        del self._aggregate_uuid_of_name[aggregate.name]
        self.facts_revision += 1
        self.advance()

    def _set_members(self, code: int, wanted: Rows) -> None:
        """Make the hosts of ``wanted``, and no others, members of the aggregate with this code."""
        inside = np.array([code in members for members in self.memberships.values], dtype=bool)
        current = np.flatnonzero(inside[self.columns["membership"][: self.rows]])
        (membership,) = self.own(["membership"])
        for rows, change in ((np.setdiff1d(current, wanted), "leave"), (np.setdiff1d(wanted, current), "join")):
            for old in np.unique(membership[rows]).tolist():
                members = self.memberships.values[old]
                new = self.memberships.code(members - {code} if change == "leave" else members | {code})
                membership[rows[membership[rows] == old]] = new
            self.touch(rows, facts=True)

    # -- service states ------------------------------------------------------------------------------------------------------------

    def refresh_services(self, now_us: int, down_time_us: int) -> None:
        """Bring the column ``service_up`` to the state at ``now_us``; costs nothing while no host can have changed state since the last time."""
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
        (last_seen,) = self.own(["last_seen_up_us"])
        last_seen[rows] = seen_us
        if bool(self.columns["service_up"][rows].all()) and self._service_valid_until_us >= 0:
            earliest = int(seen_us.min()) + self._service_down_time_us
            latest = int(seen_us.max()) - self._service_down_time_us
            self._service_valid_until_us = min(self._service_valid_until_us, earliest)
            self._service_valid_from_us = max(self._service_valid_from_us, latest)
        else:
            self._service_valid_until_us = -1

    # -- usage ---------------------------------------------------------------------------------------------------------------------

    def apply(self, row: int, sign: int, amounts: Amounts) -> None:
        """Claim (sign 1) or give back (sign -1) one instance's amounts on a row."""
        usage = self.own(USAGE_COLUMNS)
        now = self.advance()
        apply_usage(row, sign, amounts, now, *usage)  # type: ignore[arg-type]
        self.block_revision[row // BLOCK_ROWS] = now

    def apply_many(self, rows: Rows, sign: int, amounts: npt.NDArray[np.int64]) -> None:
        """Claim or give back ``amounts`` (int64[n, 6], in the order of Amounts) on ``rows``, which may repeat, under one generation."""
        if not len(rows):
            return
        usage = dict(zip(USAGE_COLUMNS, self.own(USAGE_COLUMNS), strict=True))
        for column, index, direction in _USAGE_SUMS:
            np.add.at(usage[column], rows, (direction * sign * (amounts[:, index] if index >= 0 else 1)).astype(np.int32))
        usage["cpu_free"][rows] = usage["vcpu_total"][rows] * usage["vcpu_allocation_ratio"][rows] - usage["vcpus_used"][rows]
        self.touch(rows, facts=False)

    # -- growth --------------------------------------------------------------------------------------------------------------------

    def _reserve(self, rows: int) -> None:
        """Make room for ``rows`` rows, whole blocks at a time."""
        capacity = len(self.columns["present"])
        if rows <= capacity:
            return
        wanted = -(-max(rows, capacity + capacity // 4) // BLOCK_ROWS) * BLOCK_ROWS
        for name, values in self.columns.items():
            grown = np.zeros(wanted, dtype=values.dtype)
            grown[:capacity] = values
            self.columns[name] = grown
        self._shared.clear()
        revision = np.zeros(wanted // BLOCK_ROWS, dtype=np.int64)
        revision[: len(self.block_revision)] = self.block_revision
        self.block_revision = revision


_USAGE_SUMS = (
    ("vcpu_used", 0, 1),
    ("vcpu_free", 0, -1),
    ("memory_mb_used", 1, 1),
    ("memory_mb_free", 1, -1),
    ("disk_gb_used", 2, 1),
    ("disk_gb_free", 2, -1),
    ("vcpus_used", 3, 1),
    ("free_ram_mb", 4, -1),
    ("free_disk_gb", 5, -1),
    ("num_instances", -1, 1),
)
"""(column, index into Amounts or -1 for one instance, direction of a claim): the sums of ``apply_usage``, for many rows at once."""
