"""Host segments as stored: a kind and bytes, written once by the commit itself and never through the journal.

Segments next to each other can later be replaced by fewer that say the same, in one transaction: a crash leaves the
ones or the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from engine.errors import LedgerCorruptError
from engine.ledger.records import HostsDeleted, HostSegment, HostsWritten

WRITTEN = 0
REPLACING = 1
DELETED = 2


class StoredSegment(NamedTuple):
    """A row of host_segments: REPLACING drops the earlier rows when it is written."""

    kind: int
    payload: bytes


def encode_segment(segment: HostSegment) -> StoredSegment:
    """Return the segment as stored; raises TypeError or ValueError where a field is not what it says."""
    if isinstance(segment, HostsWritten):
        if not isinstance(segment.payload, bytes):
            raise TypeError(f"a host segment's payload must be bytes, not {type(segment.payload).__name__}")
        return StoredSegment(REPLACING if segment.replace else WRITTEN, segment.payload)
    payload = msgspec.msgpack.encode(segment.numbers)
    msgspec.msgpack.decode(payload, type=list[int])
    return StoredSegment(DELETED, payload)


def decode_segment(kind: int, payload: bytes) -> HostSegment:
    """Return the stored row's segment; raises LedgerCorruptError when it is not one."""
    if kind in (WRITTEN, REPLACING):
        return HostsWritten(payload, replace=kind == REPLACING)
    try:
        if kind == DELETED:
            return HostsDeleted(msgspec.msgpack.decode(payload, type=list[int]))
    except msgspec.MsgspecError as error:
        raise LedgerCorruptError(
            "the ledger holds a host segment that cannot be read: restore it from a copy"
        ) from error
    raise LedgerCorruptError(f"the ledger holds a host segment of unknown kind {kind}: use the Berth that wrote it")


def read_segments(connection: sqlite3.Connection, positions: Sequence[int] = ()) -> Iterator[tuple[int, HostSegment]]:
    """Yield the position and content of every segment in order, or of those at ``positions``, one at a time."""
    if not positions:
        for position, kind, payload in connection.execute(
            "SELECT position, kind, payload FROM host_segments ORDER BY position"
        ):
            yield position, decode_segment(kind, payload)
        return
    for position in positions:
        row = connection.execute("SELECT kind, payload FROM host_segments WHERE position = ?", (position,)).fetchone()
        if row is not None:
            yield position, decode_segment(*row)


def replace_segments(
    connection: sqlite3.Connection, stored: Sequence[tuple[int, int]], segments: Sequence[HostSegment]
) -> bool:
    """Put ``segments``, at most as many, in the place of those ``stored`` at (position, bytes of payload) ascending.

    Returns False, with nothing changed, where those are no longer what is stored. The transaction need not be durable:
    a crash that loses it leaves the segments as they were.
    """
    encoded = [encode_segment(segment) for segment in segments]
    connection.execute("BEGIN IMMEDIATE")
    try:
        same = all(
            connection.execute(
                "SELECT count(*) FROM host_segments WHERE position = ? AND length(payload) = ?", item
            ).fetchone()[0]
            for item in stored
        )
        if same:
            connection.executemany("DELETE FROM host_segments WHERE position = ?", [item[:1] for item in stored])
            connection.executemany(
                "INSERT INTO host_segments (position, kind, payload) VALUES (?, ?, ?)",
                [(position, *segment) for (position, _), segment in zip(stored, encoded, strict=False)],
            )
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return same
