"""A scheduler's recorded first-fit decisions are those of a chain without weighers, every one of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.inventory.fleet_file import normalise_fleet
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.replay import run
from engine.whatif.scenario.reading import read_scenario
from engine.whatif.workloads.make import make_workload
from engine.whatif.workloads.trace_table import read_trace_table
from tests.whatif.reproductions.shared_data import DATA, SCENARIOS, needs

EVENTS = DATA / "huawei-2019-golden" / "events.parquet"
RECORDED = 3111
SLOTS = [(host, node) for host in range(5) for node in range(2)]


def slots() -> pa.Table:
    """Return the NUMA nodes as hosts, in the order of the log's numbers: twice the host, and the node."""
    rows = [
        {
            "host_id": f"h{host}-n{node}",
            "vcpus": 40,
            "memory_mb": 90 * 1024,
            "disk_gb": 0,
            "cpu_allocation_ratio": 1.0,
            "ram_allocation_ratio": 1.0,
        }
        for host, node in SLOTS
    ]
    return normalise_fleet(pa.Table.from_pylist(rows), source="slots")


@needs("huawei-2019-golden")
def test_all_recorded_first_fit_decisions_are_the_chains() -> None:
    scenario = read_scenario(SCENARIOS / "huawei-2019-golden.toml")
    assert scenario.workload.trace is not None
    inputs = Inputs(hosts=slots(), trace=read_trace_table(EVENTS, scenario.workload.trace))
    world = open_world(scenario, inputs, seed=0)
    decisions = run(world, make_workload(scenario, inputs, world, seed=0), (), rng=np.random.default_rng(0))
    events = pq.read_table(EVENTS)
    creates = events.filter(pc.equal(events["op"], "create"))
    assert len(decisions) == creates.num_rows
    assert world.names_of(decisions.instances).to_pylist() == [str(name) for name in creates["vm_id"].to_pylist()]
    # the log ends at its first refusal: what came after it has no record
    recorded = pc.is_valid(creates["numa_slot_firstfit"]).to_numpy()
    assert int(recorded.sum()) == RECORDED
    expected = creates["numa_slot_firstfit"].filter(pa.array(recorded)).to_numpy()
    assert decisions.rows[recorded].tolist() == expected.tolist()
    assert not decisions.refused[recorded].any()
    assert decisions.refused[~recorded][0]
