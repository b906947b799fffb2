"""A hint counts unless it is absent, empty or one empty text."""

from __future__ import annotations

import pytest

from engine.scheduler.hints import hint
from tests.builders import request


@pytest.mark.parametrize(
    ("hints", "values"),
    [
        ({}, ()),
        ({"other": ("a",)}, ()),
        ({"same_host": ()}, ()),
        ({"same_host": ("",)}, ()),
        ({"same_host": ("a",)}, ("a",)),
        ({"same_host": ("", "a")}, ("", "a")),
    ],
)
def test_a_hints_values(hints: dict[str, tuple[str, ...]], values: tuple[str, ...]) -> None:
    assert hint(request(scheduler_hints=hints), "same_host") == values
