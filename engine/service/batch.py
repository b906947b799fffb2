"""Batches of a placement stream: requests in columns, placed strictly in order, with no Python object per request on the common path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidRequestError, LimitExceededError, NoValidHostError
from engine.inventory.usage import flavor_amounts
from engine.ledger.records import Record
from engine.model.limits import MAX_INSTANCES
from engine.model.request_spec import RequestSpec
from engine.scheduler.select import class_key
from engine.service.placer import Placer, claims_record
from engine.v1 import scheduler_service_pb2 as pb

MAX_BATCH = 8192
MAX_BATCH_INSTANCES = 65_536
NO_HOST = np.uint32(0xFFFFFFFF)
PLACED = pb.PLACEMENT_OUTCOME_PLACED
NO_VALID_HOST = pb.PLACEMENT_OUTCOME_NO_VALID_HOST
TOKEN_REUSED = pb.PLACEMENT_OUTCOME_TOKEN_REUSED
REPEATED = pb.PLACEMENT_OUTCOME_REPEATED


@dataclass(frozen=True, slots=True)
class _Columns:
    """A checked batch: flavor index and count a request, tokens and the consumers to release."""

    flavors: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    tokens: list[bytes]
    releases: list[bytes]


@dataclass(slots=True)
class StreamDictionary:
    """The host codes of one stream: handed out as hosts are first named, for the stream's life."""

    codes: npt.NDArray[np.int64] = field(default_factory=lambda: np.full(1024, -1, dtype=np.int64))
    size: int = 0

    def encode(self, rows: npt.NDArray[np.int64], host_ids: Sequence[str]) -> tuple[npt.NDArray[np.uint32], list[str]]:
        """Return a code a row (NO_HOST for row -1) and the host_ids of the codes that are new."""
        placed = rows[rows >= 0]
        top = int(placed.max(initial=-1))
        if top >= len(self.codes):
            grown = np.full(max(top + 1, 2 * len(self.codes)), -1, dtype=np.int64)
            grown[: len(self.codes)] = self.codes
            self.codes = grown
        new = np.unique(placed[self.codes[placed] < 0])
        self.codes[new] = np.arange(self.size, self.size + len(new))
        self.size += len(new)
        encoded = np.full(len(rows), NO_HOST, dtype=np.uint32)
        encoded[rows >= 0] = self.codes[placed]
        return encoded, [host_ids[row] for row in new.tolist()]


