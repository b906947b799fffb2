"""Host segments as stored: a kind and bytes, written once by the commit itself and never through the journal."""

from __future__ import annotations

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
