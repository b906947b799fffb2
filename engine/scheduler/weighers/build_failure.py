"""BuildFailureWeigher: avoids hosts where builds failed (nova.scheduler.weights.compute)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("BuildFailureWeigher", multiplier="build_failure_weight_multiplier", sign=-1.0)
def build_failure(failed_builds: int) -> int:
    """Return the builds that failed since the last success."""
    return failed_builds
