"""The order of instances' coming and going: the one rule by which every replay's events follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.whatif.workload import Events

Times = NDArray[np.int64] | NDArray[np.float64]


class Lives(Protocol):
    """Instances in columns: ``ranks`` int64, their places among the names; when they come and, where ``ends``, go."""

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The place of each among the names, which decides between equal times."""

    @property
    def created(self) -> Times:
        """When each comes."""

    @property
    def deleted(self) -> Times:
        """When each goes; anything for those that stay."""

    @property
    def ends(self) -> NDArray[np.bool_]:
        """Which of them go."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Lives in columns; see Lives."""

    ranks: NDArray[np.int64]
    created: Times
    deleted: Times
    ends: NDArray[np.bool_]


def events_in_order(lives: Lives) -> Events:
    """Returns the events in time order; at equal times deletes come before creates, then the smaller vm_id.

    A VM deleted in the instant of its creation cannot go before it is there: its delete directly follows its create.
    The times are those of ``lives``, as float64.
    """
    created, deleted, ranks = lives.created, lives.deleted, lives.ranks
    at_once = lives.ends & (deleted == created)
    coming = _sorted(np.arange(len(ranks)), created, ranks)
    going = _sorted(np.flatnonzero(lives.ends & ~at_once), deleted, ranks)
    events = _merged(going, deleted[going], coming, created[coming])
    directly = np.flatnonzero(events.creates & at_once[events.instances])
    if not len(directly):
        return events
    after = directly + 1
    return Events(
        np.insert(events.instances, after, events.instances[directly]),
        np.insert(events.creates, after, np.zeros(len(after), dtype=np.bool_)),
        np.insert(events.times_s, after, events.times_s[directly]),
    )


def _merged(going: NDArray[np.int64], gone: Times, coming: NDArray[np.int64], came: Times) -> Events:
    """Returns deletes of ``going`` at ``gone`` and creates of ``coming`` at ``came`` in one; both are in order already.

    At equal times the deletes are first.
    """
    places = np.arange(len(going)) + np.searchsorted(came, gone, side="left")
    creates = np.ones(len(going) + len(coming), dtype=np.bool_)
    creates[places] = False
    instances, times_s = np.empty(len(creates), dtype=np.int64), np.empty(len(creates), dtype=np.float64)
    instances[places], times_s[places] = going, gone
    instances[creates], times_s[creates] = coming, came
    return Events(instances, creates, times_s)


def _sorted(entries: NDArray[np.int64], times: Times, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns entries by time, then by rank; those that are so already, as in most traces, are not sorted again."""
    at, place = times[entries], ranks[entries]
    if len(entries) < 2:
        return entries
    if np.all(place[1:] > place[:-1]):
        if np.all(at[1:] >= at[:-1]):
            return entries
        order = np.argsort(at)
        # the quicker sort leaves open what is first of equal times, of which there are often none
        if np.any(at[order[1:]] == at[order[:-1]]):
            order = np.argsort(at, kind="stable")
        return entries[order]
    return entries[np.lexsort((place, at))]
