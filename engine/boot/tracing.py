"""The steps of boots as OpenTelemetry spans: one trace an instance, one span a step, with the times that were recorded.

Without an OpenTelemetry SDK set up in the process (``engine/up/telemetry.py``) nothing is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from engine.boot.steps import STEPS

if TYPE_CHECKING:
    from engine.boot.store.history import StepRow

_LOW_64 = (1 << 64) - 1


def emit_spans(steps: Iterable[StepRow]) -> None:
    """Make a span for every step; those of one instance share a trace whose id is the instance's uuid."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        return
    tracer = provider.get_tracer("berth.boot")
    for row in steps:
        step = STEPS[row.step - 1]
        span = tracer.start_span(
            f"{step.number} {step.component}: {step.what}",
            context=_context_of(row.instance_uuid),
            start_time=row.started_us * 1000,
            attributes={
                "berth.instance": row.instance_uuid,
                "berth.step": step.number,
                "berth.attempt": row.attempt,
                "berth.host": row.host,
                "berth.detail": row.detail,
            },
        )
        if row.error:
            span.set_status(Status(StatusCode.ERROR, row.error))
        span.end(end_time=row.finished_us * 1000)


def _context_of(instance_uuid: str) -> Context:
    """Return the context of an instance's trace: the same in every process, as it is made of the uuid alone."""
    number = UUID(instance_uuid).int
    parent = SpanContext(number, (number & _LOW_64) or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return trace.set_span_in_context(NonRecordingSpan(parent))
