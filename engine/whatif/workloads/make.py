"""Makes the workload that a scenario speaks of."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.changes import changes_in_order
from engine.whatif.inputs import Inputs, inputs_for
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.workload import TraceWorkload
from engine.whatif.workload import NOTHING, Workload
from engine.whatif.workloads.fill import fill_workload
from engine.whatif.workloads.mix import mix_workload
from engine.whatif.workloads.trace_workload import trace_workload
from engine.whatif.world import World


def make_workload(scenario: Scenario, inputs: Inputs, world: World, *, seed: int) -> Workload:
    """Return the scenario's workload, its codes the world's; equal seeds make equal workloads.

    A fill is as long as the world has room for when the scenario's changes have been. Raises InvalidFileError and
    InvalidRequestError, which name the row of the trace or the key of the scenario that is wrong.
    """
    rng = np.random.default_rng(seed)
    workload = scenario.workload
    if workload.trace is not None:
        table = trace_table(inputs_for(scenario, inputs), workload.trace)
        return trace_workload(workload.trace, table, world, rng)
    if workload.mix is not None:
        return mix_workload(workload.mix, world, rng)
    if workload.fill is not None:
        return fill_workload(workload.fill, world, rng, changes=changes_in_order(scenario), seed=seed)
    return NOTHING


def trace_table(inputs: Inputs, trace: TraceWorkload) -> pa.Table:
    """Return the table of a scenario's trace; raise InvalidRequestError where it was not read."""
    if inputs.trace is None:
        raise InvalidRequestError(f"workload.trace.file: {trace.file} was not read", field="workload.trace.file")
    return inputs.trace
