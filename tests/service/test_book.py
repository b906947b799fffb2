"""The book of allocations: held, released, forgotten; its index and its counts of groups."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.inventory.usage import Amounts
from engine.ledger.records import Owner, Shape
from engine.ledger.state import LedgerState
from engine.model.assignment import Assignment
from engine.model.numa import GuestCell, GuestNuma
from engine.service.assignments import encoded
from engine.service.book import AllocationBook, shape_amounts

SMALL = Amounts(1, 512, 0, 1, 512, 0)
LARGE = Amounts(8, 4096, 12, 8, 4096, 10)


def names(many: int, first: int = 1) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in range(first, first + many)]


def add(
    book: AllocationBook,
    consumers: list[bytes],
    row: int = 0,
    group: str = "",
    at: int = 1,
    image: dict[str, str] | None = None,
    assignments: list[Assignment | None] | None = None,
) -> None:
    owner = book.owner_code("p", "u", group, image)
    shape = book.shape_code("small", SMALL)
    rows = np.full(len(consumers), row)
    book.add(consumers, rows, np.full(len(consumers), shape), owner, at, assignments or ())


def given(cell: int) -> Assignment:
    """An assignment that differs by the host's cell."""
    guest = GuestCell(0, frozenset({0}), frozenset(), 512, host_cell=cell)
    return Assignment(GuestNuma((guest,)))


def places(book: AllocationBook, consumers: list[bytes]) -> np.ndarray:
    return np.array(book.places(consumers), dtype=np.int64)


def test_what_is_added_is_found_and_listed_in_order():
    book = AllocationBook()
    add(book, names(3), row=4)
    add(book, names(2, 10), row=5, at=9)
    assert len(book) == 5
    entry = book.find(names(1, 10)[0])
    assert (entry.row, entry.created_us, entry.held) == (5, 9, True)
    assert book.find(b"\0" * 16) is None
    assert book.places([names(1)[0], b"\0" * 16]) == [0, -1]
    assert [book.consumer(place) for place in book.held_places(row=5)] == names(2, 10)
    assert len(book.held_places(owners=[])) == 0
    assert len(book.held_places(owners=[book.owner_code("p", "u", "")])) == 5


def test_codes_are_given_once_and_keep_their_meaning():
    book = AllocationBook()
    assert book.shape_code("small", SMALL) == book.shape_code("small", SMALL) == 0
    assert book.shape_code("small", LARGE) == 1
    assert book.shape_code("other", SMALL) == 2
    assert [shape_amounts(shape) for shape in book.shapes] == [SMALL, LARGE, SMALL]
    assert book.owner_code("", "", "") == 0
    assert book.owner_code("p", "", "") == book.owner_code("p", "", "") == 1


def test_a_released_consumer_is_still_found_until_it_is_forgotten():
    book = AllocationBook()
    add(book, names(4))
    book.release(places(book, names(2)), 100)
    assert len(book) == 2
    assert not book.find(names(1)[0]).held
    assert book.forget_released(100) == 0
    assert book.forget_released(101) == 2
    assert book.find(names(1)[0]) is None
    book.release(places(book, names(1, 3)), 200)
    book.unrelease(places(book, names(1, 3)))
    assert book.forget_released(10**9) == 0
    assert len(book) == 2


def test_a_new_claim_hides_the_tombstone_and_its_removal_shows_it_again():
    book = AllocationBook()
    (name,) = names(1)
    add(book, [name], row=1)
    book.release(places(book, [name]), 100)
    add(book, [name], row=2)
    assert (book.find(name).row, book.find(name).held) == (2, True)
    book.remove(places(book, [name]))
    assert book.find(name) is None
    book.uncover([name])
    assert (book.find(name).row, book.find(name).held) == (1, False)
    assert book.forget_released(101) == 1
    assert book.find(name) is None
    book.uncover([name])
    assert book.find(name) is None


def test_forgetting_much_closes_the_gaps_and_serial_numbers_stay():
    book = AllocationBook()
    everyone = names(10_000)
    add(book, everyone)
    kept = everyone[7_000::3]
    serial_of = {name: int(book.serials(places(book, [name]))[0]) for name in kept}
    gone = [name for name in everyone if name not in serial_of]
    book.release(places(book, gone), 5)
    assert book.forget_released(6) == len(gone)
    assert max(book.places(kept)) < 5000, "the gaps were not closed"
    assert [book.consumer(place) for place in book.held_places()] == kept
    assert {name: int(book.serials(places(book, [name]))[0]) for name in kept} == serial_of
    add(book, names(10, 50_000))
    serials = book.serials(book.held_places())
    assert (np.diff(serials) > 0).all()
    assert book.find(names(1, 50_000)[0]).held


def test_groups_are_counted_where_their_members_are():
    book = AllocationBook()
    add(book, names(3), row=1, group="g")
    add(book, names(2, 10), row=2, group="g")
    add(book, names(2, 20), row=2, group="other")
    add(book, names(2, 30), row=2)
    assert book.group_counts("g") == {1: 3, 2: 2}
    book.release(places(book, names(3)), 5)
    assert book.group_counts("g") == {2: 2}
    book.unrelease(places(book, names(1)))
    book.move(int(places(book, names(1))[0]), 7, 0, None)
    assert book.group_counts("g") == {7: 1, 2: 2}
    book.remove(places(book, names(2, 10)))
    assert book.group_counts("g") == {7: 1}
    assert book.group_counts("other") == {2: 2}
    assert book.group_counts("absent") == {}


