"""Hosts as the ledger keeps them: cut into segments of Arrow, of which the last word on each host counts.

A host's number is its row in the table, for good. A segment says again everything of the hosts in it, so a later one
takes the place of what earlier ones said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import LedgerCorruptError
from engine.inventory.fleet_defaults import with_new_columns
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.ledger.records import HostsDeleted, HostSegment, HostsWritten
from engine.model.limits import MAX_HOSTS

SEGMENT_ROWS = 65_536
SEGMENT_BYTES = 64 * 1024 * 1024
"""A segment is one record, and the ledger takes none beyond half a gigabyte."""
_NUMBER = "host_number"
_REPEATING = (
    "availability_zone",
    "hypervisor_type",
    "arch",
    "cpu_info",
    "cell",
    "stats",
    "disabled_reason",
    "numa_topology",
    "pci_device_pools",
    "resource_providers",
)
"""Text columns of few distinct values, kept as codes: a fifth of the bytes."""

Numbers = npt.NDArray[np.int64]


def host_segments(fleet: pa.Table, rows: Numbers) -> Iterator[HostsWritten]:
    """Yield the ledger's records of hosts, a canonical fleet table, at their rows.

    Each is made of its own part of the fleet alone, which so is never in memory twice; dictionaries of the whole, where
    hosts differ, would be most of every segment's bytes.
    """
    for start in range(0, len(rows), SEGMENT_ROWS):
        part = fleet.slice(start, SEGMENT_ROWS).cast(FLEET_SCHEMA)
        numbers = rows[start : start + SEGMENT_ROWS]
        coded = _coded(part, numbers)
        size = max(1, SEGMENT_BYTES * len(part) // max(coded.nbytes, 1))
        if size >= len(part):
            yield _packed(coded)
            continue
        for place in range(0, len(part), size):
            yield _packed(_coded(part.slice(place, size), numbers[place : place + size]))


def _coded(part: pa.Table, numbers: Numbers) -> pa.Table:
    """Return hosts in one piece with their numbers, and with their repeating texts as codes."""
    part = part.combine_chunks()
    for name in _REPEATING:
        part = part.set_column(part.column_names.index(name), name, pc.dictionary_encode(part[name]))
    return part.append_column(_NUMBER, pa.array(numbers, pa.int32())).combine_chunks()


def _packed(part: pa.Table) -> HostsWritten:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(part)
    return HostsWritten(sink.getvalue().to_pybytes())


@dataclass(frozen=True, slots=True)
class Survey:
    """Which segment has the last word on which row, without having read more than the numbers.

    ``numbers`` are those in each segment, ``writes`` says which of them write hosts and do not remove them. ``writer``
    is the last segment that wrote each row, -1 for none, and ``deleter`` the one that removed it afterwards.
    """

    numbers: Sequence[Numbers]
    writes: Sequence[bool]
    writer: npt.NDArray[np.int32]
    deleter: npt.NDArray[np.int32]

    @property
    def live(self) -> int:
        """How many hosts there are."""
        return int(((self.writer >= 0) & (self.deleter < 0)).sum())

    @property
    def rows_read(self) -> int:
        """How many rows of hosts the segments hold, those that a later one takes back too."""
        return sum(map(len, self.numbers))

    def still_said(self, place: int) -> npt.NDArray[np.bool_]:
        """Return, for each number of a segment, whether its word on that host still counts."""
        numbers = self.numbers[place]
        if self.writes[place]:
            return np.asarray(self.writer[numbers] == place)
        said = np.zeros(len(numbers), dtype=np.bool_)
        known = numbers < len(self.deleter)
        said[known] = self.deleter[numbers[known]] == place
        return said


def survey(segments: Iterable[HostSegment]) -> Survey:
    """Return who has the last word; raise LedgerCorruptError for a host number that none can have."""
    numbers: list[Numbers] = []
    writes: list[bool] = []
    for segment in segments:
        numbers.append(_numbers(segment))
        writes.append(isinstance(segment, HostsWritten))
    low = min((int(found.min(initial=0)) for found in numbers), default=0)
    most = max((int(found.max(initial=-1)) for found, wrote in zip(numbers, writes, strict=True) if wrote), default=-1)
    if low < 0 or most >= MAX_HOSTS:
        raise LedgerCorruptError(
            f"the ledger numbers a host {low if low < 0 else most}, which none can have: restore it from a copy"
        )
    writer = np.full(most + 1, -1, dtype=np.int32)
    deleter = np.full(most + 1, -1, dtype=np.int32)
    for place, (found, wrote) in enumerate(zip(numbers, writes, strict=True)):
        if wrote:
            writer[found], deleter[found] = place, -1
        else:
            known = found[found <= most]
            deleter[known[writer[known] >= 0]] = place
    return Survey(numbers, writes, writer, deleter)


def _numbers(segment: HostSegment) -> Numbers:
    if isinstance(segment, HostsDeleted):
        return np.array(segment.numbers, dtype=np.int64)
    return np.asarray(read_segment(segment, (_NUMBER,))[_NUMBER].to_numpy(), dtype=np.int64)


def read_segment(segment: HostsWritten, names: Sequence[str] = ()) -> pa.Table:
    """Return a segment's columns, all or only those named; what is left out is not unpacked either."""
    with pa.ipc.open_stream(segment.payload) as reader:
        schema = reader.schema
        if not names:
            return with_new_columns(reader.read_all()).select(FLEET_SCHEMA.names)
    options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in names])
    with pa.ipc.open_stream(segment.payload, options=options) as reader:
        return reader.read_all().select(list(names))


@dataclass(frozen=True, slots=True)
class SegmentHosts:
    """The hosts that there are by a segment's word: their facts as a fleet table, and their rows."""

    fleet: pa.Table
    rows: Numbers


def live_hosts(segments: Sequence[HostSegment], found: Survey, names: Sequence[str] = ()) -> Iterator[SegmentHosts]:
    """Yield the hosts that there are, a segment at a time and none twice, with every column or those named."""
    for place, segment in enumerate(segments):
        if not isinstance(segment, HostsWritten):
            continue
        rows = found.numbers[place]
        live = found.still_said(place) & (found.deleter[rows] < 0)
        if live.any():
            table = read_segment(segment, names)
            yield SegmentHosts(table, rows) if live.all() else SegmentHosts(table.filter(pa.array(live)), rows[live])


def all_names(segments: Sequence[HostSegment], found: Survey, names: Sequence[str]) -> pa.Table:
    """Return text columns for every row there ever was, removed hosts' too; rows that never were are empty texts."""
    parts = [pa.table({name: pa.array([""], pa.string()) for name in names})]
    places = np.zeros(len(found.writer), dtype=np.int64)
    size = 1
    for place, segment in enumerate(segments):
        if isinstance(segment, HostsWritten):
            said = found.still_said(place)
            if said.any():
                parts.append(read_segment(segment, names))
                places[found.numbers[place][said]] = size + np.flatnonzero(said)
                size += len(said)
    # what an earlier version wrote may say otherwise that nothing is missing
    table = pa.concat_tables(parts, promote_options="default")
    # nearly always every host was written once, in order: then there is nothing to pick out
    if np.array_equal(places, np.arange(1, size)):
        return table.slice(1)
    return table.take(pa.array(places))
