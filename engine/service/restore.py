"""From the ledger's content to the live table, book and catalog, and how hosts are written to the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import LedgerCorruptError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.ingest import fleet_columns
from engine.inventory.table import HostTable
from engine.ledger.records import DocumentsWritten, HostsDeleted, HostSegment, HostsWritten, Record
from engine.ledger.state import LedgerState
from engine.service.book import AllocationBook, shape_amounts
from engine.service.catalog import Catalog, restore_aggregates

SEGMENT_ROWS = 65_536
_NUMBER = "host_number"
_SERVICE = "service"
_STARTS = "starts"
GENERATIONS_PER_START = 2**40
"""Each start begins a range of generations of its own, so that a generation never comes twice."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a service works on."""

    table: HostTable
    book: AllocationBook
    catalog: Catalog
    documents: Mapping[str, Mapping[str, bytes]]


def starts_kept(documents: Mapping[str, Mapping[str, bytes]]) -> int:
    """Return how many times a service has started on the ledger."""
    return int(documents.get(_SERVICE, {}).get(_STARTS, b"0"))


def starts_record(starts: int) -> Record:
    """Return the record that keeps the number of starts."""
    return DocumentsWritten(_SERVICE, {_STARTS: str(starts).encode()})


def host_segments(fleet: pa.Table, rows: npt.NDArray[np.int64]) -> Iterator[HostsWritten]:
    """Yield the ledger's records of hosts; a host's number is its row."""
    numbered = fleet.append_column(_NUMBER, pa.array(rows, pa.int32()))
    for start in range(0, len(rows), SEGMENT_ROWS):
        part = numbered.slice(start, SEGMENT_ROWS).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_table(part)
        yield HostsWritten(sink.getvalue().to_pybytes())


def restore(state: LedgerState) -> Restored:
    """Return the table, book and catalog that a ledger's content stands for; raise LedgerCorruptError where it contradicts itself."""
    table = HostTable()
    for aggregate in restore_aggregates(state.documents):
        table.set_aggregate(aggregate)
    hosts = latest_hosts(state.host_segments)
    if hosts.fleet is not None:
        table.upsert_columns(fleet_columns(hosts.fleet), hosts.rows)
    table.retire(hosts.removed)
    book = AllocationBook.restore(state)
    held = book.held_places()
    rows_held, shapes_held = book.rows(held), book.shape_codes(held)
    if len(held):
        if (
            shapes_held.max() >= len(book.shapes)
            or rows_held.max() >= table.rows
            or not table.columns["present"][rows_held].all()
        ):
            raise LedgerCorruptError(
                "an allocation names a host or a shape that the ledger does not have: run `berth audit --state-dir`"
            )
        amounts = np.array([shape_amounts(shape) for shape in book.shapes], dtype=np.int64)
        table.apply_many(rows_held, 1, amounts[shapes_held])
    return Restored(table, book, Catalog.restore(state.documents), state.documents)


@dataclass(frozen=True, slots=True)
class LatestHosts:
    """What a sequence of segments leaves: the hosts in the order of their rows, those rows, and the names of removed hosts by row."""

    fleet: pa.Table | None
    rows: npt.NDArray[np.int64]
    removed: dict[int, str]


def latest_hosts(segments: Sequence[HostSegment]) -> LatestHosts:
    """Return the latest version of every host in the ledger's segments."""
    tables: list[pa.Table] = []
    latest: dict[int, tuple[int, int]] = {}
    gone: dict[int, tuple[int, int]] = {}
    for segment in segments:
        if isinstance(segment, HostsDeleted):
            gone.update((number, latest.pop(number)) for number in segment.numbers if number in latest)
            continue
        with pa.ipc.open_stream(segment.payload) as reader:
            table = reader.read_all()
        numbers = table[_NUMBER].to_pylist()
        latest.update(zip(numbers, ((len(tables), index) for index in range(len(numbers))), strict=True))
        tables.append(table.select(FLEET_SCHEMA.names))
    removed = {number: tables[part]["host_id"][index].as_py() for number, (part, index) in gone.items()}
    if not latest:
        return LatestHosts(None, np.empty(0, dtype=np.int64), removed)
    starts = np.concatenate([[0], np.cumsum([len(table) for table in tables])])
    rows = np.array(sorted(latest), dtype=np.int64)
    places = np.array([starts[latest[row][0]] + latest[row][1] for row in rows.tolist()], dtype=np.int64)
    return LatestHosts(pa.concat_tables(tables).take(pa.array(places)), rows, removed)
