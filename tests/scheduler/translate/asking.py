"""What the tests of request filters and translation share: a fleet to ask, and answers as texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.request_spec import RequestSpec
from engine.placement.query_text import query_text
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import Translated, filtered, translated
from tests.builders import host_table

A, B, C = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "abc")
"""Uuids of aggregates."""


def fleet(*aggregates: Aggregate) -> HostTable:
    """Three hosts, one in a cell of its own, and these aggregates."""
    hosts = [
        {"traits": ["CUSTOM_GOLD"], "uuid": "00000000-0000-4000-8000-000000000001", "nodename": "n0", "cell": "c1"},
        {"uuid": "00000000-0000-4000-8000-000000000002", "nodename": "n1", "cell": "c1"},
        {"uuid": "00000000-0000-4000-8000-000000000003", "nodename": "n2", "cell": "c2"},
    ]
    return host_table(hosts, aggregates=aggregates)


def narrowed(spec: RequestSpec, *, aggregates: Sequence[Aggregate] = (), **options: Any) -> RequestSpec:
    """The request after all request filters."""
    return filtered(spec, fleet(*aggregates), SchedulerOptions(**options))


def asked(spec: RequestSpec, *, aggregates: Sequence[Aggregate] = (), **options: Any) -> Translated:
    """What the request asks for, without request filters."""
    return translated(spec, fleet(*aggregates), SchedulerOptions(**options))


def texts(spec: RequestSpec, *, aggregates: Sequence[Aggregate] = (), **options: Any) -> list[str]:
    """The queries without their limit, commas and colons as they are."""
    queries = asked(spec, aggregates=aggregates, **options).queries
    return [query_text(query).replace("%3A", ":").replace("%2C", ",").replace("%21", "!") for query in queries]
