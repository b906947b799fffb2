"""Compute status: no host whose service is marked as disabled in placement (nova's compute_status_filter)."""

from __future__ import annotations

from engine.model.candidates import STATUS_DISABLED
from engine.scheduler.translate.request_filters.asked import Added, Asked

_ADDED = Added(root_forbidden=frozenset({STATUS_DISABLED}))


def compute_status(asked: Asked) -> Added:
    """Return that the trait of disabled hosts is forbidden, also to hosts that are forced."""
    return _ADDED
