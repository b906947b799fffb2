"""From the ledger's content to the live table, book and catalog, and how hosts are written to the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import EngineError, LedgerCorruptError
from engine.inventory.fleet_defaults import with_new_columns
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.ingest import fleet_columns
from engine.inventory.table import HostTable
from engine.ledger.records import DocumentsWritten, HostsDeleted, HostSegment, HostsWritten, Record
from engine.ledger.state import LedgerState
from engine.service.book import AllocationBook, shape_amounts
from engine.service.catalog import Catalog, restore_aggregates, restore_sharing

SEGMENT_ROWS = 65_536
SEGMENT_BYTES = 64 * 1024 * 1024
"""A segment is one record, and the ledger takes none beyond half a gigabyte."""
_FEW_TEXTS = 256
"""A dictionary of no more is written to every segment as it is."""
_NUMBER = "host_number"
_REMOVED = -1
_SERVICE = "service"
_STARTS = "starts"
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
    """Return how many times a service has started on the ledger; raise LedgerCorruptError where that is no number."""
    kept = documents.get(_SERVICE, {}).get(_STARTS, b"0")
    if not kept.isdigit():
        raise LedgerCorruptError(f"the ledger says that it was started {kept!r} times: restore it from a copy")
    return int(kept)


def starts_record(starts: int) -> Record:
    """Return the record that keeps the number of starts."""
    return DocumentsWritten(_SERVICE, {_STARTS: str(starts).encode()})


def host_segments(fleet: pa.Table, rows: npt.NDArray[np.int64]) -> Iterator[HostsWritten]:
    """Yield the ledger's records of hosts; a host's number is its row."""
    # in one piece, or the dictionaries would be counted once for each
    fleet = _with_codes(fleet.cast(FLEET_SCHEMA)).combine_chunks()
    numbered = fleet.append_column(_NUMBER, pa.array(rows, pa.int32()))
    size = max(1, min(SEGMENT_ROWS, SEGMENT_BYTES * len(rows) // max(numbered.nbytes, 1)))
    for start in range(0, len(rows), size):
        part = _with_own_texts(numbered.slice(start, size).combine_chunks())
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, part.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(part)
        yield HostsWritten(sink.getvalue().to_pybytes())


def _with_codes(fleet: pa.Table) -> pa.Table:
    """Return hosts with their repeating texts as codes."""
    for name in _REPEATING:
        if not pa.types.is_dictionary(fleet[name].type):
            encoded = pc.dictionary_encode(fleet[name])
            fleet = fleet.set_column(fleet.column_names.index(name), name, encoded)
    return fleet


def _with_own_texts(part: pa.Table) -> pa.Table:
    """Return a segment's hosts with dictionaries of their own texts only.

    A slice keeps the dictionaries of the whole, which where hosts differ are most of its bytes, in every segment anew.
    """
    for index, name in enumerate(part.column_names):
        column = part[name]
        if not pa.types.is_dictionary(column.type) or not column.num_chunks:
            continue
        (chunk,) = column.chunks
        if len(chunk.dictionary) <= _FEW_TEXTS or chunk.null_count:
            continue
        used, codes = np.unique(chunk.indices.to_numpy(), return_inverse=True)
        texts = chunk.dictionary.take(pa.array(used))
        own = pa.DictionaryArray.from_arrays(pa.array(codes, chunk.indices.type), texts)
        part = part.set_column(index, name, own)
    return part


def restore(state: LedgerState) -> Restored:
    """Return the table, book and catalog of a ledger's content; raise LedgerCorruptError where it is not sound."""
    try:
        return _restore(state)
    except LedgerCorruptError:
        raise
    except (EngineError, pa.ArrowException, msgspec.MsgspecError, LookupError, ValueError) as error:
        raise LedgerCorruptError(
            f"the ledger holds what no service can have written ({error}): restore it from a copy"
        ) from error


