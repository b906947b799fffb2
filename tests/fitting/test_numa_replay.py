"""nova's own answers where its memory of tried pairs misleads it; the cases were found by asking nova 34."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fitting import numa_replay
from engine.fitting.cell_fit import CellLimits, cell_fit
from engine.fitting.errors import FittingFault
from engine.fitting.numa_exact import guest_needs
from engine.fitting.numa_fit import fit, fit_candidates, fitting_candidates
from engine.fitting.numa_order import ordered_cells
from engine.model.numa import ANY_PAGES, DEDICATED, LARGE_PAGES, MIXED, GuestNuma, HostNuma, HostPages, NetworkNeeds
from tests.fitting.numa_cases import guest_of, guests, host_cell, host_of, hosts, places


def test_a_guest_that_fits_is_rejected_where_a_page_size_sticks_from_an_earlier_try() -> None:
    small_free = (HostPages(4, 1048576, used=655098, reserved=5), HostPages(2048, 2048))
    host = host_of(
        replace(host_cell(0, cores=1), cpu_usage=4, pages=small_free),
        replace(host_cell(1, cores=3, memory_mb=2048), pages=(HostPages(4, 524288), HostPages(2048, 0))),
    )
    guest = guest_of((4, 1024), (1, 512), policy=None, page_size_kb=ANY_PAGES)
    assert places(fit(host, guest, cpu_allocation_ratio=4.0, ram_allocation_ratio=1.5)) == [1, 0]
    assert fit(host, guest, cpu_allocation_ratio=4.0, ram_allocation_ratio=1.5, quirks=True) is None


def test_a_guest_that_does_not_fit_is_accepted_with_a_page_size_that_was_not_asked_for() -> None:
    host = host_of(
        host_cell(0, pages=(HostPages(4, 1048576), HostPages(2048, 1024))),
        host_cell(1, pages=(HostPages(2048, 2048),)),
    )
    guest = guest_of((1, 512), (1, 512), policy=None, page_size_kb=LARGE_PAGES)
    assert fit(host, guest) is None
    misled = fit(host, guest, quirks=True)
    assert places(misled) == [1, 0]
    assert misled is not None
    assert [cell.page_size_kb for cell in misled.cells] == [2048, 2048]


def test_what_a_failed_candidate_leaves_behind_weighs_on_the_next() -> None:
    host = host_of(
        host_cell(0, pages=(HostPages(4, 1048576), HostPages(2048, 1024))),
        host_cell(1, pages=(HostPages(4, 1048576),)),
    )
    guest = guest_of((1, 512), policy=None, page_size_kb=ANY_PAGES)
    assert [places(one) for one in fit_candidates(host, guest, (None, None), quirks=True)] == [[0], [0]]
    near = host_of(host.cells[0], replace(host.cells[1], physnets=frozenset({"left"})))
    needs = NetworkNeeds(frozenset({"left"}))
    both = fit_candidates(near, guest, (None, None), networks=needs, quirks=True)
    assert [places(one) for one in both] == [None, None]
    assert [places(one) for one in fit_candidates(near, guest, (None, None), networks=needs)] == [[1], [1]]


def test_a_guest_fitted_before_counts_as_lying_where_it_was() -> None:
    host = host_of(host_cell(0), host_cell(1), host_cell(2))
    once = fit(host, guest_of((2, 64), (2, 64)), quirks=True)
    assert once is not None
    moved = GuestNuma(tuple(replace(cell, page_size_kb=2048) for cell in once.cells))
    assert fit(host, moved, quirks=True) is None
    assert places(fit(host, once, quirks=True)) == places(once)


def test_a_host_that_breaks_nova_down_is_reported() -> None:
    bare = replace(host_cell(0), siblings=())
    with pytest.raises(FittingFault):
        fit(host_of(bare), guest_of((1, 64)), quirks=True)
    assert fit(host_of(bare), guest_of((1, 64))) is None


def test_a_host_cell_without_sibling_sets_stops_nova_also_where_no_place_is_left() -> None:
    bare = [replace(host_cell(number, cores=1, threads=1), siblings=()) for number in range(3)]
    whole = [host_cell(number, cores=1, threads=1) for number in (3, 4)]
    guest = guest_of(*[(2, 64)] * 4)
    wide = host_of(
        *[replace(cell, pinnable_cpus=cell.pinnable_cpus | {cell.cell_id * 100 + 50}) for cell in bare], *whole
    )
    with pytest.raises(FittingFault):
        fit(wide, guest, quirks=True)
    assert fit(wide, guest) is None


def stepwise(host: HostNuma, guest: GuestNuma, limits: CellLimits) -> list[tuple[int, int | None]] | None:
    """nova's search in its own steps: every permutation, with a memory of pairs and guest cells that change."""
    if len(host.cells) < len(guest.cells):
        return None
    needs = list(guest_needs(guest))
    ids = [cell.cell_id for cell in guest.cells]
    judged: dict[tuple[int, int], bool] = {}
    cells = ordered_cells(host, guest, (), wants_devices=False, pack_cells=False)
    for chosen in permutations(cells, len(ids)):
        for number, cell in enumerate(chosen):
            pair = (cell.cell_id, ids[number])
            if pair not in judged:
                found = cell_fit(cell, needs[number], limits, quirks=True)
                if found.page_size_kb is not None:
                    needs[number] = replace(needs[number], page_size_kb=found.page_size_kb)
                if found.packs:
                    ids[number] = cell.cell_id
                judged[pair] = found.fits
            if not judged[pair]:
                break
            ids[number] = cell.cell_id
        else:
            return [(cell_id, one.page_size_kb) for cell_id, one in zip(ids, needs, strict=True)]
    return None


