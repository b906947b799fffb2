"""Replay: what of a workload would have been refused, when and why, and how full the fleet was meanwhile.

Figures: ``requests``, ``placed``, ``refused`` and ``refused_percent`` count what was asked for in the run; ``moved``,
``not_moved`` (drained, and no other host) and ``lost`` (evacuated, and no other host) the instances that changes of the
fleet concerned. ``first_refusal_s`` (None for none) and ``first_refusal_reason``; ``refused_by_flavor`` and
``refused_by_reason`` have the names that the table of decisions has. ``end_s`` is the moment the run ends, and every
figure ``at_end`` is of then: ``hosts``, ``instances``, ``capacity``, ``used``, ``free`` and ``stranded`` by resource,
``free_slots`` and ``lost_to_fragments_share`` by flavor. ``peak``, ``mean``, ``final`` and ``stranded`` shares are of
all that hosts may give out of a resource, those of further classes (``peak_CUSTOM_GPU_share``) of what their providers
may; peaks and means are those of the samples.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.whatif.answer import Answer, Progress
from engine.whatif.decisions import Cause, Decisions, Reason
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.measure.observations import RESOURCES, Floats, Observations
from engine.whatif.measure.observer import Observer
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.replay_plots import flavor_labels, replay_plots
from engine.whatif.questions.replay_tables import REASONS, replay_tables
from engine.whatif.questions.runs import kept_decisions, play, workload_of
from engine.whatif.scenario.model import Scenario
from engine.whatif.sweep.executor import Executor
from engine.whatif.wording import duration_text
from engine.whatif.workload import Workload
from engine.whatif.world import World

_SHORT: Final = {"vcpu": "vcpu", "memory_mb": "memory", "disk_gb": "disk"}


def ask(scenario: Scenario, inputs: Inputs, *, seed: int, progress: Progress, executor: Executor) -> Answer:
    """Return what became of the scenario's workload, and how full the fleet was at so many samples of the run."""
    world = open_world(scenario, inputs, seed=seed)
    workload = workload_of(scenario, inputs, world, seed=seed)
    end_s = _end_s(scenario, workload)
    times_s = _sample_times(end_s, scenario.replay.samples)
    observer = Observer(world, workload.codes, times_s)
    decisions = play(
        scenario,
        world,
        workload,
        seed=seed,
        until_s=end_s,
        sample_times=times_s,
        observer=observer,
        progress=progress,
    )
    seen = observer.result()
    if _was_stopped(workload, decisions):
        end_s = float(decisions.times_s[-1])
        seen = seen.until(end_s)
    names = flavor_labels(world, seen.codes)
    return Answer(
        "replay",
        _headline(decisions, seen),
        _figures(world, decisions, seen, names, end_s),
        kept_decisions(scenario, world, decisions),
        replay_tables(world, decisions, seen, names),
        replay_plots(decisions, seen, names, end_s),
    )


def _end_s(scenario: Scenario, workload: Workload) -> float:
    """Return the moment of the last event or change, or the scenario's own end."""
    if scenario.replay.until is not None:
        return scenario.replay.until
    ends = [change.at for change in scenario.changes]
    if len(workload.events):
        ends.append(float(workload.events.times_s[-1]))
    return max(ends, default=0.0)


def _sample_times(end_s: float, samples: int) -> Floats:
    """Return ``samples`` times of even distances, the last of which is the end, and 0 the first unless it is alone."""
    if end_s <= 0 or samples == 1:
        return np.array([end_s], dtype=np.float64)
    return np.linspace(0.0, end_s, samples)


def _was_stopped(workload: Workload, decisions: Decisions) -> bool:
    """Whether the run ended with the refusals that a fill ends with."""
    stop = workload.stop_after_refusals
    created = decisions.causes == Cause.CREATE
    return stop > 0 and int((decisions.refused & created).sum()) >= stop


