"""Commits: from a change in memory to a durable one, with the way back if the ledger refuses.

Every change is made in memory first, so that the next decision sees it, and answered only when its records are
durable. What was decided while a group of changes is on its way waits to be the next group, and goes to the ledger only
once the one before is durable: so when a group fails, nothing that was decided on top of it can have been recorded. All
of it is undone, the last first, which leaves memory as it was before the group; the callers get the ledger's error.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from engine.errors import EngineError, LedgerError
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import LedgerReader
from engine.ledger.records import OwnersAdded, Record, ShapesAdded
from engine.ledger.store import Ledger, Marked
from engine.service.book import AllocationBook

_LOG = logging.getLogger("berth.service")
_Value = TypeVar("_Value")
Settle: TypeAlias = Callable[[LedgerError | None], None]
"""Called on the event loop when a submission is durable, with None, or once it is undone, with the ledger's error."""
_READS = 10
"""How often a read looks again because what it saw was refused."""


class _Ticket:
    """One submission on its way to disk."""

    __slots__ = ("done", "owners", "records", "settle", "shapes", "undo")

    def __init__(
        self,
        records: Sequence[Record],
        done: asyncio.Future[None],
        undo: Callable[[], None],
        settle: Settle | None,
        shapes: int,
        owners: int,
    ) -> None:
        self.records = records
        self.done = done
        self.undo = undo
        self.settle = settle
        self.shapes = shapes
        self.owners = owners


