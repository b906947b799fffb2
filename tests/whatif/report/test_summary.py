from __future__ import annotations

import hashlib
import json
import math
from enum import IntEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import __version__
from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Column, ResultTable
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.report.summary import About, headline_and_tables, json_value, summary_document, summary_text

ABOUT = About("[fleet]\nsynthetic = 1\n", 7, "A title")
CELLS = (
    st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)


class Colour(IntEnum):
    RED = 3


def answer(**changes: object) -> Answer:
    parts = {"question": "fits", "headline": "12 more fit", "figures": {}, "decisions": DECISION_SCHEMA.empty_table()}
    return Answer(**{**parts, **changes})  # type: ignore[arg-type]


def document(**changes: object) -> dict[str, object]:
    return json.loads(summary_text(summary_document(answer(**changes), ABOUT)))  # type: ignore[no-any-return]


def test_a_summary_says_what_was_asked_and_answered() -> None:
    assert document(figures={"slots": 12}) == {
        "berth": __version__,
        "question": "fits",
        "title": "A title",
        "seed": 7,
        "scenario_sha256": hashlib.sha256(ABOUT.scenario_text.encode()).hexdigest(),
        "headline": "12 more fit",
        "figures": {"slots": 12},
        "decisions": 0,
        "tables": [],
    }


def test_keys_are_in_order_and_the_text_ends_in_a_line() -> None:
    text = summary_text(summary_document(answer(figures={"b": 1, "a": {"z": 1, "c": 2}}), ABOUT))
    assert text.endswith("}\n")
    keys = list(json.loads(text))
    assert keys == sorted(keys)
    assert text.index('"a"') < text.index('"c"') < text.index('"z"') < text.index('"b"')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (-math.inf, None),
        (np.float32(0.5), 0.5),
        (np.int64(4), 4),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([math.nan, 1.0]), [None, 1.0]),
        ({1: (1, 2)}, {"1": [1, 2]}),
        (Colour.RED, 3),
    ],
)
def test_figures_become_json(value: object, expected: object) -> None:
    assert json.loads(json.dumps(json_value(value), allow_nan=False)) == expected


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": object()}])
def test_what_is_no_json_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match="a figure is a JSON value"):
        json_value(value)


@given(
    st.text(max_size=20),
    st.lists(st.tuples(CELLS, CELLS), max_size=5),
    st.booleans(),
    st.integers(0, 9),
)
def test_headline_and_tables_come_back_as_they_were(
    headline: str, rows: list[tuple[object, object]], is_detail: bool, decimals: int
) -> None:
    table = ResultTable("T", (Column("a", "GiB", decimals), Column("b")), tuple(rows), "note", is_detail)  # type: ignore[arg-type]
    text = summary_text(summary_document(answer(headline=headline, tables=(table, table)), ABOUT))
    assert headline_and_tables(json.loads(text)) == (headline, (table, table))


@pytest.mark.parametrize("wrong", [{}, {"headline": "x", "tables": [{}]}, {"headline": "x", "tables": 3}])
def test_what_is_no_summary_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError, match="no summary"):
        headline_and_tables(wrong)
