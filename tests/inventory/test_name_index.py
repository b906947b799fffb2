"""The index of names answers as a dictionary of them does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.name_index import NameIndex
from engine.inventory.texts import TextColumn


class Collider(str):
    """A name whose hash is that of every other of its kind."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 5


def index_of(names: list[str]) -> NameIndex:
    index = NameIndex(TextColumn(names))
    assert index.put(names, np.arange(len(names))) == len(names)
    return index


@pytest.mark.parametrize("many", [0, 1, 63, 64, 65, 1000, 5000])
def test_every_name_has_its_row_and_no_other_has_one(many: int) -> None:
    names = [f"compute-{number}.cloud.example" for number in range(many)]
    index = index_of(names)
    assert dict(index) == dict(zip(names, range(many), strict=True))
    assert len(index) == many
    assert list(index) == names
    assert index.rows_of(names[::-1]).tolist() == list(range(many))[::-1]
    strangers = [f"stranger-{number}" for number in range(200)]
    assert index.rows_of(strangers + names).tolist() == [-1] * 200 + list(range(many))
    assert not any(name in index for name in strangers)
    assert index.get("stranger-0") is None
    assert index.get("stranger-0", -7) == -7
    with pytest.raises(KeyError):
        index["stranger-0"]
    with pytest.raises(KeyError):
        del index["stranger-0"]


NAMES = st.one_of(st.sampled_from(["", "é", "日本", "a", "A", "h" * 255]), st.text(max_size=3))
STEPS = st.lists(st.tuples(st.sampled_from(["put", "delete", "copy"]), st.lists(NAMES, max_size=90, unique=True)))


@given(STEPS)
@settings(deadline=None, max_examples=80)
def test_it_changes_as_a_dictionary_does_and_copies_never_change(steps: list[tuple[str, list[str]]]) -> None:
    column = TextColumn()
    index, model = NameIndex(column), dict[str, int]()
    pictures: list[tuple[NameIndex, dict[str, int]]] = []
    for step, names in steps:
        if step == "copy":
            pictures.append((index, dict(model)))
            column = column.copy()
            index = index.copy(column)
        elif step == "delete":
            for name in names:
                if model.pop(name, None) is not None:
                    del index[name]
        else:
            rows = [model.get(name, len(column) + place) for place, name in enumerate(names)]
            column.resize(len(column) + len(names))
            column.write(np.array(rows, dtype=np.int64), TextColumn(names))
            new = sum(name not in model for name in names)
            assert index.put(names, np.array(rows, dtype=np.int64)) == new
            model.update(zip(names, rows, strict=True))
    assert dict(index) == model
    assert all(dict(picture) == then for picture, then in pictures)
    assert all(picture.get(name) == row for picture, then in pictures for name, row in then.items())


def test_names_of_one_hash_are_told_apart() -> None:
    names: list[str] = [Collider(f"h{number}") for number in range(300)]
    index = index_of(names)
    assert [index[name] for name in names] == list(range(300))
    assert index.rows_of(names).tolist() == list(range(300))
    for name in names[::2]:
        del index[name]
    assert [index.get(name) for name in names] == [None if number % 2 == 0 else number for number in range(300)]


def test_a_name_removed_and_put_under_another_row_is_there_only() -> None:
    names = ["a", "b", "a"]
    index = NameIndex(TextColumn(names))
    assert index.put(["a", "b"], np.array([0, 1])) == 2
    assert index.put(["a"], np.array([2])) == 0
    assert dict(index) == {"b": 1, "a": 2}


def test_coming_and_going_does_not_fill_it_up() -> None:
    names = [f"h{number}" for number in range(100_000)]
    index = NameIndex(TextColumn(names))
    for start in range(0, len(names), 500):
        index.put(names[start : start + 500], np.arange(start, start + 500))
        for name in names[start : start + 500]:
            del index[name]
    assert len(index) == 0
    assert index.nbytes <= 32 * 1024
    assert index.get("h0") is None


def test_room_reserved_is_enough() -> None:
    names = [f"h{number}" for number in range(3000)]
    index = NameIndex(TextColumn(names))
    index.reserve(3000)
    room = index.nbytes
    index.put(names, np.arange(3000))
    assert index.nbytes == room
    assert room <= 8 * 4 * 3000


@pytest.mark.parametrize("name", [7, None, 1.5, b"h0", ("h0",)])
def test_what_is_no_text_is_no_name(name: object) -> None:
    assert name not in index_of(["h0"])


def test_a_deep_copy_is_one() -> None:
    index = index_of(["a", "b"])
    other = copy.deepcopy(index)
    del other["a"]
    assert (dict(index), dict(other)) == ({"a": 0, "b": 1}, {"b": 1})
