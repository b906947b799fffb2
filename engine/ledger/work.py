"""What waits in the committer's queue: submissions, points between them, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import LimitExceededError
from engine.ledger.journal import JournalCodec
from engine.ledger.records import HostsDeleted, HostsWritten, Record, row_count
from engine.ledger.segments import StoredSegment, encode_segment

MAX_RECORD_BYTES = 512 * 1024 * 1024
"""SQLite holds values below 1 GB; half of it leaves room for a group's other records."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Records that become durable together, ready to write, and the ticket that is handed back when they are."""

    ticket: object
    encoded: Sequence[bytes]
    segments: Sequence[StoredSegment]
    rows: int
    size: int

    @property
    def records(self) -> int:
        """How many records it holds."""
        return len(self.encoded) + len(self.segments)


@dataclass(frozen=True, slots=True)
class Point:
    """Something to do when what was queued before is committed (or has failed) and nothing after is begun."""

    action: Callable[[], None]


@dataclass(frozen=True, slots=True)
class End:
    """Nothing follows: the committer returns."""


Work = Submission | Point | End


def prepare(records: Sequence[Record], ticket: object, codec: JournalCodec) -> Submission:
    """Return the records checked and encoded; raises ValueError, TypeError or LimitExceededError for a bad one."""
    encoded: list[bytes] = []
    segments: list[StoredSegment] = []
    rows = size = 0
    for record in records:
        if isinstance(record, HostsWritten | HostsDeleted):
            segment = encode_segment(record)
            length = len(segment.payload)
            segments.append(segment)
        else:
            item = codec.encode(record)
            length = len(item)
            rows += row_count(record)
            encoded.append(item)
        if length > MAX_RECORD_BYTES:
            limit = MAX_RECORD_BYTES // 2**20
            raise LimitExceededError(
                f"one ledger record may have at most {limit} MiB, and this one has {length // 2**20}: send it in parts"
            )
        size += length
    return Submission(ticket, encoded, segments, rows, size)
