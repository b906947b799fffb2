"""The NUMA cells that a flavor and an image ask for (nova.virt.hardware.numa_get_constraints)."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from engine.fitting.cpu_policies import CpuPolicies, cpu_policies
from engine.fitting.cpu_specs import parse_cpu_spec
from engine.fitting.errors import NumaConstraintError
from engine.fitting.image_values import check_image, image_numa_cpus, image_numa_mem, image_whole, numbered, whole
from engine.fitting.memory_policies import locked_memory, page_size_wish, persistent_memory_labels
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.limits import MAX_VCPUS
from engine.model.numa import DEDICATED, MIXED, GuestCell, GuestNuma

T = TypeVar("T")


def guest_numa(flavor: Flavor, image: Image) -> GuestNuma | None:
    """Return the guest's cells, None where nothing asks for any.

    A number of cells, a page size, persistent memory, and dedicated or mixed CPUs each ask for cells. They are equal
    shares of vCPUs and memory unless hw:numa_cpus.N and hw:numa_mem.N (or the image's) lay them out. Raises
    NumaConstraintError where the flavor and the image contradict themselves or each other.
    """
    check_image(image)
    policies = cpu_policies(flavor, image)
    nodes = _cell_count(flavor, image)
    pages = page_size_wish(flavor, image)
    labels = persistent_memory_labels(flavor)
    locked_memory(flavor, image)
    if not (nodes or pages or labels or policies.policy in (DEDICATED, MIXED)):
        return None
    shares = _shares(flavor, image, nodes or 1)
    if policies.thread_policy is None and flavor.extra_specs.get("hw:cpu_thread_policy") == "":
        _fail(f"flavor {flavor.name!r} sets an empty hw:cpu_thread_policy: name a policy or remove it", "ValueError")
    cells = tuple(_cell(number, cpus, memory_mb, pages, policies) for number, (cpus, memory_mb) in enumerate(shares))
    return GuestNuma(cells, policies.emulator_policy)


def _cell(number: int, cpus: frozenset[int], memory_mb: int, pages: float | None, policies: CpuPolicies) -> GuestCell:
    """Return one cell of the guest, its vCPUs parted into shared and dedicated ones."""
    return GuestCell(
        cell_id=number,
        cpus=cpus - policies.dedicated_cpus,
        dedicated_cpus=cpus & policies.dedicated_cpus,
        memory_mb=memory_mb,
        page_size_kb=int(pages or 0) or None,
        cpu_policy=policies.policy,
        cpu_thread_policy=policies.thread_policy,
    )


def _cell_count(flavor: Flavor, image: Image) -> int | None:
    """Return the number of cells asked for by name, None where none is."""
    of_flavor = flavor.extra_specs.get("hw:numa_nodes")
    of_image = image_whole(image, "hw_numa_nodes")
    if of_flavor and of_image:
        _fail_image_denied(flavor, "hw_numa_nodes")
    said = of_flavor or of_image
    if said is None:
        return None
    count = _plain_whole(said)
    if count is None or not 1 <= count <= MAX_VCPUS:
        _fail(f"the number of NUMA cells is {said!r}: it must be a whole number from 1", "InvalidNUMANodesNumber")
    return count


def _plain_whole(said: str | int) -> int | None:
    """Return the number that a text writes in its plainest form, None for any other text."""
    try:
        number = int(said)
    except ValueError:
        return None
    return number if str(number) == str(said) else None


def _shares(flavor: Flavor, image: Image, count: int) -> list[tuple[frozenset[int], int]]:
    """Return the vCPUs and the MiB of each cell: as laid out, or equal shares."""
    cpus = _laid_out(
        flavor,
        "hw_numa_cpus",
        numbered(flavor.extra_specs, "hw:numa_cpus", lambda key, text: parse_cpu_spec(str(text), name=key)),
        image_numa_cpus(image),
    )
    memory = _laid_out(flavor, "hw_numa_mem", numbered(flavor.extra_specs, "hw:numa_mem", whole), image_numa_mem(image))
    if cpus is None and memory is None:
        return _equal_shares(flavor, count)
    if cpus is None or memory is None or len(cpus) != count or len(memory) != count:
        _fail(
            f"a layout of {count} NUMA cells needs the vCPUs and the memory of each: give hw:numa_cpus.N and "
            f"hw:numa_mem.N for N from 0 to {count - 1}",
            "ImageNUMATopologyIncomplete",
        )
    _check_layout(flavor, cpus, memory)
    return list(zip(cpus, memory, strict=True))


def _laid_out(flavor: Flavor, key: str, of_flavor: list[T] | None, of_image: list[T] | None) -> list[T] | None:
    """Return the flavor's layout or the image's, of which only one may be."""
    if of_flavor is not None and of_image is not None:
        _fail_image_denied(flavor, key)
    return of_image if of_flavor is None else of_flavor


def _equal_shares(flavor: Flavor, count: int) -> list[tuple[frozenset[int], int]]:
    """Return as many equal shares; NumaConstraintError where they cannot be."""
    if flavor.vcpus % count or flavor.memory_mb % count:
        _fail(
            f"{flavor.vcpus} vCPUs and {flavor.memory_mb} MiB of flavor {flavor.name!r} do not divide into {count} "
            "equal NUMA cells: change the sizes, or lay the cells out with hw:numa_cpus.N and hw:numa_mem.N",
            "ImageNUMATopologyAsymmetric",
        )
    vcpus, memory_mb = flavor.vcpus // count, flavor.memory_mb // count
    return [(frozenset(range(cell * vcpus, (cell + 1) * vcpus)), memory_mb) for cell in range(count)]


def _check_layout(flavor: Flavor, cpus: list[frozenset[int]], memory: list[int]) -> None:
    """Raise NumaConstraintError unless each vCPU is in exactly one cell and the cells' memory is the flavor's."""
    free = set(range(flavor.vcpus))
    for cell in cpus:
        for cpu in cell:
            if cpu >= flavor.vcpus:
                _fail(
                    f"a NUMA cell names vCPU {cpu}, but flavor {flavor.name!r} has vCPUs 0 to {flavor.vcpus - 1}",
                    "ImageNUMATopologyCPUOutOfRange",
                )
            if cpu not in free:
                _fail(f"vCPU {cpu} is in two NUMA cells: name it once", "ImageNUMATopologyCPUDuplicates")
            free.remove(cpu)
    if free:
        _fail(
            f"vCPUs {', '.join(map(str, sorted(free)[:10]))} of flavor {flavor.name!r} are in no NUMA cell: "
            "add them to hw:numa_cpus.N",
            "ImageNUMATopologyCPUsUnassigned",
        )
    if sum(memory) != flavor.memory_mb:
        _fail(
            f"the NUMA cells have {sum(memory)} MiB together, but flavor {flavor.name!r} has {flavor.memory_mb} MiB",
            "ImageNUMATopologyMemoryOutOfRange",
        )


def _fail_image_denied(flavor: Flavor, key: str) -> NoReturn:
    """Raise the error of an image that repeats what the flavor says."""
    _fail(
        f"flavor {flavor.name!r} and the image both say what {key} says: leave it to one of them",
        "ImageNUMATopologyForbidden",
    )


def _fail(message: str, nova_exception: str) -> NoReturn:
    """Raise a NumaConstraintError."""
    raise NumaConstraintError(message, nova_exception=nova_exception)