def place_batch(
    placer: Placer, message: pb.SelectDestinationsStreamRequest, dictionary: StreamDictionary
) -> tuple[pb.SelectDestinationsStreamResponse, asyncio.Future[None] | None]:
    """Release and place a batch in memory; return its answer and the future to wait for before it may be sent.

    Raises InvalidRequestError, LimitExceededError, UnknownFlavorError, or FilterFault where a flavor's extra specs break a filter, with
    nothing done.
    """
    columns = _parse(message)
    requests = [
        RequestSpec(
            flavor=placer.catalog.flavor(name), project_id=message.project_id, user_id=message.user_id, alternates=0
        )
        for name in message.flavor_names
    ]
    now = placer.refresh()
    owner = placer.book.owner_code(message.project_id, message.user_id, "")
    records, undo_release = placer.release_now(columns.releases, now)
    released = sum(len(record.consumers) // 16 for record in records if hasattr(record, "consumers"))
    run = _Run(placer, requests, columns, owner, now)
    undo = _both(run.undo, undo_release)
    try:
        run.place()
    except BaseException:
        undo()
        raise
    records += run.records
    # a batch that only repeats answers has nothing to write, but may repeat one that is still on its way to disk
    done = placer.commits.submit(records, undo) if records else placer.commits.latest
    codes, new_host_ids = dictionary.encode(run.rows, placer.table.identity.host_ids)
    answer = pb.SelectDestinationsStreamResponse(
        sequence=message.sequence,
        outcomes=run.outcomes.tobytes(),
        host_codes=codes.astype("<u4").tobytes(),
        new_host_ids=new_host_ids,
        released=released,
        inventory_generation=placer.table.generation,
    )
    return answer, done


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def undo() -> None:
        first()
        second()

    return undo


def _parse(message: pb.SelectDestinationsStreamRequest) -> _Columns:
    tokens = message.tokens
    if len(tokens) % 16 or len(message.release_consumers) % 16:
        raise InvalidRequestError("tokens and release_consumers are columns of 16 bytes an entry", field="tokens")
    many = len(tokens) // 16
    if many > MAX_BATCH or len(message.release_consumers) // 16 > MAX_BATCH:
        raise LimitExceededError(f"a batch holds at most {MAX_BATCH} requests and as many releases", limit=MAX_BATCH)
    if len(message.flavor_codes) != 4 * many:
        raise InvalidRequestError(
            f"flavor_codes has {len(message.flavor_codes)} bytes for {many} requests, not 4 each", field="flavor_codes"
        )
    if message.counts and len(message.counts) != 4 * many:
        raise InvalidRequestError(
            f"counts has {len(message.counts)} bytes for {many} requests, not 4 each", field="counts"
        )
    flavors = np.frombuffer(message.flavor_codes, dtype="<u4").astype(np.int64)
    if many and flavors.max() >= len(message.flavor_names):
        raise InvalidRequestError(
            f"flavor code {flavors.max()} names none of {len(message.flavor_names)} flavor_names", field="flavor_codes"
        )
    counts = (
        np.frombuffer(message.counts, dtype="<u4").astype(np.int64) if message.counts else np.ones(many, dtype=np.int64)
    )
    if many and (counts.min() < 1 or counts.max() > MAX_INSTANCES or counts.sum() > MAX_BATCH_INSTANCES):
        raise LimitExceededError(
            f"a request is for 1 to {MAX_INSTANCES} instances, a batch for at most {MAX_BATCH_INSTANCES}",
            limit=MAX_BATCH_INSTANCES,
        )
    names = [tokens[start : start + 16] for start in range(0, len(tokens), 16)]
    if bytes(16) in names:
        raise InvalidRequestError("a token is all zero: give each request 16 bytes of its own", field="tokens")
    releases = message.release_consumers
    return _Columns(flavors, counts, names, [releases[start : start + 16] for start in range(0, len(releases), 16)])


def instance_consumers(token: bytes, count: int) -> list[bytes]:
    """Return the consumers of a request's instances: the token with the instance's number XORed into its last four bytes."""
    head, tail = token[:12], int.from_bytes(token[12:], "big")
    return [head + (tail ^ number).to_bytes(4, "big") for number in range(count)]


class _Run:
    """One batch being placed: what came out so far, and what has to be written or undone."""

    def __init__(
        self, placer: Placer, requests: Sequence[RequestSpec], columns: _Columns, owner: int, now: int
    ) -> None:
        self.placer = placer
        self.requests = requests
        self.columns = columns
        self.owner = owner
        self.now = now
        many = len(columns.tokens)
        self.outcomes = np.full(many, PLACED, dtype=np.uint8)
        self._starts = np.concatenate([[0], np.cumsum(columns.counts)])
        self.rows = np.full(int(self._starts[-1]), -1, dtype=np.int64)
        self.records: list[Record] = []
        self._claimed: list[bytes] = []
        self._codes = [
            (
                flavor_amounts(request.flavor),
                placer.book.shape_code(request.flavor.name, flavor_amounts(request.flavor)),
            )
            for request in requests
        ]

    def place(self) -> None:
        """Place the requests in order: runs of plain ones in the kernel, the rest one by one."""
        special = self._special()
        start = 0
        while start < len(special):
            end = start + 1
            if special[start]:
                self._place_one(start)
            else:
                stops = np.flatnonzero(special[start:])
                end = start + int(stops[0]) if len(stops) else len(special)
                self._place_run(start, end)
            start = end

    def undo(self) -> None:
        """Forget everything that was placed."""
        self.placer.undo_claims(self._claimed)

    def _special(self) -> npt.NDArray[np.bool_]:
        """Return which requests the kernel cannot take: several instances, a token met before, or a flavor no view can answer."""
        columns, placer = self.columns, self.placer
        special = columns.counts > 1
        special |= np.array(placer.book.places(columns.tokens), dtype=np.int64) >= 0
        if len(set(columns.tokens)) != len(columns.tokens):
            seen: set[bytes] = set()
            for index, token in enumerate(columns.tokens):
                special[index] |= token in seen
                seen.add(token)
        plain = np.array([placer.selector.uses_view(request, None) for request in self.requests], dtype=np.bool_)
        if len(plain):
            special |= ~plain[columns.flavors]
        # views are few: a batch of more flavors than there is room for goes one by one
        if len(self.requests) > placer.selector.views.capacity:
            special[:] = True
        return special

    def _place_run(self, start: int, end: int) -> None:
        views = self.placer.selector.views
        flavors = self.columns.flavors[start:end]
        slots = np.zeros(len(self.requests), dtype=np.int64)
        shapes = np.zeros(len(self.requests), dtype=np.int64)
        for code in np.unique(flavors).tolist():
            amounts = self._codes[code][0]
            slots[code] = views.slot(class_key(self.requests[code], amounts), self.requests[code], amounts)
            shapes[code] = views.shape(amounts)
        rows = views.place(slots[flavors], shapes[flavors], claim=True).rows[:, 0]
        self.rows[self._starts[start:end]] = rows
        self.outcomes[start:end][rows < 0] = NO_VALID_HOST
        placed = np.flatnonzero(rows >= 0)
        if len(placed):
            codes = np.array([code for _, code in self._codes], dtype=np.int64)[flavors]
            tokens = self.columns.tokens
            self._keep([tokens[start + index] for index in placed.tolist()], rows[placed], codes[placed])

    def _place_one(self, index: int) -> None:
        request = self.requests[int(self.columns.flavors[index])]
        shape = self._codes[int(self.columns.flavors[index])][1]
        count = int(self.columns.counts[index])
        consumers = instance_consumers(self.columns.tokens[index], count)
        book = self.placer.book
        earlier = [book.find(consumer) for consumer in consumers]
        first = int(self._starts[index])
        if any(earlier):
            after = instance_consumers(self.columns.tokens[index], count + 1)[-1]
            same = all(entry is not None and entry.shape == shape for entry in earlier) and book.find(after) is None
            self.outcomes[index] = REPEATED if same else TOKEN_REUSED
            if same:
                self.rows[first : first + count] = [entry.row for entry in earlier if entry is not None]
            return
        try:
            chosen = self.placer.selector.select(_with_count(request, count))
        except NoValidHostError:
            self.outcomes[index] = NO_VALID_HOST
            return
        rows = np.array([item.row for item in chosen], dtype=np.int64)
        self.rows[first : first + count] = rows
        self._keep(consumers, rows, np.full(count, shape, dtype=np.int64))

    def _keep(self, consumers: list[bytes], rows: npt.NDArray[np.int64], shapes: npt.NDArray[np.int64]) -> None:
        self.placer.book.add(consumers, rows, shapes, self.owner, self.now)
        self.records.append(claims_record(consumers, rows, shapes, self.owner, self.now))
        self._claimed += consumers


def _with_count(request: RequestSpec, count: int) -> RequestSpec:
    return (
        request
        if count == 1
        else RequestSpec(
            flavor=request.flavor,
            num_instances=count,
            project_id=request.project_id,
            user_id=request.user_id,
            alternates=0,
        )
    )
