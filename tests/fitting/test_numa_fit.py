"""Which host cells a guest's cells go to: the order of trying, the first way that fits, and how little work it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fitting import host_cell_sets, numa_exact, numa_replay
from engine.fitting.cell_fit import CellLimits, cell_fit, fitted_cell
from engine.fitting.numa_exact import guest_needs
from engine.fitting.numa_fit import Mappings, fit, fit_candidates, fitting_candidates
from engine.fitting.numa_order import ordered_cells
from engine.fitting.pci import supports
from engine.model.numa import LARGE_PAGES, GuestNuma, HostCell, HostNuma, HostPages, NetworkNeeds
from engine.model.pci import NUMA_POLICIES, PciPool, PciRequest
from tests.fitting.numa_cases import guest_of, guests, host_cell, host_of, hosts, places


def request(count: int, policy: str = "required", **spec: str) -> PciRequest:
    return PciRequest(count, (tuple(sorted({"vendor_id": "8086", **spec}.items())),), policy, "r", "a")


def pool(node: int | None, count: int, product: str = "1") -> PciPool:
    return PciPool("8086", product, node, count)


def first_by_brute_force(
    host: HostNuma,
    guest: GuestNuma,
    limits: CellLimits,
    networks: NetworkNeeds | None,
    requests: Sequence[PciRequest],
    pools: Sequence[PciPool],
    pack_cells: bool,
) -> GuestNuma | None:
    """The first permutation of host cells on which all goes, found by trying every one."""
    if len(host.cells) < len(guest.cells):
        return None
    cells = ordered_cells(host, guest, pools, wants_devices=bool(requests), pack_cells=pack_cells)
    needs = guest_needs(guest)
    for chosen in permutations(cells, len(guest.cells)):
        found = [cell_fit(cell, one, limits) for cell, one in zip(chosen, needs, strict=True)]
        if not all(verdict.fits for verdict in found):
            continue
        ids = frozenset(cell.cell_id for cell in chosen)
        if requests and not supports(pools, requests, cells=ids, host=host):
            continue
        if networks is not None and not near(host.cells, chosen, networks):
            continue
        fitted = (
            fitted_cell(cell, replace(one, page_size_kb=verdict.page_size_kb), there)
            for cell, one, verdict, there in zip(guest.cells, needs, found, chosen, strict=True)
        )
        return GuestNuma(tuple(fitted), guest.emulator_threads_policy)
    return None


def near(cells: Sequence[HostCell], chosen: Sequence[HostCell], networks: NetworkNeeds) -> bool:
    for physnet in networks.physnets:
        if any(physnet in cell.physnets for cell in cells) and not any(physnet in cell.physnets for cell in chosen):
            return False
    tunneled = networks.tunneled and any(cell.tunneled for cell in cells)
    return not tunneled or any(cell.tunneled for cell in chosen)


POOLS = st.lists(
    st.builds(pool, st.sampled_from((None, 0, 1, 2, 3)), st.integers(1, 3), st.sampled_from("12")), max_size=5
)
REQUESTS = st.lists(
    st.builds(
        lambda count, policy, spec: request(count, policy, **spec),
        st.integers(1, 3),
        st.sampled_from(("", *NUMA_POLICIES)),
        st.sampled_from(({}, {"product_id": "1"}, {"product_id": "2"})),
    ),
    max_size=2,
)
NETWORKS = st.none() | st.builds(
    NetworkNeeds, st.frozensets(st.sampled_from(("left", "right", "nowhere"))), st.booleans()
)


@settings(max_examples=200)
@given(
    host=hosts(),
    guest=guests(),
    networks=NETWORKS,
    requests=REQUESTS,
    pools=POOLS,
    pack_cells=st.booleans(),
    ratios=st.sampled_from(((None, None), (4.0, 1.5), (1.0, 1.0))),
)
def test_the_answer_is_the_first_of_all_permutations_that_fits(
    host: HostNuma,
    guest: GuestNuma,
    networks: NetworkNeeds | None,
    requests: list[PciRequest],
    pools: list[PciPool],
    pack_cells: bool,
    ratios: tuple[float | None, float | None],
) -> None:
    found = fit(
        host,
        guest,
        cpu_allocation_ratio=ratios[0],
        ram_allocation_ratio=ratios[1],
        networks=networks,
        pci_requests=requests,
        pci_pools=pools,
        pack_cells=pack_cells,
    )
    assert found == first_by_brute_force(host, guest, CellLimits(*ratios), networks, requests, pools, pack_cells)


@given(host=hosts(), guest=guests())
def test_each_guest_cell_has_a_host_cell_and_cpus_of_its_own(host: HostNuma, guest: GuestNuma) -> None:
    found = fit(host, guest)
    if found is None:
        return
    assert len(set(places(found) or ())) == len(guest.cells)
    pins = [cpu for cell in found.cells for _, cpu in cell.pinning]
    assert len(pins) == len(set(pins)) == sum(len(cell.dedicated_cpus) for cell in guest.cells)
    assert sum(len(cell.reserved_cpus) for cell in found.cells) == (guest.emulator_threads_policy == "isolate")
    assert all((cell.page_size_kb or 4) > 0 for cell in found.cells)


@given(host=hosts(), guest=guests(), count=st.integers(0, 3))
def test_asking_whether_agrees_with_asking_where(host: HostNuma, guest: GuestNuma, count: int) -> None:
    candidates: list[Mappings | None] = [None] * count
    found = fit_candidates(host, guest, candidates)
    assert fitting_candidates(host, guest, candidates) == tuple(one is not None for one in found)


def test_cells_that_are_freest_are_tried_first() -> None:
    busy = [
        replace(host_cell(0), memory_usage_mb=500),
        replace(host_cell(1), memory_usage_mb=100),
        replace(host_cell(2), pinned_cpus=frozenset({200})),
    ]
    assert places(fit(host_of(*busy), guest_of((2, 64)))) == [1]
    assert places(fit(host_of(*busy), guest_of((2, 64)), pack_cells=True)) == [2]
    assert places(fit(host_of(*busy), guest_of((2, 64), policy=None))) == [2]


def test_a_guest_with_as_many_cells_keeps_the_hosts_order() -> None:
    cells = (replace(host_cell(0), memory_usage_mb=500), host_cell(1))
    assert places(fit(host_of(*cells), guest_of((1, 64), (1, 64)))) == [0, 1]


def test_cells_with_devices_are_for_guests_that_want_some() -> None:
    host = host_of(host_cell(0), host_cell(1), host_cell(2))
    pools = [pool(1, 2), pool(0, 1)]
    assert places(fit(host, guest_of((1, 64)), pci_pools=pools)) == [2]
    assert places(fit(host, guest_of((1, 64)), pci_pools=pools, pci_requests=[request(1)])) == [1]
    assert places(fit(host, guest_of((1, 64)), pci_pools=pools, pci_requests=[request(3)])) is None
    assert places(fit(host, guest_of((1, 64), (1, 64)), pci_pools=pools, pci_requests=[request(3)])) == [1, 0]


def test_each_candidate_is_answered_by_its_mappings() -> None:
    host = host_of(host_cell(0), host_cell(1))
    pools = [
        PciPool("8086", "1", 0, 1, (("rp_uuid", "near-0"),)),
        PciPool("8086", "1", 1, 1, (("rp_uuid", "near-1"),)),
    ]
    candidates: list[Mappings] = [{"r-0": ("near-1",)}, {"r-0": ("gone",)}, {"r-0": ("near-0",)}]
    found = fit_candidates(host, guest_of((1, 64)), candidates, pci_requests=[request(1)], pci_pools=pools)
    assert [places(one) for one in found] == [[1], None, [0]]


def test_no_cells_asked_for_fit_nothing_and_no_candidates_have_no_answers() -> None:
    assert fit(host_of(host_cell(0)), GuestNuma(())) is None
    assert fit(HostNuma(()), guest_of((1, 1))) is None
    assert fit_candidates(host_of(host_cell(0)), guest_of((1, 1)), ()) == ()


@pytest.mark.parametrize("quirks", [False, True])
def test_huge_and_negative_amounts_have_answers(quirks: bool) -> None:
    host = host_of(host_cell(0, memory_mb=10**18), host_cell(1, memory_usage_mb=-5))
    assert fit(host, guest_of((1, 10**30)), quirks=quirks) is None
    assert places(fit(host, guest_of((1, 10**17)), quirks=quirks)) == [0]
    assert places(fit(host, guest_of((1, -4)), quirks=quirks)) == [0]


MANY = host_of(*(replace(host_cell(number, memory_mb=8192), memory_usage_mb=number * 64 % 448) for number in range(16)))
PAGED = host_of(*(replace(cell, pages=(HostPages(4, 2097152), HostPages(2048, 512))) for cell in MANY.cells))
LAST_NEAR = host_of(*MANY.cells[:15], replace(MANY.cells[15], physnets=frozenset({"left"})))
EACH_NEAR = host_of(*(replace(cell, physnets=frozenset({str(number)})) for number, cell in enumerate(MANY.cells)))
EQUAL = guest_of(*[(4, 512)] * 8)
RISING = guest_of(*[(1 + number, 512) for number in range(8)])
ONE_TOO_LARGE = guest_of(*[(4, 512)] * 7, (9, 512))
DEVICES = [pool(number, 2) for number in range(16)]


@pytest.mark.parametrize("quirks", [False, True], ids=["exact", "nova"])
@pytest.mark.parametrize(
    ("host", "guest", "conditions", "fits"),
    [
        (MANY, EQUAL, {}, True),
        (MANY, RISING, {}, True),
        (PAGED, guest_of(*[(4, 512)] * 8, page_size_kb=LARGE_PAGES), {}, True),
        (MANY, guest_of(*[(9, 512)] * 8), {}, False),
        (MANY, guest_of(*[(4, 512)] * 17), {}, False),
        (MANY, EQUAL, {"pci_requests": [request(16)], "pci_pools": DEVICES}, True),
        (MANY, EQUAL, {"pci_requests": [request(17)], "pci_pools": DEVICES}, False),
        (MANY, RISING, {"pci_requests": [request(2)], "pci_pools": DEVICES[15:]}, True),
        (MANY, EQUAL, {"pci_requests": [request(9), request(8, product_id="1")], "pci_pools": DEVICES}, False),
        (LAST_NEAR, EQUAL, {"networks": NetworkNeeds(frozenset({"left"}))}, True),
        (LAST_NEAR, RISING, {"networks": NetworkNeeds(frozenset({"left"}))}, True),
        (EACH_NEAR, RISING, {"networks": NetworkNeeds(frozenset(map(str, range(9))))}, False),
    ],
)
def test_sixteen_cells_take_no_more_than_the_pairs(
    host: HostNuma, guest: GuestNuma, conditions: dict[str, object], fits: bool, quirks: bool
) -> None:
    with (
        patch.object(numa_exact, "cell_fit", wraps=numa_exact.cell_fit) as exact,
        patch.object(numa_replay, "cell_fit", wraps=numa_replay.cell_fit) as replayed,
        patch.object(host_cell_sets, "supports", wraps=host_cell_sets.supports) as supported,
    ):
        found = fit(host, guest, quirks=quirks, **conditions)  # type: ignore[arg-type]
    assert (found is not None) == fits
    assert exact.call_count + replayed.call_count <= 3 * 16 * 8
    assert supported.call_count <= 16 * 8


def test_sixteen_cells_of_which_one_guest_cell_fits_none_take_no_more_than_the_pairs() -> None:
    with patch.object(numa_exact, "cell_fit", wraps=numa_exact.cell_fit) as judged:
        assert fit(MANY, ONE_TOO_LARGE) is None
    assert judged.call_count <= 2 * 16


def test_host_cells_are_not_judged_beyond_the_first_that_fit() -> None:
    with patch.object(numa_exact, "cell_fit", wraps=numa_exact.cell_fit) as judged:
        assert fit(MANY, guest_of((4, 512), (4, 512))) is not None
    assert judged.call_count == 2
