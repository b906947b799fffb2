"""FleetFacts: the columns of the host table and what their codes mean: text facts, aggregates, units, metrics."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import UnknownHostError
from engine.inventory.fact_groups import FactGroups, group_hosts, regroup_hosts
from engine.inventory.identity import Identity
from engine.inventory.profiles import BitNames, Numbering, Profile, Units
from engine.inventory.schema import metric_column
from engine.model.aggregate import Aggregate
from engine.model.candidates import STATUS_DISABLED

AnyArray = npt.NDArray[Any]
_Made = TypeVar("_Made")

GROUPS: Final = "groups"
"""The key under which ``of_facts`` keeps the groups of hosts."""
TEXT_VERDICTS: Final = "text verdicts"
"""The first part of the keys under which it keeps what is known by a group's number."""


def as_before(known: _Made, rows: npt.NDArray[np.int64]) -> _Made:
    """Return what is known: to refresh what hosts do not decide, but aggregates alone."""
    return known


class FleetFacts:
    """Columns by name, each padded beyond ``rows``, and the meanings of the codes in them.

    ``generation`` counts every change of the table. A row is a host where the column ``present`` is 1.
    """

    def __init__(
        self,
        columns: dict[str, AnyArray],
        rows: int,
        generation: int,
        identity: Identity,
        profiles: Numbering[Profile],
        memberships: Numbering[frozenset[int]],
        units: Numbering[Units],
        metric_sets: Numbering[frozenset[str]],
        traits: BitNames,
        aggregate_codes: Numbering[str],
        aggregates: dict[str, Aggregate],
    ) -> None:
        self.columns = columns
        self.arrays = columns
        """The columns for compiled code, to which a locked array is another type; a snapshot locks ``columns`` only."""
        self.rows = rows
        self._generation = generation
        self.identity = identity
        self.profiles = profiles
        self.memberships = memberships
        self.units = units
        self.metric_sets = metric_sets
        self.traits = traits
        self.aggregate_codes = aggregate_codes
        self.aggregates = aggregates
        self.facts_revision = 0
        """Grows whenever a text fact, a unit or an aggregate changes anywhere."""
        self.zones_away: frozenset[str] = frozenset()
        """Zones that are known although each of their hosts may be away for a while (see MutableFleet.set_away)."""
        self._of_facts: dict[Hashable, tuple[int, Any]] = {}
        self._lender: FleetFacts | None = None

    @property
    def generation(self) -> int:
        """How many changes the table had seen."""
        return self._generation

    @property
    def host_count(self) -> int:
        """How many hosts there are."""
        return int(self.columns["present"].sum())

    def __len__(self) -> int:
        return self.host_count

    def row(self, host_id: str) -> int:
        """Return the row of a host; raise UnknownHostError."""
        row = self.identity.row_of.get(host_id)
        if row is None:
            raise UnknownHostError(
                f"no host is called {host_id!r}: `berth hosts list` shows those there are", host_id=host_id
            )
        return row

    def find(self, host_id: str) -> int | None:
        """Return the row of a host, or None."""
        return self.identity.row_of.get(host_id)

    def present_rows(self) -> npt.NDArray[np.int64]:
        """Return the rows that are hosts, ascending."""
        return np.flatnonzero(self.columns["present"])

    def provider_traits(self, profile: Profile) -> int:
        """Return the bits of the traits that placement would have of the own provider of a profile's hosts.

        nova-compute keeps the trait of a disabled service there, and takes it away when the service is enabled.
        """
        return profile.traits | (self.traits.known_bits([STATUS_DISABLED]) if profile.service_disabled else 0)

    def membership_aggregates(self, code: int) -> tuple[Aggregate, ...]:
        """Return the aggregates of a membership code, in the order they became known.

        The numberings only grow and a snapshot shares them with the live table, so a membership that no host has here
        may name aggregates that are gone, or that are not there yet.
        """
        uuids = (self.aggregate_codes.values[item] for item in sorted(self.memberships.values[code]))
        return tuple(self.aggregates[uuid] for uuid in uuids if uuid in self.aggregates)

    @property
    def zones(self) -> frozenset[str]:
        """Every availability zone that a host or an aggregate's metadata names; made anew only when facts changed."""
        return self.of_facts("zones", self._named_zones)

    def _named_zones(self) -> frozenset[str]:
        return self.zones_of_hosts | self.of_facts("aggregates' zones", self._zones_of_aggregates, as_before)

    @property
    def zones_of_hosts(self) -> frozenset[str]:
        """Every availability zone that hosts name as their own, those of hosts that are away included."""
        named = {self.profiles.values[code].availability_zone for code in self.fact_groups.codes_in_use("profile")}
        return frozenset(named - {""}) | self.zones_away

    def _zones_of_aggregates(self) -> frozenset[str]:
        return frozenset(item.metadata.get("availability_zone", "") for item in self.aggregates.values()) - {""}

    @property
    def cell_of_profile(self) -> npt.NDArray[np.int32]:
        """Code of the cell of each profile, at least one long; all the same in a fleet of one cell."""
        return self.of_facts("cells", self._coded_cells, self._recoded_cells)

    def _recoded_cells(self, known: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        return known if len(known) == len(self.profiles) else self._coded_cells()

    def _coded_cells(self) -> npt.NDArray[np.int32]:
        cells = [profile.cell for profile in self.profiles.values] or [""]
        return np.unique(cells, return_inverse=True)[1].astype(np.int32)

    @property
    def fact_groups(self) -> FactGroups:
        """The hosts by the combination of text facts they share; brought up to date when facts changed."""
        return self.of_facts(GROUPS, lambda: group_hosts(self.columns), self._regrouped)

    def _regrouped(self, groups: FactGroups, rows: npt.NDArray[np.int64]) -> FactGroups:
        return regroup_hosts(groups, self.columns, rows)

    def of_facts(
        self,
        key: Hashable,
        make: Callable[[], _Made],
        refresh: Callable[[_Made, npt.NDArray[np.int64]], _Made] | None = None,
    ) -> _Made:
        """Return what ``make`` makes of facts and aggregates, kept under ``key`` until one of them changes.

        ``refresh`` makes it of the one kept and the rows whose facts changed since, where these are known. What is made
        must not be written to afterwards: a snapshot and its table have it in common.
        """
        kept = self._of_facts.get(key)
        if self._lender is not None and (kept is None or kept[0] != self.facts_revision):
            kept = self._lender._of_facts.get(key)
        if kept is None or kept[0] != self.facts_revision:
            changed = None if kept is None or refresh is None else self.changed_facts_since(kept[0])
            if kept is None or refresh is None or changed is None:
                kept = (self.facts_revision, make())
            else:
                kept = (self.facts_revision, refresh(kept[1], changed))
            if self._lender is not None and self._lender.facts_revision == self.facts_revision:
                self._lender._of_facts[key] = kept
            self._of_facts[key] = kept
        made: _Made = kept[1]
        return made

    def share_facts(self, lender: FleetFacts) -> None:
        """Have what ``of_facts`` keeps in common with the table that this is a snapshot of."""
        self._lender = lender

    def part_facts(self) -> None:
        """Have what ``of_facts`` keeps no longer in common with the table that this is a copy of.

        From here on each numbers new groups of hosts by itself, so what is known by a group's number is made anew.
        """
        kept = dict(self._of_facts)
        for key in list(kept):
            if isinstance(key, tuple) and key[0] == TEXT_VERDICTS:
                del kept[key]
        if GROUPS in kept:
            revision, groups = kept[GROUPS]
            kept[GROUPS] = (revision, replace(groups, line=object()))
        self._of_facts = kept
        self._lender = None

    def changed_facts_since(self, revision: int) -> npt.NDArray[np.int64] | None:
        """Return the rows whose facts changed since a facts revision, ascending; None where it may be any."""
        return np.empty(0, dtype=np.int64) if revision == self.facts_revision else None

    def aggregate_host_rows(self, uuid: str) -> npt.NDArray[np.int64]:
        """Return the rows of the hosts in one aggregate, ascending."""
        code = self.aggregate_codes.codes.get(uuid)
        inside = np.array([code in members for members in self.memberships.values], dtype=bool)
        if not len(inside):
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(inside[self.columns["membership"]] & (self.columns["present"] == 1))

    def metrics_of(self, row: int) -> dict[str, int]:
        """Return what a row's monitors measure, by metric name."""
        names = self.metric_sets.values[int(self.columns["metrics"][row])]
        return {name: int(self.columns[metric_column(name)][row]) for name in names}

    def reports_metric(self, name: str) -> npt.NDArray[np.bool_]:
        """Return, for each row, whether it reports the metric."""
        reports = np.array([name in names for names in self.metric_sets.values], dtype=np.bool_)
        return reports[self.columns["metrics"]]

    def _number(self, column: str, row: int) -> int:
        return int(self.columns[column][row])
