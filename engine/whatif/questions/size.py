"""The question of size: the smallest fleet that takes a workload, with the lower bound beside it.

Figures: ``hosts`` is the answer (None: no fleet is enough), ``lower_bound`` how many there must be at least and
``bound_by`` the resource class or flavor that says so (None where nothing does). ``requests`` are asked for, of which
``may_be_refused`` at most may be; ``refused``, ``lost`` (by a failure) and ``refused_percent`` are those of the answer,
``one_fewer_refused_percent`` that of one host fewer. ``refusals_fall_with_size`` says whether they did over ``tried``,
the sizes that the search went through; ``bounds`` are all that were worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Progress
from engine.whatif.decision_table import no_decisions
from engine.whatif.inputs import Inputs
from engine.whatif.questions.fleet_sizes import SizedFleets, sized_fleets
from engine.whatif.questions.lower_bound import Bound, Shown, bounds_hold, lower_bounds, never_fitting
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.runs import Counts, counts_of, kept_decisions, play, workload_of
from engine.whatif.questions.size_answer import SizeFound
from engine.whatif.questions.size_search import Range, search, smallest
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import Executor
from engine.whatif.sweep.readiness import make_ready
from engine.whatif.workload import Workload
from engine.whatif.world import World

_SLACK: Final = 1e-9


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return how many hosts like those of ``size.like`` take the workload with at most so many requests refused.

    An instance that a failure leaves without a host counts as refused. Raises InvalidRequestError for a workload that
    asks for nothing, or for as much as there is room for, and where an instance fits on no host however many there are.
    """
    _check_workload(scenario)
    fleets = sized_fleets(scenario, inputs)
    progress("looking for the lower bound", 0, 0)
    world = fleets.opened(fleets.shown, seed=seed)
    make_ready(world.options)
    workload = _until(workload_of(scenario, inputs, world, seed=seed), scenario.replay.until)
    requests = int(workload.events.creates.sum())
    if not requests:
        raise InvalidRequestError("the workload asks for nothing: give it instances to come", field="workload")
    allowed = int(np.floor(requests * scenario.size.max_refused_percent / 100 + _SLACK))
    beside = 0 if fleets.beside is None else fleets.beside.num_rows
    shown = Shown(world, beside, fleets.shown, fleets.line is None)
    holds = bounds_hold(scenario, shown)
    if holds:
        _check_fits(shown, workload, allowed)
    bounds = lower_bounds(shown, workload, allowed) if holds else []
    first = max(fleets.least, _first_size(bounds, fleets.most))
    runs: dict[int, Counts | None] = {}

    def try_sizes(sizes: Sequence[int]) -> list[bool]:
        found = executor.map(partial(run_at, fleets, inputs, seed), sizes)
        runs.update(zip(sizes, found, strict=True))
        progress("trying fleets", len(runs), 0)
        return [counts is not None and counts.refused + counts.lost <= allowed for counts in found]

    outcomes = search(Range(fleets.least, first, fleets.most), try_sizes, at_a_time=executor.workers)
    tried = {size: runs[size] for size in outcomes}
    answer = smallest(outcomes)
    progress("replaying the answer", 0, 0)
    decisions = no_decisions()
    if scenario.replay.decisions:
        chosen = fleets.opened(fleets.most if answer is None else answer, seed=seed)
        decisions = kept_decisions(scenario, chosen, _played(scenario, inputs, chosen, seed))
    found = SizeFound(fleets, answer, requests, allowed, bounds, tried, outcomes)
    return Answer("size", found.headline(), found.figures(), decisions, found.tables(), found.plots())


def run_at(fleets: SizedFleets, inputs: Inputs, seed: int, hosts: int) -> Counts | None:
    """Return what a run on so many hosts came to; None where they lack a zone or a host that the scenario names."""
    try:
        world = fleets.opened(hosts, seed=seed)
    except InvalidRequestError:
        return None
    return counts_of(_played(fleets.scenario, inputs, world, seed))


def _played(scenario: Scenario, inputs: Inputs, world: World, seed: int) -> Any:
    return play(scenario, world, workload_of(scenario, inputs, world, seed=seed), seed=seed)


def _check_workload(scenario: Scenario) -> None:
    """Raise InvalidRequestError for a workload that no fleet takes because it grows with the fleet."""
    asked = scenario.workload
    if asked.fill is not None:
        raise InvalidRequestError(
            "workload.fill goes on until the fleet is full, whatever its size: give a trace or a mix", field="workload"
        )
    if asked.trace is not None and asked.trace.pad_percent is not None:
        raise InvalidRequestError(
            "workload.trace.pad_percent grows with the fleet, whose size is asked for: take it away",
            field="workload.trace.pad_percent",
        )


def _until(workload: Workload, until_s: float | None) -> Workload:
    """Return a workload without the events after a time."""
    events = workload.events
    many = len(events) if until_s is None else int(np.searchsorted(events.times_s, until_s, side="right"))
    kept = replace(
        events, instances=events.instances[:many], creates=events.creates[:many], times_s=events.times_s[:many]
    )
    return replace(workload, events=kept)


def _check_fits(shown: Shown, workload: Workload, allowed: int) -> None:
    """Raise InvalidRequestError where more instances than may be refused fit on no host at all."""
    created = workload.codes[workload.events.instances[workload.events.creates]]
    unfit = never_fitting(shown, workload)
    many = np.bincount(created[unfit[created]], minlength=len(unfit))
    if int(many.sum()) <= allowed:
        return
    code = int(many.argmax())
    flavor = shown.world.requests[code].flavor
    others = int((many > 0).sum()) - 1
    more = f", and {counted(others, 'other flavor')} neither" if others else ""
    raise InvalidRequestError(
        f"flavor {flavor.name!r} ({flavor.vcpus} vCPUs, {number(flavor.memory_mb)} MiB, "
        f"{number(flavor.root_gb + flavor.ephemeral_gb)} GiB) fits on no such host, not even an empty one{more}: "
        f"{counted(int(many.sum()), 'request')} of {number(len(created))} would be refused with any number of hosts; "
        "ask for larger hosts, or raise size.max_refused_percent",
        flavor=flavor.name,
    )


def _first_size(bounds: Sequence[Bound], most: int) -> int:
    """Return the first size worth a try: the largest bound, or the largest fleet where that is not enough."""
    if not bounds:
        return 0
    return most if bounds[0].hosts is None else min(bounds[0].hosts, most)
