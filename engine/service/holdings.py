"""Holdings: what single consumers hold, as moves take it out of the book and give it to others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import UnknownAllocationError
from engine.ledger.records import Record
from engine.model.assignment import Assignment
from engine.service.book import AllocationBook, Entry, shape_amounts
from engine.service.convert import consumer_text
from engine.service.placer import Placer, claims_records


@dataclass(frozen=True, slots=True)
class Holding:
    """What a consumer holds, apart from where the book keeps it."""

    row: int
    shape: int
    owner: int
    created_us: int
    assignment: Assignment | None

    @classmethod
    def of(cls, entry: Entry) -> Holding:
        """Return what an entry of the book holds."""
        return cls(entry.row, entry.shape, entry.owner, entry.created_us, entry.assignment)


def held_entry(book: AllocationBook, consumer: bytes) -> Entry:
    """Return what a consumer holds, as the book has it; raise UnknownAllocationError for nothing."""
    entry = book.find(consumer)
    if entry is None or not entry.held:
        uuid = consumer_text(consumer)
        raise UnknownAllocationError(f"instance {uuid} holds no allocation", consumer=uuid)
    return entry


def take(book: AllocationBook, consumer: bytes) -> Holding:
    """Take what a consumer holds out of the book, and leave the table as it is."""
    entry = held_entry(book, consumer)
    book.remove(np.array([entry.place], dtype=np.int64))
    return Holding.of(entry)


def give(book: AllocationBook, consumer: bytes, held: Holding) -> None:
    """Put into the book what a consumer holds, and leave the table as it is."""
    book.add([consumer], column(held.row), column(held.shape), held.owner, held.created_us, [held.assignment])


def apply(placer: Placer, held: Holding, sign: int) -> None:
    """Add what is held to its host in the table (sign 1), or take it off (sign -1)."""
    placer.table.apply(held.row, sign, shape_amounts(placer.book.shapes[held.shape]), held.assignment)


def claim_records(consumer: bytes, held: Holding) -> list[Record]:
    """Return the ledger's records of a consumer that holds this and nothing else from now on."""
    return claims_records(
        [consumer], column(held.row), column(held.shape), held.owner, held.created_us, [held.assignment]
    )


def column(value: int) -> npt.NDArray[np.int64]:
    """Return a column of one row."""
    return np.array([value], dtype=np.int64)
