"""AggregateImagePropertiesIsolation: the image's properties are among those that the host's aggregates name.

The rule is that of nova.scheduler.filters.aggregate_image_properties_isolation.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.facets import metadata_seen
from engine.scheduler.image_texts import image_values
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _refusals(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> list[tuple[str, list[str]]]:
    """Return (property, texts allowed) of each property of the image that the host's aggregates do not allow."""
    values = image_values(request.image.properties)
    namespace = options.aggregate_image_properties_isolation_namespace
    # the prefix stays on the key: nova compares prefixed keys with the properties' own names
    prefix = namespace + options.aggregate_image_properties_isolation_separator if namespace else ""
    return [
        (key, allowed)
        for key, allowed in split_metadata(facts.aggregates).items()
        if key.startswith(prefix) and values.get(key) and str(values[key]) not in allowed
    ]


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    values = image_values(request.image.properties)
    return ", ".join(
        f"{values[key]} among its aggregates' {key}: {', '.join(sorted(set(allowed)))}"
        for key, allowed in _refusals(facts, request, options)
    )


def _key(request: RequestSpec, options: SchedulerOptions) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(value)) for key, value in image_values(request.image.properties).items() if value))


@text_filter(
    "AggregateImagePropertiesIsolation",
    reason="an aggregate of the host keeps it for images of other properties",
    reads=("membership",),
    request_key=_key,
    once_per_request=True,
    run_on_rebuild=True,
    applies=lambda request: bool(request.image.properties),
    change=_change,
    sees=metadata_seen,
)
def aggregate_image_properties_isolation(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether each property of the image that metadata name has one of the texts they allow.

    Keys that are no image property of nova's say nothing, nor do properties that are not set, false, zero or empty.
    """
    return not _refusals(facts, request, options)
