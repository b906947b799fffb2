"""The traits that every placement knows."""

from __future__ import annotations

from engine.scheduler.translate.guest_traits import ADDRESS_MODES, MEMORY_ENCRYPTIONS
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS


def test_the_list_holds_os_traits_names() -> None:
    assert len(STANDARD_TRAITS) == 377
    assert {"COMPUTE_STATUS_DISABLED", "HW_CPU_X86_AVX2", "MISC_SHARES_VIA_AGGREGATE", "OWNER_NOVA"} <= STANDARD_TRAITS
    assert not any(name.startswith("CUSTOM_") for name in STANDARD_TRAITS)


def test_every_trait_that_a_feature_asks_for_is_standard() -> None:
    assert {way.trait for way in MEMORY_ENCRYPTIONS.values()} <= STANDARD_TRAITS
    assert set(ADDRESS_MODES.values()) <= STANDARD_TRAITS
