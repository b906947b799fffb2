"""Drain: can these hosts be emptied, in which order, with how many moves, and what has nowhere to go.

None of the hosts takes anything from the beginning on. Instances are placed by the chain, each claimed before the next,
and hold their old place until they have a new one, as in a live migration. Beside what finds no host stands how many
could not in any order.

Figures: ``hosts`` were to be emptied and ``hosts_emptied`` are, in the ``order`` of their names;
``hosts_not_emptied`` are named. ``instances`` were on them, of which ``moves`` moved, ``moved_gib`` of memory, and
``left`` have nowhere to go, ``left_by_reason``; ``left_if_largest_first`` would be left in that order,
``left_in_any_order`` at least in every one. ``utilisation_before`` and ``utilisation_after`` are the used shares of
the other hosts. ``refused_before`` and ``lost_before`` are of the run that led to the fleet asked about, which ends
at ``time_s``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, BarPlot, Cell, Column, LinePlot, Plot, Progress, ResultTable, Series
from engine.whatif.decision_table import decisions_table
from engine.whatif.decisions import Reason
from engine.whatif.fleets.choice import rows_of
from engine.whatif.inputs import Inputs
from engine.whatif.questions.asked_about import AskedAbout, asked_about
from engine.whatif.questions.emptying import Emptied, empty_hosts
from engine.whatif.questions.fit_counts import RESOURCES, capacity
from engine.whatif.questions.headroom import Headroom
from engine.whatif.questions.held import held_in
from engine.whatif.questions.phrases import counted, number
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import Executor
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

_MIB: Final = 1024
_BARS: Final = 40
_STUCK: Final = 1000
_RESOURCE_NAMES: Final = {"vcpu": "vCPUs", "memory_mb": "memory", "disk_gb": "disk"}
_REASONS: Final = {
    Reason.VCPU: "vCPUs",
    Reason.MEMORY_MB: "memory",
    Reason.DISK_GB: "disk",
    Reason.INSTANCES: "room for another instance",
    Reason.FILTERED: "a host that passes the filters",
    Reason.OTHER: "a host that passes the filters",
}
"""For want of what an instance has nowhere to go."""


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return whether the hosts that the scenario names can be emptied, on its fleet as its run leaves it.

    Raises InvalidRequestError where it names none.
    """
    said = scenario.drain
    if said is None:
        raise InvalidRequestError('drain: say which hosts are to be emptied: [drain] with of = { zone = "az1" }')
    asked = asked_about(scenario, inputs, seed=seed, progress=progress)
    world = asked.world
    rows = rows_of(said.of, world.table, np.random.default_rng(seed), blocked=world.blocked)
    if not len(rows):
        raise InvalidRequestError("drain.of: no host is all that it says, so there is nothing to empty")
    emptied = empty_hosts(world, rows, by=said.by, time_s=asked.time_s, progress=progress)
    otherwise = least = 0
    if emptied.left.any():
        other = empty_hosts(world, rows, by=said.by, time_s=asked.time_s, progress=progress, largest_first=True)
        otherwise = int(other.left.sum())
        world.block(rows)
        held = held_in(world)
        least = Headroom.of(world, held).least_lost(held.on_rows(rows), rows)
    return _answer(scenario, asked, emptied, otherwise, least)


def utilisation(world: World, rows: Numbers) -> dict[str, float]:
    """Return the used part, from 0 to 1 and more where overfull, of what hosts sell of each resource."""
    columns = world.table.columns
    used = [int(columns[f"{name}_used"][rows].sum(dtype=np.int64)) for name in RESOURCES]
    have = np.maximum(capacity(world, rows), 1).tolist()
    return {name: part / whole for name, part, whole in zip(RESOURCES, used, have, strict=True)}


def _answer(scenario: Scenario, asked: AskedAbout, emptied: Emptied, otherwise: int, least: int) -> Answer:
    world = emptied.world
    rest = world.table.present_rows()
    before, after = utilisation(asked.world, rest), utilisation(world, rest)
    moves, left = int((~emptied.decisions.refused).sum()), int(emptied.left.sum())
    names = world.table.identity.host_ids.take(emptied.rows)
    reasons = np.bincount(emptied.decisions.reasons[emptied.decisions.refused], minlength=len(Reason))
    stuck = [name for name, many in zip(names, emptied.left.tolist(), strict=True) if many]
    figures: dict[str, Any] = {
        "time_s": asked.time_s,
        "hosts": len(names),
        "hosts_emptied": int((emptied.left == 0).sum()),
        "instances": int(emptied.held.sum()),
        "moves": moves,
        "moved_gib": float(emptied.moved_mb.sum()) / _MIB,
        "left": left,
        "left_if_largest_first": otherwise,
        "left_in_any_order": least,
        "refused_before": asked.refused,
        "lost_before": asked.lost,
        "by": "host" if scenario.drain is None else scenario.drain.by,
        "order": names,
        "hosts_not_emptied": stuck,
        "left_by_reason": {Reason(code).name.lower(): int(many) for code, many in enumerate(reasons) if many},
        "utilisation_before": before,
        "utilisation_after": after,
    }
    return Answer(
        "drain",
        _headline(figures, reasons),
        figures,
        _decisions(emptied),
        tuple(_tables(emptied, names, before, after)),
        tuple(_plots(emptied, names, before, after)),
    )


