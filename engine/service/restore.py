"""From the ledger's content to the live table, book and catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import EngineError, LedgerCorruptError
from engine.inventory.ingest import fleet_columns, identity_texts
from engine.inventory.table import HostTable
from engine.ledger.records import DocumentsWritten, HostSegment, Record
from engine.ledger.state import LedgerState
from engine.service.book import AllocationBook, shape_amounts
from engine.service.catalog import Catalog, restore_aggregates, restore_sharing
from engine.service.host_segments import all_names, live_hosts, survey
from engine.service.segment_compaction import is_worn

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
    worn_segments: bool
    """Whether the ledger's host segments say much that later ones say anew."""


def starts_kept(documents: Mapping[str, Mapping[str, bytes]]) -> int:
    """Return how many times a service has started on the ledger; raise LedgerCorruptError where that is no number."""
    kept = documents.get(_SERVICE, {}).get(_STARTS, b"0")
    if not kept.isdigit():
        raise LedgerCorruptError(f"the ledger says that it was started {kept!r} times: restore it from a copy")
    return int(kept)


def starts_record(starts: int) -> Record:
    """Return the record that keeps the number of starts."""
    return DocumentsWritten(_SERVICE, {_STARTS: str(starts).encode()})


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
    worn = _restore_hosts(table, state.host_segments)
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
    return Restored(table, book, Catalog.restore(state.documents), state.documents, worn)


def _restore_hosts(table: HostTable, segments: Sequence[HostSegment]) -> bool:
    """Fill the table from the ledger's segments, a segment at a time, and return whether they are worn.

    The names come first and all at once, because hosts may be in any segment and names are kept in pieces of many rows.
    """
    found = survey(segments)
    worn = is_worn(len(segments), found.rows_read, found.live)
    if not len(found.writer):
        return worn
    names = all_names(segments, found, ("host_id", "uuid", "nodename", "host_ip"))
    present = (found.writer >= 0) & (found.deleter < 0)
    table.name_rows(identity_texts(names), np.flatnonzero(present))
    del names
    for hosts in live_hosts(segments, found):
        table.upsert_columns(fleet_columns(hosts.fleet, named=True), hosts.rows, named=True)
    return worn


def _within(codes: npt.NDArray[np.int32], size: int) -> bool:
    return bool(((codes >= 0) & (codes < size)).all())