def _headline(decisions: Decisions, seen: Observations) -> str:
    """Return how much was refused, from when on and for want of what, and how many instances the changes lost."""
    created = decisions.causes == Cause.CREATE
    requests = int(created.sum())
    misses = np.flatnonzero(decisions.refused & created)
    asked = counted(requests, "request")
    if not requests:
        text = f"Nothing was asked for; {_in_use(seen)}"
    elif not len(misses):
        text = f"None of {asked} would have been refused; {_in_use(seen)}"
    else:
        first = int(misses[0])
        why = REASONS[Reason(int(decisions.reasons[first]))].phrase
        first_s = float(decisions.times_s[first])
        when = f"after {duration_text(first_s)}" if first_s > 0 else "at once"
        share = _percent(100.0 * len(misses) / requests)
        begin = f"{number(len(misses))} of {asked} ({share}) would have been refused"
        text = f"{begin}, the first {when} {why}"
    lost = int((decisions.refused & (decisions.causes == Cause.EVACUATE)).sum())
    stuck = int((decisions.refused & (decisions.causes == Cause.DRAIN)).sum())
    if lost:
        text += f"; {counted(lost, 'instance')} of failed hosts found no other"
    if stuck:
        text += f"; {counted(stuck, 'instance')} of drained hosts found no other"
    return f"{text}."


def _percent(value: float) -> str:
    """Return a share as headlines say it: with decimals where it is small, and never all where it is not."""
    if value < 0.1:
        return "less than 0.1 %"
    return f"{value:.0f} %" if 10 <= value <= 99 or value == 100 else f"{value:.1f} %"


def _in_use(seen: Observations) -> str:
    named = zip(seen.shares[-1].tolist(), ("vCPUs", "memory", "disk"), strict=True)
    parts = [f"{100 * share:.0f} % of the {name}" for share, name in named]
    return f"at the end {parts[0]}, {parts[1]} and {parts[2]} are in use"


def _figures(
    world: World, decisions: Decisions, seen: Observations, names: tuple[str, ...], end_s: float
) -> dict[str, Any]:
    """Return the figures that the module's docstring lists."""
    created = decisions.causes == Cause.CREATE
    refused = decisions.refused & created
    misses = np.flatnonzero(refused)
    requests = int(created.sum())
    by_code = np.bincount(decisions.codes[refused], minlength=1)
    by_flavor: dict[str, int] = {}
    for code in np.flatnonzero(by_code).tolist():
        name = world.requests[code].flavor.name
        by_flavor[name] = by_flavor.get(name, 0) + int(by_code[code])
    by_reason = np.bincount(decisions.reasons[refused], minlength=len(Reason))
    figures: dict[str, Any] = {
        "requests": requests,
        "placed": requests - len(misses),
        "refused": len(misses),
        "refused_percent": 100.0 * len(misses) / requests if requests else 0.0,
        "first_refusal_s": float(decisions.times_s[misses[0]]) if len(misses) else None,
        "first_refusal_reason": _reason_name(int(decisions.reasons[misses[0]])) if len(misses) else None,
        "moved": int((~decisions.refused & ~created).sum()),
        "not_moved": int((decisions.refused & (decisions.causes == Cause.DRAIN)).sum()),
        "lost": int((decisions.refused & (decisions.causes == Cause.EVACUATE)).sum()),
        "refused_by_flavor": by_flavor,
        "refused_by_reason": {_reason_name(item): int(by_reason[item]) for item in np.flatnonzero(by_reason).tolist()},
        "end_s": end_s,
        "hosts_at_end": int(seen.hosts[-1]),
        "instances_at_end": int(seen.instances[-1]),
    }
    for place, resource in enumerate(RESOURCES):
        short = _SHORT[resource]
        figures[f"peak_{short}_share"] = float(seen.shares[:, place].max())
        figures[f"mean_{short}_share"] = float(seen.shares[:, place].mean())
        figures[f"final_{short}_share"] = float(seen.shares[-1, place])
        figures[f"stranded_{short}_share"] = float(seen.stranded_shares[-1, place])
    for name in seen.more:
        shares = seen.share_of(name)
        figures[f"peak_{name}_share"] = float(shares.max())
        figures[f"mean_{name}_share"] = float(shares.mean())
        figures[f"final_{name}_share"] = float(shares[-1])
    for name in ("capacity", "used", "free", "stranded"):
        figures[f"{name}_at_end"] = dict(zip(RESOURCES, getattr(seen, name)[-1].tolist(), strict=True))
    figures["free_slots_at_end"] = {
        name: int(slots) for name, slots in zip(names, seen.slots[-1].tolist(), strict=True) if not np.isnan(slots)
    }
    figures["lost_to_fragments_share_at_end"] = {
        name: float(share)
        for name, share in zip(names, seen.lost_to_fragments[-1].tolist(), strict=True)
        if not np.isnan(share)
    }
    return figures


def _reason_name(reason: int) -> str:
    return Reason(reason).name.lower()
