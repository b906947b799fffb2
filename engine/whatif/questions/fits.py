"""Fits: how many more of each flavor fit, exact by the chain, where, what runs out first, and how many in tiers.

Of each flavor alone: instances of one flavor fill every host as far as it goes, in whatever order the weighers have it,
so that the count is the sum over the hosts. In tiers (Ganeti's hspace): as many of the largest as fit, then of smaller
ones, each placed for real on a fork of the world. Beside both stands what the totals of free amounts would promise.

Figures: ``fits`` is the count by flavor. ``flavors`` has for each of them ``fit``, ``totals_would_say``,
``hosts_with_room``, ``by_zone``, ``limited_by`` (on how many hosts what stops the next one: vcpu, memory_mb, disk_gb,
instances, filtered, other) and ``stranded`` (what is left free of each resource when full). ``tiered`` has the tiers
in their order (sizes, ``placed``, what then ``ran_out``), ``tiered_instances`` all that were placed, ``tiered_left``
what is free afterwards. ``hosts``, ``instances``, ``free_`` and ``capacity_`` of each resource are of the fleet asked
about, ``refused_before`` and ``lost_before`` of the run that led to it, which ends at ``time_s``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidRequestError
from engine.model.request_spec import RequestSpec
from engine.whatif.answer import Answer, Cell, Column, Progress, ResultTable
from engine.whatif.decision_table import decisions_table
from engine.whatif.decisions import Decisions
from engine.whatif.fleets.choice import unknown_name
from engine.whatif.inputs import Inputs
from engine.whatif.questions.asked_about import AskedAbout, asked_about
from engine.whatif.questions.fit_counts import LIMITS, RESOURCES, FitCount, capacity, count_fit, free_amounts
from engine.whatif.questions.fits_pictures import fit_plots
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.places import HostGroups, Kind, first_of_each, host_groups
from engine.whatif.questions.sizes import least_of, sizes_of
from engine.whatif.questions.tiers import Tiered, place_tiers
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import Executor
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

_LIMIT_NAMES: Final = {
    "vcpu": "vCPUs",
    "memory_mb": "memory",
    "disk_gb": "disk",
    "instances": "instances",
    "filtered": "filtered out",
    "other": "other filters",
}
_RESOURCE_NAMES: Final = {"vcpu": "vCPUs", "memory_mb": "MiB of memory", "disk_gb": "GiB of disk"}
_ZONE_COLUMNS: Final = 8
_SAID: Final = 3
"""Flavors that the headline names."""


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return how many more of each flavor the scenario's fleet, as its run leaves it, takes.

    Raises InvalidRequestError where there is no flavor to ask for, or one that nobody knows is.
    """
    asked = asked_about(scenario, inputs, seed=seed, progress=progress)
    world, said = asked.world, scenario.fits
    requests = {name: _flavor(world, "flavors", name) for name in said.flavors} or dict(world.flavors)
    if not requests:
        raise InvalidRequestError("fits: there is no flavor to ask for: add [[flavors]] with name, vcpus and memory_mb")
    rows = world.table.present_rows()
    counts = []
    for done, (name, request) in enumerate(requests.items()):
        progress("counting flavors", done, len(requests))
        counts.append(count_fit(world, name, world.code(request), rows))
    tiered = None
    if said.tiered:
        start = _flavor(world, "start", said.start) if said.start else _largest(world, list(requests.values()), rows)
        least = sizes_of(_flavor(world, "least", said.least).flavor) if said.least else least_of(sizes_of(start.flavor))
        tiered = place_tiers(world, start, least, time_s=asked.time_s, progress=progress)
    return _answer(scenario, asked, rows, counts, tiered)


def _flavor(world: World, key: str, name: str) -> RequestSpec:
    request = world.flavors.get(name)
    if request is None:
        raise InvalidRequestError(f"fits.{key}: {unknown_name('flavor', name, world.flavors).message}", name=name)
    return request


def _largest(world: World, requests: Sequence[RequestSpec], rows: Numbers) -> RequestSpec:
    """Return the request of the largest share of what the fleet has, of the resource of which it asks the most."""
    have = np.maximum(capacity(world, rows), 1)

    def share(request: RequestSpec) -> tuple[float, str]:
        sizes = np.array(sizes_of(request.flavor), dtype=np.int64)
        return float((sizes / have).max()), request.flavor.name

    return max(requests, key=share)


