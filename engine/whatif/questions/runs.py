"""Runs: one replay of a scenario in a world that is open, as the questions make them that ask about many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.whatif.answer import Progress, no_progress
from engine.whatif.changes import changes_in_order
from engine.whatif.decision_table import decisions_table, no_decisions
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.inputs import Inputs, inputs_for
from engine.whatif.replay import Observer, run
from engine.whatif.scenario.chain import chain_options
from engine.whatif.scenario.changes import SetChain
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.readiness import make_ready
from engine.whatif.workload import Workload
from engine.whatif.workloads.make import make_workload
from engine.whatif.world import World


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run came to: how many were asked for and how many of them refused, and how many were lost on the way."""

    requests: int
    refused: int
    lost: int

    @property
    def refused_percent(self) -> float:
        """What was refused or lost, of what was asked for."""
        return 100.0 * (self.refused + self.lost) / self.requests if self.requests else 0.0


def workload_of(scenario: Scenario, inputs: Inputs, world: World, *, seed: int) -> Workload:
    """Return the scenario's workload, its codes the world's."""
    return make_workload(scenario, inputs_for(scenario, inputs), world, seed=seed)


def play(
    scenario: Scenario,
    world: World,
    workload: Workload,
    *,
    seed: int,
    until_s: float | None = None,
    sample_times: npt.NDArray[np.float64] | None = None,
    observer: Observer | None = None,
    progress: Progress = no_progress,
) -> Decisions:
    """Run a workload and the scenario's changes in a world, to the scenario's end unless ``until_s`` is another."""
    options = world.options
    make_ready(options)
    changes = changes_in_order(scenario)
    for change in changes:
        if isinstance(change, SetChain):
            options = chain_options(options, change.chain)
            make_ready(options)
    return run(
        world,
        workload,
        changes,
        rng=np.random.default_rng(seed),
        until_s=scenario.replay.until if until_s is None else until_s,
        sample_times=sample_times,
        observer=observer,
        progress=progress,
    )


def counts_of(decisions: Decisions) -> Counts:
    """Return what a run came to; an instance is lost that had to move from a failed host and found no other."""
    created, refused = decisions.causes == Cause.CREATE, decisions.refused
    lost = refused & (decisions.causes == Cause.EVACUATE)
    return Counts(int(created.sum()), int((refused & created).sum()), int(lost.sum()))


def kept_decisions(scenario: Scenario, world: World, decisions: Decisions) -> pa.Table:
    """Return the table of decisions, of none where the scenario does not want them."""
    return decisions_table(world, decisions) if scenario.replay.decisions else no_decisions()
