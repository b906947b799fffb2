"""What a replay's outcome is in tables: refusals by flavor and by reason, moves, resources, free slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import Cell, Column, ResultTable
from engine.whatif.decisions import Cause, Decisions, Reason
from engine.whatif.measure.observations import Observations
from engine.whatif.questions.phrases import counted
from engine.whatif.wording import duration_text
from engine.whatif.world import World

_MOST_FLAVORS: Final = 20
_MOST_REFUSALS: Final = 50
_MIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Wording:
    """What a reason is called, and how a sentence about a refusal ends."""

    name: str
    phrase: str


REASONS: Final = {
    Reason.NONE: Wording("none", "for no reason that was counted"),
    Reason.VCPU: Wording("vCPUs", "for want of vCPUs"),
    Reason.MEMORY_MB: Wording("memory", "for want of memory"),
    Reason.DISK_GB: Wording("disk", "for want of disk"),
    Reason.INSTANCES: Wording("number of instances", "as the hosts run as many instances as they may"),
    Reason.FILTERED: Wording("no host passes the filters", "as no host passes the filters"),
    Reason.OTHER: Wording("groups, NUMA cells or devices", "for want of fitting groups, NUMA cells or devices"),
}
"""How people read the reasons."""


def replay_tables(
    world: World, decisions: Decisions, seen: Observations, names: tuple[str, ...]
) -> tuple[ResultTable, ...]:
    """Return the tables of a replay; ``names`` are those of the requests whose slots were counted."""
    tables = [_resources(seen), *_by_flavor(world, decisions)]
    created = decisions.causes == Cause.CREATE
    if (decisions.refused & created).any():
        tables.append(_by_reason(decisions, created))
    if not created.all():
        tables.append(_moves(decisions))
    if names:
        tables += [_slots(world, seen, names), _fragments(seen, names)]
    if decisions.refused.any():
        tables.append(_first_refusals(world, decisions))
    return tuple(tables)


def _resources(seen: Observations) -> ResultTable:
    names = (("vCPUs", 1), ("memory, GiB", _MIB), ("disk, GiB", 1))
    rows: list[tuple[Cell, ...]] = []
    for place, (name, unit) in enumerate(names):
        shares = 100.0 * seen.shares[:, place]
        rows.append(
            (
                name,
                float(seen.capacity[-1, place] / unit),
                float(seen.used[-1, place] / unit),
                float(shares[-1]),
                float(shares.mean()),
                float(shares.max()),
                float(seen.free[-1, place] / unit),
                float(seen.stranded[-1, place] / unit),
                float(100.0 * seen.stranded_shares[-1, place]),
            )
        )
    for name, values in seen.more.items():
        of_class = 100.0 * seen.share_of(name)
        most, used = values[-1].tolist()
        shown = (float(of_class[-1]), float(of_class.mean()), float(of_class.max()))
        rows.append((name, float(most), float(used), *shown, float(most - used), None, None))
    return ResultTable(
        "Resources at the end",
        (
            Column("resource"),
            Column("capacity"),
            Column("used"),
            Column("used", "%", 1),
            Column("mean", "%", 1),
            Column("peak", "%", 1),
            Column("free"),
            Column("stranded"),
            Column("stranded", "%", 1),
        ),
        tuple(rows),
        note="Stranded is what is free on hosts where none of the workload's flavors fits any more.",
    )


def _by_flavor(world: World, decisions: Decisions) -> list[ResultTable]:
    """Return what became of each flavor's requests, the most often refused first, the rest in a table of details."""
    created = decisions.causes == Cause.CREATE
    if not created.any():
        return []
    many = len(world.requests)
    asked = np.bincount(decisions.codes[created], minlength=many)
    refused = created & decisions.refused
    misses = np.bincount(decisions.codes[refused], minlength=many)
    reasons = np.zeros((many, len(Reason)), dtype=np.int64)
    np.add.at(reasons, (decisions.codes[refused], decisions.reasons[refused]), 1)
    order = [code for code in np.lexsort((np.arange(many), -asked, -misses)).tolist() if asked[code]]
    rows: list[tuple[Cell, ...]] = []
    for code in order:
        flavor = world.requests[code].flavor
        main = REASONS[Reason(int(np.argmax(reasons[code])))].name if misses[code] else None
        rows.append(
            (
                flavor.name,
                flavor.vcpus,
                flavor.memory_mb / _MIB,
                flavor.root_gb + flavor.ephemeral_gb,
                int(asked[code]),
                int(asked[code] - misses[code]),
                int(misses[code]),
                float(100.0 * misses[code] / asked[code]),
                main,
            )
        )
    columns = (
        Column("flavor"),
        Column("vCPUs"),
        Column("memory", "GiB", 1),
        Column("disk", "GiB"),
        Column("requests"),
        Column("placed"),
        Column("refused"),
        Column("refused", "%", 2),
        Column("mostly for want of"),
    )
    title = "Requests by flavor"
    if len(rows) <= _MOST_FLAVORS:
        return [ResultTable(title, columns, tuple(rows))]
    note = f"The {_MOST_FLAVORS} most often refused of {counted(len(rows), 'flavor')}."
    return [
        ResultTable(title, columns, tuple(rows[:_MOST_FLAVORS]), note=note),
        ResultTable("Requests by flavor, all", columns, tuple(rows), is_detail=True),
    ]


