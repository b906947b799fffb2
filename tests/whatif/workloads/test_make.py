from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.inputs import Inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.workload import NOTHING
from engine.whatif.workloads.make import make_workload
from tests.whatif.workloads.samples import fresh_world, shown, table_of

SHARES = {"small": 1.0, "large": 1.0}
WORKLOADS = {
    "trace": {"trace": {"file": "trace.parquet", "shuffle": True, "pad_percent": 50}},
    "mix": {"mix": {"flavors": SHARES, "per_hour": 30, "duration": "6h"}},
    "fill": {"fill": {"flavors": SHARES}},
}


def scenario_with(workload):
    return Scenario.model_validate({"fleet": {"synthetic": 4}, "workload": workload}, strict=False)


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_kind_is_made_again_by_its_seed(kind):
    scenario, inputs = scenario_with(WORKLOADS[kind]), Inputs(trace=table_of())
    first, again, other = (make_workload(scenario, inputs, fresh_world(), seed=seed) for seed in (5, 5, 6))
    assert (shown(first), first.codes.tolist()) == (shown(again), again.codes.tolist())
    assert (shown(first), first.codes.tolist()) != (shown(other), other.codes.tolist())
    assert len(first)


def test_no_workload_is_nothing():
    assert make_workload(scenario_with({}), Inputs(), fresh_world(), seed=0) is NOTHING


def test_a_trace_that_was_not_read_is_told():
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.file: trace\.parquet was not read"):
        make_workload(scenario_with(WORKLOADS["trace"]), Inputs(hosts=table_of()), fresh_world(), seed=0)
