"""A replay's summary, as JSON or for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engine.cli.output import write_facts, write_json, write_line, write_table
from engine.cli.replay.outcome import ReplayOutcome
from engine.cli.replay.refusals import Refusal


def write_report(outcome: ReplayOutcome, refusals: Sequence[Refusal], *, as_json: bool) -> None:
    """Writes what came of a replay to standard output."""
    numbers: dict[str, Any] = {
        "run": outcome.run,
        "events": outcome.events,
        "creates": outcome.creates,
        "deletes": outcome.deletes,
        "batches": outcome.batches,
        "placed": outcome.placed,
        "repeated": outcome.repeated,
        "refused": outcome.refused,
        "released": outcome.released,
        "peak_placed": outcome.peak_placed,
        "seconds": round(outcome.seconds, 3),
        "events_per_second": round(outcome.events_per_second),
    }
    if as_json:
        shapes = [asdict(shape) | {"refused": count} for shape, count in outcome.refused_shapes]
        write_json(numbers | {"refused_shapes": shapes, "refusals": [asdict(refusal) for refusal in refusals]})
        return
    write_facts((name, str(value)) for name, value in numbers.items())
    if refusals:
        rows = ((item.shape.name, item.count, _why(item)) for item in refusals)
        write_table(("refused", "VMs", "why"), rows)
    hidden = len(outcome.refused_shapes) - len(refusals)
    if hidden:
        write_line(f"and {hidden} more shapes; --json lists them")


def _why(refusal: Refusal) -> str:
    if refusal.hosts_passing:
        return f"fits again: {refusal.hosts_passing} hosts would take one a moment later"
    if not refusal.last_filter:
        return "there are no hosts"
    earlier = (f"{name} removed {hosts}" for name, hosts in refusal.removed.items() if name != refusal.last_filter)
    last = f"{refusal.last_filter} removed the last {refusal.removed.get(refusal.last_filter, 0)}"
    reason = f": {refusal.last_reason}" if refusal.last_reason else ""
    return f"{', '.join([*earlier, last])}{reason}"
