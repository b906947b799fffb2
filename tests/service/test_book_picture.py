"""The allocations of a moment, as a table: what the book says of each, oldest first, whatever becomes of the book."""

from __future__ import annotations

import json
import random
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from engine.inventory.usage import Amounts
from engine.model.assignment import Assignment
from engine.model.numa import GuestCell, GuestNuma
from engine.service.book import AllocationBook, shape_amounts
from engine.service.book_picture import allocation_batches
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA

HOSTS = pa.array([f"h{number}" for number in range(9)])
PINNED = Assignment(numa=GuestNuma((GuestCell(0, frozenset(), frozenset({0, 1}), 512),)))


def added(book: AllocationBook, names: list[bytes], created_us: int, rng: random.Random) -> None:
    amounts = Amounts(*(rng.randrange(9) for _ in range(6)))
    shape = book.shape_code(rng.choice(["", "m1", "m2"]), amounts)
    image = rng.choice([{}, {"hw_arch": "é", "os": "x"}])
    owner = book.owner_code(rng.choice(["", "p"]), "u", rng.choice(["", "group"]), image)
    rows = np.array([rng.randrange(len(HOSTS)) for _ in names], dtype=np.int64)
    given = [rng.choice([None, PINNED]) for _ in names]
    book.add(names, rows, np.full(len(names), shape), owner, created_us, given)


def expected(book: AllocationBook) -> list[dict[str, object]]:
    """What the book says, one allocation at a time."""
    entries = sorted((book.entry(place) for place in book.held_places().tolist()), key=lambda entry: entry.created_us)
    rows = []
    for entry in entries:
        shape, owner = book.shapes[entry.shape], book.owners[entry.owner]
        amounts = shape_amounts(shape)
        rows.append(
            {
                "instance": str(UUID(bytes=book.consumer(entry.place))),
                "host_id": HOSTS[entry.row].as_py(),
                "flavor": shape.flavor or None,
                "vcpus": shape.vcpus,
                "memory_mb": shape.memory_mb,
                "disk_gb": shape.disk_gb,
                "requested_vcpus": amounts.requested_vcpu,
                "requested_memory_mb": amounts.requested_memory_mb,
                "requested_disk_gb": amounts.requested_disk_gb,
                "project_id": owner.project_id or None,
                "server_group": owner.instance_group or None,
                "assignment": entry.assignment,
                "image_properties": dict(owner.image_properties) or None,
            }
        )
    return rows


def told(batches: list[pa.RecordBatch]) -> list[dict[str, object]]:
    rows = pa.Table.from_batches(batches, ALLOCATION_SCHEMA).to_pylist()
    for row in rows:
        if row["assignment"] is not None:
            row["assignment"] = msgspec.msgpack.decode(row["assignment"], type=Assignment)
        if row["image_properties"] is not None:
            row["image_properties"] = json.loads(row["image_properties"])
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_tells_what_the_book_says_at_its_moment(seed):
    rng = random.Random(seed)
    book = AllocationBook()
    names: list[bytes] = []
    for step in range(60):
        fresh = [rng.randbytes(16) for _ in range(rng.randrange(1, 40))]
        # moves put what is older behind
        added(book, fresh, rng.choice([step, step // 2]), rng)
        names += fresh
        gone = rng.sample(names, min(len(names), rng.randrange(12)))
        names = [name for name in names if name not in gone]
        book.release(book.found(gone), step + 1)
    wanted = expected(book)
    picture = book.picture()
    assert len(picture) == len(wanted) == len(names)
    # the book goes on, and is tidied
    book.release(book.found(names[::2]), 99)
    book.move(int(book.found(names[1:2])[0]), 0, 0, None)
    book.forget_released(10**6)
    book._compact()
    for _ in range(30):
        added(book, [rng.randbytes(16) for _ in range(100)], 7, rng)
    for batch_rows in (7, 65_536):
        assert told(list(allocation_batches(picture, HOSTS, batch_rows=batch_rows))) == wanted


def test_an_empty_book_gives_no_batch():
    book = AllocationBook()
    assert not list(allocation_batches(book.picture(), pa.array([], pa.string())))
