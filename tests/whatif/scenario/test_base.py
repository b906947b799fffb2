"""Durations: what they say in seconds, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.scenario.base import MAX_DURATION_S, duration_s


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("90s", 90), ("1.5h", 5400), (" 30 d ", 30 * 86_400), ("2w", 14 * 86_400), ("5m", 300), ("250ms", 0.25), (7, 7)],
)
def test_a_duration_says_seconds(said: object, seconds: float) -> None:
    assert duration_s(said) == seconds


@pytest.mark.parametrize(
    "said",
    [
        *("", "d", "-1d", "1 month", "1e3s", "\u0663d", "inf", "nan", "1d2h", "9" * 400 + "d", "100000000000w"),
        *(None, True, [], {}, -1, 1e11, 10**400, -(10**400), float("nan"), float("inf")),
    ],
)
def test_what_is_no_duration_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match=r"must be|is no duration"):
        duration_s(said)


@given(st.floats(0, MAX_DURATION_S))
def test_a_number_is_seconds_as_it_stands(seconds: float) -> None:
    assert duration_s(seconds) == seconds
