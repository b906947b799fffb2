"""Which regular expressions are harmless."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boot.api.name_filter import is_harmless


@pytest.mark.parametrize("pattern", ["^web$", "web-[0-9]+", ".*a.*", "a|b", r"a\.b", "(web|db)-1", "x{2,3}"])
def test_ordinary_expressions(pattern: str) -> None:
    assert is_harmless(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)*b", "(a*) *", "a*a*a*b", "(", "[", "*", r"(a)\1", "(?i)a", "a{1000}", "a" * 256, "((a+)b)+"],
)
def test_those_that_are_not(pattern: str) -> None:
    assert not is_harmless(pattern)


@given(st.text(alphabet="ab.*+?()[]|^${}2,\\", max_size=24))
def test_no_harmless_expression_keeps_the_matcher_busy(pattern: str) -> None:
    if is_harmless(pattern):
        started = time.perf_counter()
        re.search(pattern, "a" * 255 + "!")
        assert time.perf_counter() - started < 0.5
