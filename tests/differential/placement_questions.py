"""Random questions and writes for comparing with placement: granular groups, subtrees, any-of traits, moves."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any

from tests.differential.placement_deployments import TRAITS

_AMOUNTS = {
    "VCPU": (1, 2, 2, 4),
    "PCPU": (1, 2),
    "MEMORY_MB": (512, 1024),
    "DISK_GB": (5, 10, 20),
    "VGPU": (1, 1, 2),
    "CUSTOM_PCI": (1,),
    "CUSTOM_BW": (1, 4),
    "SRIOV_NET_VF": (1, 2),
    "IPV4_ADDRESS": (1,),
}
_BASE = ("VCPU", "MEMORY_MB", "DISK_GB")


def question(chance: random.Random, kind: str, providers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a random GET of allocation candidates, as the oracle's placement cases have it; some break its rules."""
    microversion = chance.choice(("1.36", "1.39", "1.39", "1.39", "1.28"))
    named = microversion != "1.28"
    known = sorted({name for provider in providers for name in provider["inventories"] if name in _AMOUNTS})
    params: list[tuple[str, str]] = []
    if chance.random() < 0.7:
        wanted = [name for name in known if chance.random() < (0.5 if name in _BASE else 0.15)]
        _group(chance, params, "", wanted or ["DISK_GB"], providers, microversion)
    granular = chance.choice((0, 0, 1, 1, 2, 2, 3) if params else (1, 2, 3))
    used = chance.sample(("_A", "_B", "3", "_d") if named else ("1", "2", "3", "4"), granular)
    bare = [suffix for suffix in used if named and chance.random() < 0.2]
    devices = [name for name in known if name not in _BASE] or known
    for suffix in used:
        several = 2 if chance.random() < 0.15 else 1
        pool = devices if chance.random() < 0.8 else known
        wanted = [] if suffix in bare else chance.sample(pool, min(several, len(pool)))
        _group(chance, params, suffix, wanted, providers, microversion)
    if (granular > 1 and chance.random() < 0.98) or chance.random() < 0.3:
        params.append(("group_policy", chance.choice(("none", "none", "isolate"))))
    if named and (bare or (granular > 1 and chance.random() < 0.25)):
        bound = set(bare) | set(chance.sample(used, chance.randint(1, granular)))
        if len(bound) > 2 and chance.random() < 0.2:
            params.append(("same_subtree", ",".join(chance.sample(sorted(bound), 2))))
        params.append(("same_subtree", ",".join(sorted(bound))))
    if named and chance.random() < 0.1:
        params.append(("root_required", ",".join(chance.choice(("", "!")) + t for t in chance.sample(TRAITS, 1))))
    if chance.random() < 0.3:
        chance.shuffle(params)
    return {"params": params, "microversion": microversion}


def _group(
    chance: random.Random,
    params: list[tuple[str, str]],
    suffix: str,
    wanted: Sequence[str],
    providers: Sequence[dict[str, Any]],
    microversion: str,
) -> None:
    """Add one group's parameters; without resources it has traits or a tree."""
    before = len(params)
    if wanted:
        amounts = ",".join(f"{name}:{chance.choice(_AMOUNTS[name])}" for name in wanted)
        params.append((f"resources{suffix}", amounts))
    if not wanted and chance.random() < 0.4:
        params.append((f"required{suffix}", "HW_NUMA_ROOT"))
    elif chance.random() < (0.12 if wanted else 0.7):
        traits = [chance.choice(("", "!")) + trait for trait in chance.sample(TRAITS, chance.randint(1, 2))]
        params.append((f"required{suffix}", ",".join(traits)))
    if microversion == "1.39" and chance.random() < 0.1:
        params.append((f"required{suffix}", "in:" + ",".join(chance.sample(TRAITS, 2))))
    aggregates = sorted({each for provider in providers for each in provider["aggregates"]})
    if len(aggregates) > 1 and chance.random() < 0.1:
        params.append((f"member_of{suffix}", "in:" + ",".join(chance.sample(aggregates, chance.randint(1, 2)))))
    if len(aggregates) > 1 and chance.random() < 0.04:
        params.append((f"member_of{suffix}", chance.choice(aggregates)))
    if aggregates and microversion != "1.28" and chance.random() < 0.06:
        params.append((f"member_of{suffix}", "!in:" + chance.choice(aggregates)))
    if len(params) == before or (microversion != "1.28" and chance.random() < 0.05):
        known = chance.random() < 0.95
        tree = chance.choice(providers)["uuid"] if known else str(uuid.UUID(int=chance.getrandbits(128)))
        params.append((f"in_tree{suffix}", tree))


def writes(chance: random.Random, providers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return random writes of a few consumers, in order: first, changed, emptied, with right and wrong generations."""
    consumers = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(3)]
    made = []
    for _ in range(10):
        chosen = chance.sample(list(providers), min(len(providers), chance.choice((0, 1, 1, 2))))
        allocations: dict[str, Any] = {}
        for provider in chosen:
            names = [name for name in (*provider["inventories"], "VCPU") if chance.random() < 0.7]
            if names:
                resources = {name: chance.choice(_AMOUNTS[name]) for name in names}
                allocations[provider["uuid"]] = {"resources": resources}
        body = {
            "allocations": allocations,
            "project_id": "p",
            "user_id": "u",
            "consumer_generation": chance.choice((None, None, 0, 1, 2)),
        }
        made.append({"put_allocations": body, "consumer": chance.choice(consumers), "microversion": "1.36"})
    return made
