"""The scenarios of real traces, read and made into workloads."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.whatif.inputs import open_world, read_inputs
from engine.whatif.scenario.reading import read_scenario
from engine.whatif.workload import NO_GROUP
from engine.whatif.workloads.make import make_workload
from tests.whatif.reproductions.shared_data import DATA, SCENARIOS, needs
from tests.whatif.workloads.samples import fresh_world, made


def workload_of(name):
    scenario = read_scenario(SCENARIOS / f"{name}.toml")
    inputs = read_inputs(scenario, SCENARIOS, None)
    return make_workload(scenario, inputs, open_world(scenario, inputs, seed=0), seed=0)


@needs("azure-v1")
def test_azure_has_all_creations_and_the_lifetimes_that_are_known():
    workload = workload_of("azure-v1")
    assert len(workload) == 1_460_157
    assert int((~workload.events.creates).sum()) == 1_460_157 - 1_215_315
    assert len(np.unique(workload.codes)) == 16
    assert workload.events.times_s[0] == 0


@needs("google-2011")
def test_google_has_all_tasks_that_ask_for_something_and_groups_where_they_are_wanted():
    workload = workload_of("google-2011")
    table = pq.read_table(DATA / "google-2011" / "requests.parquet")
    sizes = np.stack([table[name].to_numpy() for name in ("cpu_req", "mem_req", "disk_req")])
    complete = ~np.isnan(sizes).any(axis=0) & (np.nan_to_num(sizes) > 0).any(axis=0)
    assert len(workload) == complete.sum()
    assert workload.groups is not None
    flagged = complete & (np.nan_to_num(table["different_machine"].to_numpy()) == 1)
    jobs, members = np.unique(table["job"].to_numpy()[flagged], return_counts=True)
    assert int(workload.groups.max()) + 1 == (members > 1).sum() < len(jobs)
    assert (workload.groups != NO_GROUP).sum() == members[members > 1].sum()


@needs("huawei-2019-golden")
def test_a_log_of_events_keeps_the_order_of_its_sequence():
    table = pq.read_table(DATA / "huawei-2019-golden" / "events.parquet")
    said = {"columns": {"t": "t_ms", "memory_mb": "memory_gb"}, "scale": {"memory_mb": 1024}, "time_unit": "ms"}
    workload = made(table, fresh_world(), **said)
    names = workload.names.to_numpy()[workload.events.instances]
    in_order = table.sort_by("seq")
    assert names.tolist() == in_order["vm_id"].to_pylist()
    assert workload.events.creates.tolist() == [op == "create" for op in in_order["op"].to_pylist()]
    assert workload.events.times_s[-1] == pytest.approx(340_220.989)
    sizes = {(request.flavor.vcpus, request.flavor.memory_mb) for request in workload.requests}
    assert sizes == {
        (v, 1024 * g) for v, g in zip(*(table[n].to_pylist() for n in ("vcpus", "memory_gb")), strict=True)
    }


@pytest.mark.parametrize("name", ["mix", "fill"])
def test_scenarios_without_data_are_workloads_too(name):
    workload = workload_of(name)
    assert len(workload) > 500
    assert np.all(np.diff(workload.events.times_s) >= 0)
