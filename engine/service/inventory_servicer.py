"""InventoryService over gRPC: hosts, aggregates, flavors and server groups."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import (
    InvalidFileError,
    LimitExceededError,
    ShuttingDownError,
    UnknownAggregateError,
)
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.table import HostTable
from engine.service import convert
from engine.service.draining import until_draining
from engine.service.host_changes import HostChanges
from engine.service.host_messages import host_message
from engine.service.host_updates import apply_reports, is_report
from engine.service.inventory_writer import InventoryWriter
from engine.service.memory import give_back
from engine.service.paging import page_bounds, page_token
from engine.service.pieces import Pieces
from engine.service.placer import Placer
from engine.service.provider_messages import provider_message, sharing_from, uuid_text
from engine.service.status import streaming, unary
from engine.v1 import inventory_pb2, inventory_service_pb2_grpc
from engine.v1 import inventory_service_pb2 as pb

MAX_UPDATE_HOSTS = 10_000
MAX_IMPORT_BYTES = 4 * 1024**3
_LARGE_IMPORT_BYTES = 1024**2
"""What an import beyond this needed on its way is worth returning to the system."""
_WATCH_PAGE = 5_000
_WATCH_INTERVAL_S = 0.05
_WATCH_FEW = 1_000
_AT_ONCE = 20
"""Messages of hosts made in one go on the event loop: about a millisecond."""


class InventoryServicer(inventory_service_pb2_grpc.InventoryServiceServicer):
    """The calls that read and change what is known of hosts and of what requests name."""

    def __init__(self, placer: Placer, writer: InventoryWriter, draining: asyncio.Event) -> None:
        self.placer = placer
        self.writer = writer
        self.draining = draining
        self.reasons: dict[str, str] = {}

    @property
    def _generation(self) -> int:
        return self.placer.table.generation

    # -- hosts --------------------------------------------------------------------------------------------------------

    @streaming
    async def UpdateHosts(self, request: AsyncIterator[Any], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:  # noqa: N802
        """Apply each message whole, in order."""
        async for message in until_draining(request, self.draining):
            if len(message.hosts) > MAX_UPDATE_HOSTS:
                raise LimitExceededError(
                    f"a message updates at most {MAX_UPDATE_HOSTS} hosts: send several", limit=MAX_UPDATE_HOSTS
                )
            yield await self._update(message.hosts)

    async def _update(self, hosts: Any) -> pb.UpdateHostsResponse:
        table = self.placer.table
        if all(is_report(host) and table.find(host.host_id) is not None for host in hosts):
            apply_reports(table, hosts)
            self.placer.refresh()
            return pb.UpdateHostsResponse(inventory_generation=self._generation, changed=len(hosts))
        done = await self.writer.update(hosts)
        self.placer.refresh()
        return pb.UpdateHostsResponse(inventory_generation=self._generation, added=done.added, changed=done.changed)

    @unary
    async def ImportHosts(self, request: AsyncIterator[Any], context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Load a fleet from an Arrow IPC stream."""
        chunks: deque[bytes] = deque()
        size = 0
        async for message in request:
            chunks.append(message.arrow_ipc)
            size += len(message.arrow_ipc)
            if size > MAX_IMPORT_BYTES:
                raise LimitExceededError(
                    f"an import holds at most {MAX_IMPORT_BYTES} bytes: cut the fleet", limit=MAX_IMPORT_BYTES
                )
        fleet = await asyncio.to_thread(_read_fleet, chunks)
        done = await self.writer.upsert(fleet)
        del fleet
        if size > _LARGE_IMPORT_BYTES:
            await asyncio.to_thread(give_back)
        self.placer.refresh()
        return pb.ImportHostsResponse(inventory_generation=self._generation, added=done.added, changed=done.changed)

    @unary
    async def ListHosts(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List hosts by page."""
        self.placer.refresh()
        fleet = self.placer.table
        generation = fleet.generation
        start, size = page_bounds(request.page_token, request.page_size)
        rows = fleet.present_rows()
        if request.aggregate_uuid:
            if request.aggregate_uuid not in fleet.aggregates:
                raise UnknownAggregateError(
                    f"no aggregate has the uuid {request.aggregate_uuid!r}", uuid=request.aggregate_uuid
                )
            rows = fleet.aggregate_host_rows(request.aggregate_uuid)
        if request.availability_zone:
            wanted = np.array(
                [item.availability_zone == request.availability_zone for item in fleet.profiles.values], dtype=bool
            )
            rows = rows[wanted[fleet.columns["profile"][rows]]] if len(rows) else rows
        total = len(rows)
        rows = rows[rows >= start][: size + 1]
        following = page_token(int(rows[size])) if len(rows) > size else ""
        # as they are, some a little later than the generation told: a picture of all hosts for each page would cost
        # a copy of every column that is written to next
        hosts = await _live_messages(fleet, rows[:size])
        return pb.ListHostsResponse(
            hosts=hosts, next_page_token=following, inventory_generation=generation, total=total
        )

    @unary
    async def GetHost(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Return one host."""
        self.placer.refresh()
        table = self.placer.table
        return pb.GetHostResponse(
            host=host_message(table, table.row(request.host_id)), inventory_generation=self._generation
        )

    @unary
    async def DeleteHosts(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Remove hosts that hold nothing."""
        deleted = await self.writer.delete(list(request.host_ids)) if request.host_ids else 0
        return pb.DeleteHostsResponse(inventory_generation=self._generation, deleted=deleted)

    @streaming
    async def WatchHosts(self, request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:  # noqa: N802
        """Send what changed since a generation, then each change as it comes; changes close together come as one."""
        # removals from before this start are not known any more, so an older watcher gets everything, as does one
        # with a generation that this ledger has not given
        table = self.placer.table
        full = not table.first_generation < request.after_generation <= table.generation
        changes = HostChanges(table, 0 if full else request.after_generation)
        while not self.draining.is_set():
            self.placer.refresh()
            if full or changes.any:
                rows, gone = changes.take()
                # a picture of all hosts costs a copy of every column that is written to next; a few hosts are shown
                # as they are, some of them later than the generation told, which tells those again
                fleet = table if len(rows) <= _WATCH_FEW else table.snapshot()
                generation = changes.after
                for start in range(0, max(len(rows), 1), _WATCH_PAGE):
                    part = rows[start : start + _WATCH_PAGE]
                    if fleet is table:
                        hosts = await _live_messages(table, part)
                    else:
                        hosts = await asyncio.to_thread(_host_messages, fleet, part)
                    yield pb.WatchHostsResponse(
                        hosts=hosts,
                        deleted_host_ids=[] if full or start else gone,
                        inventory_generation=generation,
                        full=full,
                    )
                full = False
            await asyncio.sleep(_WATCH_INTERVAL_S)
        raise ShuttingDownError("the service is stopping: watch again later from the last generation")

    # -- what requests name -------------------------------------------------------------------------------------------

    @unary
    async def UpdateAggregates(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Add, replace and remove aggregates."""
        await self.writer.set_aggregates(
            [convert.aggregate_from(item) for item in request.aggregates], list(request.delete_uuids)
        )
        return pb.UpdateAggregatesResponse(inventory_generation=self._generation)

    @unary
    async def ListAggregates(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List every aggregate."""
        table = self.placer.table
        host_ids = table.identity.host_ids
        return pb.ListAggregatesResponse(
            aggregates=[
                convert.aggregate_message(item, [host_ids[row] for row in table.aggregate_host_rows(uuid).tolist()])
                for uuid, item in sorted(table.aggregates.items(), key=lambda pair: pair[1].name)
            ],
            inventory_generation=self._generation,
        )

    @unary
    async def UpdateFlavors(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Add, replace and remove flavors."""
        await self.writer.set_flavors(
            [convert.flavor_from(item) for item in request.flavors], list(request.delete_names)
        )
        return pb.UpdateFlavorsResponse(inventory_generation=self._generation)

    @unary
    async def ListFlavors(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List every flavor."""
        flavors = self.placer.catalog.flavors
        return pb.ListFlavorsResponse(
            flavors=[convert.flavor_message(flavors[name]) for name in sorted(flavors)],
            inventory_generation=self._generation,
        )

    @unary
    async def UpdateServerGroups(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Add, replace and remove server groups; one without a uuid gets one."""
        groups = []
        for item in request.server_groups:
            if not item.uuid:
                item.uuid = str(uuid4())
            convert.consumer_bytes(item.uuid, "server group uuid")
            groups.append(convert.group_from(item))
        await self.writer.set_groups(groups, list(request.delete_uuids))
        return pb.UpdateServerGroupsResponse(inventory_generation=self._generation)

    @unary
    async def ListServerGroups(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List every server group with its members."""
        book = self.placer.book
        placed: dict[str, list[str]] = {}
        codes = [code for code, owner in enumerate(book.owners) if owner.instance_group]
        for place in book.held_places(owners=codes).tolist():
            group = book.owners[book.entry(place).owner].instance_group
            placed.setdefault(group, []).append(convert.consumer_text(book.consumer(place)))
        groups = self.placer.catalog.groups
        return pb.ListServerGroupsResponse(
            server_groups=[convert.group_message(groups[uuid], placed.get(uuid, ())) for uuid in sorted(groups)],
            inventory_generation=self._generation,
        )

    # -- sharing providers --------------------------------------------------------------------------------------------

    @unary
    async def UpdateSharingProviders(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Add and replace sharing resource providers."""
        await self.writer.set_sharing(sharing_from(request.providers))
        return pb.UpdateSharingProvidersResponse(inventory_generation=self._generation)

    @unary
    async def ListSharingProviders(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List every sharing resource provider."""
        table = self.placer.table
        return pb.ListSharingProvidersResponse(
            providers=[
                provider_message(item, table.sharing[item.uuid])
                for item in sorted(table.reported_sharing.values(), key=lambda item: (item.name, item.uuid))
            ],
            inventory_generation=self._generation,
        )

    @unary
    async def DeleteSharingProviders(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Remove sharing resource providers that give nothing to anyone."""
        uuids = [uuid_text(text, "uuids") for text in request.uuids]
        await self.writer.delete_sharing(list(dict.fromkeys(uuids)))
        return pb.DeleteSharingProvidersResponse(inventory_generation=self._generation)


def _read_fleet(chunks: deque[bytes]) -> pa.Table:
    """Return the canonical fleet table of an Arrow IPC stream in pieces, which it uses up; raise InvalidFileError."""
    if not any(chunks):
        raise InvalidFileError("the import holds no bytes: send an Arrow IPC stream")
    try:
        with pa.PythonFile(Pieces(chunks), mode="r") as file, pa.ipc.open_stream(file) as reader:
            table = reader.read_all()
            table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidFileError(f"the import is no whole Arrow IPC stream: {error}") from error
    return normalise_fleet(table, source="the import")


async def _live_messages(table: HostTable, rows: npt.NDArray[np.int64]) -> list[inventory_pb2.Host]:
    """Return the messages of rows of the live table, letting others in between, without hosts removed meanwhile."""
    hosts: list[inventory_pb2.Host] = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        hosts += _host_messages(table, part[table.columns["present"][part] == 1])
        if start + _AT_ONCE < len(rows):
            await asyncio.sleep(0)
    return hosts


def _host_messages(fleet: Fleet, rows: Any) -> list[inventory_pb2.Host]:
    return [host_message(fleet, row) for row in rows.tolist()]