def _by_reason(decisions: Decisions, created: npt.NDArray[np.bool_]) -> ResultTable:
    refused = np.flatnonzero(decisions.refused & created)
    reasons = decisions.reasons[refused]
    counts = np.bincount(reasons, minlength=len(Reason))
    rows: list[tuple[Cell, ...]] = []
    for reason in np.argsort(-counts, kind="stable").tolist():
        if counts[reason]:
            first = refused[int(np.argmax(reasons == reason))]
            share = float(100.0 * counts[reason] / len(refused))
            after = duration_text(float(decisions.times_s[first]))
            rows.append((REASONS[Reason(reason)].name, int(counts[reason]), share, after))
    return ResultTable(
        "Refusals by reason",
        (Column("what most hosts lacked"), Column("refused"), Column("share", "%", 1), Column("first after")),
        tuple(rows),
    )


def _moves(decisions: Decisions) -> ResultTable:
    rows: list[tuple[Cell, ...]] = []
    for cause, name in ((Cause.EVACUATE, "built anew after a failure"), (Cause.DRAIN, "moved off drained hosts")):
        mine = decisions.causes == cause
        if mine.any():
            misses = int((mine & decisions.refused).sum())
            rows.append((name, int(mine.sum()), int(mine.sum()) - misses, misses))
    return ResultTable(
        "Moves", (Column("why"), Column("instances"), Column("found a host"), Column("found none")), tuple(rows)
    )


def _slots(world: World, seen: Observations, names: tuple[str, ...]) -> ResultTable:
    """Return how many more of each flavor fit at the end, and what the free totals would have promised."""
    rows: list[tuple[Cell, ...]] = []
    for place, name in enumerate(names):
        slots, lost = float(seen.slots[-1, place]), float(seen.lost_to_fragments[-1, place])
        sizes = np.array(world.amounts(world.replaced.get(seen.codes[place], seen.codes[place]))[:3])
        asked = sizes > 0
        promised = int((seen.free[-1][asked] // sizes[asked]).min()) if asked.any() else None
        rows.append(
            (
                name,
                None if np.isnan(slots) else int(slots),
                promised,
                None if np.isnan(lost) else 100.0 * lost,
            )
        )
    return ResultTable(
        "Free slots at the end, each flavor alone",
        (Column("flavor"), Column("fit"), Column("totals promise"), Column("lost to fragments", "%", 1)),
        tuple(rows),
        note="The flavors that most instances of the workload ask for.",
    )


def _fragments(seen: Observations, names: tuple[str, ...]) -> ResultTable:
    """Return what part of each resource's free total no more of a flavor can use."""
    shares = 100.0 * seen.fragmentation[-1]
    rows: list[tuple[Cell, ...]] = [
        (name, *(None if np.isnan(share) else share for share in shares[place].tolist()))
        for place, name in enumerate(names)
    ]
    return ResultTable(
        "Fragmentation at the end",
        (Column("flavor"), Column("vCPUs", "%", 1), Column("memory", "%", 1), Column("disk", "%", 1)),
        tuple(rows),
        note="The part of what is free of each resource that is left over once as many of the flavor as fit are there.",
        is_detail=True,
    )


def _first_refusals(world: World, decisions: Decisions) -> ResultTable:
    misses = np.flatnonzero(decisions.refused)[:_MOST_REFUSALS]
    names = world.names_of(decisions.instances[misses]).to_pylist()
    rows: list[tuple[Cell, ...]] = [
        (
            duration_text(float(decisions.times_s[place])),
            name,
            world.requests[int(decisions.codes[place])].flavor.name,
            Cause(int(decisions.causes[place])).name.lower(),
            REASONS[Reason(int(decisions.reasons[place]))].name,
            *decisions.short[place].tolist(),
        )
        for place, name in zip(misses.tolist(), names, strict=True)
    ]
    return ResultTable(
        "First refusals",
        (
            Column("after"),
            Column("instance"),
            Column("flavor"),
            Column("for"),
            Column("what most hosts lacked"),
            Column("hosts short of vCPUs"),
            Column("of memory"),
            Column("of disk"),
            Column("full of instances"),
            Column("filtered out"),
        ),
        tuple(rows),
        is_detail=True,
    )
