"""Aggregate: a named set of hosts with metadata (nova's host aggregate; an availability zone is one kind)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A host aggregate: ``hosts`` are host_ids, ``metadata`` is text to text; availability_zone names a zone."""

    uuid: str
    name: str
    hosts: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)


def zone_mark(zone: str) -> str:
    """Return what stands among aggregate uuids for the hosts that name a zone of their own, and no aggregate does."""
    return f"availability_zone:{zone}"
