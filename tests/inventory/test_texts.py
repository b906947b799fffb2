"""A column of texts reads and changes as a list of them does, whatever they are."""

from __future__ import annotations

import copy
import sys
from uuid import UUID, uuid5

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.texts import PIECE_ROWS, TextColumn

SPACE = UUID(int=7)
CANONICAL = [str(uuid5(SPACE, str(number))) for number in range(3 * PIECE_ROWS)]
ODD_UUIDS = [
    CANONICAL[0].upper(),
    CANONICAL[0].replace("-", ""),
    "{" + CANONICAL[0] + "}",
    CANONICAL[0][:-1] + "g",
    CANONICAL[0][:-1] + " ",
    CANONICAL[0][:9] + "-" + CANONICAL[0][10:],
    CANONICAL[0][:8] + "0-" + CANONICAL[0][9:13] + CANONICAL[0][14:],
    CANONICAL[0].replace("-", "\u2212"),
    "",
]
TEXTS = st.one_of(
    st.sampled_from(["", "a", "é", "日本", "\x00", "h" * 255, "𝄞" * 9, *CANONICAL[:3], *ODD_UUIDS]), st.text()
)


def rows_of(*rows: int) -> np.ndarray:
    return np.array(rows, dtype=np.int64)


@given(st.lists(TEXTS, max_size=40), st.integers(1, 3))
@settings(deadline=None)
def test_texts_come_back_as_they_were_given(texts: list[str], times: int) -> None:
    texts = texts * times
    for column in (TextColumn(texts), TextColumn.from_arrow(pa.array(texts, pa.string()))):
        assert column == texts
        assert list(column) == texts
        assert [column[row] for row in range(len(texts))] == texts
        assert column[1:-1] == texts[1:-1]
        assert column[::-2] == texts[::-2]
        assert column.take(np.arange(len(texts))[::-1]) == texts[::-1]


@pytest.mark.parametrize("odd", ODD_UUIDS)
def test_a_uuid_that_is_not_in_its_canonical_text_keeps_its_own(odd: str) -> None:
    texts = [*CANONICAL[:5], odd, *CANONICAL[5:9]]
    assert TextColumn(texts) == texts
    assert TextColumn.from_arrow(pa.array(texts)) == texts


def test_texts_of_36_characters_on_average_are_not_taken_for_uuids() -> None:
    texts = [CANONICAL[0][:-1], CANONICAL[1] + "a", CANONICAL[2]]
    assert TextColumn(texts) == texts


def test_canonical_uuids_take_16_bytes_and_names_little_more_than_their_letters() -> None:
    names = [f"compute-{number:06d}" for number in range(2 * PIECE_ROWS)]
    assert TextColumn(CANONICAL).nbytes == 16 * len(CANONICAL)
    assert TextColumn(names).nbytes < 17 * len(names)
    assert sum(map(sys.getsizeof, names)) > 3 * TextColumn(names).nbytes


@pytest.mark.parametrize("letter", ["x", "é", "日", "𝄞"])
def test_slices_and_dictionaries_of_large_arrow_columns_are_read_in_place(letter: str) -> None:
    texts = [letter * (number % 90) for number in range(3 * PIECE_ROWS + 17)]
    whole = pa.array(texts)
    pieces = pa.chunked_array([whole[:5], whole[5:1500], whole[1500:]])
    assert TextColumn.from_arrow(pieces) == texts
    assert TextColumn.from_arrow(whole.slice(1000, 1200)) == texts[1000:2200]
    assert TextColumn.from_arrow(whole.dictionary_encode()) == texts
    assert TextColumn.from_arrow(pa.chunked_array([], pa.string())) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("resize"), st.integers(0, 3 * PIECE_ROWS), st.just(0), st.just([])),
        st.tuples(
            st.just("write"),
            st.integers(0, 2 * PIECE_ROWS),
            st.integers(1, 700),
            st.lists(TEXTS, min_size=1, max_size=9),
        ),
        st.tuples(st.just("copy"), st.just(0), st.just(0), st.just([])),
    ),
    max_size=12,
)


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_it_changes_as_a_list_does_and_copies_never_change(steps: list[tuple[str, int, int, list[str]]]) -> None:
    column, model = TextColumn(), list[str]()
    pictures: list[tuple[TextColumn, list[str]]] = []
    for step, number, stride, texts in steps:
        if step == "resize":
            column.resize(number)
            model = model[:number] + [""] * (number - len(model))
        elif step == "copy":
            pictures.append((column, model.copy()))
            column = column.copy()
        else:
            rows = [row for row in range(number, number + stride * len(texts), stride) if row < len(model)]
            column.write(np.array(rows, dtype=np.int64), TextColumn(texts[: len(rows)]))
            for row, text in zip(rows, texts, strict=False):
                model[row] = text
    assert column == model
    assert all(picture == then for picture, then in pictures)


def test_whole_pieces_are_taken_over_and_equal_ones_held_once() -> None:
    names = TextColumn([f"host-{number}" for number in range(2 * PIECE_ROWS + 3)])
    ids, nodes = TextColumn(), TextColumn()
    rows = np.arange(len(names))
    for column in (ids, nodes):
        column.resize(len(names))
        column.write(rows, TextColumn(list(names)))
    assert nodes.shared_bytes(ids) == 0
    nodes.share_with(ids, rows)
    assert nodes.shared_bytes(ids) == ids.nbytes
    nodes[5] = "other"
    assert (nodes[5], ids[5]) == ("other", "host-5")
    assert 0 < nodes.shared_bytes(ids) < ids.nbytes


def test_the_first_row_of_a_text_is_found_from_any_row_on() -> None:
    texts = [str(number % 1500) for number in range(4000)]
    column = TextColumn(texts)
    assert [column.index("7", start) for start in (0, 7, 8, 1508)] == [7, 7, 1507, 3007]
    for arguments in (("7", 3008), ("nothing",), ("7", 0, 7)):
        with pytest.raises(ValueError, match="no text"):
            column.index(*arguments)


@pytest.mark.parametrize("row", [3, -4, 10**12, -(10**12)])
def test_a_row_that_there_is_not_is_refused(row: int) -> None:
    column = TextColumn(["a", "b", "c"])
    with pytest.raises(IndexError):
        column[row]
    with pytest.raises(IndexError):
        column[row] = "x"
    assert column == ["a", "b", "c"]
    assert column[-1] == "c"


def test_a_deep_copy_is_one() -> None:
    column = TextColumn(["a", *CANONICAL])
    other = copy.deepcopy(column)
    other[0] = "b"
    assert (column[0], other[0], other[1:]) == ("a", "b", CANONICAL)
    assert column != other
    assert column != ("a",)


@given(st.lists(TEXTS, min_size=1, max_size=40), st.lists(st.integers(0, 10**6), max_size=30))
@settings(deadline=None)
def test_a_column_of_rows_says_what_a_list_of_them_does(texts: list[str], wanted: list[int]) -> None:
    long = [*texts, *CANONICAL[: PIECE_ROWS + 7], *texts]
    column = TextColumn(long)
    for rows in ([row % len(long) for row in wanted], list(range(len(long))), list(range(3, len(long), 2)), []):
        found = column.arrow(rows_of(*rows))
        found.validate(full=True)
        assert found.type == pa.string()
        assert found.to_pylist() == [long[row] for row in rows]
