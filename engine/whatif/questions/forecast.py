"""The question of forecast: when a growing workload meets the wall, with a band from runs over arrivals drawn anew.

Figures: ``wall_p10_s``, ``wall_p50_s`` and ``wall_p90_s`` are when so many percent of the ``runs`` have met the wall
(None: not by the horizon), ``no_wall_percent`` how many meet none, ``walls_s`` the wall of each. ``windows`` has the
refusals of each window, by percentiles of the runs; ``requests_median``, ``refused_median``, ``refused_percent_median``
and ``utilisation_peak_median`` are over whole runs. ``wall_percent``, ``horizon_s`` and ``window_s`` are as asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Progress
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.inputs import Inputs, inputs_for, open_world
from engine.whatif.questions.forecast_answer import Forecast, Resample
from engine.whatif.questions.runs import kept_decisions, play, workload_of
from engine.whatif.questions.watching import Watch, sample_times
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.questions import ForecastTable
from engine.whatif.sweep.executor import Executor
from engine.whatif.workloads.resampled import resampled

RUN: Final = "run"
"""The column in front of the decisions: the number of the run that took them, from 0."""
MAX_WINDOWS: Final = 100_000
_PARTS_A_WORKER: Final = 8

Floats = npt.NDArray[np.float64]


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return when more than ``wall_percent`` of what a window asks for are refused, over runs that are drawn anew.

    Each run goes to the horizon; its seed comes of the seed and its number alone. Raises InvalidRequestError for a
    workload that does not go on in time, and for too many windows.
    """
    asked = scenario.forecast
    edges = window_edges(asked)
    parts = _parts(asked.resamples, executor.workers)

    def told(parts_done: int) -> None:
        progress("forecasting", asked.resamples * parts_done // len(parts), asked.resamples)

    told(0)
    found = executor.map(partial(run_part, scenario, inputs, seed), parts, on_done=told)
    runs = [run for part in found for run in part]
    answer = Forecast(asked, edges, [run.resample for run in runs])
    return Answer(
        "forecast",
        answer.headline(),
        answer.figures(),
        _together([run.decisions for run in runs]),
        answer.tables(),
        answer.plots(),
    )


def run_seeds(seed: int, many: int) -> list[int]:
    """Return the seeds of so many runs, which hang on nothing but ``seed`` and their numbers."""
    children = np.random.SeedSequence(seed).spawn(many)
    return [int(child.generate_state(1, np.uint64)[0] >> np.uint64(1)) for child in children]


def window_edges(asked: ForecastTable) -> Floats:
    """Return float64[windows + 1]: the beginnings of the windows, and the horizon; the last may be shorter.

    Raises InvalidRequestError for no window at all, and for too many.
    """
    if not asked.horizon > 0:
        raise InvalidRequestError("forecast.horizon: must be later than 0", field="forecast.horizon")
    if not asked.window > 0 or asked.horizon / asked.window > MAX_WINDOWS:
        raise InvalidRequestError(
            f"forecast.window: {asked.window:g} s make more than {MAX_WINDOWS} windows until the horizon of "
            f"{asked.horizon:g} s: give longer ones",
            field="forecast.window",
        )
    many = int(np.ceil(asked.horizon / asked.window))
    return np.append(np.arange(many) * asked.window, asked.horizon)


@dataclass(frozen=True, slots=True)
class RunOfPart:
    """What a worker gives of one run."""

    resample: Resample
    decisions: pa.Table


def run_part(scenario: Scenario, inputs: Inputs, seed: int, numbers: Sequence[int]) -> list[RunOfPart]:
    """Return what the runs of some numbers came to: each in a copy of one world, so that it is opened once."""
    suited = inputs_for(scenario, inputs)
    opened = open_world(scenario, inputs, seed=seed)
    # drawn anew as it is, a trace is read once
    base = workload_of(scenario, suited, opened, seed=seed) if scenario.workload.trace is not None else None
    horizon_s = scenario.forecast.horizon
    seeds = run_seeds(seed, scenario.forecast.resamples)
    edges = window_edges(scenario.forecast)
    found = []
    for number in numbers:
        world = opened.fork()
        workload = resampled(scenario, suited, world, seed=seeds[number], base=base)
        times = sample_times(scenario, workload, end_s=horizon_s)
        watch = Watch(world, workload, times)
        decisions = play(
            scenario,
            world,
            workload,
            seed=seeds[number],
            until_s=horizon_s,
            sample_times=times,
            observer=watch,
        )
        requests, refused = _by_window(decisions, edges)
        watched = watch.result(decisions)
        resample = Resample(requests, refused, watched.times_s, watched.used)
        found.append(RunOfPart(resample, kept_decisions(scenario, world, decisions)))
    return found


def _by_window(decisions: Decisions, edges: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return int64[windows] twice: how many were asked for, and how many of them were refused."""
    created = decisions.causes == Cause.CREATE
    last = len(edges) - 2
    window = np.clip(np.searchsorted(edges, decisions.times_s[created], side="right") - 1, 0, last)
    refused = window[decisions.refused[created]]
    return np.bincount(window, minlength=last + 1), np.bincount(refused, minlength=last + 1)


def _parts(runs: int, workers: int) -> list[list[int]]:
    """Return the numbers of the runs in parts, a few for each worker, so that all of them end at about one time."""
    many = min(runs, max(1, workers * _PARTS_A_WORKER))
    return [part.tolist() for part in np.array_split(np.arange(runs), many)]


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the decisions of all runs, one after the other, with the run's number in front."""
    parts = [
        table.add_column(0, RUN, pa.repeat(pa.scalar(number, pa.int32()), table.num_rows))
        for number, table in enumerate(tables)
    ]
    return pa.concat_tables(parts).unify_dictionaries()
