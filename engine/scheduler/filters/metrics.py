"""MetricsFilter: the host reports every metric that is weighed (nova.scheduler.filters.metrics_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.weight_setting import weight_setting


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    wanted = {name for name, _ in weight_setting(options.metrics_weight_setting)}
    return f"report the metrics {', '.join(sorted(wanted - facts.metrics))}"


@text_filter(
    "MetricsFilter",
    reason="a metric that metrics_weight_setting names is missing",
    reads=("metrics",),
    request_key=None,
    change=_change,
)
def metrics(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host reports all metrics that metrics_weight_setting names."""
    return all(name in facts.metrics for name, _ in weight_setting(options.metrics_weight_setting))
