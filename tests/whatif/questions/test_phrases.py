"""Numbers and counted things in words."""

from __future__ import annotations

import pytest

from engine.whatif.questions.phrases import counted, listed, number


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1000, "1\u202f000"), (1_234_567, "1\u202f234\u202f567")]
)
def test_numbers_have_narrow_spaces_between_thousands(value: int, text: str) -> None:
    assert number(value) == text


def test_things_are_counted_by_their_number() -> None:
    assert [counted(many, "host") for many in (0, 1, 2)] == ["0 hosts", "1 host", "2 hosts"]
    assert counted(2, "copy", "copies") == "2 copies"


def test_long_lists_end_with_how_many_more() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed([]) == ""
