"""Names of a deployment's own traits and resource classes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.custom_names import custom_name, is_custom


@pytest.mark.parametrize(
    ("text", "name"),
    [("6GB", "CUSTOM_6GB"), ("fast  disk!", "CUSTOM_FAST_DISK_"), ("", "CUSTOM_"), ("é_x", "CUSTOM__X")],
)
def test_custom_names(text: str, name: str) -> None:
    assert custom_name(text) == name


@given(st.text(min_size=1))
def test_a_custom_name_is_of_the_custom_form(text: str) -> None:
    assert is_custom(custom_name(text))


@pytest.mark.parametrize("name", ["CUSTOM_", "CUSTOM_a", "custom_A", "CUSTOM_A-B", "XCUSTOM_A", "CUSTOM_A\n"])
def test_what_is_no_custom_name(name: str) -> None:
    assert not is_custom(name)
