"""Why a replay's most refused shapes were refused: what the filters say of them at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.cli.replay.outcome import ReplayOutcome
from engine.cli.replay.trace import Shape
from engine.client import Client
from engine.v1.request_spec_pb2 import RequestSpec


@dataclass(frozen=True, slots=True)
class Refusal:
    """A shape, how many VMs of it were refused, and what is now: hosts that would take one, or what removed them all.

    ``removed`` are the hosts that each filter removed, in order; ``last_filter`` removed the last, for ``last_reason``.
    """

    shape: Shape
    count: int
    hosts_passing: int
    removed: Mapping[str, int]
    last_filter: str
    last_reason: str


def explain_refusals(client: Client, outcome: ReplayOutcome, *, project: str, most: int = 3) -> list[Refusal]:
    """Returns why a replay's ``most`` refused shapes do not fit; one may fit again once VMs have left."""
    refusals = []
    for shape, count in outcome.refused_shapes[:most]:
        spec = RequestSpec(flavor_name=shape.name, project_id=project)
        reply = client.explain_selection(spec, weighed_limit=1, nearest_limit=1)
        emptied = (item for item in reply.summary.rejections if item.hosts_removed and not item.hosts_left)
        last = None if reply.hosts_passed else next(emptied, None)
        last_filter, last_reason = (last.filter, last.reason) if last is not None else ("", "")
        removed = {item.filter: item.hosts_removed for item in reply.summary.rejections if item.hosts_removed}
        refusals.append(Refusal(shape, count, reply.hosts_passed, removed, last_filter, last_reason))
    return refusals
