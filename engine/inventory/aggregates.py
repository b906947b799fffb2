"""AggregatedFleet: the aggregates that hosts are in, and how hosts join and leave them (nova's host aggregates)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, count
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from engine.errors import ConflictError, UnknownAggregateError
from engine.inventory.mutable import MutableFleet, Rows
from engine.model.aggregate import Aggregate


class AggregatedFleet(MutableFleet):
    """A mutable fleet with aggregates: each row's ``membership`` is the code of the set of aggregates it is in."""

    def __init__(self) -> None:
        super().__init__()
        self._aggregate_uuid_of_name: dict[str, str] = {}

    def part(self) -> None:
        """Have nothing that changes in common with the table that this is a copy of."""
        super().part()
        self._aggregate_uuid_of_name = dict(self._aggregate_uuid_of_name)

    def ensure_aggregates(self, names: Iterable[str]) -> list[Aggregate]:
        """Make the aggregates of these names that do not exist, under uuids made of them, and return those made."""
        made = []
        for name in sorted(set(names)):
            if name not in self._aggregate_uuid_of_name:
                aggregate = Aggregate(self._uuid_for(name), name)
                self.aggregates[aggregate.uuid] = aggregate
                self._aggregate_uuid_of_name[name] = aggregate.uuid
                made.append(aggregate)
        return made

    def _uuid_for(self, name: str) -> str:
        """Return the uuid that an aggregate gets by its name, another one where an aggregate renamed since has that."""
        urls = (f"berth:aggregate:{name}{suffix}" for suffix in chain([""], (f":{number}" for number in count(2))))
        return next(uuid for url in urls if (uuid := str(uuid5(NAMESPACE_URL, url))) not in self.aggregates)

    def aggregate_code(self, name: str) -> int:
        """Return the code of the aggregate of this name."""
        return self.aggregate_codes.code(self._aggregate_uuid_of_name[name])

    def set_aggregate(self, aggregate: Aggregate) -> None:
        """Add or replace an aggregate with its metadata and hosts; raise UnknownHostError before anything changes."""
        wanted = np.array(sorted(self.row(host_id) for host_id in aggregate.hosts), dtype=np.int64)
        owner = self._aggregate_uuid_of_name.get(aggregate.name)
        if owner not in (None, aggregate.uuid):
            raise ConflictError(f"another aggregate is called {aggregate.name!r}: {owner}", name=aggregate.name)
        earlier = self.aggregates.get(aggregate.uuid)
        if earlier is not None:
            self._aggregate_uuid_of_name.pop(earlier.name, None)
        self.aggregates[aggregate.uuid] = replace(aggregate, hosts=frozenset())
        self._aggregate_uuid_of_name[aggregate.name] = aggregate.uuid
        self._set_members(self.aggregate_codes.code(aggregate.uuid), wanted)
        self.facts_revision += 1
        self.advance()

    def delete_aggregate(self, uuid: str) -> None:
        """Remove an aggregate; raise UnknownAggregateError."""
        aggregate = self.aggregates.get(uuid)
        if aggregate is None:
            raise UnknownAggregateError(f"no aggregate has the uuid {uuid!r}", uuid=uuid)
        self._set_members(self.aggregate_codes.code(uuid), np.empty(0, dtype=np.int64))
        del self.aggregates[uuid]
        del self._aggregate_uuid_of_name[aggregate.name]
        self.facts_revision += 1
        self.advance()

    def _set_members(self, code: int, wanted: Rows) -> None:
        """Make the hosts of ``wanted``, and no others, members of the aggregate with this code."""
        inside = np.array([code in members for members in self.memberships.values], dtype=bool)
        if not len(wanted) and not inside.any():
            return
        current = np.flatnonzero(inside[self.columns["membership"][: self.rows]])
        (membership,) = self.own(["membership"])
        for rows, change in ((np.setdiff1d(current, wanted), "leave"), (np.setdiff1d(wanted, current), "join")):
            for old in np.unique(membership[rows]).tolist():
                members = self.memberships.values[old]
                new = self.memberships.code(members - {code} if change == "leave" else members | {code})
                membership[rows[membership[rows] == old]] = new
            self.touch(rows, facts=True)
