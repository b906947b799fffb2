"""AllocationBook: every allocation in memory, as columns, with an index by consumer: what the ledger says, to be asked.

Released allocations stay as tombstones until their retention ends, so that a repeated token still finds its answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.usage import Amounts
from engine.ledger.records import Owner, Shape
from engine.ledger.state import LedgerState
from engine.model.assignment import Assignment
from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.service.assignments import decoded
from engine.service.book_picture import BookPicture
from engine.service.consumer_index import ConsumerIndex, Consumers, as_consumers
from engine.service.image_counts import ImageCounter

HELD = 1
RELEASED = 0
GONE = -1
_COLUMNS = ("_consumers", "_rows", "_shape", "_owner", "_created_us", "_released_us", "_serial", "_state")


@dataclass(frozen=True, slots=True)
class Entry:
    """One allocation as the book has it."""

    place: int
    row: int
    shape: int
    owner: int
    created_us: int
    held: bool
    assignment: Assignment | None = None


def shape_amounts(shape: Shape) -> Amounts:
    """Return a ledger shape's amounts as the scheduler takes them."""
    resources = shape.resources
    return Amounts(
        resources.get(VCPU, 0),
        resources.get(MEMORY_MB, 0),
        resources.get(DISK_GB, 0),
        shape.vcpus,
        shape.memory_mb,
        shape.disk_gb,
    )


