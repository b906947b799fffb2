"""SchedulerService over gRPC: messages in, the placer asked, messages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from engine.errors import InvalidRequestError, LimitExceededError, UnknownAllocationError
from engine.model.limits import check_amount
from engine.scheduler.explain import explain
from engine.scheduler.select import Selector
from engine.scheduler.sparse import SelectionContext
from engine.service import convert
from engine.service.assignments import assignment_message
from engine.service.audit import Held, audit
from engine.service.batch import StreamDictionary, place_batch
from engine.service.book import Entry
from engine.service.draining import until_draining
from engine.service.explanation_messages import explanation_message
from engine.service.instance_rows import hinted_instance_rows
from engine.service.known_requests import KnownRequests
from engine.service.methods import in_bytes
from engine.service.micro_batch import MicroBatches, may_be_plain
from engine.service.migrations import Migrator
from engine.service.moves import Mover
from engine.service.paging import page_bounds, page_token
from engine.service.placer import Placement, Placer, fingerprint_of
from engine.service.request_messages import instances_of
from engine.service.status import streaming, unary
from engine.v1 import request_spec_pb2, scheduler_service_pb2_grpc, selection_pb2
from engine.v1 import scheduler_service_pb2 as pb

MAX_RELEASES = 65_536
MAX_EXPLAINED = 10_000
_BATCHES_UNDER_WAY = 8
"""Batches of one stream that may be placed while the first of them is on its way to disk."""
_Batch: TypeAlias = tuple[pb.SelectDestinationsStreamResponse, asyncio.Future[None] | None]
"""A batch that is placed: its answer, and what it has to wait for."""


class SchedulerServicer(scheduler_service_pb2_grpc.SchedulerServiceServicer):
    """The calls that place, release, move, list, explain and audit."""

    def __init__(self, placer: Placer, draining: asyncio.Event) -> None:
        self.placer = placer
        self.mover = Mover(placer)
        self.migrator = Migrator(placer)
        self.draining = draining
        self.explains = asyncio.Event()
        """Set while the kernels that explain are ready; compiling them here would hold up all calls."""
        self.explains.set()
        self._together = MicroBatches(placer)
        self._read_chain()

    def adopt(self, selector: Selector) -> None:
        """Answer by another selector of the same table from the next decision on.

        What has arrived and waits to be placed is placed by the one before.
        """
        self._together.place_waiting()
        self.placer.adopt(selector)
        self._read_chain()

    def _read_chain(self) -> None:
        """Take from the placer's chain how requests are converted and refusals are worded."""
        placer = self.placer
        chain = placer.selector.chain
        default_zone = chain.options.default_availability_zone
        self._requests = KnownRequests(placer.catalog, placer.table, default_zone, placer.aliases)
        self.reasons = {item.name: item.reason for item in chain.filters}

    @in_bytes
    @unary
    async def SelectDestinations(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:  # noqa: N802
        """Place the instances of one request, or one that moves."""
        spec = self._requests.of_call(request)
        if spec is not None:
            answer = await self._together.place(spec, b"", "", b"")
            if answer is not None:
                return answer
        return await self._select(request)

    async def _select(self, raw: bytes) -> bytes:
        """Answer a call of SelectDestinations that was never met before in these bytes, or is placed alone."""
        try:
            request = pb.SelectDestinationsRequest.FromString(raw)
        except DecodeError:
            raise InvalidRequestError("the request is no SelectDestinationsRequest") from None
        placer, token, message = self.placer, request.client_token, request.request_spec
        fingerprint = fingerprint_of(message.SerializeToString(deterministic=True)) if token else b""
        known = await placer.answers.known(token, fingerprint)
        if known is not None:
            return known
        spec = self._requests.request_from(message)
        consumers = instances_of(message, spec.num_instances)
        if message.migration_uuid:
            migration = convert.consumer_bytes(message.migration_uuid, "migration_uuid")
            if len(consumers) != 1 or spec.is_rebuild:
                raise InvalidRequestError(
                    "a migration_uuid goes with one instance that moves: name it in instance_uuids, "
                    "and leave it out of a rebuild",
                    field="migration_uuid",
                )
            self._together.place_waiting()
            return await self.migrator.migrate(spec, consumers[0], migration, token, fingerprint, self._render)
        if may_be_plain(spec):
            if not token and not consumers:
                self._requests.remember(raw, spec)
            answer = await self._together.place(spec, consumers[0] if consumers else b"", token, fingerprint)
            if answer is not None:
                return answer
            known = await placer.answers.known(token, fingerprint)
            if known is not None:
                return known
        self._together.place_waiting()
        return await placer.place(spec, consumers, token, fingerprint, self._render)

    def _render(self, placement: Placement) -> bytes:
        host_ids = self.placer.table.identity.host_ids
        response = pb.SelectDestinationsResponse(inventory_generation=placement.generation)
        for consumer, selection in zip(placement.consumers, placement.selections, strict=True):
            item = response.selections.add(instance_uuid=convert.consumer_text(consumer))
            item.host.host_id = host_ids[selection.row]
            item.host.weight = selection.weight
            for row, weight in zip(selection.alternates, selection.alternate_weights, strict=True):
                item.alternates.add(host_id=host_ids[row], weight=weight)
            if selection.assignment is not None:
                item.assignment.CopyFrom(assignment_message(selection.assignment))
        return response.SerializeToString()

    @streaming
    async def SelectDestinationsStream(  # noqa: N802
        self, request: AsyncIterator[Any], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[Any]:
        """Place batches as they come; the next is placed while the last is on its way to disk."""
        dictionary = StreamDictionary()
        under_way: asyncio.Queue[_Batch | Exception | None] = asyncio.Queue(_BATCHES_UNDER_WAY)

        async def read() -> None:
            try:
                async for message in until_draining(request, self.draining):
                    self._together.place_waiting()
                    await under_way.put(place_batch(self.placer, self._requests, message, dictionary))
            except Exception as error:
                await under_way.put(error)
            else:
                await under_way.put(None)

        reader = asyncio.create_task(read())
        try:
            while True:
                item = await under_way.get()
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                answer, done = item
                if done is not None:
                    await asyncio.shield(done)
                yield answer
        finally:
            reader.cancel()

    @unary
    async def ReleaseAllocations(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Give allocations back."""
        if len(request.consumer_uuids) > MAX_RELEASES:
            raise LimitExceededError(f"at most {MAX_RELEASES} allocations are released in one call", limit=MAX_RELEASES)
        consumers = [convert.consumer_bytes(text, "consumer_uuids") for text in request.consumer_uuids]
        self._together.place_waiting()
        missing = await self.placer.release(consumers)
        return pb.ReleaseAllocationsResponse(
            released=len(set(consumers)) - len(missing),
            not_held=[convert.consumer_text(consumer) for consumer in missing],
            inventory_generation=self.placer.table.generation,
        )

    @unary
    async def MoveAllocation(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Move an allocation to a named host."""
        consumer = convert.consumer_bytes(request.consumer_uuid, "consumer_uuid")
        self._together.place_waiting()
        await self.mover.move(consumer, request.host_id)
        return pb.MoveAllocationResponse(
            allocation=self._allocation(consumer), inventory_generation=self.placer.table.generation
        )

    @unary
    async def RevertMove(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Give an instance back what it held before it moved."""
        token = request.client_token
        fingerprint = fingerprint_of(request.SerializeToString(deterministic=True)) if token else b""
        known = await self.placer.answers.known(token, fingerprint)
        if known is not None:
            return pb.RevertMoveResponse.FromString(known)
        instance = convert.consumer_bytes(request.instance_uuid, "instance_uuid")
        migration = convert.consumer_bytes(request.migration_uuid, "migration_uuid")

        def render() -> bytes:
            answer = pb.RevertMoveResponse(
                allocation=self._allocation(instance), inventory_generation=self.placer.table.generation
            )
            return answer.SerializeToString()

        self._together.place_waiting()
        answer = await self.migrator.revert(instance, migration, token, fingerprint, render)
        return pb.RevertMoveResponse.FromString(answer)

    @unary
    async def GetAllocation(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Return what one consumer holds."""
        consumer = convert.consumer_bytes(request.consumer_uuid, "consumer_uuid")
        return await self.placer.commits.confirmed(
            lambda: pb.GetAllocationResponse(
                allocation=self._allocation(consumer), inventory_generation=self.placer.table.generation
            )
        )

    def _allocation(self, consumer: bytes) -> selection_pb2.Allocation:
        book = self.placer.book
        entry = book.find(consumer)
        if entry is None or not entry.held:
            uuid = convert.consumer_text(consumer)
            raise UnknownAllocationError(f"instance {uuid} holds no allocation", consumer=uuid)
        return self._entry_message(consumer, entry)

    def _entry_message(self, consumer: bytes, entry: Entry) -> selection_pb2.Allocation:
        book = self.placer.book
        return convert.allocation_message(
            consumer,
            self.placer.table.identity.host_ids[entry.row],
            book.shapes[entry.shape],
            book.owners[entry.owner],
            entry.created_us,
            entry.assignment,
        )

    @unary
    async def ListAllocations(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """List allocations by page."""
        return await self.placer.commits.confirmed(lambda: self._list(request))

    def _list(self, request: pb.ListAllocationsRequest) -> pb.ListAllocationsResponse:
        placer, book = self.placer, self.placer.book
        row = placer.table.row(request.host_id) if request.host_id else None
        owners = None
        if request.project_id:
            owners = [code for code, owner in enumerate(book.owners) if owner.project_id == request.project_id]
        places = book.held_places(row=row, owners=owners)
        start, size = page_bounds(request.page_token, request.page_size)
        serials = book.serials(places)
        following = serials[serials >= start][size : size + 1].tolist()
        messages = [
            self._entry_message(book.consumer(place), book.entry(place))
            for place in places[serials >= start][:size].tolist()
        ]
        return pb.ListAllocationsResponse(
            allocations=messages,
            next_page_token=page_token(following[0]) if following else "",
            inventory_generation=placer.table.generation,
            total=len(places),
        )

    @unary
    async def ExplainSelection(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Explain a request on a snapshot, beside the placing."""
        placer = self.placer
        for name in ("weighed_limit", "nearest_limit"):
            check_amount(name, getattr(request, name), 0, MAX_EXPLAINED)
        await self.explains.wait()
        placer.refresh()
        spec = self._requests.request_from(request.request_spec)
        rows = [placer.table.row(host_id) for host_id in request.host_ids]
        fleet = placer.table.snapshot()
        context = SelectionContext(
            fleet,
            placer.group_of(spec),
            own_rows=self._own_rows(request.request_spec, spec.num_instances),
            instance_rows=hinted_instance_rows(spec, placer.book),
            # a copy: placing goes on while this is explained
            image_counts={row: dict(counts) for row, counts in placer.image_counts(spec).items()},
        )
        explanation = await asyncio.to_thread(
            explain,
            placer.selector.chain,
            fleet,
            spec,
            context,
            hosts=rows,
            weighed_limit=request.weighed_limit or 10,
            nearest_limit=request.nearest_limit or 5,
        )
        return explanation_message(explanation, fleet)

    def _own_rows(self, message: request_spec_pb2.RequestSpec, count: int) -> frozenset[int]:
        """Return where the first instance that a request names already is."""
        entries = [self.placer.book.find(consumer) for consumer in instances_of(message, count)[:1]]
        return frozenset(entry.row for entry in entries if entry is not None and entry.held)

    @unary
    async def AuditAllocations(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Compare ledger, book and columns, all as of one moment, while placing goes on."""
        placer = self.placer
        # the copy of the book, the snapshot and the mark are one step of the loop, so all three show the same moment
        held, fleet = Held.of_book(placer.book), placer.table.snapshot()
        reader = await placer.commits.mark()

        def compare() -> pb.AuditAllocationsResponse:
            try:
                return audit(reader.state(), held, fleet)
            finally:
                reader.close()

        return await asyncio.to_thread(compare)