def _answer(
    scenario: Scenario, asked: AskedAbout, rows: Numbers, counts: Sequence[FitCount], tiered: Tiered | None
) -> Answer:
    world = asked.world

    def groups_of(kind: Kind) -> HostGroups:
        zone = world.options.default_availability_zone
        return host_groups(world.table, rows, kind, rack_prefix=scenario.fail.rack_prefix, default_zone=zone)

    zones = groups_of("zone")
    zone_of = first_of_each(zones, rows)
    by_zone = [np.bincount(zone_of, weights=count.slots, minlength=len(zones)).astype(np.int64) for count in counts]
    free = free_amounts(world, rows).sum(axis=1)
    have = capacity(world, rows)
    figures: dict[str, Any] = {
        "time_s": asked.time_s,
        "hosts": len(rows),
        "instances": int((world.rows >= 0).sum()),
        **{f"free_{name}": int(amount) for name, amount in zip(RESOURCES, free, strict=True)},
        "refused_before": asked.refused,
        "lost_before": asked.lost,
        **{f"capacity_{name}": int(amount) for name, amount in zip(RESOURCES, have, strict=True)},
        "fits": {count.name: count.fit for count in counts},
        "flavors": [
            {
                "flavor": count.name,
                "fit": count.fit,
                "totals_would_say": count.naive,
                "hosts_with_room": int((count.slots > 0).sum()),
                "by_zone": dict(zip(zones.names, zoned.tolist(), strict=True)),
                "limited_by": count.limited_by,
                "stranded": count.stranded,
            }
            for count, zoned in zip(counts, by_zone, strict=True)
        ],
    }
    tables = [_counts_table(counts, zones, by_zone), _limits_table(counts), _stranded_table(counts, have)]
    if tiered is not None:
        figures["tiered"] = [
            {"flavor": tier.flavor, **tier.sizes._asdict(), "placed": tier.placed, "ran_out": tier.ran_out}
            for tier in tiered.tiers
        ]
        figures["tiered_instances"] = sum(tier.placed for tier in tiered.tiers)
        left = free_amounts(tiered.world, rows).sum(axis=1)
        figures["tiered_left"] = dict(zip(RESOURCES, left.tolist(), strict=True))
        tables.append(_tiers_table(tiered, left, have))
    decided = Decisions.empty(0) if tiered is None else tiered.decisions
    racks = groups_of("rack")
    return Answer(
        "fits",
        _headline(counts, asked.lost),
        figures,
        decisions_table(world if tiered is None else tiered.world, decided),
        tuple(tables),
        fit_plots(counts, racks if len(racks) > 1 else zones if len(zones) > 1 else groups_of("host"), rows, tiered),
    )


def _headline(counts: Sequence[FitCount], lost: int) -> str:
    parts = [f"{number(count.fit)} more {count.name}" for count in counts[:_SAID]]
    more = len(counts) - len(parts)
    text = ", or ".join(parts) + " would fit" + (", each alone" if len(counts) > 1 else "")
    tempting = next((count for count in counts if not count.fit and count.naive), None)
    if tempting is not None:
        text += f", though free totals would promise {number(tempting.naive or 0)} {tempting.name}"
    text += f"; {counted(more, 'more flavor')} below" if more else ""
    # Room that is there because something was lost is not the whole answer.
    return text + (f"; {counted(lost, 'instance')} that had to move found no host." if lost else ".")


def _counts_table(counts: Sequence[FitCount], zones: HostGroups, by_zone: Sequence[Numbers]) -> ResultTable:
    shown = len(zones) if 1 < len(zones) <= _ZONE_COLUMNS else 0
    return ResultTable(
        "How many more fit, each flavor alone",
        (
            Column("flavor"),
            Column("fit"),
            Column("totals would say"),
            Column("hosts with room"),
            *(Column(f"in {name}") for name in zones.names[:shown]),
        ),
        tuple(
            (count.name, count.fit, count.naive, int((count.slots > 0).sum()), *zoned[:shown].tolist())
            for count, zoned in zip(counts, by_zone, strict=True)
        ),
        note="What the totals of all free amounts, divided by the flavor's, would say is no number to promise.",
    )


def _limits_table(counts: Sequence[FitCount]) -> ResultTable:
    return ResultTable(
        "What runs out first, by hosts",
        (Column("flavor"), *(Column(_LIMIT_NAMES[name]) for name in LIMITS.values())),
        tuple((count.name, *(count.limited_by[name] for name in LIMITS.values())) for count in counts),
        note="On how many hosts that is what stops the next instance, once all are there that fit.",
    )


def _stranded_table(counts: Sequence[FitCount], have: Numbers) -> ResultTable:
    columns = [Column("flavor")]
    for name in RESOURCES:
        columns += [Column(_RESOURCE_NAMES[name]), Column(f"{_LIMIT_NAMES[name]} share", "%", 1)]
    rows = []
    for count in counts:
        cells: list[Cell] = [count.name]
        for name, amount in zip(RESOURCES, have.tolist(), strict=True):
            cells += [count.stranded[name], 100.0 * count.stranded[name] / amount if amount else None]
        rows.append(tuple(cells))
    return ResultTable("What is left over when full of one flavor", tuple(columns), tuple(rows), is_detail=True)


def _tiers_table(tiered: Tiered, left: Numbers, have: Numbers) -> ResultTable:
    rest = ", ".join(
        f"{number(int(amount))} of {number(int(whole))} {_RESOURCE_NAMES[name]}"
        for name, amount, whole in zip(RESOURCES, left, have, strict=True)
    )
    return ResultTable(
        "In tiers, from the largest down",
        (
            Column("instance"),
            Column("vCPUs"),
            Column("memory", "MiB"),
            Column("disk", "GiB"),
            Column("placed"),
            Column("then ran out"),
        ),
        tuple(
            (tier.flavor, *tier.sizes, tier.placed, _LIMIT_NAMES[tier.ran_out] if tier.ran_out else None)
            for tier in tiered.tiers
        ),
        note=f"Left free afterwards: {rest}.",
    )
