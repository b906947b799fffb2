"""What sparse plug-ins say and see: the few rows that differ, and the facts of one request that no column holds."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.inventory.fleet import Fleet
from engine.model.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Only:
    """Only these rows pass."""

    rows: frozenset[int]


@dataclass(frozen=True, slots=True)
class AllBut:
    """Every row passes but these."""

    rows: frozenset[int]


Verdict = Only | AllBut
EVERYTHING = AllBut(frozenset())


@dataclass(slots=True)
class GroupState:
    """A server group as one request sees it, and as it grows with each instance placed.

    ``member_counts``: members by row; ``host_rows``: rows the group counts as its hosts (nova keeps the two apart).
    ``has_hosts_elsewhere``: the group has hosts that are no rows of this fleet, removed ones or those of another.
    """

    policy: str
    max_server_per_host: int = 1
    member_counts: dict[int, int] = field(default_factory=dict)
    host_rows: set[int] = field(default_factory=set)
    has_hosts_elsewhere: bool = False

    @property
    def has_hosts(self) -> bool:
        """True once the group has a host, wherever it is: affinity then asks for one of them."""
        return bool(self.host_rows) or self.has_hosts_elsewhere

    def copy(self) -> GroupState:
        """Return a copy that can grow without changing this one."""
        return replace(self, member_counts=dict(self.member_counts), host_rows=set(self.host_rows))

    def add(self, row: int, *, is_member: bool = True) -> None:
        """Count one more instance on ``row``."""
        self.host_rows.add(row)
        if is_member:
            self.member_counts[row] = self.member_counts.get(row, 0) + 1


OwnRows = Sequence[frozenset[int]]
"""By the number of an instance in its request: the rows where it already is; none for the instances beyond."""


def own_rows_of(own_rows: OwnRows, number: int) -> frozenset[int]:
    """Return the rows where instance ``number`` of a request already is, nearly always none."""
    return own_rows[number] if number < len(own_rows) else frozenset()


ImageCounts = Mapping[int, Mapping[tuple[str, str], int]]
"""By row: how many of its instances have an image with this property of this value."""


@dataclass(slots=True)
class SelectionContext:
    """The facts beside the request spec: the fleet, the server group, where instances are and of what images.

    ``own_rows``: the rows where the instance now being placed already is; the selection sets it before each instance of
    a request (nova.scheduler.manager sets the request's instance_uuid). ``instance_rows``: the rows of instances by
    uuid, of those at least that the request's hints name and that are on a host. ``offers``: by row, the allocation
    candidates that placement gave, where they are known beforehand. ``kept``: what weighers keep between the requests
    of one selector, each under a key of its own. ``chance`` is the generator that decides where options ask for it.
    """

    fleet: Fleet
    group: GroupState | None = None
    own_rows: frozenset[int] = frozenset()
    instance_rows: Mapping[str, int] = field(default_factory=dict)
    image_counts: ImageCounts = field(default_factory=dict)
    offers: Mapping[int, Sequence[Candidate]] | None = None
    kept: dict[Hashable, Any] = field(default_factory=dict)
    chance: random.Random | None = None
