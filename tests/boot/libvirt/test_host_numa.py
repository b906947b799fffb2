"""The cells of simulated hosts: all CPUs and all memory, each once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.boot.libvirt.host_numa import HUGE_PAGE_KB, SMALL_PAGE_KB, host_numa
from tests.boot.libvirt.guests import profile


@given(
    vcpus=st.integers(1, 130),
    memory_mb=st.integers(512, 10_000),
    cells=st.integers(1, 64),
    huge_pages_mb=st.integers(0, 20_000),
)
def test_cells_part_the_host_without_rest(vcpus: int, memory_mb: int, cells: int, huge_pages_mb: int) -> None:
    made = host_numa(profile(vcpus=vcpus, memory_mb=memory_mb, numa_cells=cells, huge_pages_mb=huge_pages_mb))
    assert made is not None
    assert sorted(cpu for cell in made.cells for cpu in cell.cpus) == list(range(vcpus))
    assert sum(cell.memory_mb for cell in made.cells) == memory_mb
    sizes = [len(cell.cpus) for cell in made.cells]
    assert max(sizes) - min(sizes) <= 1
    for cell in made.cells:
        assert frozenset[int]().union(*cell.siblings) == cell.cpus == cell.pinnable_cpus
        assert sum(pages.size_kb * pages.total for pages in cell.pages) == cell.memory_mb * 1024
        assert {pages.size_kb for pages in cell.pages} <= {SMALL_PAGE_KB, HUGE_PAGE_KB}


def test_a_host_without_cells_tells_of_none() -> None:
    assert host_numa(profile(numa_cells=0)) is None
