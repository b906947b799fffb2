"""What the ledger's tests share: claims by small numbers, a note of what was notified, and states as plain values."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import LedgerError
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import LedgerReader, read_state
from engine.ledger.records import AssignmentsWritten, Claims, Moves, Releases
from engine.ledger.state import LedgerState
from engine.ledger.store import Ledger

AT_REST = LedgerOptions(backlog_rows=10**9, idle_s=3600.0)
"""The journal is never turned into rows while a test looks."""
EAGER = LedgerOptions(backlog_rows=4, slice_rows=3, pressed_slice_rows=2, idle_s=0.0, checkpoint_idle_s=0.0)
"""Rows are written in the smallest pieces, at every opportunity."""


@dataclass
class Notes:
    """Collects the calls of notify."""

    calls: list[tuple[list[object], LedgerError | None]] = field(default_factory=list)

    def __call__(self, tickets: Sequence[object], error: LedgerError | None) -> None:
        self.calls.append((list(tickets), error))

    @property
    def done(self) -> list[object]:
        return [ticket for tickets, error in self.calls if error is None for ticket in tickets]

    @property
    def failed(self) -> list[object]:
        return [ticket for tickets, error in self.calls if error is not None for ticket in tickets]


def consumer(number: int) -> bytes:
    """A consumer that ends in zero bytes, which a text type would lose."""
    return number.to_bytes(8, "little") + bytes(8)


def consumers(numbers: Iterable[int]) -> bytes:
    return b"".join(map(consumer, numbers))


def int32(numbers: Iterable[int]) -> bytes:
    return np.array(list(numbers), "<i4").tobytes()


def claims(numbers: Sequence[int], host: int = 7, shape: int = 1, owner: int = 0, created_us: int = 1) -> Claims:
    return Claims(consumers(numbers), int32([host] * len(numbers)), int32([shape] * len(numbers)), owner, created_us)


def releases(numbers: Sequence[int], released_us: int = 2) -> Releases:
    return Releases(consumers(numbers), released_us)


def moves(numbers: Sequence[int], host: int) -> Moves:
    return Moves(consumers(numbers), int32([host] * len(numbers)))


def assignments(numbers: Sequence[int], payload: bytes) -> AssignmentsWritten:
    return AssignmentsWritten(consumers(numbers), [payload] * len(numbers))


def plain(state: LedgerState) -> dict[str, Any]:
    """The state as plain values that can be compared."""
    columns = (state.hosts, state.shapes, state.owners, state.created_us, state.released_us)
    return {
        "allocations": list(
            zip(map(bytes, state.consumers), *(column.tolist() for column in columns), strict=True),
        ),
        "shapes": dict(state.shape_table),
        "owners": dict(state.owner_table),
        "segments": list(state.host_segments),
        "documents": {kind: dict(entries) for kind, entries in state.documents.items()},
        "tokens": dict(state.tokens),
        "assignments": dict(state.assignments),
    }


def numbers_in(state: LedgerState) -> list[int]:
    return [int.from_bytes(bytes(row[:8]), "little") for row in state.consumers]


def hold_up(ledger: Ledger, until: threading.Event) -> None:
    """Keep the ledger from committing anything further until the event is set, so that submissions queue up."""

    def wait(reader: LedgerReader | None, error: LedgerError | None) -> None:
        if reader is not None:
            reader.close()
        until.wait(10)

    ledger.mark(wait)


def wait_for_rows(ledger: Ledger, deadline_s: float = 10.0) -> None:
    """Wait until nothing is left in the journal."""
    ledger.flush()
    end = time.monotonic() + deadline_s
    while ledger.statistics().backlog_rows:
        assert time.monotonic() < end, "the backlog does not shrink"
        time.sleep(0.001)


def state_on_disk(state_dir: Path) -> dict[str, Any]:
    return plain(read_state(state_dir))
