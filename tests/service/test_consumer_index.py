"""The index of consumers, against a dictionary, and against whoever chooses consumers that collide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.service.consumer_index import ConsumerIndex, Consumers, as_consumers, consumer_columns
from engine.service.consumer_kernels import compiled


def names(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def column(places: list[int]) -> np.ndarray:
    return np.array(places, dtype=np.int64)


def indexed(given: list[bytes]) -> tuple[ConsumerIndex, Consumers]:
    index, consumers = ConsumerIndex(), as_consumers(given)
    index.put(np.arange(len(given)), consumers)
    return index, consumers


@settings(deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), max_size=40), st.lists(st.binary(min_size=16, max_size=16)))
def test_every_consumer_is_found_at_its_last_place_and_no_other_is_found(
    given: list[bytes], others: list[bytes]
) -> None:
    index, consumers = indexed(given)
    model = {name: place for place, name in enumerate(given)}
    wanted = given + others
    assert index.find(as_consumers(wanted), consumers).tolist() == [model.get(name, -1) for name in wanted]
    assert len(index) == len(model)


@settings(deadline=None)
@given(st.lists(st.sampled_from(names(*range(6))), max_size=30), st.lists(st.sampled_from(names(*range(4, 9)))))
def test_repeats_and_matches_are_those_of_lists(wanted: list[bytes], among: list[bytes]) -> None:
    index, consumers = indexed(names(2, 7))
    places, repeated = index.look_up(as_consumers(wanted), consumers)
    assert places.tolist() == [names(2, 7).index(name) if name in names(2, 7) else -1 for name in wanted]
    assert repeated.tolist() == [name in wanted[:at] for at, name in enumerate(wanted)]
    matches = index.match(as_consumers(wanted), as_consumers(among))
    assert matches.tolist() == [among.index(name) if name in among else -1 for name in wanted]


class IndexMachine(RuleBasedStateMachine):
    """The index against a dictionary; consumers that are the same in their low words, or in their high ones."""

    numbers = st.lists(st.integers(0, 40).flatmap(lambda n: st.sampled_from([n, n << 64])), max_size=8)

    def __init__(self) -> None:
        super().__init__()
        self.index = ConsumerIndex()
        self.consumers = np.zeros((4096, 2), dtype=np.uint64)
        self.size = 0
        self.model: dict[bytes, int] = {}

    @rule(numbers=numbers)
    def put(self, numbers: list[int]) -> None:
        end = self.size + len(numbers)
        self.consumers[self.size : end] = as_consumers(names(*numbers))
        places = np.arange(self.size, end)
        self.index.put(places, self.consumers)
        self.model |= dict(zip(names(*numbers), places.tolist(), strict=True))
        self.size = end

    @rule(data=st.data())
    def take_out(self, data: st.DataObject) -> None:
        if self.size:
            places = data.draw(st.lists(st.integers(0, self.size - 1), max_size=8, unique=True))
            self.index.take_out(column(places), self.consumers)
            self.model = {name: place for name, place in self.model.items() if place not in places}

    @rule(data=st.data())
    def rebuild(self, data: st.DataObject) -> None:
        kept = data.draw(st.sets(st.sampled_from(sorted(self.model.values())))) if self.model else set()
        self.index.rebuild(column(sorted(kept)), self.consumers)
        self.model = {name: place for name, place in self.model.items() if place in kept}

    @invariant()
    def finds_what_the_dictionary_has(self) -> None:
        wanted = [*self.model, *names(99, 99 << 64)]
        found = self.index.find(as_consumers(wanted), self.consumers).tolist()
        assert found == [*self.model.values(), -1, -1]
        assert len(self.index) == len(self.model)


IndexMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTheIndexAgreesWithADictionary = IndexMachine.TestCase


def test_it_grows_and_stays_small() -> None:
    many = 100_000
    rng = np.random.default_rng(3)
    consumers = consumer_columns(rng.bytes(16 * many))
    index = ConsumerIndex()
    for start in range(0, many, 10_000):
        index.put(np.arange(start, start + 10_000), consumers)
    assert (index.find(consumers, consumers) == np.arange(many)).all()
    assert index.nbytes <= 32 * many
    index.take_out(np.arange(0, many, 2), consumers)
    assert len(index) == many // 2
    found = index.find(consumers, consumers)
    assert (found[1::2] == np.arange(1, many, 2)).all()
    assert (found[::2] == -1).all()


def test_entries_taken_out_leave_no_gap_in_a_chain() -> None:
    """A nearly full neighbourhood: each of many orders of taking out leaves the rest to be found."""
    rng = np.random.default_rng(5)
    consumers = consumer_columns(rng.bytes(16 * 512))
    for seed in range(20):
        index = ConsumerIndex()
        index.put(np.arange(512), consumers)
        order = np.random.default_rng(seed).permutation(512)
        index.take_out(order[:400], consumers)
        found = index.find(consumers, consumers)
        assert set(np.flatnonzero(found >= 0).tolist()) == set(order[400:].tolist())


def test_a_wrong_number_of_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer size"):
        consumer_columns(b"x" * 15)
    with pytest.raises(ValueError, match="reshape"):
        consumer_columns(b"x" * 8)


def siphash_1_3(secret: bytes, message: bytes) -> int:
    """SipHash-1-3 as its authors' text has it, of any message."""
    mask = 2**64 - 1
    key = [int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:], "little")]
    v = [
        key[0] ^ 0x736F6D6570736575,
        key[1] ^ 0x646F72616E646F6D,
        key[0] ^ 0x6C7967656E657261,
        key[1] ^ 0x7465646279746573,
    ]

    def turned(value: int, bits: int) -> int:
        return (value << bits | value >> (64 - bits)) & mask

    def rounds(many: int) -> None:
        for _ in range(many):
            v[0] = (v[0] + v[1]) & mask
            v[2] = (v[2] + v[3]) & mask
            v[1], v[3] = turned(v[1], 13) ^ v[0], turned(v[3], 16) ^ v[2]
            v[0] = turned(v[0], 32)
            v[2] = (v[2] + v[1]) & mask
            v[0] = (v[0] + v[3]) & mask
            v[1], v[3] = turned(v[1], 17) ^ v[2], turned(v[3], 21) ^ v[0]
            v[2] = turned(v[2], 32)

    whole = len(message) // 8 * 8
    words = [int.from_bytes(message[at : at + 8], "little") for at in range(0, whole, 8)]
    words.append(len(message) << 56 | int.from_bytes(message[whole:], "little"))
    for word in words:
        v[3] ^= word
        rounds(1)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(3)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


@settings(deadline=None)
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_the_hash_is_siphash_1_3(secret: bytes, name: bytes) -> None:
    """An entry's upper half is the hash's, and in a table of two its place is the hash's lowest bit."""
    table, places = np.zeros(2, dtype=np.uint64), np.zeros(1, dtype=np.int64)
    key = np.frombuffer(bytearray(secret), dtype=np.uint64)
    compiled().put(places, table, consumer_columns(name), key)
    number = siphash_1_3(secret, name)
    assert int(table[number % 2]) >> 32 == number >> 32


def test_each_index_has_a_secret_of_its_own() -> None:
    given = names(*range(200))
    one, other = indexed(given)[0], indexed(given)[0]
    assert (one._table != other._table).any()
