"""The question of compare: two or more chains, multipliers or fleets on the same workload, side by side.

Figures: ``sides``, the scenario itself first, each with its ``name``, what it ``set``s, and ``requests``, ``refused``,
``refused_percent`` (lost ones too), ``lost``, ``moved`` and ``first_refusal_s`` (None for none). By resource, as parts
of what the hosts may give out: ``utilisation_peak``, ``utilisation_mean``, ``stranded_peak``, ``stranded_mean``; then
``fragmentation_mean``, ``fragmentation_at_end``, ``hosts_used_peak``, ``hosts_used_mean`` (peaks and means are those of
the samples), and ``decided_otherwise``, how many decisions differ from the first side's. ``refused_percent`` is that of
the first side, ``best`` is the side that refuses fewest; ``least_refused_percent`` and ``most_refused_percent`` are of
all sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Progress
from engine.whatif.decision_table import decisions_table, no_decisions
from engine.whatif.decisions import Cause
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.questions.compare_answer import Side, figures, headline, plots, tables
from engine.whatif.questions.runs import counts_of, play, workload_of
from engine.whatif.questions.watching import Watch, sample_times
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import with_values
from engine.whatif.sweep.executor import Executor

AS_IS: Final = "as is"
VARIANT: Final = "variant"
"""The column in front of the decisions: the side that took them."""


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return how the scenario as it is and each of its variants fare with the same workload and the same seed.

    The scenario itself is the first side, under the name of a variant that sets nothing where there is one. Raises
    InvalidRequestError where there are no variants, and for one that makes no scenario.
    """
    given = sides_of(scenario)

    def told(done: int) -> None:
        progress("comparing", done, len(given))

    told(0)
    runs = executor.map(partial(run_side, inputs, seed), [side.scenario for side in given], on_done=told)
    differing = [decided_otherwise(runs[0].decisions, run.decisions) for run in runs]
    sides = [
        Side(side.name, dict(side.values), run.counts, run.moved, run.first_refusal_s, run.watched, many)
        for side, run, many in zip(given, runs, differing, strict=True)
    ]
    decisions = [run.decisions if scenario.replay.decisions else no_decisions() for run in runs]
    return Answer(
        "compare",
        headline(sides),
        figures(sides),
        _together([side.name for side in sides], decisions),
        tables(sides),
        plots(sides),
    )


@dataclass(frozen=True, slots=True)
class GivenSide:
    """A side as it is asked about."""

    name: str
    values: Mapping[str, Any]
    scenario: Scenario


def sides_of(scenario: Scenario) -> list[GivenSide]:
    """Return the sides, the scenario itself first; raise InvalidRequestError, which names the variant."""
    if not scenario.variants:
        raise InvalidRequestError(
            "there is nothing to compare with: give [[variants]], each with a name and what it sets", field="variants"
        )
    own = next((variant.name for variant in scenario.variants if not variant.set), AS_IS)
    if own == AS_IS and any(variant.name == AS_IS and variant.set for variant in scenario.variants):
        raise InvalidRequestError(
            f"variants: {AS_IS!r} is what the scenario itself is called; give the variant another name",
            field="variants",
        )
    base = scenario.model_copy(update={"variants": ()})
    sides = [GivenSide(own, {}, base)]
    for variant in scenario.variants:
        if variant.name == own:
            continue
        try:
            sides.append(GivenSide(variant.name, variant.set, with_values(base, variant.set)))
        except InvalidRequestError as error:
            raise InvalidRequestError(f"variant {variant.name!r}: {error.message}", field="variants") from error
    return sides


@dataclass(frozen=True, slots=True)
class RunOfSide:
    """What a worker gives of one side."""

    counts: Any
    moved: int
    first_refusal_s: float | None
    watched: Any
    decisions: pa.Table


def run_side(inputs: Inputs, seed: int, scenario: Scenario) -> RunOfSide:
    """Return what a run of one side came to, with all its decisions."""
    world = open_world(scenario, inputs, seed=seed)
    workload = workload_of(scenario, inputs, world, seed=seed)
    times = sample_times(scenario, workload)
    watch = Watch(world, workload, times)
    decisions = play(scenario, world, workload, seed=seed, sample_times=times, observer=watch)
    refused = decisions.refused & (decisions.causes == Cause.CREATE)
    moved = ~decisions.refused & (decisions.causes != Cause.CREATE)
    return RunOfSide(
        counts_of(decisions),
        int(moved.sum()),
        float(decisions.times_s[np.argmax(refused)]) if refused.any() else None,
        watch.result(decisions),
        decisions_table(world, decisions),
    )


def decided_otherwise(first: pa.Table, other: pa.Table) -> int:
    """Return how many instances of the first side another side puts on another host, or refuses, or never sees."""
    names, hosts = _hosts(first)
    other_names, other_hosts = _hosts(other)
    if not names.equals(other_names):
        # null, and so equal to nothing, where the other side never sees an instance
        other_hosts = other_hosts.take(pc.index_in(names, value_set=other_names))
    return len(names) - int(pc.sum(pc.equal(hosts, other_hosts)).as_py() or 0)


def _hosts(decisions: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return the names of the instances that were asked for, and where each went, empty for nowhere."""
    created = decisions.filter(pc.equal(decisions["cause"].cast(pa.string()), Cause.CREATE.name.lower()))
    hosts = pc.fill_null(created["host_id"].cast(pa.string()), "")
    return created["instance"].combine_chunks(), hosts.combine_chunks()


def _together(names: list[str], tables: list[pa.Table]) -> pa.Table:
    """Return the decisions of all sides, one after the other, with their names in front."""
    dictionary = pa.array(names, pa.string())
    parts = []
    for number, table in enumerate(tables):
        codes = pa.array(np.full(table.num_rows, number, dtype=np.int32))
        parts.append(table.add_column(0, VARIANT, pa.DictionaryArray.from_arrays(codes, dictionary)))
    return pa.concat_tables(parts).unify_dictionaries()
