"""Hosts and guests for the tests of NUMA fitting: small builders, and strategies that draw any shape of them."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.model.numa import (
    ANY_PAGES,
    DEDICATED,
    LARGE_PAGES,
    MIXED,
    SHARED,
    SMALL_PAGES,
    GuestCell,
    GuestNuma,
    HostCell,
    HostNuma,
    HostPages,
)

POLICIES = (None, SHARED, DEDICATED, MIXED)
THREAD_POLICIES = (None, "prefer", "isolate", "require")
PAGE_WISHES = (None, SMALL_PAGES, LARGE_PAGES, ANY_PAGES, 4, 2048, 1048576, 64)


def host_cell(number: int, *, cores: int = 4, threads: int = 2, memory_mb: int = 4096, **facts: object) -> HostCell:
    """A cell whose CPUs can all be shared and pinned, thread t of core c being CPU number * 100 + c + t * cores."""
    siblings = tuple(
        frozenset(number * 100 + core + thread * cores for thread in range(threads)) for core in range(cores)
    )
    cpus = frozenset().union(*siblings)
    given = {"cpus": cpus, "pinnable_cpus": cpus, "siblings": siblings, **facts}
    return HostCell(cell_id=number, memory_mb=memory_mb, **given)  # type: ignore[arg-type]


def host_of(*cells: HostCell) -> HostNuma:
    return HostNuma(cells)


def guest_of(
    *sizes: tuple[int, int],
    policy: str | None = DEDICATED,
    threads: str | None = None,
    page_size_kb: int | None = None,
    emulator: str | None = None,
) -> GuestNuma:
    """A guest with a cell for each (vCPUs, MiB), all shared or all dedicated."""
    cells = []
    first = 0
    for number, (vcpus, memory_mb) in enumerate(sizes):
        cpus = frozenset(range(first, first + vcpus))
        first += vcpus
        shared, dedicated = (cpus, frozenset[int]()) if policy in (None, SHARED) else (frozenset[int](), cpus)
        cells.append(GuestCell(number, shared, dedicated, memory_mb, page_size_kb, policy, threads))
    return GuestNuma(tuple(cells), emulator)


def places(guest: GuestNuma | None) -> list[int | None] | None:
    return None if guest is None else [cell.host_cell for cell in guest.cells]


@st.composite
def host_cells(draw: st.DrawFn, number: int) -> HostCell:
    threads = draw(st.sampled_from((1, 2, 2, 4)))
    cores = draw(st.integers(1, 4))
    base = number * 100
    siblings = tuple(frozenset(base + core * threads + thread for thread in range(threads)) for core in range(cores))
    cpus = sorted(frozenset().union(*siblings))
    shared = frozenset(draw(st.sets(st.sampled_from(cpus))))
    everything = draw(st.booleans())
    pinnable = frozenset(cpus) if everything else frozenset(cpus) - shared
    pinned = frozenset(draw(st.sets(st.sampled_from(sorted(pinnable))))) if pinnable else frozenset[int]()
    memory_mb = draw(st.sampled_from((1024, 2048, 4096)))
    sizes = draw(st.sampled_from(((), (4,), (4, 2048), (2048, 1048576))))
    pages = tuple(
        HostPages(size, total := memory_mb * 512 // size, draw(st.integers(0, total)), draw(st.integers(0, 2)))
        for size in sizes
    )
    return HostCell(
        cell_id=number,
        cpus=frozenset(cpus) if everything else shared,
        pinnable_cpus=pinnable,
        memory_mb=memory_mb,
        cpu_usage=draw(st.integers(0, 6)),
        memory_usage_mb=draw(st.integers(0, memory_mb)),
        pinned_cpus=pinned,
        siblings=siblings if draw(st.integers(0, 15)) else (),
        pages=pages,
        socket=number // 2,
        physnets=frozenset(draw(st.sets(st.sampled_from(("left", "right")), max_size=1))),
        tunneled=draw(st.booleans()),
    )


@st.composite
def hosts(draw: st.DrawFn, most_cells: int = 4) -> HostNuma:
    return HostNuma(tuple(draw(host_cells(number)) for number in range(draw(st.integers(1, most_cells)))))


@st.composite
def guests(draw: st.DrawFn, most_cells: int = 3) -> GuestNuma:
    policy = draw(st.sampled_from(POLICIES))
    pinned = policy in (DEDICATED, MIXED)
    threads = draw(st.sampled_from(THREAD_POLICIES)) if pinned else None
    wish = draw(st.sampled_from(PAGE_WISHES))
    cells = []
    first = 0
    for number in range(draw(st.integers(1, most_cells))):
        vcpus = draw(st.integers(0, 4))
        cpus = range(first, first + vcpus)
        first += vcpus
        split = {MIXED: draw(st.integers(0, vcpus)), DEDICATED: vcpus}.get(policy or "", 0)
        memory_mb = draw(st.sampled_from((256, 512, 1023, 1024, 2048)))
        cells.append(
            GuestCell(number, frozenset(cpus[split:]), frozenset(cpus[:split]), memory_mb, wish, policy, threads)
        )
    return GuestNuma(tuple(cells), draw(st.sampled_from((None, "share", "isolate"))) if pinned else None)
