"""Whether one guest cell fits one host cell: pages, memory, CPUs and overcommit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.fitting.cell_fit import CellFit, CellLimits, CellNeeds, cell_fit
from engine.fitting.errors import FittingFault
from engine.fitting.pages import chosen_page_size, memory_fits
from engine.model.numa import ANY_PAGES, LARGE_PAGES, SMALL_PAGES, HostPages
from tests.fitting.numa_cases import host_cell

FREE = CellLimits()
CELL = host_cell(0, cores=4, threads=2, memory_mb=4096)
PAGED = replace(CELL, pages=(HostPages(4, 262144), HostPages(2048, 512), HostPages(1048576, 1)))
"""1 GiB of each size."""


def needs(
    shared: int = 0, dedicated: int = 0, memory_mb: int = 512, page: int | None = None, policy: str | None = None
) -> CellNeeds:
    return CellNeeds(shared, dedicated, memory_mb, page, policy, None)


@pytest.mark.parametrize(
    ("wish", "memory_mb", "size_kb"),
    [
        (SMALL_PAGES, 512, 4),
        (LARGE_PAGES, 512, 2048),
        (LARGE_PAGES, 1024, 1048576),
        (LARGE_PAGES, 513, None),
        (ANY_PAGES, 513, 4),
        (ANY_PAGES, 1024, 1048576),
        (ANY_PAGES, 1025, None),
        (2048, 1024, 2048),
        (2048, 1026, None),
        (2048, 511, None),
        (64, 64, None),
        (-7, 4, None),
    ],
)
def test_the_largest_pages_that_suit_the_wish_are_taken(wish: int, memory_mb: int, size_kb: int | None) -> None:
    assert chosen_page_size(PAGED, wish, memory_mb) == size_kb


def test_used_and_reserved_pages_are_not_free() -> None:
    kept = replace(CELL, pages=(HostPages(2048, 512, used=200, reserved=56),))
    assert chosen_page_size(kept, 2048, 512) == 2048
    assert chosen_page_size(kept, 2048, 514) is None
    assert chosen_page_size(replace(CELL, pages=(HostPages(2048, 10, used=20),)), 2048, 0) is None


def test_without_pages_no_wish_is_met() -> None:
    assert all(chosen_page_size(CELL, wish, 1) is None for wish in (SMALL_PAGES, LARGE_PAGES, ANY_PAGES, 4))


def test_memory_without_a_page_size_lies_in_the_smallest_pages_or_the_cell() -> None:
    used = replace(PAGED, pages=(HostPages(2048, 512), HostPages(4, 262144, used=131072)))
    assert memory_fits(used, 512, overcommit=False)
    assert not memory_fits(used, 513, overcommit=False)
    assert memory_fits(used, 1024, overcommit=True)
    assert not memory_fits(used, 1025, overcommit=True)
    busy = replace(CELL, memory_usage_mb=4000)
    assert memory_fits(busy, 96, overcommit=False)
    assert not memory_fits(busy, 97, overcommit=False)
    assert memory_fits(busy, 4096, overcommit=True)


def test_shared_cpus_are_overcommitted_by_many_guests_but_not_by_one() -> None:
    assert cell_fit(CELL, needs(shared=8), FREE).fits
    assert not cell_fit(CELL, needs(shared=9), FREE).fits
    busy = replace(CELL, cpu_usage=28)
    assert cell_fit(busy, needs(shared=4), CellLimits(cpu_ratio=4.0)).fits
    assert not cell_fit(busy, needs(shared=5), CellLimits(cpu_ratio=4.0)).fits
    full = replace(CELL, memory_usage_mb=4096)
    assert cell_fit(full, needs(shared=1, memory_mb=2048), CellLimits(ram_ratio=1.5)).fits
    assert not cell_fit(full, needs(shared=1, memory_mb=2049), CellLimits(ram_ratio=1.5)).fits


def test_dedicated_cpus_are_not_overcommitted_and_mind_no_ratio() -> None:
    busy = replace(CELL, pinned_cpus=frozenset({0, 4}), cpu_usage=1000)
    assert cell_fit(busy, needs(dedicated=6, policy="dedicated"), CellLimits(1.0, 1.0)).fits
    assert not cell_fit(busy, needs(dedicated=7, policy="dedicated"), CellLimits(1.0, 1.0)).fits
    assert not cell_fit(busy, needs(shared=1, dedicated=1, policy="mixed"), CellLimits(1.0, 1.0)).fits


def test_what_was_found_before_the_end_is_told_even_where_it_does_not_fit() -> None:
    assert cell_fit(PAGED, needs(shared=9, page=LARGE_PAGES), FREE) == CellFit(False, 2048)
    late = cell_fit(PAGED, needs(shared=8, dedicated=1, page=4, policy="mixed"), CellLimits(cpu_ratio=0.5))
    assert late == CellFit(False, 4, packs=True)


def test_a_pinned_cell_needs_a_vcpu() -> None:
    assert not cell_fit(CELL, needs(policy="dedicated"), FREE).fits
    assert cell_fit(CELL, needs(policy="shared"), FREE).fits


def test_a_cell_without_sibling_sets_fits_no_pinned_guest_and_breaks_nova() -> None:
    bare = replace(CELL, siblings=())
    assert not cell_fit(bare, needs(dedicated=1, policy="dedicated"), FREE).fits
    with pytest.raises(FittingFault, match="sibling sets") as raised:
        cell_fit(bare, needs(dedicated=1, policy="dedicated"), FREE, quirks=True)
    assert raised.value.nova_exception == "ValueError"
    assert not cell_fit(bare, needs(dedicated=9, policy="dedicated"), FREE, quirks=True).fits
    assert cell_fit(bare, needs(shared=1), FREE, quirks=True).fits
