"""Accelerators: a device profile needs a host that can attach accelerators (nova's accelerators_filter)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked, root_trait

_ADDED = root_trait("COMPUTE_ACCELERATORS")


def accelerators(asked: Asked) -> Added | None:
    """Return the trait of such hosts where the flavor names a device profile."""
    return _ADDED if asked.request.flavor.extra_specs.get("accel:device_profile") else None
