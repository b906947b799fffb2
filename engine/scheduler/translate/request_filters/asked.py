"""What a request filter reads, and what it adds to a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.errors import NoValidHostError
from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate.guest import Guest


class Asked(NamedTuple):
    """A request and its guest, the fleet it is to run on, and the options."""

    request: RequestSpec
    guest: Guest
    fleet: Fleet
    options: SchedulerOptions


@dataclass(frozen=True, slots=True)
class Added:
    """What narrows a request further; ``group_required`` are traits by the suffix of a group of requested_resources."""

    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()
    forbidden_aggregates: frozenset[str] = frozenset()
    group_required: Mapping[str, frozenset[str]] = field(default_factory=dict)


def root_trait(name: str) -> Added:
    """Return the demand that the host itself has a trait."""
    return Added(root_required=frozenset({name}))


def no_host(asked: Asked, message: str) -> NoValidHostError:
    """Return the error of a request filter that fails the request (nova's RequestFilterFailed)."""
    return NoValidHostError(message, rejections={}, hosts_total=asked.fleet.host_count)