class AllocationBook:
    """Allocations by place (their position in the columns) and by consumer (16 bytes).

    Consumers are given one by one as bytes or as columns, see ``consumer_index``.
    """

    def __init__(self) -> None:
        self.shapes: list[Shape] = []
        self.owners: list[Owner] = [Owner()]
        self._shape_codes: dict[tuple[str, Amounts], int] = {}
        self._amounts = np.empty((0, len(Amounts._fields)), dtype=np.int64)
        self._owner_codes: dict[Owner, int] = {Owner(): 0}
        self._index = ConsumerIndex()
        self._size = 0
        self._held = 0
        self._consumers = np.empty((1024, 2), dtype=np.uint64)
        self._rows = np.empty(1024, dtype=np.int32)
        self._shape = np.empty(1024, dtype=np.int32)
        self._owner = np.empty(1024, dtype=np.int32)
        self._created_us = np.empty(1024, dtype=np.int64)
        self._released_us = np.empty(1024, dtype=np.int64)
        self._serial = np.empty(1024, dtype=np.int64)
        self._next_serial = 0
        self._state = np.empty(1024, dtype=np.int8)
        self._has_groups = False
        self._group_counts: dict[str, dict[int, int]] = {}
        self._assignments: dict[int, Assignment] = {}
        self._images: ImageCounter | None = None

    def __len__(self) -> int:
        """How many allocations are held."""
        return self._held

    # -- codes --------------------------------------------------------------------------------------------------------

    def shape_code(self, flavor: str, amounts: Amounts) -> int:
        """Return the code of a flavor's name and amounts, giving it the next one if it is new."""
        code = self._shape_codes.get((flavor, amounts))
        if code is None:
            code = self._shape_codes[flavor, amounts] = len(self.shapes)
            self.shapes.append(
                Shape(flavor, amounts.flavor_vcpus, amounts.flavor_memory_mb, amounts.flavor_disk_gb, amounts.resources)
            )
        return code

    def owner_code(
        self,
        project_id: str,
        user_id: str,
        instance_group: str,
        image_properties: Mapping[str, object] | None = None,
    ) -> int:
        """Return the code of an owner (and of its instance's image), giving it the next one if it is new."""
        image = tuple(sorted((name, str(value)) for name, value in (image_properties or {}).items()))
        owner = Owner(project_id, user_id, instance_group, image)
        code = self._owner_codes.get(owner)
        if code is None:
            code = self._owner_codes[owner] = len(self.owners)
            self.owners.append(owner)
            self._has_groups |= bool(instance_group)
        return code

    @property
    def amounts(self) -> npt.NDArray[np.int64]:
        """int64[codes, 6]: the amounts of each shape, in the order of Amounts."""
        known = len(self._amounts)
        if known < len(self.shapes):
            new = [shape_amounts(shape) for shape in self.shapes[known:]]
            self._amounts = np.concatenate([self._amounts, np.array(new, dtype=np.int64)])
        return self._amounts

    # -- reading ------------------------------------------------------------------------------------------------------

    def find(self, consumer: bytes) -> Entry | None:
        """Return a consumer's allocation, held or released, or None."""
        place = int(self.found([consumer])[0])
        return None if place < 0 else self.entry(place)

    def entry(self, place: int) -> Entry:
        """Return the allocation at a place."""
        return Entry(
            place,
            int(self._rows[place]),
            int(self._shape[place]),
            int(self._owner[place]),
            int(self._created_us[place]),
            self._state[place] == HELD,
            self._assignments.get(place),
        )

    def consumer(self, place: int) -> bytes:
        """Return the consumer at a place."""
        return bytes(self._consumers[place].tobytes())

    def consumers(self, places: npt.NDArray[np.int64]) -> Consumers:
        """Return the consumers at places, as columns."""
        return self._consumers[places]

    def places(self, consumers: Iterable[bytes]) -> list[int]:
        """Return each consumer's place, -1 where it has none."""
        places: list[int] = self.found(consumers).tolist()
        return places

    def found(self, consumers: Consumers | Iterable[bytes]) -> npt.NDArray[np.int64]:
        """Return what ``places`` returns, as a column."""
        return self._index.find(as_consumers(consumers), self._consumers)

    def look_up(self, consumers: Consumers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return each consumer's place, -1 where it has none, and whether it is named before among these."""
        return self._index.look_up(consumers, self._consumers)

    def match(self, consumers: Consumers, among: Consumers) -> npt.NDArray[np.int64]:
        """Return where each consumer comes first in ``among``, -1 where it does not."""
        return self._index.match(consumers, among)

    def held_places(self, *, row: int | None = None, owners: Sequence[int] | None = None) -> npt.NDArray[np.int64]:
        """Return the places of held allocations, in claim order, of one row or some owners where given."""
        chosen = self._state[: self._size] == HELD
        if row is not None:
            chosen &= self._rows[: self._size] == row
        if owners is not None:
            chosen &= np.isin(self._owner[: self._size], np.array(owners, dtype=np.int32))
        return np.flatnonzero(chosen)

    def is_held(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return whether each place holds its allocation."""
        return np.asarray(self._state[places] == HELD)

    def rows(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the rows of places."""
        return self._rows[places].astype(np.int64)

    def shape_codes(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the shape codes of places."""
        return self._shape[places].astype(np.int64)

    def serials(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the serial numbers of places, which ascend with them and stay theirs when places change."""
        return self._serial[places]

    @property
    def has_assignments(self) -> bool:
        """True when any allocation, held or released, is more than plain amounts."""
        return bool(self._assignments)

    def assignment(self, place: int) -> Assignment | None:
        """Return what the allocation at a place was given beyond its shape, None for plain amounts."""
        return self._assignments.get(place)

    def image_counts(self) -> Mapping[int, Mapping[tuple[str, str], int]]:
        """Return, by row, how many instances have an image with this property of this value.

        The first call counts all instances; from then on the counts are kept.
        """
        if self._images is None:
            self._images = ImageCounter(self.owners)
            held = self.held_places()
            self._images.count(self._owner[held], self._rows[held], 1)
        return self._images.by_row

    def group_counts(self, group: str) -> dict[int, int]:
        """Return how many instances placed into a server group each row holds."""
        return dict(self._group_counts.get(group, {}))

    def picture(self) -> BookPicture:
        """Return the book as it is now, for another thread to read while it goes on here."""
        size = self._size
        # what a place once says of these it says for ever, and columns that grow or are tidied are new ones
        consumers, created_us, owners = self._consumers[:size], self._created_us[:size], self._owner[:size]
        return BookPicture(
            self._state[:size] == HELD,
            consumers,
            self._rows[:size].copy(),
            self._shape[:size].copy(),
            owners,
            created_us,
            tuple(self.shapes),
            tuple(self.owners),
            dict(self._assignments),
        )

    # -- writing ------------------------------------------------------------------------------------------------------

    def add(
        self,
        consumers: Consumers | Sequence[bytes],
        rows: npt.NDArray[np.int64],
        shapes: npt.NDArray[np.int64],
        owner: int,
        created_us: int,
        assignments: Sequence[Assignment | None] = (),
    ) -> npt.NDArray[np.int64]:
        """Record held allocations of consumers that hold nothing, and return their places.

        ``assignments`` are one a consumer, or none where all take plain amounts. A consumer's tombstone is found no
        more, but stays until its retention ends: see ``uncover``.
        """
        many = len(consumers)
        start, end = self._size, self._size + many
        self._reserve(end)
        self._consumers[start:end] = as_consumers(consumers)
        self._rows[start:end] = rows
        self._shape[start:end] = shapes
        self._owner[start:end] = owner
        self._created_us[start:end] = created_us
        self._released_us[start:end] = 0
        self._state[start:end] = HELD
        self._serial[start:end] = np.arange(self._next_serial, self._next_serial + many, dtype=np.int64)
        self._next_serial += many
        places = np.arange(start, end, dtype=np.int64)
        self._index.put(places, self._consumers)
        for place, assignment in enumerate(assignments, start):
            if assignment is not None:
                self._assignments[place] = assignment
        self._size = end
        self._held += many
        self._count(places, 1)
        return places

    def release(self, places: npt.NDArray[np.int64], released_us: int) -> None:
        """Mark held places as released."""
        self._state[places] = RELEASED
        self._released_us[places] = released_us
        self._held -= len(places)
        self._count(places, -1)

    def unrelease(self, places: npt.NDArray[np.int64]) -> None:
        """Take a release back."""
        self._state[places] = HELD
        self._released_us[places] = 0
        self._held += len(places)
        self._count(places, 1)

    def remove(self, places: npt.NDArray[np.int64]) -> None:
        """Forget places altogether, as if they had never been claimed."""
        held = places[self._state[places] == HELD]
        self._count(held, -1)
        self._held -= len(held)
        self._state[places] = GONE
        if self._assignments:
            for place in places.tolist():
                self._assignments.pop(place, None)
        self._index.take_out(places, self._consumers)

    def uncover(self, consumers: Consumers | Iterable[bytes]) -> None:
        """Find the tombstones of these consumers again, after the allocations that hid them were removed."""
        wanted = as_consumers(consumers)
        if len(wanted):
            released = np.flatnonzero(self._state[: self._size] == RELEASED)
            hidden = self._index.match(self._consumers[released], wanted) >= 0
            self._index.put(released[hidden], self._consumers)

    def move(self, place: int, row: int, shape: int, assignment: Assignment | None) -> None:
        """Put a held allocation on another row, with what it takes there."""
        places = np.array([place], dtype=np.int64)
        self._count(places, -1)
        self._rows[place] = row
        self._shape[place] = shape
        self._assignments.pop(place, None)
        if assignment is not None:
            self._assignments[place] = assignment
        self._count(places, 1)

    def forget_released(self, before_us: int) -> int:
        """Drop the tombstones of allocations released before an instant; return how many."""
        released = (self._state[: self._size] == RELEASED) & (self._released_us[: self._size] < before_us)
        places = np.flatnonzero(released)
        self.remove(places)
        if self._size > 4096 and np.count_nonzero(self._state[: self._size] == GONE) > self._size // 2:
            self._compact()
        return len(places)

    def _compact(self) -> None:
        """Close the gaps that dropped allocations left; places change."""
        kept = np.flatnonzero(self._state[: self._size] != GONE)
        if self._assignments:
            found = ((new, self._assignments.get(old)) for new, old in enumerate(kept.tolist()))
            self._assignments = {new: assignment for new, assignment in found if assignment is not None}
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[kept])
        self._size = len(kept)
        self._index.rebuild(np.arange(self._size, dtype=np.int64), self._consumers)

    def _reserve(self, size: int) -> None:
        room = len(self._rows)
        if size <= room:
            return
        wanted = max(size, room * 2)
        for name in _COLUMNS:
            values = getattr(self, name)
            grown = np.empty((wanted, *values.shape[1:]), dtype=values.dtype)
            grown[: self._size] = values[: self._size]
            setattr(self, name, grown)

    def _count(self, places: npt.NDArray[np.int64], change: int) -> None:
        """Count instances into or out of what is counted by row."""
        self._count_groups(places, change)
        if self._images is not None:
            self._images.count(self._owner[places], self._rows[places], change)

    def _count_groups(self, places: npt.NDArray[np.int64], change: int) -> None:
        """Count instances into or out of the groups they were placed into."""
        if not self._has_groups:
            return
        owners = self._owner[places]
        # owners are few: whoever has no group costs nothing by the place
        for owner in np.unique(owners).tolist():
            group = self.owners[owner].instance_group
            if not group:
                continue
            counts = self._group_counts.setdefault(group, {})
            for row in self._rows[places[owners == owner]].tolist():
                counts[row] = counts.get(row, 0) + change
                if not counts[row]:
                    del counts[row]
            if not counts:
                del self._group_counts[group]

    def _decoded(self, payloads: Mapping[bytes, bytes]) -> dict[int, Assignment]:
        """Return assignments by place; raise LookupError for one of a consumer that the book does not have."""
        places = self.places(payloads)
        if -1 in places:
            raise LookupError("an assignment is of a consumer that holds nothing")
        return dict(zip(places, map(decoded, payloads.values()), strict=True))

    # -- restoring ----------------------------------------------------------------------------------------------------

    @classmethod
    def restore(cls, state: LedgerState) -> AllocationBook:
        """Return the book of a ledger's content; host numbers are rows."""
        book = cls()
        for code in sorted(state.shape_table):
            shape = state.shape_table[code]
            while len(book.shapes) < code:
                book.shapes.append(Shape("", 0, 0, 0, {}))
            book.shapes.append(shape)
            book._shape_codes[shape.flavor, shape_amounts(shape)] = code
        for code in sorted(state.owner_table):
            owner = state.owner_table[code]
            while len(book.owners) < code:
                book.owners.append(Owner())
            if code:
                book.owners.append(owner)
            book._owner_codes[owner] = code
            book._has_groups |= bool(owner.instance_group)
        many = len(state.hosts)
        book._reserve(many)
        book._consumers[:many] = np.ascontiguousarray(state.consumers).view(np.uint64)
        book._rows[:many] = state.hosts
        book._shape[:many] = state.shapes
        book._owner[:many] = state.owners
        book._created_us[:many] = state.created_us
        book._released_us[:many] = state.released_us
        book._serial[:many] = np.arange(many)
        book._next_serial = many
        book._state[:many] = np.where(state.released_us == 0, HELD, RELEASED)
        book._index.rebuild(np.arange(many, dtype=np.int64), book._consumers)
        book._size = many
        held = np.flatnonzero(state.released_us == 0)
        book._held = len(held)
        book._assignments = book._decoded(state.assignments)
        book._count(held, 1)
        return book
