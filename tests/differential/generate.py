"""Random cases in the corpus schema, without answers: small fleets with several requests each, all from one seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from engine.scheduler.options import DEFAULT_FILTERS
from tests.differential.chance import Chance, Content
from tests.differential.device_families import DEVICE_FAMILIES
from tests.differential.families import AGGREGATE_KEYS, FAMILIES
from tests.differential.fleets import FLAVOR_NAMES, NOW, PROJECTS, make_aggregates, make_hosts

REQUESTS_A_FLEET = 5
ALL_FAMILIES = (*FAMILIES, *DEVICE_FAMILIES)
"""Every family, in the order in which fleets take turns."""

_SHAPES = ((1, 512), (1, 2048), (2, 4096), (4, 8192), (8, 16384), (1, 256))


def generate(seed: int, many: int, families: Sequence[str] = ALL_FAMILIES) -> Iterator[Content]:
    """Yield ``many`` cases; case number n is the same whatever ``many`` is. Raises ValueError for an unknown family."""
    unknown = sorted(set(families) - set(ALL_FAMILIES))
    if unknown or not families:
        raise ValueError(f"no family {', '.join(unknown) or 'named'}: there are {', '.join(ALL_FAMILIES)}")
    number = 0
    for fleet in count():
        family = families[fleet % len(families)]
        chance = Chance(f"{seed}/{family}/{fleet // len(families)}")
        hosts = make_hosts(chance)
        prepare = DEVICE_FAMILIES[family].prepare if family in DEVICE_FAMILIES else None
        if prepare is not None:
            for host in hosts:
                prepare(chance, host)
        for _ in range(REQUESTS_A_FLEET):
            if number == many:
                return
            yield _case(chance, f"{family}-{number:06d}", family, hosts)
            number += 1


def _case(chance: Chance, name: str, family: str, hosts: list[Content]) -> Content:
    vcpus, memory_mb = chance.one(_SHAPES)
    case: Content = {
        "schema": "nova-oracle-case/1",
        "name": name,
        "tags": [],
        "now": NOW,
        "config": {"filter_scheduler": {"enabled_filters": list(DEFAULT_FILTERS)}},
        "aggregates": make_aggregates(chance, hosts, AGGREGATE_KEYS.get(family, ())),
        "hosts": copy.deepcopy(hosts),
        "request_spec": {
            "flavor": {
                "name": chance.one(FLAVOR_NAMES),
                "vcpus": vcpus,
                "memory_mb": memory_mb,
                "root_gb": chance.one((0, 1, 20, 40)),
                "ephemeral_gb": chance.one((0, 0, 10)),
                "swap": chance.one((0, 0, 512, 1024, 1500)),
                "extra_specs": {},
            },
            "image": {"id": chance.uuid(), "disk_format": "qcow2", "properties": {}},
            "project_id": chance.one(PROJECTS),
            "user_id": "user-a",
            "num_instances": 1,
            "scheduler_hints": {},
        },
        "claim": "always",
        "return_alternates": chance.maybe(0.2),
    }
    asks: Callable[[Chance, Content], None] = (
        DEVICE_FAMILIES[family].ask if family in DEVICE_FAMILIES else FAMILIES[family]
    )
    asks(chance, case)
    return case
