"""Places: which zone, rack or aggregate hosts are in, and the groups of hosts that fail together because of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.aggregate import Aggregate
from engine.scheduler.aggregate_metadata import split_metadata

Rows = npt.NDArray[np.int64]
Kind = Literal["host", "rack", "zone", "aggregate"]


@dataclass(frozen=True, slots=True)
class HostGroups:
    """Groups of hosts of one kind: the rows of group g are ``rows[starts[g]:starts[g + 1]]``, ascending.

    ``names`` are theirs, by group; a host may be in several groups or in none.
    """

    kind: str
    names: tuple[str, ...]
    rows: Rows
    starts: Rows

    def __len__(self) -> int:
        return len(self.names)

    def rows_of(self, groups: Sequence[int] | Rows) -> Rows:
        """Return the rows of one or several groups together, ascending, each once."""
        if len(groups) == 1:
            return self.rows[self.starts[groups[0]] : self.starts[groups[0] + 1]]
        return np.unique(np.concatenate([self.rows[self.starts[g] : self.starts[g + 1]] for g in groups]))

    def sums(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the sum over each group's hosts of ``values`` (by row in the last axis): groups take its place."""
        taken = np.cumsum(values[..., self.rows], axis=-1, dtype=np.int64)
        padded = np.concatenate([np.zeros((*taken.shape[:-1], 1), dtype=np.int64), taken], axis=-1)
        return np.asarray(padded[..., self.starts[1:]] - padded[..., self.starts[:-1]])


def host_groups(fleet: Fleet, rows: Rows, kind: Kind, *, rack_prefix: str, default_zone: str) -> HostGroups:
    """Return the groups of ``kind`` that ``rows`` (ascending) make, in the order in which their first hosts come.

    A rack is an aggregate whose name begins with ``rack_prefix``. A host's zones are that of its own record and those
    of its aggregates' metadata, ``default_zone`` where neither names one (nova.scheduler.filters.availability_zone).
    """
    if kind == "host":
        return HostGroups(kind, tuple(fleet.identity.host_ids.take(rows)), rows, np.arange(len(rows) + 1))
    if kind == "zone":
        return _grouped(kind, rows, *_zones(fleet, rows, default_zone))

    def named(code: int) -> tuple[str, ...]:
        names = (item.name for item in fleet.membership_aggregates(code))
        return tuple(name for name in names if kind == "aggregate" or name.startswith(rack_prefix))

    codes, of_row = np.unique(fleet.columns["membership"][rows], return_inverse=True)
    return _grouped(kind, rows, of_row, [named(code) for code in codes.tolist()])


def first_of_each(groups: HostGroups, rows: Rows) -> npt.NDArray[np.int64]:
    """Return the first group that each of ``rows`` (ascending) is in, -1 for none."""
    found = np.full(len(rows), -1, dtype=np.int64)
    group_of = np.repeat(np.arange(len(groups)), np.diff(groups.starts))
    places = np.searchsorted(rows, groups.rows)
    # the first group of a row is written last
    found[places[::-1]] = group_of[::-1]
    return found


def _zones(fleet: Fleet, rows: Rows, default_zone: str) -> tuple[Rows, list[tuple[str, ...]]]:
    """Return which of the combinations of zones each row has, and those combinations."""
    pairs = fleet.columns["profile"][rows].astype(np.int64) * len(fleet.memberships)
    combined, of_row = np.unique(pairs + fleet.columns["membership"][rows], return_inverse=True)
    zones = []
    for pair in combined.tolist():
        profile, membership = divmod(pair, len(fleet.memberships))
        own = fleet.profiles.values[profile].availability_zone
        aggregates: tuple[Aggregate, ...] = fleet.membership_aggregates(membership)
        named = sorted(split_metadata(aggregates).get("availability_zone", ()))
        zones.append(tuple(dict.fromkeys([own, *named] if own else named)) or (default_zone,))
    return of_row, zones


def _grouped(kind: str, rows: Rows, of_row: Rows, names: Sequence[tuple[str, ...]]) -> HostGroups:
    """Return groups where ``names[of_row[i]]`` are those that ``rows[i]`` is in."""
    number: dict[str, int] = {}
    first_rows = np.full(len(names), len(rows), dtype=np.int64)
    np.minimum.at(first_rows, of_row, np.arange(len(rows)))
    for combination in np.argsort(first_rows, kind="stable").tolist():
        for name in names[combination]:
            number.setdefault(name, len(number))
    many = np.array([len(item) for item in names], dtype=np.int64)
    flat = np.array([number[name] for item in names for name in item], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(many)])
    of_entry = np.repeat(np.arange(len(rows)), many[of_row])
    within = np.arange(len(of_entry)) - np.repeat(np.cumsum(many[of_row]) - many[of_row], many[of_row])
    group = flat[offsets[of_row[of_entry]] + within] if len(of_entry) else np.empty(0, dtype=np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(number) + 1))
    return HostGroups(kind, tuple(number), rows[of_entry[order]], starts.astype(np.int64))
