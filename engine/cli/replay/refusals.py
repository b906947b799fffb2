"""Why a replay's refused shapes were refused: what the filters say of them soon after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.cli.replay.outcome import ReplayOutcome
from engine.client import Client
from engine.v1.request_spec_pb2 import RequestSpec
from engine.v1.scheduler_service_pb2 import ExplainSelectionResponse
from engine.whatif.workloads.trace import Shape, Trace


@dataclass(frozen=True, slots=True)
class Refusal:
    """A shape, how many VMs of it were refused, and the hosts that would take one then, or what removed them all.

    ``removed`` are the hosts that each filter removed, in order; ``last_filter`` removed the last, for ``last_reason``.
    """

    shape: Shape
    count: int
    hosts_passing: int
    removed: Mapping[str, int]
    last_filter: str
    last_reason: str


class RefusalWatch:
    """Asks, while a replay runs, why shapes are refused: the answer is of a moment shortly after the refusal."""

    def __init__(self, client: Client, trace: Trace, *, project: str, most: int = 8, asks: int = 64) -> None:
        self._client = client
        self._trace = trace
        self._project = project
        self._most = most
        self._asks = asks
        self._found: dict[Shape, ExplainSelectionResponse] = {}

    def see(self, shape_codes: Sequence[int]) -> None:
        """Take the codes of shapes that were just refused; those whose reason is not known yet are asked about."""
        for code in shape_codes:
            shape = self._trace.shapes[code]
            known = self._found.get(shape)
            if not self._asks or (known is None and len(self._found) >= self._most):
                return
            if known is None or known.hosts_passed:
                self._asks -= 1
                self._found[shape] = self._explain(shape)

    def refusals(self, outcome: ReplayOutcome, *, most: int = 3) -> list[Refusal]:
        """Return why a replay's ``most`` refused shapes did not fit, or do not fit now where that was not asked."""
        return [
            _refusal(shape, count, self._found.get(shape) or self._explain(shape))
            for shape, count in outcome.refused_shapes[:most]
        ]

    def _explain(self, shape: Shape) -> ExplainSelectionResponse:
        spec = RequestSpec(flavor_name=shape.name, project_id=self._project)
        return self._client.explain_selection(spec, weighed_limit=1, nearest_limit=1)


def _refusal(shape: Shape, count: int, reply: ExplainSelectionResponse) -> Refusal:
    emptied = (item for item in reply.summary.rejections if item.hosts_removed and not item.hosts_left)
    last = None if reply.hosts_passed else next(emptied, None)
    last_filter, last_reason = (last.filter, last.reason) if last is not None else ("", "")
    removed = {item.filter: item.hosts_removed for item in reply.summary.rejections if item.hosts_removed}
    return Refusal(shape, count, reply.hosts_passed, removed, last_filter, last_reason)