class Commits:
    """Submits records to the ledger from the event loop and resumes callers there once they are durable."""

    def __init__(self, state_dir: Path, options: LedgerOptions, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ledger = Ledger.open(state_dir, options, self._notified)
        self._book: AllocationBook | None = None
        self._shapes_kept = 0
        self._owners_kept = 1
        self._last: asyncio.Future[None] | None = None
        self._failures = 0
        # shared by the loop's and the committer's thread, under the gate
        self._gate = threading.Lock()
        self._under_way: list[_Ticket] = []
        self._waiting: deque[_Ticket | Marked] = deque()

    def watch(self, book: AllocationBook) -> None:
        """Take the book whose shapes and owners go to the ledger with the first claim that uses them.

        All it has now are kept already.
        """
        self._book = book
        self._shapes_kept = len(book.shapes)
        self._owners_kept = len(book.owners)

    def submit(
        self, records: Sequence[Record], undo: Callable[[], None], settle: Settle | None = None
    ) -> asyncio.Future[None]:
        """Queue records; the future is done when they are durable, or fails with LedgerError after ``undo`` ran.

        ``settle`` is called right before that, which spares who resumes many callers a turn of the loop. Whoever waits
        for the future shields it: cancelled, it would still become durable. Raises what the ledger finds wrong with the
        records, after ``undo`` ran too.
        """
        assert self._book is not None
        book = self._book
        extra: list[Record] = []
        # until the commit that carries them is confirmed, new codes go with every submission: an earlier one may fail
        if len(book.shapes) > self._shapes_kept:
            extra.append(ShapesAdded(self._shapes_kept, book.shapes[self._shapes_kept :]))
        if len(book.owners) > self._owners_kept:
            extra.append(OwnersAdded(self._owners_kept, book.owners[self._owners_kept :]))
        done: asyncio.Future[None] = self._loop.create_future()
        # a failure is also raised where nobody waits any more, which is no fault
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        ticket = _Ticket([*extra, *records], done, undo, settle, len(book.shapes), len(book.owners))
        try:
            with self._gate:
                if self._under_way:
                    self._waiting.append(ticket)
                else:
                    self._hand_over([ticket])
        except BaseException:
            undo()
            raise
        self._last = done
        return done

    @property
    def latest(self) -> asyncio.Future[None] | None:
        """The future of the last submission, None when everything submitted is durable or undone."""
        return None if self._last is None or self._last.done() else self._last

    async def settled(self) -> None:
        """Wait until everything submitted so far is durable or undone."""
        latest = self.latest
        if latest is not None:
            await asyncio.wait([latest])

    async def confirmed(self, read: Callable[[], _Value]) -> _Value:
        """Return what ``read`` returns (or raises as EngineError) once all that it can have seen is durable.

        Raises LedgerError when what it saw is refused again and again.
        """
        for _ in range(_READS):
            failures = self._failures
            error = None
            try:
                value = read()
            except EngineError as problem:
                error = problem
            await self.settled()
            if failures == self._failures:
                if error is not None:
                    raise error
                return value
        raise LedgerError("the ledger refuses what is being written, so nothing certain can be read: try again later")

    async def mark(self) -> LedgerReader:
        """Return a reader of what is submitted now and nothing later; the caller closes it.

        Raises LedgerError when it cannot be read or something submitted before is refused.
        """
        pinned: asyncio.Future[LedgerReader] = self._loop.create_future()

        def resolve(reader: LedgerReader | None, error: LedgerError | None) -> None:
            if pinned.done():
                # the caller went away meanwhile, and an open reader would keep the log from starting afresh
                if reader is not None:
                    reader.close()
            elif reader is not None:
                pinned.set_result(reader)
            else:
                pinned.set_exception(error or LedgerError("the ledger could not be read: try again"))

        def marked(reader: LedgerReader | None, error: LedgerError | None) -> None:
            self._loop.call_soon_threadsafe(resolve, reader, error)

        with self._gate:
            if self._under_way:
                self._waiting.append(marked)
            else:
                self.ledger.mark(marked)
        return await pinned

    async def close(self) -> None:
        """Commit what is queued and close the ledger."""
        while self.latest is not None:
            await self.settled()
        await self._loop.run_in_executor(None, self.ledger.close)

    def _hand_over(self, group: list[_Ticket]) -> None:
        """Give the ledger a group as one submission, which becomes durable whole or not at all; the gate is held."""
        self.ledger.submit([record for ticket in group for record in ticket.records], group)
        self._under_way = group

    def _next_group(self) -> None:
        """Hand over what waits, up to a mark that has something before it; the gate is held."""
        group: list[_Ticket] = []
        self._under_way = []
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, _Ticket):
                group.append(item)
            elif group:
                break
            else:
                self.ledger.mark(item)
            self._waiting.popleft()
        self._under_way = group
        if group:
            self._hand_over(group)

    def _notified(self, groups: Sequence[object], error: LedgerError | None) -> None:
        """Runs in the committer's thread, once a commit."""
        if error is None:
            # those that the ledger names: it may be done before who handed them over has noted that they are under way
            tickets = [ticket for group in groups for ticket in cast("Sequence[_Ticket]", group)]
            self._loop.call_soon_threadsafe(self._confirm, tickets)
            try:
                with self._gate:
                    self._next_group()
            except Exception as problem:
                _LOG.exception("changes could not be given to the ledger")
                error = LedgerError("the ledger did not take what was to be recorded: nothing of it was")
                error.__cause__ = problem
        # after a failure the group stays under way, so that later changes wait to be undone with it
        if error is not None:
            self._loop.call_soon_threadsafe(self._undo, error)

    def _confirm(self, tickets: Sequence[_Ticket]) -> None:
        """Resume the callers of changes that are durable."""
        self._shapes_kept = max(self._shapes_kept, tickets[-1].shapes)
        self._owners_kept = max(self._owners_kept, tickets[-1].owners)
        for ticket in tickets:
            if ticket.settle is not None:
                ticket.settle(None)
            if not ticket.done.done():
                ticket.done.set_result(None)

    def _undo(self, error: LedgerError) -> None:
        """Undo every change that is not durable, the last first, and fail their callers."""
        with self._gate:
            items = [*self._under_way, *self._waiting]
            self._under_way = []
            self._waiting.clear()
        self._failures += 1
        for item in reversed(items):
            if isinstance(item, _Ticket):
                try:
                    item.undo()
                except Exception:
                    _LOG.exception("a change that was not recorded could not be undone in memory: restart the service")
        for item in items:
            if not isinstance(item, _Ticket):
                item(None, error)
                continue
            if item.settle is not None:
                item.settle(error)
            if not item.done.done():
                item.done.set_exception(error)
