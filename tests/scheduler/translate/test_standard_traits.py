"""The traits that every placement knows, and custom names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduler.translate.guest_traits import ADDRESS_MODES, MEMORY_ENCRYPTIONS
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS, custom_name, is_custom


def test_the_list_holds_os_traits_names() -> None:
    assert len(STANDARD_TRAITS) == 377
    assert {"COMPUTE_STATUS_DISABLED", "HW_CPU_X86_AVX2", "MISC_SHARES_VIA_AGGREGATE", "OWNER_NOVA"} <= STANDARD_TRAITS
    assert not any(name.startswith("CUSTOM_") for name in STANDARD_TRAITS)


def test_every_trait_that_a_feature_asks_for_is_standard() -> None:
    assert {way.trait for way in MEMORY_ENCRYPTIONS.values()} <= STANDARD_TRAITS
    assert set(ADDRESS_MODES.values()) <= STANDARD_TRAITS


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
