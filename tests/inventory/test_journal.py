"""The journal tells what changed since when, from its ring, by leaf, or by the facts of rows."""

from __future__ import annotations

import numpy as np

from engine.inventory.journal import FLOOR, POSITION, RING, Journal


def changed_since(journal: Journal, position: int) -> set[int]:
    """The leaves that changed after a position, read as the kernel does."""
    now = int(journal.counter[POSITION])
    if position >= journal.counter[FLOOR] and now - position <= RING:
        places = range(position + 1, now + 1)
        return {int(journal.ring[p % RING]) for p in places if journal.leaf_revision[journal.ring[p % RING]] == p}
    return set(np.flatnonzero(journal.leaf_revision > position).tolist())


def test_each_who_looks_sees_what_changed_since_it_looked_last() -> None:
    journal, rng = Journal(9000), np.random.default_rng(7)
    seen: list[tuple[int, set[int]]] = []
    for step in range(400):
        if step % 7 == 0:
            seen.append((int(journal.counter[POSITION]), set()))
        size = int(rng.choice([1, 1, 1, 2, 60, 5000]))
        leaves = rng.choice(9000, size, replace=False)
        journal.note_leaves(leaves)
        for _, changed in seen:
            changed.update(leaves.tolist())
        position, changed = seen[int(rng.integers(len(seen)))]
        assert changed_since(journal, position) == changed


def test_rows_of_one_leaf_are_one_change() -> None:
    journal = Journal(4)
    journal.note_rows(np.array([64, 65, 127, 200]))
    assert changed_since(journal, 0) == {1, 3}
    assert journal.counter[POSITION] == 2


def test_everything_changed_is_seen_by_all() -> None:
    journal = Journal(5)
    journal.note_everything()
    assert changed_since(journal, 0) == {0, 1, 2, 3, 4}
    assert changed_since(journal, int(journal.counter[POSITION])) == set()


def test_facts_are_known_back_to_the_first_change_that_was_not_of_rows() -> None:
    journal = Journal(1)
    journal.note_facts(4, np.array([3]))
    journal.note_facts(5, np.array([1, 3]))
    rows = journal.facts_since(3, 5)
    assert rows is not None
    assert rows.tolist() == [1, 3]
    assert journal.facts_since(2, 5) is None
    assert journal.facts_since(3, 6) is None
    nothing = journal.facts_since(5, 5)
    assert nothing is not None
    assert not len(nothing)


def test_growth_keeps_what_was_noted() -> None:
    journal = Journal(2)
    journal.note_leaves(np.array([1]))
    journal.resize(5)
    journal.note_leaves(np.array([4]))
    assert changed_since(journal, 0) == {1, 4}
