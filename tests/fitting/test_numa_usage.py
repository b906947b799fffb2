"""What fitted guests use of a host's cells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.numa_fit import fit
from engine.fitting.numa_usage import is_reversible, nova_usage_exception, with_usage
from engine.model.numa import GuestCell, GuestNuma, HostNuma, HostPages
from tests.fitting.numa_cases import guest_of, guests, host_cell, host_of, hosts

PAGES = (HostPages(4, 1000), HostPages(2048, 100, used=7))


def lying(cell: GuestCell, **facts: object) -> GuestNuma:
    return GuestNuma((replace(cell, **facts),))  # type: ignore[arg-type]


def test_memory_cpus_pages_and_pins_are_counted_on_the_host_cell() -> None:
    host = host_of(host_cell(0, pages=PAGES), host_cell(1, pages=PAGES, cpu_usage=2, memory_usage_mb=10))
    cell = GuestCell(0, frozenset({0}), frozenset({1, 2}), 64, 2048, "mixed")
    guest = lying(cell, host_cell=1, pinning=((1, 100), (2, 104)), reserved_cpus=frozenset({101}))
    used = with_usage(host, guest)
    assert used.cells[0] == host.cells[0]
    assert (used.cells[1].cpu_usage, used.cells[1].memory_usage_mb) == (3, 74)
    assert used.cells[1].pinned_cpus == {100, 104, 101}
    assert used.cells[1].pages == (HostPages(4, 1000), HostPages(2048, 100, used=39))
    assert with_usage(used, guest, -1) == host


def test_without_a_page_size_the_smallest_pages_are_used() -> None:
    guest = lying(GuestCell(0, frozenset({0}), frozenset(), 2), host_cell=0)
    assert with_usage(host_of(host_cell(0, pages=PAGES[::-1])), guest).cells[0].pages[1].used == 512
    assert with_usage(host_of(host_cell(0)), guest).cells[0].pages == ()


def test_isolated_threads_hold_whole_cores() -> None:
    guest = lying(
        GuestCell(0, frozenset(), frozenset({0}), 2, None, "dedicated", "isolate"), host_cell=0, pinning=((0, 1),)
    )
    used = with_usage(host_of(host_cell(0, cores=4)), guest)
    assert used.cells[0].pinned_cpus == {1, 5}
    assert with_usage(used, guest, -1).cells[0].pinned_cpus == frozenset()


def test_usage_never_falls_below_nothing() -> None:
    guest = lying(GuestCell(0, frozenset({0}), frozenset(), 64, 2048), host_cell=0)
    cell = with_usage(host_of(host_cell(0, pages=PAGES)), guest, -1).cells[0]
    assert (cell.cpu_usage, cell.memory_usage_mb, cell.pages[1].used) == (0, 0, 0)


def test_a_part_of_a_page_is_not_counted() -> None:
    guest = lying(GuestCell(0, frozenset({0}), frozenset(), 3, 2048), host_cell=0)
    assert with_usage(host_of(host_cell(0, pages=PAGES)), guest).cells[0].pages[1].used == 8


def test_cells_that_lie_nowhere_use_nothing() -> None:
    host = host_of(host_cell(0))
    assert with_usage(host, guest_of((2, 64))) == host
    assert with_usage(host, lying(guest_of((2, 64)).cells[0], host_cell=7)) == host


@pytest.mark.parametrize(
    ("facts", "exception"),
    [
        ({"page_size_kb": 4, "pinning": ((0, 0),)}, None),
        ({"pinning": ((0, 0),)}, None),
        ({"page_size_kb": 4, "pinning": ((0, 99),)}, "CPUPinningUnknown"),
        ({"page_size_kb": 4, "pinning": ((0, 3),)}, "CPUPinningInvalid"),
        ({"page_size_kb": 4, "reserved_cpus": frozenset({3})}, "CPUPinningInvalid"),
    ],
)
def test_nova_stumbles_over_cpus_that_cannot_be_pinned(facts: dict[str, object], exception: str | None) -> None:
    host = host_of(host_cell(0, pages=PAGES, pinned_cpus=frozenset({3})))
    guest = lying(GuestCell(0, frozenset(), frozenset({0}), 2, None, "dedicated", host_cell=0), **facts)
    assert nova_usage_exception(host, guest) == exception
    assert with_usage(host, guest).cells[0].pinned_cpus <= host.cells[0].pinnable_cpus


def test_nova_stumbles_over_cells_that_name_no_pages() -> None:
    guest = lying(GuestCell(0, frozenset({0}), frozenset(), 2), host_cell=0)
    assert nova_usage_exception(host_of(host_cell(0)), guest) == "IndexError"


@given(host=hosts(), guest=guests())
def test_a_fitted_guest_is_released_without_a_trace(host: HostNuma, guest: GuestNuma) -> None:
    fitted = fit(host, guest)
    if fitted is not None:
        used = with_usage(host, fitted)
        assert with_usage(used, fitted, -1) == host
        assert nova_usage_exception(host, fitted) in (None, "IndexError")
        assert sum(cell.memory_usage_mb for cell in used.cells) - sum(
            cell.memory_usage_mb for cell in host.cells
        ) == sum(cell.memory_mb for cell in guest.cells)


@given(host=hosts(), guests_held=st.lists(guests(), min_size=1, max_size=4), first_out=st.integers(0, 3))
def test_a_reversible_guest_leaves_what_the_others_alone_would_use(
    host: HostNuma, guests_held: list[GuestNuma], first_out: int
) -> None:
    fitted = [found for guest in guests_held if (found := fit(host, guest)) is not None]
    reversible = [number for number, guest in enumerate(fitted) if is_reversible(host, guest)]
    if not reversible:
        return
    out = reversible[first_out % len(reversible)]
    used, without = host, host
    for number, guest in enumerate(fitted):
        used = with_usage(used, guest)
        without = without if number == out else with_usage(without, guest)
    assert with_usage(used, fitted[out], -1) == without


def test_pinned_cpus_and_parts_of_pages_are_not_reversible() -> None:
    cell = GuestCell(0, frozenset({0}), frozenset(), 3, host_cell=0)
    small, large = host_of(host_cell(0, pages=PAGES[:1])), host_of(host_cell(0, pages=PAGES[1:]))
    assert is_reversible(small, lying(cell))
    assert is_reversible(host_of(host_cell(0)), lying(cell))
    assert is_reversible(small, lying(cell, host_cell=None))
    assert not is_reversible(large, lying(cell))
    assert not is_reversible(small, lying(cell, page_size_kb=2048))
    assert not is_reversible(small, lying(cell, cpu_policy="dedicated"))
