"""Where spans go: to the collector that OpenTelemetry's own environment variables name, or nowhere."""

from __future__ import annotations

import os

from engine.errors import InvalidSettingError

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def set_up_telemetry(process: str) -> None:
    """Send spans to the collector that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names, if it is set.

    Raises InvalidSettingError when it is set and the exporter is not installed.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InvalidSettingError(
            f"{_ENDPOINTS[0]} is set, but the exporter is not installed: pip install 'berth[telemetry]', or unset it"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"berth-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
