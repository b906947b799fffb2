"""Placer: the one writer: admits a request, selects, claims in the table, writes book and ledger, answers when durable.

Everything here runs on the event loop's thread, so a decision and its claim are one step; only waiting for the disk is
not.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from engine.errors import (
    AllocationExistsError,
    InvalidRequestError,
    LedgerError,
    NoValidHostError,
    TokenReusedError,
    UnknownAllocationError,
)
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.ledger.records import Claims, Moves, Record, Releases, TokenAnswered, TokensForgotten
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.select import Selector
from engine.service.book import AllocationBook, shape_amounts
from engine.service.catalog import Catalog
from engine.service.commits import Commits
from engine.service.convert import consumer_text
from engine.service.groups import group_state
from engine.service.instance_rows import hinted_instance_rows

MAX_TOKEN_LENGTH = 128
Clock = Callable[[], int]
"""Microseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a request was given: a consumer an instance, their selections, and the generation they were chosen at."""

    consumers: Sequence[bytes]
    selections: Sequence[Selection]
    generation: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """A token's answer: the request's fingerprint, the answer's bytes, and its future while it is on its way."""

    fingerprint: bytes
    answer: bytes
    created_us: int
    done: asyncio.Future[None] | None = None


class Placer:
    """Places, releases and moves instances on one table, one book and one ledger."""

    def __init__(
        self,
        table: HostTable,
        book: AllocationBook,
        catalog: Catalog,
        selector: Selector,
        commits: Commits,
        clock: Clock,
    ) -> None:
        self.table = table
        self.book = book
        self.catalog = catalog
        self.selector = selector
        self.commits = commits
        self.clock = clock
        self._tokens: dict[str, _Answer] = {}
        self._down_time_us = selector.chain.options.service_down_time * 1_000_000

    def restore_tokens(self, tokens: Sequence[TokenAnswered]) -> None:
        """Take the tokens that the ledger has answers for."""
        for item in tokens:
            self._tokens[item.token] = _Answer(item.fingerprint, item.answer, item.created_us)

    def refresh(self) -> int:
        """Bring the service states up to now, and return now."""
        now = self.clock()
        self.table.refresh_services(now, self._down_time_us)
        return now

    # -- placing ------------------------------------------------------------------------------------------------------

    async def known_answer(self, token: str, fingerprint: bytes) -> bytes | None:
        """Return the answer that a token was given before, once durable, or None.

        Raises TokenReusedError for a different request, LedgerError when the first answer does not become durable.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidRequestError(
                f"client_token is longer than {MAX_TOKEN_LENGTH} characters", field="client_token"
            )
        found = self._tokens.get(token) if token else None
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            raise TokenReusedError(
                f"client token {token!r} was used for a different request: take a new token", client_token=token
            )
        if found.done is not None:
            await asyncio.shield(found.done)
        return found.answer

    async def place(
        self,
        request: RequestSpec,
        consumers: Sequence[bytes],
        token: str,
        fingerprint: bytes,
        render: Callable[[Placement], bytes],
    ) -> bytes:
        """Place all instances of a request and return the rendered answer once it is durable.

        Without ``consumers``, which are all different, the instances get new uuids. A caller that goes away meanwhile
        loses its claim, unless a token lets it ask again. Raises NoValidHostError, AllocationExistsError, LedgerError,
        with nothing claimed.
        """
        now = self.refresh()
        released = self._released(consumers)
        group = group_state(self.catalog.group(request.instance_group), self.book) if request.instance_group else None
        instance_rows = hinted_instance_rows(request, self.book)
        selections = self.selector.select(request, group=group, instance_rows=instance_rows)
        ids = consumers or [uuid4().bytes for _ in selections]
        amounts = flavor_amounts(request.flavor, is_bfv=request.is_bfv)
        owner = self.book.owner_code(request.project_id, request.user_id, request.instance_group)
        shape = self.book.shape_code(request.flavor.name, amounts)
        rows = np.array([item.row for item in selections], dtype=np.int64)
        self.book.add(ids, rows, np.full(len(ids), shape), owner, now)

        def undo() -> None:
            self.undo_claims(ids, token)
            self.book.uncover(released)

        try:
            answer = render(Placement(ids, selections, self.table.generation))
            records: list[Record] = [claims_record(ids, rows, np.full(len(ids), shape), owner, now)]
            if token:
                records.append(TokenAnswered(token, fingerprint, answer, now))
        except BaseException:
            undo()
            raise
        done = self.commits.submit(records, undo)
        if token:
            self._tokens[token] = _Answer(fingerprint, answer, now, done)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            if not token:
                self._release_abandoned(ids)
            raise
        if token:
            self._tokens[token] = _Answer(fingerprint, answer, now)
        return answer

    def _released(self, consumers: Sequence[bytes]) -> list[bytes]:
        """Return the consumers that held something once; raise AllocationExistsError for one that still does."""
        found = []
        for consumer in consumers:
            entry = self.book.find(consumer)
            if entry is None:
                continue
            if entry.held:
                uuid = consumer_text(consumer)
                raise AllocationExistsError(
                    f"instance {uuid} already holds an allocation: release it first", consumer=uuid
                )
            found.append(consumer)
        return found

    def undo_claims(self, consumers: Sequence[bytes], token: str = "") -> None:
        """Forget claims as if they had never been made; one that is released has given its amounts back already."""
        places = np.array([place for place in self.book.places(consumers) if place >= 0], dtype=np.int64)
        held = places[self.book.is_held(places)]
        self._apply(held, -1)
        self.book.remove(places)
        self._tokens.pop(token, None)

    def _release_abandoned(self, consumers: Sequence[bytes]) -> None:
        """Give back what a caller that went away was given; without a ledger to write to, it was never given."""
        with suppress(LedgerError):
            self._release_held(consumers, self.clock())

    # -- releasing and moving -----------------------------------------------------------------------------------------

    async def release(self, consumers: Sequence[bytes]) -> list[bytes]:
        """Give allocations back and return the consumers that held none, once durable."""
        distinct = list(dict.fromkeys(consumers))
        held = self.held(distinct)
        missing = [
            consumer for consumer, place in zip(distinct, self.book.places(distinct), strict=True) if place not in held
        ]
        done = self._release_held(distinct, self.clock())
        if done is not None:
            await asyncio.shield(done)
        else:
            await self.commits.settled()
        return missing

    def held(self, consumers: Sequence[bytes]) -> set[int]:
        """Return the places of those consumers that hold something."""
        places = np.array([place for place in self.book.places(consumers) if place >= 0], dtype=np.int64)
        return set(places[self.book.is_held(places)].tolist())

    def _release_held(self, consumers: Sequence[bytes], now: int) -> asyncio.Future[None] | None:
        names = self.release_now(consumers, now)
        if not names:
            return None
        return self.commits.submit([Releases(b"".join(names), now)], lambda: self.undo_release(names))

    def release_now(self, consumers: Sequence[bytes], now: int) -> list[bytes]:
        """Give back what these consumers hold, in memory, and return those that held something."""
        return self.release_in_book(self.release_in_table(consumers), now)

    def release_in_table(self, consumers: Sequence[bytes]) -> list[bytes]:
        """Take what these consumers hold off their hosts, and return those that hold something, each once."""
        held = self._held_places(consumers)
        self._apply(held, -1)
        return [self.book.consumer(place) for place in held.tolist()]

    def release_in_book(self, consumers: Sequence[bytes], now: int) -> list[bytes]:
        """Mark as released what these consumers hold and the table has given back; return those that held something."""
        held = self._held_places(consumers)
        self.book.release(held, now)
        return [self.book.consumer(place) for place in held.tolist()]

    def undo_release(self, consumers: Sequence[bytes]) -> None:
        """Hold again what was given back, where its claim still stands."""
        places = np.array([place for place in self.book.places(consumers) if place >= 0], dtype=np.int64)
        released = places[~self.book.is_held(places)]
        self.book.unrelease(released)
        self._apply(released, 1)

    def _held_places(self, consumers: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Return the places of those consumers that hold something, each once, in order."""
        places = np.array([place for place in dict.fromkeys(self.book.places(consumers)) if place >= 0], dtype=np.int64)
        return places[self.book.is_held(places)]

    async def move(self, consumer: bytes, host_id: str) -> None:
        """Move what a consumer holds to a host, or claim it again where it is; it is refused whole, or durable.

        Every filter that columns and placement decide is asked. Raises UnknownAllocationError, UnknownHostError,
        NoValidHostError where it does not fit, LedgerError.
        """
        self.refresh()
        entry = self.book.find(consumer)
        if entry is None or not entry.held:
            uuid = consumer_text(consumer)
            raise UnknownAllocationError(f"instance {uuid} holds no allocation", consumer=uuid)
        row = self.table.row(host_id)
        if row == entry.row:
            await self.commits.settled()
            return
        amounts = shape_amounts(self.book.shapes[entry.shape])
        self._check_fits(row, amounts, host_id)
        old = entry.row
        self.table.apply(row, 1, amounts)
        self.table.apply(old, -1, amounts)
        self.book.move(entry.place, row)
        record = Moves(consumer, np.array([row], dtype="<i4").tobytes())
        done = self.commits.submit([record], lambda: self._undo_move(consumer, old))
        await asyncio.shield(done)

    def _check_fits(self, row: int, amounts: Amounts, host_id: str) -> None:
        """Raise NoValidHostError unless the host is up and has room."""
        bits = int(self.selector.chain.verdicts(self.table, amounts)[row])
        failing = {
            plugin.name: plugin for index, plugin in enumerate(self.selector.chain.column_filters) if bits >> index & 1
        }
        if failing:
            reasons = "; ".join(plugin.reason for plugin in failing.values())
            raise NoValidHostError(
                f"host {host_id!r} does not take the instance: {reasons}",
                rejections=dict.fromkeys(failing, 1),
                hosts_total=1,
            )

    def _undo_move(self, consumer: bytes, row: int) -> None:
        entry = self.book.find(consumer)
        assert entry is not None
        amounts = shape_amounts(self.book.shapes[entry.shape])
        self.table.apply(entry.row, -1, amounts)
        self.table.apply(row, 1, amounts)
        self.book.move(entry.place, row)

    # -- housekeeping -------------------------------------------------------------------------------------------------

    async def forget(self, retention_s: int) -> None:
        """Drop token answers and tombstones older than the retention, here and in the ledger."""
        before = self.clock() - retention_s * 1_000_000
        # what is on its way to disk may have to be undone, and that needs its tombstones
        await self.commits.settled()
        old = [token for token, item in self._tokens.items() if item.created_us < before]
        for token in old:
            del self._tokens[token]
        dropped = self.book.forget_released(before)
        if old or dropped:
            await asyncio.shield(self.commits.submit([TokensForgotten(max(before, 0))], lambda: None))

    def _apply(self, places: npt.NDArray[np.int64], sign: int) -> None:
        """Add or take back the amounts of places in the table."""
        if not len(places):
            return
        amounts = np.array(
            [shape_amounts(self.book.shapes[code]) for code in self.book.shape_codes(places).tolist()], dtype=np.int64
        )
        self.table.apply_many(self.book.rows(places), sign, amounts)


def claims_record(
    consumers: Sequence[bytes], rows: npt.NDArray[np.int64], shapes: npt.NDArray[np.int64], owner: int, now: int
) -> Claims:
    """Return the ledger's record of claims; a host's number is its row."""
    return Claims(b"".join(consumers), rows.astype("<i4").tobytes(), shapes.astype("<i4").tobytes(), owner, now)


def fingerprint_of(message: bytes) -> bytes:
    """Return 16 bytes that stand for a request."""
    return hashlib.blake2b(message, digest_size=16).digest()
