"""Committer: the one thread that writes; it commits what is queued in groups, and writes rows between them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TypeAlias

from engine.errors import LedgerError
from engine.ledger.allocation_rows import BLOCK_ROWS
from engine.ledger.journal import frame
from engine.ledger.options import LedgerOptions
from engine.ledger.rows import RowWriter
from engine.ledger.segments import REPLACING
from engine.ledger.statistics import LedgerStatistics
from engine.ledger.work import End, Point, Submission, Work

Notify: TypeAlias = Callable[[Sequence[object], LedgerError | None], None]
"""Called in the committer's thread, once per group: its tickets, and None or why nothing of it was recorded."""

_log = logging.getLogger(__name__)


class Committer:
    """Writes what arrives in ``queue`` until End, through a connection that nobody else uses meanwhile.

    A group is one transaction with one sync; ``notify`` is called only after its commit returned. Rows are written
    with synchronous=NORMAL: losing such a transaction only means writing it again from the journal, which is durable.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        rows: RowWriter,
        queue: SimpleQueue[Work],
        options: LedgerOptions,
        notify: Notify,
    ) -> None:
        self._connection = connection
        self._rows = rows
        self._queue = queue
        self._options = options
        self._notify = notify
        self._held: Work | None = None
        self._resting = False
        self._retry = False
        self._durable = True
        self._checkpointed = True
        self.statistics = LedgerStatistics(backlog_rows=rows.pending)
        """Replaced as a whole, so another thread always reads a consistent one."""

    def run(self) -> None:
        """Work until End is reached."""
        while True:
            try:
                work = self._next()
            except Empty:
                self._resting = True
                self._use_idle_time()
                continue
            self._resting = False
            match work:
                case Submission():
                    self._write_group(self._gather(work))
                case Point():
                    self._call(work.action)
                case End():
                    return

    def _next(self) -> Work:
        """Return the next work; raises Empty when there is none and there is something to do meanwhile."""
        if self._held is not None:
            held, self._held = self._held, None
            return held
        if self._has_idle_work():
            patience = self._options.retry_s if self._retry else 0.0 if self._resting else self._options.idle_s
        elif not self._checkpointed:
            patience = self._options.checkpoint_idle_s
        else:
            return self._queue.get()
        return self._queue.get(timeout=patience) if patience else self._queue.get_nowait()

    def _has_idle_work(self) -> bool:
        """Whether the journal is worth folding at rest, or is being folded."""
        rows = self._rows
        return rows.is_folding or rows.pending * self._options.idle_share > max(0, rows.allocations - BLOCK_ROWS)

    def _gather(self, first: Submission) -> list[Submission]:
        """Return the first submission and those queued behind it, up to a point or the group's size."""
        group = [first]
        size = first.size
        while size < self._options.group_bytes:
            try:
                work = self._queue.get_nowait()
            except Empty:
                break
            if not isinstance(work, Submission):
                self._held = work
                break
            group.append(work)
            size += work.size
        return group

    def _write_group(self, group: list[Submission]) -> None:
        failure = self._commit(group)
        tickets = [submission.ticket for submission in group]
        self._call(lambda: self._notify(tickets, failure))
        # A few steps of a fold after each commit keep up with most loads at little delay to the next one; a backlog
        # that grows all the same is cut back. Many allocations bear a longer journal: a fold reads all of them.
        bound = max(self._options.backlog_rows, self._rows.allocations // 2)
        if bound < self._rows.pending and not self._retry:
            self._write_rows(self._options.pressed_slice_rows)
        while 2 * bound < self._rows.pending and not self._retry:
            self._write_rows(self._options.pressed_slice_rows)

    def _commit(self, group: list[Submission]) -> LedgerError | None:
        """Write the group in one transaction; return None once durable, else the error, with nothing recorded."""
        started = perf_counter()
        try:
            self._transact(group)
        except Exception as error:
            _log.exception("a ledger commit of %d submissions failed", len(group))
            self._discard()
            self.statistics = replace(self.statistics, failed_commits=self.statistics.failed_commits + 1)
            failure = LedgerError(
                f"the ledger could not be written ({error}); nothing of this request was recorded, try again later"
            )
            failure.__cause__ = error
            return failure
        duration = perf_counter() - started
        before = self.statistics
        self._checkpointed = False
        self._rows.pending += sum(submission.rows for submission in group)
        self.statistics = replace(
            before,
            commits=before.commits + 1,
            submissions=before.submissions + len(group),
            records=before.records + sum(submission.records for submission in group),
            bytes=before.bytes + sum(submission.size for submission in group),
            last_commit_s=duration,
            commit_s=before.commit_s + duration,
            backlog_rows=self._rows.pending,
        )
        return None

    def _transact(self, group: list[Submission]) -> None:
        encoded = [item for submission in group for item in submission.encoded]
        segments = [segment for submission in group for segment in submission.segments]
        if not encoded and not segments:
            return
        self._set_durable(durable=True)
        self._connection.execute("BEGIN IMMEDIATE")
        if encoded:
            payload = frame(len(encoded), b"".join(encoded))
            self._connection.execute("INSERT INTO journal (payload) VALUES (?)", (payload,))
        for segment in segments:
            if segment.kind == REPLACING:
                self._connection.execute("DELETE FROM host_segments")
            self._connection.execute("INSERT INTO host_segments (kind, payload) VALUES (?, ?)", segment)
        self._connection.execute("COMMIT")

    def _discard(self) -> None:
        """Undo the failed transaction, also in the write-ahead log.

        Where the sync itself failed, the log's file may hold the whole group, and a crash now would bring it back;
        the next write overwrites it there, so one is tried at once. A full disk fails it too, and then the group was
        never written whole.
        """
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._set_durable(durable=True)
            self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'failed_commits'")
        except sqlite3.Error as error:
            _log.warning("the failed commit's place in the log could not be overwritten yet: %s", error)

    def _use_idle_time(self) -> None:
        self._retry = False
        if self._has_idle_work():
            self._write_rows(self._options.slice_rows)
            return
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            _log.warning("the ledger's write-ahead log could not be copied into the database: %s", error)
        self._checkpointed = True

    def _write_rows(self, budget: int) -> None:
        before = self.statistics
        try:
            self._set_durable(durable=False)
            written = self._rows.write(budget)
        except Exception:
            _log.exception("journal records could not be written as rows; they stay in the journal and are tried again")
            self._retry = True
            self.statistics = replace(before, row_failures=before.row_failures + 1)
            return
        self._checkpointed = False
        backlog = self._rows.pending
        self.statistics = replace(before, rows_written=before.rows_written + written, backlog_rows=backlog)

    def _set_durable(self, *, durable: bool) -> None:
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _call(self, action: Callable[[], None]) -> None:
        """Run the caller's function; its failure must not end the only thread that writes."""
        try:
            action()
        except Exception:
            _log.exception("a function called by the ledger failed")
