"""What journal records do to allocations, summed up by consumer."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ledger.allocation_rows import BLOCK_ROWS, NO_ROWS, KeyHash, Rows, blocks_of, joined_keys, keys_of
from engine.ledger.changes import Changes
from engine.ledger.records import (
    AssignmentsWritten,
    Claims,
    JournalRecord,
    Moves,
    Releases,
    TokenAnswered,
    TokensForgotten,
)
from tests.ledger.builders import assignments, claims, consumer, consumers, moves, releases


def listed(rows: Rows) -> list[tuple[bytes, int, int]]:
    return [(bytes(row["consumer"]), int(row["host"]), int(row["released_us"])) for row in rows]


def added(*records: JournalRecord) -> list[tuple[bytes, int, int]]:
    """What is left when the records come first, and the same where their claims were there before."""
    together = listed(Changes(records).added())
    before, after = Changes(records[:1]).added(), Changes(records[1:])
    assert listed(np.concatenate([after.patched(before), after.added()])) == together
    return together


def test_the_first_of_two_releases_counts() -> None:
    assert added(claims([1]), releases([1, 1], 5), releases([1], 9)) == [(consumer(1), 7, 5)]


def test_the_last_of_two_moves_counts() -> None:
    assert added(claims([1]), moves([1, 1], 2), moves([1], 3), moves([1], 4)) == [(consumer(1), 4, 0)]


def test_the_last_of_two_claims_counts_in_its_own_place() -> None:
    rows = added(claims([1, 2, 1], host=3), claims([3], host=4), claims([2], host=5))
    assert rows == [(consumer(1), 3, 0), (consumer(3), 4, 0), (consumer(2), 5, 0)]


def test_a_released_allocation_neither_moves_nor_is_released_again() -> None:
    rows = added(claims([1]), releases([1], 5), moves([1], 9), releases([1], 6), claims([2]), moves([1], 8))
    assert rows == [(consumer(1), 7, 5), (consumer(2), 7, 0)]


def test_what_is_forgotten_is_what_was_released_by_then() -> None:
    records = (claims([1, 2, 3]), releases([1], 5), TokensForgotten(9), releases([2], 6), claims([1], host=2))
    assert added(*records) == [(consumer(2), 7, 6), (consumer(3), 7, 0), (consumer(1), 2, 0)]


def test_records_about_nothing_known_change_nothing() -> None:
    before = Changes([claims(range(5))]).added()
    changes = Changes([releases([9]), moves([8], 1), TokenAnswered("t", b"", b"", 1), claims([]), TokensForgotten(4)])
    assert changes.patched(before) is before
    assert changes.patched(NO_ROWS) is NO_ROWS
    assert len(changes.added()) == len(Changes([]).added()) == 0


def test_the_last_of_two_assignments_counts() -> None:
    changes = Changes([claims([1, 2]), assignments([1, 1], b"a"), assignments([1], b"")])
    assert changes.payloads == {consumer(1): b""}


@pytest.mark.parametrize("ending", [claims([1]), releases([1]), moves([1], 3)])
@pytest.mark.parametrize("between", [[], [TokensForgotten(1)]], ids=["at once", "later"])
def test_an_assignment_ends_with_its_claim(ending: Claims | Releases | Moves, between: list[JournalRecord]) -> None:
    given: list[AssignmentsWritten] = [assignments([1], b"a")]
    changes = Changes([*given, *between, ending])
    assert changes.payloads == {}
    assert changes.ended() == [consumer(1)]
    assert Changes([ending, *between, *given]).payloads == (
        {} if not between and isinstance(ending, Releases) else {consumer(1): b"a"}
    )


def test_what_is_assigned_after_a_release_counts_for_nobody() -> None:
    assert Changes([claims([1]), releases([1]), assignments([1], b"a")]).payloads == {}


def test_consumers_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret under which all consumers collide is given up for another."""
    hashed = KeyHash.__call__
    calls: list[int] = []

    def colliding(self: KeyHash, keys: np.ndarray) -> np.ndarray:
        calls.append(len(keys))
        return np.zeros(len(keys), np.uint64) if len(calls) <= 2 else hashed(self, keys)

    monkeypatch.setattr(KeyHash, "__call__", colliding)
    changes = Changes([claims([1, 2, 1]), releases([2], 4)])
    assert len(calls) == 3
    assert listed(changes.added()) == [(consumer(2), 7, 4), (consumer(1), 7, 0)]


def test_a_hash_depends_on_every_byte_of_a_consumer_and_on_its_secret() -> None:
    several = joined_keys(bytes(16) + b"".join((1 << 8 * place).to_bytes(16, "little") for place in range(16)))
    one, other = KeyHash(), KeyHash()
    assert len(set(one(several).tolist())) == 17
    assert (one(several) != other(several)).all()


def test_rows_are_cut_into_full_blocks_and_a_rest() -> None:
    rows = Changes([claims(range(BLOCK_ROWS + 5))]).added()
    assert [len(block) for block in blocks_of(rows)] == [BLOCK_ROWS, 5]
    assert list(blocks_of(NO_ROWS)) == []
    assert keys_of(rows).tobytes() == consumers(range(BLOCK_ROWS + 5))
