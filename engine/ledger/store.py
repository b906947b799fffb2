"""Ledger: the durable store of one service, open on one state directory."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from engine.errors import LedgerError
from engine.ledger.committer import Committer, Notify
from engine.ledger.journal import JournalCodec
from engine.ledger.lock import StateLock
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import LedgerReader
from engine.ledger.records import HostSegment, Record
from engine.ledger.rows import RowWriter
from engine.ledger.schema import DATABASE_NAME, failure_to_open, open_for_writing
from engine.ledger.segments import replace_segments
from engine.ledger.state import LedgerState
from engine.ledger.statistics import LedgerStatistics
from engine.ledger.work import End, Point, Work, prepare

Marked: TypeAlias = Callable[[LedgerReader | None, LedgerError | None], None]
"""Called in the committer's thread with a reader, which the callee closes, or with why there is none."""


class Ledger:
    """The ledger of one state directory, made by ``open``; every method may be called from any thread."""

    def __init__(
        self,
        state_dir: Path,
        options: LedgerOptions,
        notify: Notify,
        lock: StateLock,
        connection: sqlite3.Connection,
        rows: RowWriter,
    ) -> None:
        self._state_dir = state_dir
        self._options = options
        self._lock = lock
        self._connection = connection
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._codec = JournalCodec()
        self._order = threading.Lock()
        self._closed = False
        self._committer = Committer(connection, rows, self._queue, options, notify)
        # A daemon, so that a program that forgets close() still ends; what was acknowledged is on disk by then.
        self._thread = threading.Thread(target=self._committer.run, name="ledger-committer", daemon=True)

    @classmethod
    def open(cls, state_dir: Path, options: LedgerOptions, notify: Notify) -> Ledger:
        """Return the ledger in ``state_dir``, made where missing; ``notify`` gets each group's tickets, see ``Notify``.

        Raises LedgerLockedError when another service has it open, LedgerCorruptError when its content is not sound or
        of another version, LedgerError when the directory or the file cannot be used.
        """
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"the state directory {state_dir} cannot be made: {error.strerror}") from error
        lock = StateLock(state_dir)
        try:
            connection = open_for_writing(state_dir, options)
            try:
                ledger = cls(state_dir, options, notify, lock, connection, RowWriter(connection))
                ledger._thread.start()
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            lock.release()
            raise failure_to_open(state_dir / DATABASE_NAME, error) from error
        except BaseException:
            lock.release()
            raise
        return ledger

    def load(self) -> LedgerState:
        """Return all that is durable now (0.4 s for 300 000 allocations); raises LedgerCorruptError if unsound."""
        with LedgerReader(self._state_dir, self._options.busy_timeout_s) as reader:
            return reader.state()

    def submit(self, records: Sequence[Record], ticket: object) -> None:
        """Queue records that become durable together; ``notify`` gets the ticket once they are, or failed to.

        The records are copied now. Raises ValueError or TypeError for a malformed record, LimitExceededError for one
        too large and LedgerError after ``close``; nothing of the call is queued then.
        """
        with self._order:
            self._put(prepare(records, ticket, self._codec))

    def mark(self, callback: Marked) -> None:
        """Hand ``callback`` a reader of what was submitted before this call, and nothing submitted after it."""

        def pin() -> None:
            try:
                reader = LedgerReader(self._state_dir, self._options.busy_timeout_s)
            except LedgerError as error:
                callback(None, error)
            else:
                callback(reader, None)

        with self._order:
            self._put(Point(pin))

    def reader(self) -> LedgerReader:
        """Return a reader of what is durable now, to be closed soon."""
        return LedgerReader(self._state_dir, self._options.busy_timeout_s)

    def replace_segments(self, stored: Sequence[tuple[int, int]], segments: Sequence[HostSegment]) -> bool:
        """Put ``segments`` in the place of stored ones that say the same, between two commits; wait until it is done.

        ``stored`` are (position, bytes of payload), ascending and next to each other. Returns False, with nothing
        changed, where they are no longer there. Raises LedgerError where it fails, and the segments stay as they were.
        """
        done: Future[bool] = Future()

        def replace() -> None:
            try:
                done.set_result(replace_segments(self._connection, stored, segments))
            except sqlite3.Error as error:
                done.set_exception(failure_to_open(self._state_dir / DATABASE_NAME, error))

        with self._order:
            self._put(Point(replace))
        return done.result()

    def flush(self) -> None:
        """Wait until everything submitted before is committed, or has failed, and ``notify`` was called for it."""
        done = threading.Event()
        with self._order:
            self._put(Point(done.set))
        done.wait()

    def statistics(self) -> LedgerStatistics:
        """Return a snapshot of what was done since the ledger was opened."""
        return self._committer.statistics

    def close(self) -> None:
        """Commit what is queued and give up file and lock; journal records become rows after the next open."""
        with self._order:
            if self._closed:
                return
            self._put(End())
            self._closed = True
        self._thread.join()
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _put(self, work: Work) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed")
        self._queue.put(work)
