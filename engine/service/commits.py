"""Commits: from a change in memory to a durable one, with the way back if the ledger refuses.

Every change is made in memory first, so that the next decision sees it, and answered only when its records are durable. When a commit
fails, its changes are undone in memory and the caller gets the ledger's error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import LedgerError
from engine.ledger.options import LedgerOptions
from engine.ledger.records import OwnersAdded, Record, ShapesAdded
from engine.ledger.store import Ledger
from engine.service.book import AllocationBook


class _Ticket:
    """One submission on its way to disk."""

    __slots__ = ("done", "owners", "shapes", "undo")

    def __init__(self, done: asyncio.Future[None], undo: Callable[[], None], shapes: int, owners: int) -> None:
        self.done = done
        self.undo = undo
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

    def watch(self, book: AllocationBook) -> None:
        """Take the book whose shapes and owners go to the ledger with the first claim that uses them; all it has now are kept."""
        self._book = book
        self._shapes_kept = len(book.shapes)
        self._owners_kept = len(book.owners)

    def submit(self, records: Sequence[Record], undo: Callable[[], None]) -> asyncio.Future[None]:
        """Queue records; the future is done when they are durable, or fails with LedgerError after ``undo`` ran."""
        assert self._book is not None
        book = self._book
        extra: list[Record] = []
        # until the commit that carries them is confirmed, new codes go with every submission: an earlier one may yet fail
        if len(book.shapes) > self._shapes_kept:
            extra.append(ShapesAdded(self._shapes_kept, book.shapes[self._shapes_kept :]))
        if len(book.owners) > self._owners_kept:
            extra.append(OwnersAdded(self._owners_kept, book.owners[self._owners_kept :]))
        done: asyncio.Future[None] = self._loop.create_future()
        # a failure is also raised where nobody waits any more, which is no fault
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        try:
            self.ledger.submit([*extra, *records], _Ticket(done, undo, len(book.shapes), len(book.owners)))
        except BaseException:
            undo()
            raise
        self._last = done
        return done

    @property
    def latest(self) -> asyncio.Future[None] | None:
        """The future of the last submission."""
        return self._last

    async def settled(self) -> None:
        """Wait until everything submitted so far is durable or undone."""
        if self._last is not None and not self._last.done():
            await asyncio.wait([self._last])

    async def close(self) -> None:
        """Commit what is queued and close the ledger."""
        await self._loop.run_in_executor(None, self.ledger.close)
        await asyncio.sleep(0)

    def _notified(self, tickets: Sequence[object], error: LedgerError | None) -> None:
        """Runs in the committer's thread, once a commit."""
        self._loop.call_soon_threadsafe(self._resolve, tickets, error)

    def _resolve(self, tickets: Sequence[_Ticket], error: LedgerError | None) -> None:
        if error is None:
            self._shapes_kept = max(self._shapes_kept, tickets[-1].shapes)
            self._owners_kept = max(self._owners_kept, tickets[-1].owners)
            for ticket in tickets:
                if not ticket.done.done():
                    ticket.done.set_result(None)
            return
        for ticket in reversed(tickets):
            ticket.undo()
        for ticket in tickets:
            if not ticket.done.done():
                ticket.done.set_exception(error)
