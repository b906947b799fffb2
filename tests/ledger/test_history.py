"""Facts about any history of records, against a plain dict that does what the words say."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger.allocation_rows import ALLOCATION
from engine.ledger.journal import JournalCodec, frame
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import LedgerReader
from engine.ledger.records import (
    AssignmentsWritten,
    Claims,
    DocumentsDeleted,
    DocumentsWritten,
    HostsDeleted,
    HostsWritten,
    JournalRecord,
    Moves,
    Owner,
    OwnersAdded,
    Record,
    Releases,
    Shape,
    ShapesAdded,
    TokenAnswered,
    TokensForgotten,
    row_count,
)
from engine.ledger.rows import RowWriter
from engine.ledger.schema import open_for_writing
from engine.ledger.store import Ledger
from tests.ledger.builders import AT_REST, EAGER, Notes, consumers, int32, plain, state_on_disk, wait_for_rows

NUMBERS = st.lists(st.integers(0, 6), max_size=6)
CODES = st.integers(0, 3)
INSTANTS = st.integers(1, 12)
KEYS = st.sampled_from(["a", "b", "ö"])
KINDS = st.sampled_from(["flavor", "aggregate"])


@st.composite
def claims_records(draw: st.DrawFn) -> Claims:
    numbers = draw(NUMBERS)
    columns = [draw(st.lists(CODES, min_size=len(numbers), max_size=len(numbers))) for _ in range(2)]
    return Claims(consumers(numbers), int32(columns[0]), int32(columns[1]), draw(CODES), draw(INSTANTS))


@st.composite
def moves_records(draw: st.DrawFn) -> Moves:
    numbers = draw(NUMBERS)
    return Moves(consumers(numbers), int32(draw(st.lists(CODES, min_size=len(numbers), max_size=len(numbers)))))


@st.composite
def assignments_records(draw: st.DrawFn) -> AssignmentsWritten:
    numbers = draw(NUMBERS)
    payloads = draw(st.lists(st.binary(max_size=3), min_size=len(numbers), max_size=len(numbers)))
    return AssignmentsWritten(consumers(numbers), payloads)


JOURNAL_RECORDS: st.SearchStrategy[JournalRecord] = st.one_of(
    claims_records(),
    moves_records(),
    assignments_records(),
    st.builds(Releases, NUMBERS.map(consumers), INSTANTS),
    st.builds(TokenAnswered, KEYS, st.binary(max_size=3), st.binary(max_size=3), INSTANTS),
    st.builds(TokensForgotten, INSTANTS),
    st.builds(DocumentsWritten, KINDS, st.dictionaries(KEYS, st.binary(max_size=3), max_size=3)),
    st.builds(DocumentsDeleted, KINDS, st.lists(KEYS, max_size=2)),
    st.builds(ShapesAdded, CODES, st.lists(st.builds(Shape, KEYS, CODES, CODES, CODES, st.just({})), max_size=2)),
    st.builds(OwnersAdded, st.integers(1, 3), st.lists(st.builds(Owner, KEYS, KEYS, KEYS), max_size=2)),
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    JOURNAL_RECORDS,
    st.builds(HostsWritten, st.binary(max_size=3), st.booleans()),
    st.builds(HostsDeleted, st.lists(CODES, max_size=2)),
)
SUBMISSION = st.lists(RECORDS, max_size=4)
STEPS = st.lists(st.one_of(SUBMISSION, SUBMISSION, st.sampled_from(["restart", "rows", "look"])), max_size=14)


class Model:
    """The ledger as a dict: what every record means, one allocation at a time."""

    def __init__(self) -> None:
        self.allocations: dict[bytes, list[int]] = {}
        self.shapes: dict[int, Shape] = {}
        self.owners = {0: Owner()}
        self.segments: list[Record] = []
        self.documents: dict[str, dict[str, bytes]] = {}
        self.tokens: dict[str, TokenAnswered] = {}
        self.assignments: dict[bytes, bytes] = {}

    def plain(self) -> dict[str, Any]:
        return {
            "allocations": [(key, *values) for key, values in self.allocations.items()],
            "shapes": self.shapes,
            "owners": self.owners,
            "segments": self.segments,
            "documents": {kind: entries for kind, entries in self.documents.items() if entries},
            "tokens": self.tokens,
            "assignments": self.assignments,
        }

    def apply(self, record: Record) -> None:
        match record:
            case Claims():
                hosts, shapes = numbers_of(record.hosts), numbers_of(record.shapes)
                for key, host, shape in zip(keys_of(record.consumers), hosts, shapes, strict=True):
                    self.allocations.pop(key, None)
                    self.allocations[key] = [host, shape, record.owner, record.created_us, 0]
                    self.assignments.pop(key, None)
            case Releases():
                for key in keys_of(record.consumers):
                    if key in self.allocations and not self.allocations[key][4]:
                        self.allocations[key][4] = record.released_us
                        self.assignments.pop(key, None)
            case Moves():
                for key, host in zip(keys_of(record.consumers), numbers_of(record.hosts), strict=True):
                    if key in self.allocations and not self.allocations[key][4]:
                        self.allocations[key][0] = host
                        self.assignments.pop(key, None)
            case AssignmentsWritten():
                for key, payload in zip(keys_of(record.consumers), record.payloads, strict=True):
                    if key in self.allocations and not self.allocations[key][4]:
                        self.assignments[key] = payload
            case TokenAnswered():
                self.tokens[record.token] = record
            case TokensForgotten():
                for key, values in list(self.allocations.items()):
                    if 0 < values[4] < record.before_us:
                        del self.allocations[key]
                for token, answer in list(self.tokens.items()):
                    if answer.created_us < record.before_us:
                        del self.tokens[token]
            case DocumentsWritten():
                self.documents.setdefault(record.kind, {}).update(record.documents)
            case DocumentsDeleted():
                for name in record.keys:
                    self.documents.get(record.kind, {}).pop(name, None)
            case ShapesAdded():
                self.shapes.update(enumerate(record.shapes, record.first))
            case OwnersAdded():
                self.owners.update(enumerate(record.owners, record.first))
            case HostsWritten() | HostsDeleted():
                if isinstance(record, HostsWritten) and record.replace:
                    self.segments.clear()
                self.segments.append(record)


def keys_of(column: bytes) -> list[bytes]:
    return [column[start : start + 16] for start in range(0, len(column), 16)]


def numbers_of(column: bytes) -> list[int]:
    numbers: list[int] = np.frombuffer(column, "<i4").tolist()
    return numbers


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([AT_REST, EAGER, LedgerOptions(slice_rows=1, idle_s=0.001)]))
def test_every_history_with_restarts_gives_what_a_plain_dict_gives(steps: list[Any], options: LedgerOptions) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as directory:
        state_dir = Path(directory)
        ledger = Ledger.open(state_dir, options, Notes())
        for step in steps:
            if step == "restart":
                ledger.close()
                ledger = Ledger.open(state_dir, options, Notes())
            elif step == "rows":
                if options is not AT_REST:
                    wait_for_rows(ledger)
            elif step == "look":
                ledger.flush()
                assert plain(ledger.load()) == model.plain()
            else:
                ledger.submit(step, None)
                for record in step:
                    model.apply(record)
        ledger.close()
        assert state_on_disk(state_dir) == model.plain()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.lists(JOURNAL_RECORDS, min_size=1, max_size=5), st.integers(0, 6)), max_size=6),
    st.sampled_from([1, 2, 3, 100]),
    st.sampled_from([1, 2, 3, 16_384]),
    st.sets(st.integers(1, 12)),
)
def test_journal_and_blocks_amount_to_the_same_after_every_step(
    groups: list[tuple[list[JournalRecord], int]], budget: int, block_rows: int, restarts: set[int]
) -> None:
    """Groups arrive while earlier ones are folded, some steps after each, and the service restarts in between."""
    model = Model()
    codec = JournalCodec()
    with tempfile.TemporaryDirectory() as directory:
        state_dir = Path(directory)
        connection = open_for_writing(state_dir, LedgerOptions())
        rows = RowWriter(connection, block_rows)
        taken = 0

        def step() -> None:
            nonlocal rows, taken
            rows.write(budget)
            taken += 1
            assert taken < 1_000
            with LedgerReader(state_dir, 5.0) as reader:
                assert plain(reader.state()) == model.plain()
            if taken in restarts:
                pending, allocations = rows.pending, rows.allocations
                rows = RowWriter(connection, block_rows)
                # blocks that a fold has shortened are counted at its end
                assert rows.pending == pending
                assert rows.allocations <= allocations

        for records, steps in groups:
            payload = frame(len(records), b"".join(map(codec.encode, records)))
            connection.execute("INSERT INTO journal (payload) VALUES (?)", (payload,))
            rows.pending += sum(map(row_count, records))
            for record in records:
                model.apply(record)
            for _ in range(steps):
                step()
        while rows.pending:
            step()
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM progress").fetchone() == (0,)
        sizes = [size for (size,) in connection.execute("SELECT length(payload) FROM allocation_blocks")]
        assert all(0 < size <= block_rows * ALLOCATION.itemsize for size in sizes)
        assert rows.write(budget) == 0
        assert rows.allocations == len(model.allocations)
        connection.close()
        assert state_on_disk(state_dir) == model.plain()
