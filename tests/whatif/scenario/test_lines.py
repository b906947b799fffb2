"""key_lines: on which line each key stands, of documents written by tomli_w and of every form TOML has."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.scenario.lines import KeyPath, key_lines

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["[table]\nkey = 1\n", '"""', "'''", "a\n# b", "x = {", "\\", '"', "]]\n[[x]]", "tab\t", "\r\n"]),
)
_VALUES = st.one_of(
    st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), _TEXTS, st.datetimes(), st.dates()
)
_SHAPES = st.recursive(
    st.just(None) | _VALUES.map(lambda value: ("value", value)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: ("list", items)),
        st.lists(st.tuples(_TEXTS, inner), max_size=3).map(lambda items: ("table", items)),
    ),
    max_leaves=12,
)


def documents(shape: Any, numbers: Iterator[int]) -> Any:
    """A shape as a value, each key in it made another word than any other, with further text that needs quotes."""
    if shape is None:
        return "nothing"
    kind, content = shape
    if kind == "value":
        return content
    if kind == "list":
        return [documents(item, numbers) for item in content]
    return {f"k{next(numbers)}k{text}": documents(item, numbers) for text, item in content}


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def word_of(key: str) -> str:
    found = re.match(r"k[0-9]+k", key)
    assert found is not None
    return found[0]


@given(st.lists(st.tuples(_TEXTS, _SHAPES), max_size=5), st.booleans())
def test_every_key_is_found_on_the_line_where_it_stands(shape: list[Any], multiline: bool) -> None:
    document = documents(("table", shape), itertools.count())
    text = tomli_w.dumps(document, multiline_strings=multiline)
    lines = key_lines(text)
    assert set(lines) == set(paths_of(tomllib.loads(text)))
    written = text.replace("\r\n", "\n").split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            first = next(number for number, each in enumerate(written, 1) if word_of(path[-1]) in each)
            assert line == first, (path, text)


def test_each_element_of_a_list_has_its_own_line() -> None:
    text = "a = [\n  1, 2,\n  # none\n  [3,\n   4],\n  { b = 5, c = [6] },\n]\n"
    lines = key_lines(text)
    assert lines["a", 0] == lines["a", 1] == 2
    assert lines["a", 2] == 4
    assert lines["a", 2, 1] == 5
    assert lines["a", 3, "b"] == lines["a", 3, "c", 0] == 6


def test_headers_go_on_in_the_last_element_of_an_array_of_tables() -> None:
    text = "[[a]]\nx = 1\n[[a]]\n[a.of]\ny = 1\n[[a.b]]\nz = 1\n[[a.b]]\nz = 2\n"
    assert key_lines(text) == {
        ("a",): 1,
        ("a", 0): 1,
        ("a", 0, "x"): 2,
        ("a", 1): 3,
        ("a", 1, "of"): 4,
        ("a", 1, "of", "y"): 5,
        ("a", 1, "b"): 6,
        ("a", 1, "b", 0): 6,
        ("a", 1, "b", 0, "z"): 7,
        ("a", 1, "b", 1): 8,
        ("a", 1, "b", 1, "z"): 9,
    }


def test_keys_in_quotes_and_with_dots_are_told_apart() -> None:
    text = 'a."b.c".\'d e\' = 1\n"\\u00e9" = 2\n[x . "y"]\nz = """\n[no]\n""""\nw = 3 # [q]\n'
    tomllib.loads(text)
    lines = key_lines(text)
    assert lines["a", "b.c", "d e"] == 1
    assert lines["é",] == 2
    assert lines["x", "y", "w"] == 7


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\nb = '''\r\nx\r\n'''\r\nc = 2\r\n")["c",] == 5


def test_dates_with_a_space_are_one_value() -> None:
    assert key_lines("a = [1979-05-27 07:32:00, 1]\nb = 07:32:00\n")["b",] == 2


def test_an_empty_text_has_no_keys() -> None:
    assert key_lines("# nothing\n\n") == {}
