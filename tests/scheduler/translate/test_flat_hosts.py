"""On hosts without further providers the plain filters and placement's query say the same of every host."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.placement.candidates import candidates
from engine.placement.deployment import deployment_of
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import filtered, translated
from tests.builders import first_step, host_table, request
from tests.scheduler.translate.asking import A, B, C

TRAITS = ("CUSTOM_GOLD", "CUSTOM_SILVER", "COMPUTE_SECURITY_UEFI_SECURE_BOOT", "COMPUTE_STATUS_DISABLED")
HOSTS = 12


def some(rng: random.Random, names: tuple[str, ...], chance: float) -> frozenset[str]:
    return frozenset(name for name in names if rng.random() < chance)


def random_fleet(rng: random.Random) -> HostTable:
    hosts = [
        {
            "uuid": f"00000000-0000-4000-8000-0000000001{number:02}",
            "traits": sorted(some(rng, TRAITS[:3], 0.5) | some(rng, TRAITS[3:], 0.1)),
            "availability_zone": rng.choice(("", "", "az1", "az2")),
            "vcpus": rng.choice((2, 8)),
            "vcpus_used": rng.choice((0, 2, 7)),
            "memory_mb": rng.choice((1024, 4096)),
            "disk_gb": rng.choice((0, 50)),
            "memory_mb_min_unit": rng.choice((1, 512)),
            "memory_mb_step_size": rng.choice((1, 512)),
        }
        for number in range(HOSTS)
    ]
    zones = ({"availability_zone": "az1"}, {"trait:CUSTOM_GOLD": "required"}, {"filter_tenant_id": "p1"})
    names = tuple(f"h{number}" for number in range(HOSTS))
    aggregates = [
        Aggregate(uuid, uuid[-1], some(rng, names, 0.5), metadata)
        for uuid, metadata in zip((A, B, C), zones, strict=True)
    ]
    return host_table(hosts, aggregates=aggregates)


def random_request(rng: random.Random) -> RequestSpec:
    specs: dict[str, str] = {}
    for key, values in (
        ("trait:CUSTOM_GOLD", ("required", "forbidden")),
        ("os:secure_boot", ("required", "optional")),
        ("resources:MEMORY_MB", ("0", "512", "700")),
        ("resources:VCPU", ("0", "1", "9")),
    ):
        if rng.random() < 0.2:
            specs[key] = rng.choice(values)
    sets: dict[str, Any] = {
        name: some(rng, TRAITS[:2], 0.15) for name in ("required_traits", "forbidden_traits", "root_required")
    }
    if rng.random() < 0.2:
        sets["any_of_traits"] = frozenset({frozenset(TRAITS[:2]), frozenset(TRAITS[1:])})
    if rng.random() < 0.2:
        sets["member_of"] = (some(rng, (A, B, C), 0.6) or frozenset({A}), frozenset({B, C}))
    if rng.random() < 0.2:
        sets["forbidden_aggregates"] = frozenset({rng.choice((A, B, C))})
    return request(
        vcpus=rng.choice((1, 2, 4)),
        memory_mb=rng.choice((256, 512, 1024)),
        root_gb=rng.choice((0, 1, 40)),
        extra_specs=specs,
        availability_zone=rng.choice(("", "", "az1", "az2", "az3")),
        project_id=rng.choice(("p1", "p2")),
        **sets,
    )


@pytest.mark.parametrize("seed", range(6))
def test_filters_and_query_agree_host_by_host(seed: int) -> None:
    rng = random.Random(seed)
    table = random_fleet(rng)
    options = SchedulerOptions(
        enabled_filters=(),
        weight_classes=(),
        enable_isolated_aggregate_filtering=True,
        limit_tenants_to_placement_aggregate=True,
    )
    chain = Chain.from_options(options)
    deployment = deployment_of([table.own_provider(row) for row in range(HOSTS)])
    compared = passed = 0
    for _ in range(60):
        spec = filtered(random_request(rng), table, options)
        found = translated(spec, table, options)
        if not found.plain:
            assert found.refusal
            continue
        by_query = {item.allocations[0][0] for item in candidates(deployment, found.queries[0])}
        try:
            rows = first_step(chain, table, spec).rows.tolist()
        except NoValidHostError:
            rows = []
        assert {table.identity.uuids[row] for row in rows} == by_query
        compared += 1
        passed += bool(rows)
    assert compared > 35
    assert passed > 5
