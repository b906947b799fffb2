"""Fail: which failures of hosts, racks, zones or aggregates could not be absorbed: every one of them, not a sample.

A failure displaces the instances of its hosts all at once; they are built anew elsewhere one after the other, placed by
the chain on the fleet without those hosts, each holding its place before the next is placed. Every single group of each
kind asked for is tried, on the fleet as it was, and every set of up to ``together`` groups of a kind.

What is exact: for each failure that is tried, where each instance goes and which find no host, in the order asked for.
Absorbing is not monotone under such an order (more hosts lost can mean better choices), so no set is skipped because of
another. Larger sets are left out only where free slots prove that they are absorbed in any order (see headroom); of
those nothing but that is told. Beside what found no host stands how many could not have in any order, so that "this
order did not" is told apart from "there is no room".

Figures: ``failures`` is how many there are, of which ``absorbed`` and ``not_absorbed``; ``not_absorbed_in_any_order``
of the latter there is no room for, ``absorbed_in_the_other_order`` are if the order is the other one. ``tried`` and
``absorbed_without_trying`` are how that is known. ``n_plus`` is how many hosts, any of them, may fail together;
``any_together`` the same by kind. ``by_kind`` has the counts of each kind and number together, ``worst`` the failures
that lose the most with ``displaced``, ``lost``, ``lost_in_the_other_order`` and ``lost_in_any_order`` (at least so
many), and ``not_absorbed_names`` the first thousand. ``displaced_at_most`` and ``lost_at_most`` are of one failure,
of those tried. ``hosts`` and ``instances`` are of the fleet asked about, ``refused_before`` and ``lost_before`` of
the run that led to it, which ends at ``time_s``. The decisions are of instances that found no host, of few failures
of all instances; of the ``not_absorbed_without_decisions`` there are none, as there are a million of failures of
several together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Progress
from engine.whatif.decision_table import decisions_table
from engine.whatif.decisions import Decisions
from engine.whatif.inputs import Inputs
from engine.whatif.questions.asked_about import AskedAbout, asked_about
from engine.whatif.questions.fail_pictures import failure_plots
from engine.whatif.questions.fail_tables import LISTED, failure_tables, may_fail, summary_of
from engine.whatif.questions.headroom import Headroom, Proof
from engine.whatif.questions.held import held_in
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.places import HostGroups, host_groups
from engine.whatif.questions.rehearsals import Failures, rehearse_sets, sets_to_try
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import Executor
from engine.whatif.world import World

_WORST: Final = 20
_FEW: Final = 24
"""Failures up to which every instance's decision is kept, not only those that found no host."""


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return which failures the scenario's fleet, as its run leaves it, could not absorb.

    Raises InvalidRequestError where there is no group of a kind asked for, or there are more than ``fail.limit``.
    """
    asked = asked_about(scenario, inputs, seed=seed, progress=progress)
    failures, proofs = fail_all(asked.world, scenario, time_s=asked.time_s, progress=progress)
    return _answer(scenario, asked, failures, proofs)


def fail_all(
    world: World, scenario: Scenario, *, time_s: float, progress: Progress
) -> tuple[list[Failures], dict[str, Proof | None]]:
    """Return the failures of every kind and number together, and by kind what is proven; the world stays as it is.

    Hosts that take nothing, but hold instances, can fail as well.
    """
    table, options = scenario.fail, world.options
    held = held_in(world)
    headroom = Headroom.of(world, held)
    there = world.table.columns["present"][: world.table.rows] == 1
    rows = np.flatnonzero(there | (held.counts > 0))
    failures: list[Failures] = []
    proofs: dict[str, Proof | None] = {}
    for kind in dict.fromkeys(table.of):
        groups = host_groups(
            world.table, rows, kind, rack_prefix=table.rack_prefix, default_zone=options.default_availability_zone
        )
        _check(groups, table.rack_prefix)
        proof = proofs[kind] = headroom.proof(groups)
        for together in range(1, min(table.together, len(groups)) + 1):
            sets = sets_to_try(groups, together, proof, table.limit)
            failures.append(
                rehearse_sets(
                    world,
                    held,
                    headroom,
                    groups,
                    sets,
                    order=table.order,
                    keep_placed=len(sets) <= _FEW,
                    time_s=time_s,
                    progress=progress,
                )
            )
    return failures, proofs


def _check(groups: HostGroups, rack_prefix: str) -> None:
    """Raise InvalidRequestError for a kind of which there is no group."""
    if len(groups):
        return
    if groups.kind == "rack":
        raise InvalidRequestError(
            f"fail: no aggregate whose name begins with {rack_prefix!r} has hosts, so no rack can fail: set "
            "fail.rack_prefix to what the names of racks begin with"
        )
    why = "no host is in any" if groups.kind == "aggregate" else "there are no hosts left"
    raise InvalidRequestError(f"fail: {why}, so no {groups.kind} can fail")


def absorbed_together(failures: Sequence[Failures], proof: Proof | None) -> int:
    """Return the most groups of a kind of which any choice may fail together: of what was tried, or proven.

    ``failures`` are those of one kind, of 1 together, 2, and so on.
    """
    tried = 0
    for item in failures:
        if item.lost.any():
            break
        tried = item.together
    return tried if tried < len(failures) or proof is None else max(tried, proof.any_absorbed())


def _answer(
    scenario: Scenario, asked: AskedAbout, failures: Sequence[Failures], proofs: dict[str, Proof | None]
) -> Answer:
    kinds = list(proofs)
    of_kind = {kind: [item for item in failures if item.groups.kind == kind] for kind in kinds}
    any_of = {kind: absorbed_together(of_kind[kind], proofs[kind]) for kind in kinds}
    bad = [(item, entry) for item in failures for entry in np.flatnonzero(item.lost).tolist()]
    bad.sort(key=lambda found: (-int(found[0].lost[found[1]]), -int(found[0].displaced[found[1]])))
    figures: dict[str, Any] = {
        "time_s": asked.time_s,
        "hosts": asked.world.table.host_count,
        "instances": int((asked.world.rows >= 0).sum()),
        "failures": sum(item.absorbed + int((item.lost > 0).sum()) for item in failures),
        "absorbed": sum(item.absorbed for item in failures),
        "not_absorbed": len(bad),
        "not_absorbed_in_any_order": sum(int((item.least > 0).sum()) for item in failures),
        "absorbed_in_the_other_order": sum(
            int(((item.lost > 0) & (item.lost_otherwise == 0)).sum()) for item in failures
        ),
        "tried": sum(len(item.sets) for item in failures),
        "absorbed_without_trying": sum(item.proven for item in failures),
        "displaced_at_most": max((int(item.displaced.max(initial=0)) for item in failures), default=0),
        "lost_at_most": max((int(item.lost.max(initial=0)) for item in failures), default=0),
        "not_absorbed_without_decisions": sum(item.undecided for item in failures),
        "refused_before": asked.refused,
        "lost_before": asked.lost,
        "order": scenario.fail.order,
        "any_together": any_of,
        "by_kind": [summary_of(item) for item in failures],
        "worst": [_figures(item, entry) for item, entry in bad[:_WORST]],
        "not_absorbed_names": [item.name(entry) for item, entry in bad[:LISTED]],
    }
    if "host" in any_of:
        figures["n_plus"] = any_of["host"]
    return Answer(
        "fail",
        _headline(failures, of_kind, any_of, bad),
        figures,
        _decisions(asked.world, failures),
        failure_tables(failures, any_of, bad),
        failure_plots(failures, bad[:_WORST]),
    )


def _figures(item: Failures, entry: int) -> dict[str, Any]:
    return {
        "kind": item.groups.kind,
        "failed": [item.groups.names[group] for group in item.sets[entry].tolist()],
        "displaced": int(item.displaced[entry]),
        "lost": int(item.lost[entry]),
        "lost_in_the_other_order": int(item.lost_otherwise[entry]),
        "lost_in_any_order": int(item.least[entry]),
    }


def _headline(
    failures: Sequence[Failures],
    of_kind: dict[str, list[Failures]],
    any_of: dict[str, int],
    bad: Sequence[tuple[Failures, int]],
) -> str:
    all_of_them = sum(item.absorbed for item in failures) + len(bad)
    if not bad:
        return f"All {counted(all_of_them, 'failure')} would be absorbed; {may_fail(any_of)}."
    worst, entry = bad[0]
    parts: list[str] = []
    for item in (item for items in of_kind.values() for item in items if item.lost.any()):
        kind, lost_some = item.groups.kind, int((item.lost > 0).sum())
        of = f"of a {kind}" if item.together == 1 else f"of {item.together} {kind}s together"
        parts.append(f"{number(lost_some)} of {number(item.absorbed + lost_some)} {'' if parts else 'failures '}{of}")
    what = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    lost, displaced = int(worst.lost[entry]), int(worst.displaced[entry])
    return (
        f"{what} could not be absorbed; the worst, {worst.name(entry)}, leaves {number(lost)} of "
        f"{counted(displaced, 'instance')} without a host."
    )


def _decisions(world: World, failures: Sequence[Failures]) -> pa.Table:
    """Return the decisions of all failures, what failed in front."""
    table = decisions_table(world, Decisions.joined([item.decisions for item in failures]))
    names: list[str] = []
    codes: list[np.ndarray[Any, Any]] = []
    kinds: list[str] = []
    for item in failures:
        entries, places = np.unique(item.of_set, return_inverse=True)
        codes.append(places.astype(np.int32) + len(names))
        names += [item.name(entry) for entry in entries.tolist()]
        kinds += [item.groups.kind] * len(entries)
    of_row = pa.array(np.concatenate(codes) if codes else np.empty(0, dtype=np.int32))
    known = list(dict.fromkeys(kinds))
    kind_codes = pa.array([known.index(kind) for kind in kinds], pa.int32()).take(of_row)
    failed = pa.DictionaryArray.from_arrays(of_row, pa.array(names, pa.string()))
    kind = pa.DictionaryArray.from_arrays(kind_codes, pa.array(known, pa.string()))
    return table.add_column(0, "failed", failed).add_column(0, "kind", kind)
