"""Scheduler hints as nova's filters take them (nova.objects.request_spec, RequestSpec.get_scheduler_hint)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec

SAME_HOST = "same_host"
DIFFERENT_HOST = "different_host"


def hint(request: RequestSpec, name: str) -> tuple[str, ...]:
    """Return a hint's values; none where it is absent, empty, or one empty text: nova takes that for no hint."""
    values = tuple(request.scheduler_hints.get(name, ()))
    return () if values == ("",) else values
