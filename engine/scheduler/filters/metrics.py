"""MetricsFilter: the host reports every metric that is weighed (nova.scheduler.filters.metrics_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.weight_setting import weight_setting


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    wanted = {name for name, _ in weight_setting(options.metrics_weight_setting)} - facts.metrics
    return f"report the metrics {', '.join(sorted(wanted))}" if wanted else "a first report of the host's"


@text_filter(
    "MetricsFilter",
    reason="a metric that metrics_weight_setting names is missing",
    reads=("metrics", "profile"),
    request_key=None,
    change=_change,
    sees=lambda facts: (facts.metrics, facts.profile.never_reported),
)
def metrics(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host reports all metrics that metrics_weight_setting names.

    Raises FilterFault for a host that never reported, whatever is asked for: nova looks for metrics in None.
    """
    if facts.profile.never_reported:
        raise FilterFault("the host never reported any metrics", nova_exception="TypeError")
    return all(name in facts.metrics for name, _ in weight_setting(options.metrics_weight_setting))
