"""Steps as spans: one trace an instance, the recorded times, and nothing at all without a collector."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from engine.boot.store.history import StepRow
from engine.boot.tracing import emit_spans
from engine.errors import InvalidSettingError
from engine.up.telemetry import set_up_telemetry

ONE = "11111111-2222-4333-8444-555555555555"
STEPS = [
    StepRow(ONE, 1, 7, "", 1_000_000, 1_002_500, "", "stored"),
    StepRow(ONE, 2, 28, "host-1", 2_000_000, 2_000_100, "no such device", "domain"),
]

PROGRAM = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
from tests.boot.test_tracing import STEPS
from engine.boot.tracing import emit_spans
emit_spans(STEPS)
for span in kept.get_finished_spans():
    print(span.context.trace_id, span.name.split(':')[0], span.start_time, span.end_time, span.status.status_code.name)
"""


def test_each_step_is_a_span_of_its_instances_trace_with_the_times_it_had() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=True)
    trace_id = UUID(ONE).int
    assert done.stdout.splitlines() == [
        f"{trace_id} 7 database 1000000000 1002500000 UNSET",
        f"{trace_id} 28 nova-compute 2000000000 2000100000 ERROR",
    ]


def test_without_a_collector_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    set_up_telemetry("api")
    emit_spans(STEPS)


def test_a_collector_without_its_exporter_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InvalidSettingError, match="telemetry"):
        set_up_telemetry("api")
