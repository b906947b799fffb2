"""Which rows of a table a scenario's choice of hosts means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidRequestError
from engine.inventory.fleet import Fleet
from engine.whatif.scenario.hosts import HostChoice

Numbers = npt.NDArray[np.int64]

_ZONE = "availability_zone"
_SHOWN = 10


def rows_of(
    choice: HostChoice, table: Fleet, rng: np.random.Generator, *, blocked: Numbers | Sequence[int] = ()
) -> Numbers:
    """Return the rows of the hosts that a choice means, ascending.

    ``blocked`` are rows of hosts that the table hides at the moment, which can be meant too. ``rng`` draws a share.
    Raises InvalidRequestError, which suggests near names, for a host, a zone or an aggregate that there is not.
    """
    meant = table.columns["present"] == 1
    meant[np.asarray(blocked, dtype=np.int64)] = True
    if choice.zone:
        meant &= _in_zone(table, choice.zone)
    if choice.aggregate:
        meant &= _in_aggregate(table, choice.aggregate)
    if choice.hosts:
        meant &= _named(table, choice.hosts)
    rows = np.flatnonzero(meant)
    if choice.first is not None:
        rows = rows[: choice.first]
    if choice.share is not None and len(rows):
        many = int(np.ceil(choice.share * len(rows) - 1e-9))
        rows = np.sort(rng.choice(rows, size=max(many, 1), replace=False))
    return rows


def zone_names(table: Fleet) -> frozenset[str]:
    """Return every zone that a host, one that is hidden at the moment included, or an aggregate's metadata names."""
    named = (
        {table.profiles.values[code].availability_zone for code in np.unique(table.columns["profile"]).tolist()}
        if (table.rows)
        else set[str]()
    )
    return frozenset(named | {item.metadata.get(_ZONE, "") for item in table.aggregates.values()}) - {""}


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InvalidRequestError:
    """Return the error to raise for a name that is none of those known; it suggests what was meant."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3)
    if near:
        advice = f"did you mean {' or '.join(map(repr, near))}?"
    elif names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        advice = f"there are: {', '.join(names[:_SHOWN])}{more}"
    else:
        advice = "there is none at all"
    return InvalidRequestError(f"there is no {kind} {name!r}; {advice}", name=name)


def _in_zone(table: Fleet, zone: str) -> npt.NDArray[np.bool_]:
    """Return which rows are in a zone, by their own record or an aggregate's metadata, as ZoneFilter has it."""
    if zone not in zone_names(table):
        raise unknown_name("availability zone", zone, zone_names(table))
    profiles = np.array([item.availability_zone == zone for item in table.profiles.values], dtype=np.bool_)
    # a table that never had a host has no profiles either
    inside = profiles[table.columns["profile"]] if len(profiles) else np.zeros(len(table.columns["present"]), np.bool_)
    for item in table.aggregates.values():
        if item.metadata.get(_ZONE) == zone:
            inside |= _members(table, item.uuid)
    return np.asarray(inside)


def _in_aggregate(table: Fleet, name: str) -> npt.NDArray[np.bool_]:
    uuid = next((item.uuid for item in table.aggregates.values() if item.name == name), None)
    if uuid is None:
        raise unknown_name("aggregate", name, (item.name for item in table.aggregates.values()))
    return _members(table, uuid)


def _members(table: Fleet, uuid: str) -> npt.NDArray[np.bool_]:
    """Return which rows are in an aggregate, those included that the table hides at the moment."""
    code = table.aggregate_codes.codes.get(uuid)
    inside = np.array([code in members for members in table.memberships.values], dtype=np.bool_)
    return np.asarray(inside[table.columns["membership"]])


def _named(table: Fleet, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    rows = table.identity.row_of.rows_of(list(names))
    unknown = np.flatnonzero(rows < 0)
    if len(unknown):
        every = table.identity.host_ids
        raise unknown_name("host", names[int(unknown[0])], every.take(np.arange(min(table.rows, 20_000))))
    inside = np.zeros(len(table.columns["present"]), dtype=np.bool_)
    inside[rows] = True
    return inside
