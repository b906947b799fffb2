"""Texts that stand for true and false."""

from __future__ import annotations

import pytest

from engine.fitting.truth import FALSE_TEXTS, TRUE_TEXTS, is_true


@pytest.mark.parametrize("value", [True, 1, "1", "T", " true ", "On", "Y", "YES\n"])
def test_what_says_yes(value: object) -> None:
    assert is_true(value)


@pytest.mark.parametrize("value", [False, None, 0, 2, "", "0", "false", "no", "ja", "truetrue", ["true"], 10**30])
def test_all_else_says_no(value: object) -> None:
    assert not is_true(value)


def test_no_text_says_both() -> None:
    assert not TRUE_TEXTS & FALSE_TEXTS
