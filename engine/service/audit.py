"""Audit: do the ledger, the book and the columns say the same? Each is read as of one moment and compared in full."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import LedgerCorruptError, NotFoundError
from engine.inventory.check import check_invariants
from engine.inventory.fleet import Fleet
from engine.ledger.reader import read_state
from engine.ledger.records import Shape
from engine.ledger.state import LedgerState
from engine.model.assignment import Assignment
from engine.service.audit_devices import compare_assignments, compare_devices
from engine.service.book import AllocationBook, shape_amounts
from engine.service.catalog import restore_sharing
from engine.service.convert import consumer_text
from engine.service.host_segments import live_hosts, survey
from engine.service.restore import restore
from engine.v1 import scheduler_service_pb2 as pb

_SHOWN = 20
_USAGE = (
    ("vcpu_used", "vcpu_foreign", 0, 1),
    ("memory_mb_used", "memory_mb_foreign", 1, 1),
    ("disk_gb_used", "disk_gb_foreign", 2, 1),
    ("vcpus_used", "vcpu_foreign", 3, 1),
    ("free_ram_mb", "base_free_ram_mb", 4, -1),
    ("free_disk_gb", "base_free_disk_gb", 5, -1),
    ("num_instances", "base_num_instances", -1, 1),
)
"""(column, what it is without allocations, index into Amounts or -1 for one instance, direction)."""


@dataclass(frozen=True, slots=True)
class Held:
    """The allocations held, as columns: consumers (16 bytes each), rows, shape codes and the shapes.

    ``assignments`` are those of the consumers that hold more than plain amounts.
    """

    consumers: list[bytes]
    rows: npt.NDArray[np.int64]
    shape_codes: npt.NDArray[np.int64]
    shapes: list[Shape]
    assignments: dict[bytes, Assignment]

    @classmethod
    def of_book(cls, book: AllocationBook) -> Held:
        """Copy what a book holds now."""
        places = book.held_places()
        consumers = [book.consumer(place) for place in places.tolist()]
        found = zip(consumers, map(book.assignment, places.tolist()), strict=True) if book.has_assignments else ()
        return cls(
            consumers,
            book.rows(places),
            book.shape_codes(places),
            list(book.shapes),
            {consumer: assignment for consumer, assignment in found if assignment is not None},
        )


def audit(state: LedgerState, held: Held, fleet: Fleet) -> pb.AuditAllocationsResponse:
    """Return how the ledger, the allocations held in memory and the columns differ; all three are of one moment."""
    differences = [("columns", problem) for problem in check_invariants(fleet)]
    differences += _compare_hosts(state, fleet)
    differences += _compare_allocations(state, held, fleet)
    differences += _limited(compare_assignments(state.assignments, held.assignments))
    differences += _compare_usage(held, fleet)
    differences += _limited(compare_devices(_assigned(held), fleet, restore_sharing(state.documents)))
    return pb.AuditAllocationsResponse(
        clean=not differences,
        differences=[pb.AuditDifference(subject=subject, problem=problem) for subject, problem in differences],
        hosts=fleet.host_count,
        allocations=len(held.consumers),
        inventory_generation=fleet.generation,
    )


def audit_state_dir(state_dir: Path) -> pb.AuditAllocationsResponse:
    """Audit the ledger of a stopped service: rebuild everything from it and compare.

    Raises NotFoundError where there is no ledger.
    """
    if not state_dir.is_dir():
        raise NotFoundError(f"there is no state directory {state_dir}: check --state-dir", path=state_dir)
    state = read_state(state_dir)
    try:
        restored = restore(state)
    except LedgerCorruptError as error:
        return pb.AuditAllocationsResponse(
            clean=False, differences=[pb.AuditDifference(subject="ledger", problem=error.message)]
        )
    return audit(state, Held.of_book(restored.book), restored.table.snapshot())


def _assigned(held: Held) -> list[tuple[int, Assignment]]:
    """Return the row and assignment of each consumer that has one."""
    if not held.assignments:
        return []
    row_of = dict(zip(held.consumers, held.rows.tolist(), strict=True))
    return [(row_of[consumer], assignment) for consumer, assignment in held.assignments.items()]


def _compare_hosts(state: LedgerState, fleet: Fleet) -> list[tuple[str, str]]:
    segments = state.host_segments
    ledger_ids: set[str] = set()
    for hosts in live_hosts(segments, survey(segments), ("host_id",)):
        ledger_ids.update(hosts.fleet["host_id"].to_pylist())
    table_ids = set(fleet.identity.row_of)
    return _limited(
        [(host_id, "is in the ledger but not in the table") for host_id in sorted(ledger_ids - table_ids)]
        + [(host_id, "is in the table but not in the ledger") for host_id in sorted(table_ids - ledger_ids)]
    )


def _compare_allocations(state: LedgerState, held: Held, fleet: Fleet) -> list[tuple[str, str]]:
    durable = np.flatnonzero(state.released_us == 0)
    raw = state.consumers.tobytes()
    names = [raw[16 * place : 16 * place + 16] for place in durable.tolist()]
    in_ledger = dict(
        zip(names, zip(state.hosts[durable].tolist(), state.shapes[durable].tolist(), strict=True), strict=True)
    )
    in_memory = dict(zip(held.consumers, zip(held.rows.tolist(), held.shape_codes.tolist(), strict=True), strict=True))
    found = []
    if len(names) != len(in_ledger):
        found.append(("ledger", f"holds {len(names) - len(in_ledger)} consumers twice"))
    if in_ledger == in_memory:
        return found
    for consumer in sorted(in_ledger.keys() | in_memory.keys()):
        ours, theirs = in_memory.get(consumer), in_ledger.get(consumer)
        if ours == theirs:
            continue
        if ours is None or theirs is None:
            where = "ledger but not in memory" if ours is None else "memory but not in the ledger"
            found.append(
                (consumer_text(consumer), f"is held in the {where}" if ours is None else f"is held in {where}")
            )
        elif ours[0] != theirs[0]:
            places = f"is on {_host_name(fleet, ours[0])} in memory, on {_host_name(fleet, theirs[0])} in the ledger"
            found.append((consumer_text(consumer), places))
        else:
            found.append((consumer_text(consumer), f"has shape {ours[1]} in memory, shape {theirs[1]} in the ledger"))
    return _limited(found)


def _host_name(fleet: Fleet, row: int) -> str:
    return fleet.identity.host_ids[row] if 0 <= row < fleet.rows else f"host number {row}, which there is not,"


def _compare_usage(held: Held, fleet: Fleet) -> list[tuple[str, str]]:
    amounts = np.array([shape_amounts(shape) for shape in held.shapes], dtype=np.int64).reshape(-1, 6)[held.shape_codes]
    present = fleet.present_rows()
    found = []
    for column, base, index, direction in _USAGE:
        sums = np.zeros(len(fleet.columns["present"]), dtype=np.int64)
        np.add.at(sums, held.rows, amounts[:, index] if index >= 0 else 1)
        wanted = fleet.columns[base].astype(np.int64) + direction * sums
        found += [
            (
                fleet.identity.host_ids[row],
                f"{column} is {fleet.columns[column][row]}, its allocations make it {wanted[row]}",
            )
            for row in present[fleet.columns[column][present] != wanted[present]].tolist()
        ]
    return _limited(found)


def _limited(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the first differences and a line that counts the rest."""
    if len(found) <= _SHOWN:
        return found
    return [*found[:_SHOWN], ("…", f"and {len(found) - _SHOWN} more")]
