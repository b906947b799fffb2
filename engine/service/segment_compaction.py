"""Compaction: host segments next to each other become one that says the same, without what later ones say anew.

A host that is updated a thousand times is in a thousand segments, and every start reads them all. What a later segment
says of a host makes what earlier ones say of it void, so leaving that out changes nothing, at any time and in any
order. One group of segments is replaced at a time, in a transaction of its own between two commits: placements wait
for a few megabytes at most, and a crash leaves each group either as it was or as it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.errors import EngineError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.ledger.records import HostsDeleted, HostSegment, HostsWritten
from engine.ledger.segments import encode_segment
from engine.ledger.store import Ledger
from engine.service.daemon_thread import in_daemon_thread
from engine.service.host_segments import SEGMENT_ROWS, Numbers, Survey, host_segments, read_segment, survey

_LOG = logging.getLogger("berth.service")
WORN_ROWS = 2
"""Compacted are segments that hold more than so many times the rows of the hosts there are."""
SPARE_ROWS = SEGMENT_ROWS
"""Rows beyond that which are never worth it."""
SPARE_SEGMENTS = 512
"""Segments beyond the fewest possible that are too many whatever they hold: each takes a start 0.1 ms and more."""
INTERVAL_S = 30.0
"""How long to wait between looking whether enough was written for segments to be worn."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did: segments and rows in them, before and after."""

    segments_before: int
    segments_after: int
    rows_before: int
    rows_after: int


def is_worn(segments: int, rows: int, live: int) -> bool:
    """Return whether segments that hold so many rows, of so many hosts there are, should be compacted."""
    return rows > WORN_ROWS * live + SPARE_ROWS or segments > live // SEGMENT_ROWS + SPARE_SEGMENTS


async def compact_now_and_then(
    ledger: Ledger, worn: bool, written: Callable[[], tuple[int, int]], interval_s: float = INTERVAL_S
) -> None:
    """Compact the host segments of a ledger whenever so much was written that they can be worn, until cancelled.

    ``worn`` says that they were at the start; ``written`` returns how many segments and rows were written since then.
    """
    before = (0, 0)
    while True:
        await asyncio.sleep(interval_s)
        now = written()
        if not worn and now[0] - before[0] < SPARE_SEGMENTS and now[1] - before[1] < SPARE_ROWS:
            continue
        try:
            await in_daemon_thread(lambda: compact(ledger))
            worn, before = False, now
        except EngineError:
            _LOG.exception("host segments could not be compacted; they stay as they are for now")


def compact(ledger: Ledger, *, only_worn: bool = True) -> Compacted | None:
    """Compact the host segments of a ledger in use, where they are worn; return what was done, None for nothing.

    Blocks for as long as it takes, so call it in a thread of its own. Raises LedgerError; what was done stays done.
    """
    stored: list[tuple[int, int]] = []

    def noted(read: Iterable[tuple[int, HostSegment]]) -> Iterable[HostSegment]:
        for position, segment in read:
            stored.append((position, _size(segment)))
            yield segment

    with ledger.reader() as reader:
        found = survey(noted(reader.segments()))
    if only_worn and not is_worn(len(stored), found.rows_read, found.live):
        return None
    segments_after, rows_after = len(stored), found.rows_read
    for group in groups_to_rewrite(found):
        with ledger.reader() as reader:
            segments = [segment for _, segment in reader.segments([stored[place][0] for place in group])]
        if len(segments) != len(group):
            break
        made = merged(segments, group, found)
        if len(made) > len(group):
            continue
        if not ledger.replace_segments([stored[place] for place in group], made):
            break
        segments_after -= len(group) - len(made)
        rows_after -= sum(len(found.numbers[place]) - int(found.still_said(place).sum()) for place in group)
    done = Compacted(len(stored), segments_after, found.rows_read, rows_after)
    _LOG.info(
        "host segments compacted: %d to %d, with %d rows to %d",
        *(done.segments_before, done.segments_after, done.rows_before, done.rows_after),
    )
    return done


def _size(segment: HostSegment) -> int:
    """Return the bytes of a segment's payload as stored."""
    return len(encode_segment(segment).payload)


def groups_to_rewrite(found: Survey) -> list[list[int]]:
    """Return the places of neighbouring segments that together say no more than one may, where that saves anything."""
    groups: list[list[int]] = []
    group: list[int] = []
    rows = 0
    for place in range(len(found.numbers)):
        said = int(found.still_said(place).sum())
        if group and rows + said > SEGMENT_ROWS:
            groups.append(group)
            group, rows = [], 0
        group.append(place)
        rows += said
    groups.append(group)
    return [group for group in groups if group and _saves(group, found)]


def _saves(group: Sequence[int], found: Survey) -> bool:
    held = sum(len(found.numbers[place]) for place in group)
    said = [int(found.still_said(place).sum()) for place in group]
    kinds = {found.writes[place] for place, many in zip(group, said, strict=True) if many}
    return len(group) > max(len(kinds), 1) or sum(said) < held


def merged(segments: Sequence[HostSegment], places: Sequence[int], found: Survey) -> list[HostSegment]:
    """Return what the segments at ``places`` still say: the hosts last written by them, then those they removed.

    A host that one of them removed was written before, and not again afterwards, or its removal would count no more.
    """
    tables: list[pa.Table] = []
    written: list[Numbers] = [np.empty(0, dtype=np.int64)]
    removed: list[int] = []
    for segment, place in zip(segments, places, strict=True):
        said = found.still_said(place)
        if not said.any():
            continue
        if isinstance(segment, HostsWritten):
            tables.append(read_segment(segment).filter(pa.array(said)).cast(FLEET_SCHEMA))
            written.append(found.numbers[place][said])
        else:
            removed += found.numbers[place][said].tolist()
    made: list[HostSegment] = []
    if tables:
        rows = np.concatenate(written)
        order = np.argsort(rows)
        made += host_segments(pa.concat_tables(tables).take(pa.array(order)), rows[order])
    if removed:
        made.append(HostsDeleted(removed))
    return made
