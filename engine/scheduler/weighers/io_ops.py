"""IoOpsWeigher: by default avoids hosts with more operations in progress (nova.scheduler.weights.io_ops)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("IoOpsWeigher", multiplier="io_ops_weight_multiplier", minval=0.0)
def io_ops(num_io_ops: int) -> int:
    """Return the operations in progress."""
    return num_io_ops
