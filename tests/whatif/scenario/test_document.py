"""Documents: dotted keys, and what no scenario may have."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.scenario.document import document_problems, key_path, set_value

_KEYS = st.text(min_size=1, max_size=6)


def dotted(path: list[str]) -> str:
    """A path as TOML writes it."""
    return ".".join(tomli_w.dumps({key: 0}).removesuffix(" = 0\n") for key in path)


@given(st.lists(_KEYS, min_size=1, max_size=5))
def test_a_dotted_key_is_read_as_toml_reads_it(path: list[str]) -> None:
    assert key_path(dotted(path)) == tuple(path)


@pytest.mark.parametrize(
    "key", ["", ".", "a.", ".a", "a b", "a = 1", "a=0\nb", "[a]", "a\n.b", '"a', "a # b", "a" * 9 + ".b" * 99]
)
def test_what_is_no_dotted_key_is_none(key: str) -> None:
    assert key_path(key) is None


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), st.integers())), st.integers())
def test_setting_a_key_changes_that_key_alone(document: dict[str, Any], value: int) -> None:
    changed = copy.deepcopy(document)
    assert set_value(changed, "a.x", value) is None
    assert changed["a"].pop("x") == value
    document.setdefault("a", {}).pop("x", None)
    assert changed == document


@given(st.dictionaries(st.sampled_from("abc"), st.integers(), min_size=1))
def test_a_value_of_none_takes_a_key_away(document: dict[str, Any]) -> None:
    changed = dict(document)
    assert set_value(changed, "a", None) is None
    assert changed == {key: value for key, value in document.items() if key != "a"}


def test_elements_are_set_by_name_and_by_number() -> None:
    document: dict[str, Any] = {"list": [{"name": "1", "x": 0}, {"name": "b.c", "x": 0}, 5]}
    for key, value in (("list.1.x", 7), ('list."b.c".x', 8), ("list.2", 9)):
        assert set_value(document, key, value) is None
    # a name goes before a number
    assert document == {"list": [{"name": "1", "x": 7}, {"name": "b.c", "x": 8}, 9]}
    assert set_value(document, "list.0", None) is None
    assert len(document["list"]) == 2


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("inf"), "must be a finite number"),
        (datetime.date(2026, 1, 1), "is a date or a time of day"),
        (datetime.time(1), "is a date or a time of day"),
        (2**2000, "is a number that is too large"),
        (b"bytes", "is a bytes"),
        ({1, 2}, "is a set"),
    ],
)
def test_what_no_scenario_may_have_is_told_where_it_is(value: object, told: str) -> None:
    problems = document_problems({"a": [0, {"b": value}], "c": 1})
    assert [(problem.path, told in problem.message) for problem in problems] == [(("a", 1, "b"), True)]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=8
    )
)
def test_plain_values_are_no_problem(value: object) -> None:
    assert not document_problems({"a": value})
