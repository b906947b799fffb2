"""InventoryWriter: changes of hosts, aggregates, flavors and server groups, one by one, durable when they show.

A host change goes to the ledger first and into the table when it is durable; only a removal takes the host out of the
running at once, so that nothing is placed on it meanwhile. A change that has begun ends, whatever becomes of its
caller: what is in the ledger would be missing in memory otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import (
    InvalidHostError,
    InvalidRequestError,
    UnknownAggregateError,
    UnknownFlavorError,
    UnknownGroupError,
)
from engine.inventory.export import fleet_rows, keep_memberships
from engine.inventory.ingest import FleetColumns, fleet_columns
from engine.inventory.table import HostTable, Upserted
from engine.inventory.usage import flavor_amounts
from engine.ledger.records import HostsDeleted, Record
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.server_group import ServerGroup
from engine.service import catalog as documents
from engine.service.catalog import AGGREGATE, FLAVOR, SERVER_GROUP, SHARING_PROVIDER, Catalog
from engine.service.commits import Commits
from engine.service.host_segments import host_segments
from engine.service.host_updates import keep_reported, merged_fleet, worth_keeping
from engine.v1 import inventory_pb2

_Result = TypeVar("_Result")
MAX_SHARING = 10_000
"""Sharing resource providers of one service."""


class InventoryWriter:
    """Writes the inventory of one table, catalog and ledger."""

    def __init__(self, table: HostTable, catalog: Catalog, commits: Commits) -> None:
        self.table = table
        self.catalog = catalog
        self.commits = commits
        self.segments_written = 0
        self.segment_rows_written = 0
        self._turn = asyncio.Lock()
        self._changes: set[asyncio.Task[Any]] = set()

    async def settled(self) -> None:
        """Wait until every change that has begun is in the ledger and in memory, or refused."""
        while self._changes:
            await asyncio.wait(self._changes)

    async def _whole(self, change: Coroutine[Any, Any, _Result]) -> _Result:
        """Make a change to its end, also when the caller goes away meanwhile."""
        task = asyncio.ensure_future(change)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        # a refusal that nobody waits for any more is no fault
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(task)

    async def upsert(self, fleet: pa.Table) -> Upserted:
        """Add or replace the hosts of a canonical fleet table; raise InvalidHostError or LedgerError, none changed."""
        if not fleet.num_rows:
            return Upserted(0, 0, np.empty(0, dtype=np.int64))
        return await self._whole(self._replace(fleet))

    async def _replace(self, fleet: pa.Table) -> Upserted:
        async with self._turn:
            fleet = keep_memberships(fleet, self.table)
            columns = await asyncio.to_thread(fleet_columns, fleet)
            return await self._upsert(fleet, columns)

    async def update(self, hosts: Sequence[inventory_pb2.Host]) -> Upserted:
        """Add hosts or change what is given of them; raise InvalidHostError or LedgerError with none changed."""
        return await self._whole(self._merge(hosts))

    async def _merge(self, hosts: Sequence[inventory_pb2.Host]) -> Upserted:
        async with self._turn:
            # within the turn: two updates that each give a part of a host's facts must both be kept
            known = self.table.snapshot()
            fleet = await asyncio.to_thread(merged_fleet, known, hosts)
            columns = await asyncio.to_thread(fleet_columns, fleet)
            kept = await asyncio.to_thread(worth_keeping, fleet, known)
            return await self._upsert(fleet, columns, hosts, kept)

    async def _upsert(
        self,
        fleet: pa.Table,
        columns: FleetColumns,
        hosts: Sequence[inventory_pb2.Host] = (),
        kept: npt.NDArray[np.bool_] | None = None,
    ) -> Upserted:
        """Write a batch of hosts to the ledger, those in ``kept`` if it is given, and then into the table."""
        rows = self.table.rows_for(list(columns.host_ids))
        self.table.check_metric_names(columns.metrics.values())
        self._check_owners(columns, rows)
        # aggregates that the hosts name first, so that a restart finds them under the same uuids
        made = self.table.ensure_aggregates({name for names in columns.aggregate_names for name in names})
        try:
            records: list[Record] = [documents.written(AGGREGATE, {item.uuid: item for item in made})] if made else []
            if kept is None or kept.any():
                some = fleet if kept is None else fleet.filter(pa.array(kept))
                places = rows if kept is None else rows[kept]
                segments = await asyncio.to_thread(lambda: list(host_segments(some, places)))
                self._count(len(segments), len(places))
                records += segments
        except BaseException:
            self._drop_aggregates(made)
            raise
        if records:
            await self.commits.submit(records, lambda: self._drop_aggregates(made))
        keep_reported(self.table, hosts, columns)
        return self.table.upsert_columns(columns, rows)

    def _count(self, segments: int, rows: int) -> None:
        """Count host segments written, and the rows in them, since the start."""
        self.segments_written += segments
        self.segment_rows_written += rows

    def _check_owners(self, columns: FleetColumns, rows: npt.NDArray[np.int64]) -> None:
        """Raise InvalidHostError where a host names a resource provider that another one has, or a sharing one."""
        if columns.devices is None or not columns.devices.providers:
            return
        changing = set(rows.tolist())
        known = self.table.identity.providers
        owners = {uuid: row for row, names in known.items() if row not in changing for uuid, _ in names}
        for index, names in columns.devices.providers.items():
            for uuid, _ in names:
                host_id = columns.host_ids[index]
                if uuid in owners:
                    other = f"host {self.table.identity.host_ids[owners[uuid]]!r} has"
                elif uuid in self.table.reported_sharing:
                    other = "is a sharing one"
                else:
                    continue
                raise InvalidHostError(
                    f"host {host_id!r}: it names the provider {uuid}, which {other}", host_id=host_id
                )

    def _drop_aggregates(self, aggregates: Sequence[Aggregate]) -> None:
        """Take back aggregates that were made for hosts that did not come."""
        for item in aggregates:
            self.table.delete_aggregate(item.uuid)

    async def delete(self, host_ids: Sequence[str]) -> int:
        """Remove hosts; raise UnknownHostError, HostInUseError or LedgerError with none removed."""
        return await self._whole(self._delete(host_ids))

    async def _delete(self, host_ids: Sequence[str]) -> int:
        async with self._turn:
            rows = np.array([self.table.row(host_id) for host_id in dict.fromkeys(host_ids)], dtype=np.int64)
            kept = fleet_rows(self.table, rows)
            self.table.delete(host_ids)
            undo = fleet_columns(kept)
            self._count(1, len(rows))
            await self.commits.submit([HostsDeleted(rows.tolist())], lambda: self._put_back(undo, rows))
            return len(rows)

    def _put_back(self, columns: FleetColumns, rows: npt.NDArray[np.int64]) -> None:
        self.table.upsert_columns(columns, rows)

    async def set_aggregates(self, aggregates: Sequence[Aggregate], deleted: Sequence[str]) -> None:
        """Add, replace and remove aggregates.

        Raises UnknownAggregateError, UnknownHostError, ConflictError or LedgerError with nothing changed.
        """
        await self._whole(self._set_aggregates(aggregates, deleted))

    async def _set_aggregates(self, aggregates: Sequence[Aggregate], deleted: Sequence[str]) -> None:
        async with self._turn:
            table = self.table
            unknown = [uuid for uuid in deleted if uuid not in table.aggregates]
            if unknown:
                raise UnknownAggregateError(f"no aggregate has the uuid {unknown[0]!r}", uuid=unknown[0])
            affected = [
                uuid
                for uuid in dict.fromkeys([*deleted, *(item.uuid for item in aggregates)])
                if uuid in table.aggregates
            ]
            before = [self._with_hosts(uuid) for uuid in affected]
            rows = self._member_rows([*deleted, *(item.uuid for item in aggregates)])
            try:
                for uuid in deleted:
                    table.delete_aggregate(uuid)
                for item in aggregates:
                    table.set_aggregate(item)
            except BaseException:
                self._restore_aggregates(aggregates, before)
                raise
            rows = np.union1d(rows, self._member_rows([item.uuid for item in aggregates]))
            records: list[Record] = []
            if deleted:
                records.append(documents.deleted(AGGREGATE, list(deleted)))
            if aggregates:
                records.append(
                    documents.written(AGGREGATE, {item.uuid: replace(item, hosts=frozenset()) for item in aggregates})
                )
            # membership is a fact of each host, so the hosts that join and leave are written with it
            segments = list(host_segments(fleet_rows(table, rows), rows))
            self._count(len(segments), len(rows))
            records += segments
            if records:
                await self.commits.submit(records, lambda: self._restore_aggregates(aggregates, before))

    def _member_rows(self, uuids: Sequence[str]) -> npt.NDArray[np.int64]:
        members = [self.table.aggregate_host_rows(uuid) for uuid in uuids]
        return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *members]))

    def _with_hosts(self, uuid: str) -> Aggregate:
        host_ids = self.table.identity.host_ids
        return replace(
            self.table.aggregates[uuid],
            hosts=frozenset(host_ids[row] for row in self.table.aggregate_host_rows(uuid).tolist()),
        )

    def _restore_aggregates(self, attempted: Sequence[Aggregate], before: Sequence[Aggregate]) -> None:
        """Put the aggregates back as they were before a change that failed."""
        for item in attempted:
            if item.uuid in self.table.aggregates:
                self.table.delete_aggregate(item.uuid)
        for item in before:
            self.table.set_aggregate(item)

    async def set_flavors(self, flavors: Sequence[Flavor], deleted: Sequence[str]) -> None:
        """Add, replace and remove flavors; raise UnknownFlavorError or LedgerError with nothing changed."""
        await self._whole(self._set_flavors(flavors, deleted))

    async def _set_flavors(self, flavors: Sequence[Flavor], deleted: Sequence[str]) -> None:
        async with self._turn:
            for flavor in flavors:
                if not flavor.name:
                    raise InvalidRequestError("a flavor needs a name", field="name")
                flavor_amounts(flavor)  # refuses disks that together are beyond what any request may take
            for name in deleted:
                if name not in self.catalog.flavors:
                    raise UnknownFlavorError(f"no flavor is called {name!r}", flavor=name)
            added = {flavor.name: flavor for flavor in flavors}
            await self._write(FLAVOR, added, deleted)
            for name in deleted:
                self.catalog.flavors.pop(name, None)
            self.catalog.flavors.update(added)
            self.catalog.revision += 1

    async def set_groups(self, groups: Sequence[ServerGroup], deleted: Sequence[str]) -> None:
        """Add, replace and remove server groups; raise UnknownGroupError or LedgerError with nothing changed."""
        await self._whole(self._set_groups(groups, deleted))

    async def _set_groups(self, groups: Sequence[ServerGroup], deleted: Sequence[str]) -> None:
        async with self._turn:
            for group in groups:
                documents.check_group(group)
            for uuid in deleted:
                if uuid not in self.catalog.groups:
                    raise UnknownGroupError(f"no server group has the uuid {uuid!r}", group=uuid)
            added = {group.uuid: group for group in groups}
            await self._write(SERVER_GROUP, added, deleted)
            for uuid in deleted:
                self.catalog.groups.pop(uuid, None)
            self.catalog.groups.update(added)
            self.catalog.revision += 1

    async def set_sharing(self, providers: Sequence[Provider]) -> None:
        """Add and replace sharing resource providers; raise LedgerError with nothing changed."""
        await self._whole(self._set_sharing(providers))

    async def _set_sharing(self, providers: Sequence[Provider]) -> None:
        async with self._turn:
            if len(self.table.reported_sharing.keys() | {item.uuid for item in providers}) > MAX_SHARING:
                raise InvalidRequestError(
                    f"at most {MAX_SHARING} providers may share what they have", field="providers"
                )
            hosts = {uuid for names in self.table.identity.providers.values() for uuid, _ in names}
            hosts.update(self.table.identity.uuids.take(self.table.present_rows()))
            taken = sorted(item.uuid for item in providers if item.uuid in hosts)
            if taken:
                raise InvalidRequestError(f"provider {taken[0]} is a host's: give a sharing one a uuid of its own")
            await self._write(SHARING_PROVIDER, {item.uuid: item for item in providers}, [])
            self.table.set_sharing(providers)

    async def delete_sharing(self, uuids: Sequence[str]) -> None:
        """Remove sharing resource providers.

        Raises NotFoundError, ConflictError where one gives something to an instance, LedgerError, with none removed.
        """
        await self._whole(self._delete_sharing(uuids))

    async def _delete_sharing(self, uuids: Sequence[str]) -> None:
        async with self._turn:
            before = [self.table.reported_sharing[uuid] for uuid in uuids if uuid in self.table.reported_sharing]
            # at once, so that nothing is placed on them meanwhile
            self.table.delete_sharing(uuids)
            if before:
                record = documents.deleted(SHARING_PROVIDER, list(uuids))
                await self.commits.submit([record], lambda: self.table.set_sharing(before))

    async def _write(
        self,
        kind: str,
        added: Mapping[str, Flavor] | Mapping[str, ServerGroup] | Mapping[str, Provider],
        deleted: Sequence[str],
    ) -> None:
        records: list[Record] = []
        if deleted:
            records.append(documents.deleted(kind, list(deleted)))
        if added:
            records.append(documents.written(kind, added))
        if records:
            await self.commits.submit(records, lambda: None)