def _restore(state: LedgerState) -> Restored:
    table = HostTable()
    for aggregate in restore_aggregates(state.documents):
        table.set_aggregate(aggregate)
    table.set_sharing(restore_sharing(state.documents))
    hosts = latest_hosts(state.host_segments)
    if hosts.fleet is not None:
        table.upsert_columns(fleet_columns(hosts.fleet), hosts.rows)
    table.retire(hosts.removed)
    book = AllocationBook.restore(state)
    held = book.held_places()
    rows_held, shapes_held = book.rows(held), book.shape_codes(held)
    if (
        not _within(state.shapes, len(book.shapes))
        or not _within(state.hosts, table.rows)
        or not table.columns["present"][rows_held].all()
    ):
        raise LedgerCorruptError(
            "an allocation names a host or a shape that the ledger does not have: run `berth audit --state-dir`"
        )
    if len(held):
        amounts = np.array([shape_amounts(shape) for shape in book.shapes], dtype=np.int64)
        table.apply_many(rows_held, 1, amounts[shapes_held])
    if book.has_assignments:
        found = zip(rows_held.tolist(), map(book.assignment, held.tolist()), strict=True)
        table.restore_assignments((row, assignment) for row, assignment in found if assignment is not None)
    return Restored(table, book, Catalog.restore(state.documents), state.documents)


def _within(codes: npt.NDArray[np.int32], size: int) -> bool:
    return bool(((codes >= 0) & (codes < size)).all())


@dataclass(frozen=True, slots=True)
class LatestHosts:
    """What segments leave: hosts in the order of their rows, those rows, and the names of removed hosts by row."""

    fleet: pa.Table | None
    rows: npt.NDArray[np.int64]
    removed: dict[int, str]


def latest_hosts(segments: Sequence[HostSegment]) -> LatestHosts:
    """Return the latest version of every host in the ledger's segments."""
    tables: list[pa.Table] = []
    numbers: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    places: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    size = 0
    for segment in segments:
        if isinstance(segment, HostsDeleted):
            numbers.append(np.array(segment.numbers, dtype=np.int64))
            places.append(np.full(len(segment.numbers), _REMOVED, dtype=np.int64))
            continue
        with pa.ipc.open_stream(segment.payload) as reader:
            table = reader.read_all()
        numbers.append(table[_NUMBER].to_numpy().astype(np.int64))
        places.append(np.arange(size, size + len(table), dtype=np.int64))
        size += len(table)
        tables.append(_with_codes(with_new_columns(table).select(FLEET_SCHEMA.names)))
    rows, latest = _last_of_each(np.concatenate(numbers), np.concatenate(places))
    if not tables:
        return LatestHosts(None, rows[:0], {})
    # columns that an earlier version did not write are filled in, but may be empty by their type
    fleet = pa.concat_tables(tables, promote_options="default")
    named, last_named = _last_of_each(np.concatenate(numbers), np.concatenate(places), hosts_only=True)
    gone = np.isin(named, rows[latest == _REMOVED])
    names = fleet["host_id"].take(pa.array(last_named[gone])).to_pylist()
    rows, latest = rows[latest != _REMOVED], latest[latest != _REMOVED]
    # nearly always every host was written once, in order: then there is nothing to pick out
    if not np.array_equal(latest, np.arange(size)):
        fleet = fleet.take(pa.array(latest))
    return LatestHosts(fleet if len(rows) else None, rows, dict(zip(named[gone].tolist(), names, strict=True)))


def _last_of_each(
    numbers: npt.NDArray[np.int64], places: npt.NDArray[np.int64], *, hosts_only: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct numbers, ascending, and the last place of each, removals left out where ``hosts_only``."""
    if hosts_only:
        numbers, places = numbers[places != _REMOVED], places[places != _REMOVED]
    distinct, from_end = np.unique(numbers[::-1], return_index=True)
    return distinct, places[len(places) - 1 - from_end]
