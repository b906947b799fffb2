"""Explanations as messages."""

from __future__ import annotations

from collections.abc import Iterable

from engine.inventory.fleet import Fleet
from engine.scheduler.explain import Explanation, Rejection
from engine.v1 import scheduler_service_pb2, selection_pb2


def rejection_messages(rejections: Iterable[Rejection]) -> list[selection_pb2.FilterRejection]:
    """Return the filters' counts."""
    return [
        selection_pb2.FilterRejection(
            filter=item.filter, hosts_removed=item.removed, hosts_left=item.left, reason=item.reason
        )
        for item in rejections
    ]


def explanation_message(explanation: Explanation, fleet: Fleet) -> scheduler_service_pb2.ExplainSelectionResponse:
    """Return an explanation's message."""
    host_ids = fleet.identity.host_ids
    return scheduler_service_pb2.ExplainSelectionResponse(
        summary=selection_pb2.RejectionSummary(
            hosts_total=explanation.hosts_total, rejections=rejection_messages(explanation.rejections)
        ),
        hosts_passed=explanation.passed,
        verdicts=[
            selection_pb2.HostVerdict(
                host_id=host_ids[row],
                passed=all(item.passed for item in verdicts),
                verdicts=[
                    selection_pb2.FilterVerdict(filter=item.filter, passed=item.passed, reason=item.reason)
                    for item in verdicts
                ],
            )
            for row, verdicts in explanation.verdicts.items()
        ],
        weighed=[
            selection_pb2.WeighedHost(
                host_id=host_ids[row],
                weight=weight,
                terms=[
                    selection_pb2.WeightTerm(
                        weigher=term.weigher,
                        raw=term.raw,
                        normalized=term.normalized,
                        multiplier=term.multiplier,
                        weight=term.weight,
                    )
                    for term in terms
                ],
            )
            for row, weight, terms in explanation.weighed
        ],
        nearest=[
            selection_pb2.NearestHost(host_id=host_ids[row], changes=list(changes))
            for row, changes in explanation.nearest
        ],
        inventory_generation=fleet.generation,
    )
