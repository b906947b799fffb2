"""Generated fleets are valid, repeatable and look alike at every size."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.generate import RACK_HOSTS, generate_fleet, zone_count
from engine.inventory.generations import GENERATIONS
from engine.model.limits import MAX_HOSTS

PROFILE = (
    "availability_zone",
    "cell",
    "arch",
    "hypervisor_version",
    "cpu_info",
    "stats",
    "traits",
    "supported_instances",
)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 3000), seed=st.integers(0, 2**63 - 1))
def test_every_generated_fleet_is_canonical_and_valid(count: int, seed: int) -> None:
    fleet = generate_fleet(count, seed)
    assert fleet.num_rows == count
    assert fleet.schema.equals(FLEET_SCHEMA)
    assert normalise_fleet(fleet, source="generated").equals(fleet)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def written(seed: int) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, FLEET_SCHEMA) as writer:
            writer.write_table(generate_fleet(2500, seed))
        return sink.getvalue().to_pybytes()

    assert written(7) == written(7)
    assert written(7) != written(8)


def test_a_large_fleet_has_the_promised_mix() -> None:
    fleet = generate_fleet(50_000, 1)
    share = {name: pc.mean(fleet[name].cast(pa.float64())).as_py() for name in ("disabled", "forced_down")}
    assert 0.008 < share["disabled"] < 0.012
    assert 0 < share["forced_down"] < 0.003
    arm = np.mean(pc.equal(fleet["arch"], "aarch64").to_numpy())
    assert arm == pytest.approx(0.08, abs=0.005)
    assert pc.count_distinct(fleet["availability_zone"]).as_py() == 9
    assert np.mean(pc.equal(fleet["failed_builds"], 0).to_numpy()) > 0.97
    assert pc.min_max(fleet["vcpus"]).as_py() == {"min": 32, "max": 256}
    assert pc.min_max(fleet["memory_mb"]).as_py() == {"min": 128 * 1024, "max": 2048 * 1024}
    for host in fleet.filter(fleet["disabled"]).slice(0, 20).to_pylist():
        assert host["disabled_reason"]
        assert "COMPUTE_STATUS_DISABLED" in host["traits"]


def test_profiles_do_not_grow_with_the_fleet() -> None:
    hosts = generate_fleet(60_000, 3).select(PROFILE).to_pylist()
    assert len({repr(host) for host in hosts}) <= 12 * len(GENERATIONS) * 2


def test_racks_are_of_one_zone_and_one_kind() -> None:
    racks: dict[str, list[dict[str, object]]] = {}
    for host in generate_fleet(1000, 5).to_pylist():
        assert re.fullmatch(r"cmp-z\d+-\d{6}", host["host_id"])
        racks.setdefault(host["aggregates"][0], []).append(host)
    assert all(re.fullmatch(r"rack-\d{4}", name) for name in racks)
    for hosts in racks.values():
        assert len(hosts) <= RACK_HOSTS
        assert len({(host["availability_zone"], host["stats"]) for host in hosts}) == 1


def test_the_shares_of_the_generations_add_up() -> None:
    assert sum(generation.share for generation in GENERATIONS) == pytest.approx(1.0)
    assert len({generation.name for generation in GENERATIONS}) == len(GENERATIONS)


@pytest.mark.parametrize(
    ("count", "zones"), [(1, 3), (1000, 3), (1001, 6), (10_001, 9), (1_000_000, 12), (MAX_HOSTS, 12)]
)
def test_zones_grow_with_the_fleet(count: int, zones: int) -> None:
    assert zone_count(count) == zones


@pytest.mark.parametrize("count", [0, -1, MAX_HOSTS + 1, 1.5, True])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(InvalidRequestError, match="count must be"):
        generate_fleet(count, 1)


def test_impossible_seeds_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="seed must be"):
        generate_fleet(1, -1)
