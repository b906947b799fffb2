"""BookPicture: the allocations of one moment in columns, and from there the table that a snapshot has of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.inventory.uuid_texts import uuid_texts
from engine.ledger.records import Owner, Shape
from engine.model.assignment import Assignment
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.service.assignments import encoded
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA

BATCH_ROWS: Final = 65_536
"""Allocations made into a batch in one go: some milliseconds."""


@dataclass(frozen=True, slots=True)
class BookPicture:
    """Columns by place, and what their codes mean.

    ``held`` bool: whether the allocation at a place is held; ``consumers`` uint64[n, 2]; ``rows``, ``shape_codes`` and
    ``owner_codes`` int32; ``created_us`` int64; ``assignments`` by place.
    """

    held: npt.NDArray[np.bool_]
    consumers: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int32]
    shape_codes: npt.NDArray[np.int32]
    owner_codes: npt.NDArray[np.int32]
    created_us: npt.NDArray[np.int64]
    shapes: tuple[Shape, ...]
    owners: tuple[Owner, ...]
    assignments: Mapping[int, Assignment]

    def __len__(self) -> int:
        """How many allocations are held."""
        return int(np.count_nonzero(self.held))


def allocation_batches(
    book: BookPicture, host_ids: pa.Array, *, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Yield what is held as batches in ALLOCATION_SCHEMA, oldest first; ``host_ids`` are those of all rows."""
    places = np.flatnonzero(book.held)
    # a move puts what it takes at the end of the book, and leaves it as old as it was
    places = places[np.argsort(book.created_us[places], kind="stable")]
    meanings = _Meanings(book, host_ids)
    for start in range(0, len(places), batch_rows):
        yield meanings.batch(places[start : start + batch_rows])


class _Meanings:
    """What the codes of a book's columns mean, as dictionaries and columns to take from."""

    def __init__(self, book: BookPicture, host_ids: pa.Array) -> None:
        self.book = book
        self.host_ids = host_ids
        self.flavors = _dictionary([shape.flavor for shape in book.shapes])
        sizes = [(shape.vcpus, shape.memory_mb, shape.disk_gb) for shape in book.shapes]
        amounts = [tuple(shape.resources.get(name, 0) for name in (VCPU, MEMORY_MB, DISK_GB)) for shape in book.shapes]
        self.sizes = np.array(sizes, dtype=np.int64).reshape(-1, 3)
        self.amounts = np.array(amounts, dtype=np.int64).reshape(-1, 3)
        self.projects = _dictionary([owner.project_id for owner in book.owners])
        self.groups = _dictionary([owner.instance_group for owner in book.owners])
        images = [json.dumps(dict(owner.image_properties)) if owner.image_properties else "" for owner in book.owners]
        self.images = _dictionary(images)

    def batch(self, places: npt.NDArray[np.int64]) -> pa.RecordBatch:
        """Return the allocations at places."""
        book = self.book
        shapes, owners = book.shape_codes[places], book.owner_codes[places]
        sizes, amounts = self.sizes[shapes], self.amounts[shapes]
        arrays = [
            uuid_texts(np.ascontiguousarray(book.consumers[places])),
            pa.DictionaryArray.from_arrays(pa.array(book.rows[places]), self.host_ids),
            _taken(self.flavors, shapes),
            *(pa.array(sizes[:, index]) for index in range(3)),
            *(pa.array(amounts[:, index]) for index in range(3)),
            _taken(self.projects, owners),
            _taken(self.groups, owners),
            self._assignments(places),
            _taken(self.images, owners),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=ALLOCATION_SCHEMA)

    def _assignments(self, places: npt.NDArray[np.int64]) -> pa.Array:
        given = self.book.assignments
        if not given:
            return pa.nulls(len(places), pa.binary())
        found = (given.get(place) for place in places.tolist())
        return pa.array([None if item is None else encoded(item) for item in found], pa.binary())


@dataclass(frozen=True, slots=True)
class _Dictionary:
    """Distinct texts, and by code the number of its text, -1 where that is empty."""

    texts: pa.Array
    numbers: npt.NDArray[np.int32]


def _dictionary(texts: Sequence[str]) -> _Dictionary:
    number: dict[str, int] = {}
    numbers = [number.setdefault(text, len(number)) if text else -1 for text in texts]
    return _Dictionary(pa.array(list(number), pa.string()), np.array(numbers, dtype=np.int32))


def _taken(dictionary: _Dictionary, codes: npt.NDArray[np.int32]) -> pa.DictionaryArray:
    """Return the text of each code, null where it is empty."""
    numbers = dictionary.numbers[codes]
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), dictionary.texts)
