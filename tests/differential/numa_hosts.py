"""Random NUMA topologies of hosts and random guests that ask for one."""

from __future__ import annotations

from tests.differential.chance import Chance, Content

_SMALL_KB, _LARGE_KB, _HUGE_KB = 4, 2048, 1048576
PHYSNETS = ("physnet0", "physnet1")


def give_topology(chance: Chance, host: Content) -> None:
    """Give a host cells of CPUs, memory and pages, partly in use; one in eight hosts reports none."""
    if chance.maybe(0.12):
        return
    many = chance.one((1, 2, 2, 2, 4))
    cores, threads = chance.one((2, 3, 4, 6, 8)), chance.one((1, 2, 2, 4))
    layout = chance.one(("both", "both", "dedicated", "shared", "split"))
    uneven = chance.maybe(0.2)
    total = many * cores * threads
    ids = list(range(many))
    if chance.maybe(0.1):
        ids = [cell * 2 + 1 for cell in ids]
    cells = []
    for place, number in enumerate(ids):
        siblings = [
            [place * cores + core + thread * many * cores for thread in range(threads)] for core in range(cores)
        ]
        if uneven and place:
            siblings = siblings[: max(1, cores // 2)]
        cells.append(_cell(chance, number, siblings, layout))
        if chance.maybe(0.85):
            cells[-1]["socket"] = place // 2
        if chance.maybe(0.3):
            cells[-1]["network_metadata"] = {"physnets": chance.some(PHYSNETS), "tunneled": chance.maybe(0.4)}
    host["numa_topology"] = {"cells": cells}
    host["vcpus"] = total
    host["vcpus_used"] = chance.number(0, total)
    host["memory_mb"] = sum(cell["memory"] for cell in cells)
    host["memory_mb_used"] = sum(cell["memory_usage"] for cell in cells)


def _cell(chance: Chance, number: int, siblings: list[list[int]], layout: str) -> Content:
    cpus = sorted(cpu for core in siblings for cpu in core)
    half = {cpu for core in siblings[: len(siblings) // 2] for cpu in core}
    dedicated = {"both": set(cpus), "dedicated": set(cpus), "shared": set(), "split": half}[layout]
    shared = {"both": set(cpus), "dedicated": set(), "shared": set(cpus), "split": set(cpus) - half}[layout]
    memory_mb = chance.one((4096, 8192, 16384, 32768))
    pages = _pages(chance, memory_mb) if chance.maybe(0.8) else []
    pinned = chance.some(sorted(dedicated), 0, len(dedicated)) if chance.maybe(0.6) else []
    return {
        "id": number,
        "cpuset": sorted(shared),
        "pcpuset": sorted(dedicated),
        "memory": memory_mb,
        "cpu_usage": len(pinned) if layout != "shared" else chance.number(0, 2 * len(cpus)),
        "memory_usage": chance.one((0, 0, memory_mb // 4, memory_mb // 2, memory_mb)),
        "pinned_cpus": sorted(pinned),
        "siblings": siblings if chance.maybe(0.985) else [],
        "mempages": pages,
    }


def _pages(chance: Chance, memory_mb: int) -> list[Content]:
    sizes = chance.one(((_SMALL_KB,), (_SMALL_KB, _LARGE_KB), (_SMALL_KB, _LARGE_KB, _HUGE_KB), (_LARGE_KB,)))
    pages = []
    for size_kb in sizes:
        total = memory_mb * 1024 // len(sizes) // size_kb
        pages.append(
            {
                "size_kb": size_kb,
                "total": total,
                "used": chance.one((0, 0, total // 2, total)),
                "reserved": chance.one((0, 0, 0, total // 8)),
            }
        )
    return pages


def ask_topology(chance: Chance, case: Content) -> None:
    """Ask, in the flavor or the image, for nodes, pages, dedicated CPUs; sometimes for what contradicts itself."""
    flavor, image = case["request_spec"]["flavor"], case["request_spec"]["image"]
    specs, properties = flavor["extra_specs"], image["properties"]
    flavor |= {
        "vcpus": chance.one((1, 2, 3, 4, 4, 6, 8)),
        "memory_mb": chance.one((512, 1024, 2048, 4096, 6144, 8192)),
    }
    nodes = chance.one((0, 1, 2, 2, 2, 3, 4))
    if nodes and (flavor["vcpus"] % nodes or flavor["memory_mb"] % nodes):
        nodes = chance.one((0, 1, nodes))
    policy = chance.one((None, "dedicated", "dedicated", "shared", "mixed"))
    _put(chance, specs, properties, "cpu_policy", policy)
    if policy == "mixed":
        many = chance.number(1, max(1, flavor["vcpus"] - 1))
        specs["hw:cpu_dedicated_mask"] = chance.one((f"0-{many - 1}" if many > 1 else "0", f"^0-{many - 1}"))
    if chance.maybe(0.35):
        thread = chance.one(("prefer", "require", "isolate"))
        _put(
            chance,
            specs,
            properties,
            "cpu_thread_policy",
            thread if policy == "dedicated" or chance.maybe(0.05) else None,
        )
    if chance.maybe(0.2):
        specs["hw:emulator_threads_policy"] = chance.one(("isolate", "isolate", "share"))
    if chance.maybe(0.4):
        specs["hw:mem_page_size"] = chance.one(("small", "large", "any", "2048", "2MB", "1GB", "4", "64MB"))
        if chance.maybe(0.15):
            properties["hw_mem_page_size"] = chance.one(("2MB", "small", "large"))
    if nodes:
        _put(chance, specs, properties, "numa_nodes", str(nodes))
        if nodes > 1 and chance.maybe(0.4):
            _uneven_nodes(chance, flavor, nodes)
    if policy is None and chance.maybe(0.15):
        specs["resources:PCPU"] = str(flavor["vcpus"])
    if chance.maybe(0.1):
        case["config"]["compute"] = {"packing_host_numa_cells_allocation_strategy": True}
    if chance.maybe(0.15):
        case["request_spec"]["network_metadata"] = {
            "physnets": sorted(chance.some(PHYSNETS)),
            "tunneled": chance.maybe(0.4),
        }


def _put(chance: Chance, specs: Content, properties: Content, name: str, value: str | None) -> None:
    if value is None:
        return
    if chance.maybe(0.8):
        specs[f"hw:{name}"] = value
    if chance.maybe(0.2):
        properties[f"hw_{name}"] = value


def _uneven_nodes(chance: Chance, flavor: Content, nodes: int) -> None:
    """Spell out which CPUs and how much memory each node has, unequal ones."""
    cpus = list(range(flavor["vcpus"]))
    cuts = sorted(chance.some(range(1, len(cpus)), nodes - 1, nodes - 1)) if len(cpus) >= nodes else []
    if len(cuts) != nodes - 1:
        return
    parts = [cpus[low:high] for low, high in zip([0, *cuts], [*cuts, len(cpus)], strict=True)]
    memories = [512 * chance.number(1, 6) for _ in parts]
    flavor["memory_mb"] = sum(memories)
    for number, (part, memory_mb) in enumerate(zip(parts, memories, strict=True)):
        flavor["extra_specs"][f"hw:numa_cpus.{number}"] = ",".join(str(cpu) for cpu in part)
        flavor["extra_specs"][f"hw:numa_mem.{number}"] = str(memory_mb + (1 if chance.maybe(0.03) else 0))