def layout(guest: GuestNuma | None) -> list[tuple[int | None, int | None]] | None:
    return None if guest is None else [(cell.host_cell, cell.page_size_kb) for cell in guest.cells]


@settings(max_examples=200)
@given(host=hosts(5), guest=guests(4), ratio=st.sampled_from((None, 0.5, 1.0, 4.0)))
def test_left_out_permutations_change_nothing(host: HostNuma, guest: GuestNuma, ratio: float | None) -> None:
    limits = CellLimits(ratio, ratio)
    try:
        expected = stepwise(host, guest, limits)
    except FittingFault:
        with pytest.raises(FittingFault):
            fit(host, guest, cpu_allocation_ratio=ratio, ram_allocation_ratio=ratio, quirks=True)
        return
    found = fit(host, guest, cpu_allocation_ratio=ratio, ram_allocation_ratio=ratio, quirks=True)
    assert layout(found) == expected
    answer = fitting_candidates(
        host, guest, (None,), cpu_allocation_ratio=ratio, ram_allocation_ratio=ratio, quirks=True
    )
    assert answer == (expected is not None,)


@given(host=hosts(), cell=guests(1), count=st.integers(1, 3))
def test_equal_guest_cells_with_a_fixed_page_size_do_not_mislead_nova(
    host: HostNuma, cell: GuestNuma, count: int
) -> None:
    one = replace(cell.cells[0], page_size_kb=2048)
    siblings = all(each.siblings for each in host.cells)
    if siblings and cell.emulator_threads_policy != "isolate" and one.cpu_policy != MIXED:
        guest = GuestNuma(tuple(replace(one, cell_id=number) for number in range(count)))
        assert fit(host, guest, quirks=True) == fit(host, guest)


def test_a_search_without_end_is_answered_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    host = host_of(*(host_cell(number, cores=4, threads=1) for number in range(8)))
    guest = guest_of((1, 64), (2, 64), (3, 64), (4, 64), policy=DEDICATED)
    monkeypatch.setattr(numa_replay, "MOST_STEPS", 2)
    assert fit(host, guest, quirks=True) == fit(host, guest)
    assert fitting_candidates(host, guest, (None,), quirks=True) == (True,)