def test_a_book_is_restored_from_the_ledger_with_gaps_in_its_codes():
    state = LedgerState(
        consumers=np.frombuffer(b"".join(names(3)), np.uint8).reshape(-1, 16),
        hosts=np.array([4, 5, 6], np.int32),
        shapes=np.array([2, 2, 2], np.int32),
        owners=np.array([0, 3, 3], np.int32),
        created_us=np.array([1, 2, 3]),
        released_us=np.array([0, 9, 0]),
        shape_table={2: Shape("large", 8, 4096, 10, LARGE.resources)},
        owner_table={0: Owner(), 3: Owner("p", "u", "g")},
        host_segments=[],
        documents={},
        tokens={},
        assignments={names(1, 3)[0]: encoded(given(1))},
    )
    book = AllocationBook.restore(state)
    assert (book.find(names(1)[0]).assignment, book.find(names(1, 3)[0]).assignment) == (None, given(1))
    assert (len(book), book.find(names(1)[0]).row) == (2, 4)
    assert not book.find(names(1, 2)[0]).held
    assert book.group_counts("g") == {6: 1}
    assert book.shape_code("large", LARGE) == 2
    assert book.shape_code("new", SMALL) == 3
    assert book.owner_code("p", "u", "g") == 3
    assert book.owner_code("q", "", "") == 4
    add(book, names(1, 9))
    assert book.serials(book.held_places()).tolist() == [0, 2, 3]


class BookMachine(RuleBasedStateMachine):
    """The book against a dictionary that says what each consumer holds."""

    def __init__(self) -> None:
        super().__init__()
        self.book = AllocationBook()
        self.held: dict[bytes, tuple[int, str, str, Assignment | None]] = {}
        self.released: dict[bytes, int] = {}
        self.now = 1

    consumers = st.lists(st.integers(1, 12), min_size=1, max_size=5, unique=True).map(
        lambda numbers: [number.to_bytes(16, "big") for number in numbers]
    )

    @rule(
        wanted=consumers,
        row=st.integers(0, 3),
        group=st.sampled_from(["", "g", "h"]),
        system=st.sampled_from(["", "linux", "windows"]),
        data=st.data(),
    )
    def claim(self, wanted: list[bytes], row: int, group: str, system: str, data: st.DataObject) -> None:
        free = [name for name in wanted if name not in self.held]
        self.now += 1
        each = st.sampled_from([None, None, given(1), given(2)])
        assignments = data.draw(st.lists(each, min_size=len(free), max_size=len(free)))
        image = {"os_type": system} if system else None
        add(self.book, free, row, group, self.now, image, assignments)
        for name, assignment in zip(free, assignments, strict=True):
            self.held[name] = (row, group, system, assignment)
            self.released.pop(name, None)

    @rule(wanted=consumers)
    def release(self, wanted: list[bytes]) -> None:
        held = [name for name in wanted if name in self.held]
        self.now += 1
        self.book.release(places(self.book, held), self.now)
        for name in held:
            del self.held[name]
            self.released[name] = self.now

    @precondition(lambda self: self.held)
    @rule(row=st.integers(0, 3), assignment=st.sampled_from([None, given(3)]), data=st.data())
    def move(self, row: int, assignment: Assignment | None, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.book.move(self.book.places([name])[0], row, 0, assignment)
        self.held[name] = (row, *self.held[name][1:3], assignment)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release_and_take_it_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.book.release(places(self.book, [name]), self.now)
        self.book.unrelease(places(self.book, [name]))

    @rule(age=st.integers(0, 6))
    def forget(self, age: int) -> None:
        before = self.now - age
        self.book.forget_released(before)
        self.released = {name: at for name, at in self.released.items() if at >= before}

    @rule()
    def close_gaps(self) -> None:
        self.book._compact()

    @invariant()
    def says_what_is_held(self) -> None:
        book = self.book
        assert len(book) == len(self.held)
        listed = book.held_places()
        assert {book.consumer(place): book.entry(place).row for place in listed} == {
            name: row for name, (row, *_) in self.held.items()
        }
        assert {book.consumer(place): book.assignment(place) for place in listed} == {
            name: facts[3] for name, facts in self.held.items()
        }
        systems = Counter((row, ("os_type", system)) for row, _, system, _ in self.held.values() if system)
        counted = {(row, pair): many for row, counts in book.image_counts().items() for pair, many in counts.items()}
        assert counted == systems
        for name in self.held.keys() | self.released.keys():
            assert book.find(name).held == (name in self.held)
        for group in ("g", "h"):
            rows = [row for row, of, *_ in self.held.values() if of == group]
            assert book.group_counts(group) == {row: rows.count(row) for row in set(rows)}
        assert (np.diff(book.serials(listed)) > 0).all()


BookMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestTheBookAgreesWithADictionary = BookMachine.TestCase