def _headline(figures: dict[str, Any], reasons: Numbers) -> str:
    hosts, emptied, moves, left = (figures[name] for name in ("hosts", "hosts_emptied", "moves", "left"))
    work = f"{counted(moves, 'move')}, {number(round(figures['moved_gib']))} GiB of memory"
    if not left:
        return f"{'The host' if hosts == 1 else f'All {number(hosts)} hosts'} can be emptied: {work}."
    why = _REASONS[Reason(int(reasons.argmax()))]
    sure = f"; {number(figures['left_in_any_order'])} at least in any order" if figures["left_in_any_order"] else ""
    return (
        f"{number(emptied)} of {counted(hosts, 'host')} can be emptied with {work}; {number(left)} of "
        f"{counted(figures['instances'], 'instance')} {'has' if left == 1 else 'have'} nowhere to go, mostly for want "
        f"of {why}{sure}."
    )


def _decisions(emptied: Emptied) -> pa.Table:
    """Return the decisions, the host that each instance was on in front."""
    rows, codes = np.unique(emptied.sources, return_inverse=True)
    names = pa.array(emptied.world.table.identity.host_ids.take(rows), pa.string())
    source = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)
    return decisions_table(emptied.world, emptied.decisions).add_column(0, "from_host_id", source)


def _tables(
    emptied: Emptied, names: Sequence[str], before: dict[str, float], after: dict[str, float]
) -> list[ResultTable]:
    moved = emptied.held - emptied.left
    hosts = tuple(
        (place + 1, name, int(held), int(moves), float(memory) / _MIB, int(left))
        for place, (name, held, moves, memory, left) in enumerate(
            zip(names, emptied.held, moved, emptied.moved_mb, emptied.left, strict=True)
        )
    )
    columns = (
        Column("order"),
        Column("host"),
        Column("instances"),
        Column("moves"),
        Column("memory moved", "GiB", 1),
        Column("left"),
    )
    tables = [
        ResultTable(
            "Utilisation of the other hosts",
            (Column("resource"), Column("before", "%", 1), Column("after", "%", 1)),
            tuple((_RESOURCE_NAMES[name], 100 * before[name], 100 * after[name]) for name in RESOURCES),
        ),
        ResultTable("Hosts in the order to empty them", columns, hosts, is_detail=len(hosts) > _BARS),
    ]
    refused = np.flatnonzero(emptied.decisions.refused)
    if len(refused):
        tables.append(_stuck(emptied, refused))
    return tables


def _stuck(emptied: Emptied, refused: Numbers) -> ResultTable:
    world, decisions = emptied.world, emptied.decisions
    shown = refused[:_STUCK]
    instances = world.names_of(decisions.instances[shown]).to_pylist()
    hosts = world.table.identity.host_ids.take(emptied.sources[shown])
    rows: list[tuple[Cell, ...]] = []
    for place, instance, host in zip(shown.tolist(), instances, hosts, strict=True):
        flavor = world.requests[int(decisions.codes[place])].flavor.name
        rows.append((instance, flavor, host, _REASONS[Reason(int(decisions.reasons[place]))]))
    more = len(refused) - len(shown)
    return ResultTable(
        "Instances that have nowhere to go",
        (Column("instance"), Column("flavor"), Column("on host"), Column("for want of")),
        tuple(rows),
        note=f"{number(more)} more are not listed; the decisions have all." if more else "",
        is_detail=len(rows) > _BARS,
    )


def _plots(emptied: Emptied, names: Sequence[str], before: dict[str, float], after: dict[str, float]) -> list[Plot]:
    moved = emptied.held - emptied.left
    plots: list[Plot] = []
    if len(names) <= _BARS:
        plots.append(
            BarPlot(
                "Moves by host, in the order to empty them",
                "instances",
                tuple(names),
                ("moved", "left"),
                (tuple(moved.astype(float).tolist()), tuple(emptied.left.astype(float).tolist())),
                is_stacked=True,
            )
        )
    else:
        steps = np.arange(len(names) + 1, dtype=float).tolist()
        running = [np.concatenate([[0], np.cumsum(values)]).astype(float).tolist() for values in (moved, emptied.left)]
        plots.append(
            LinePlot(
                "Moves as hosts are emptied",
                "hosts emptied",
                "instances",
                (Series("moved", steps, running[0]), Series("left", steps, running[1])),
                x_unit="",
            )
        )
    plots.append(
        BarPlot(
            "Utilisation of the other hosts",
            "used share",
            tuple(_RESOURCE_NAMES[name] for name in RESOURCES),
            ("before", "after"),
            (tuple(before.values()), tuple(after.values())),
            is_share=True,
        )
    )
    return plots
