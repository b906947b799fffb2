"""Slots of requests for amounts of one class of alike providers, such as shares of GPUs: divided instead of filled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.scheduler.demand import CANDIDATES
from engine.scheduler.inquiry import Inquiry

Numbers = npt.NDArray[np.int64]

UNCOUNTED: Final = -1


def slots_by_rooms(inquiry: Inquiry, rows: Numbers) -> Numbers:
    """Return, for each of ``rows``, how many more instances its providers have room for; UNCOUNTED where that is open.

    An instance takes its pieces from whichever providers have them, so that on the whole a host gives as many as there
    are pieces of that size in its providers' rooms. It is open where more than that class decides: where NUMA cells or
    devices are asked for, where pieces are of several sizes, or where they have to be of different providers of which
    one has several left.
    """
    open_ = np.full(len(rows), UNCOUNTED, dtype=np.int64)
    fleet, ask, fit = inquiry.fleet, inquiry.demand.tree_ask, inquiry.fit
    if ask is None or fleet.sharing or any(item.name != CANDIDATES for item in fit.filters) or not fit.filters:
        return open_
    if ask.amounts[0] != ask.amounts[-1] or not len(rows):
        return open_
    trees, codes = fleet.devices.trees, fleet.columns["tree"][rows]
    rooms_of = inquiry.verdicts.tree_rooms(ask.resource_class)
    pieces = rooms_of.of(trees, codes).astype(np.int64) // ask.amounts[0]
    many = len(ask.amounts)
    counted = pieces.sum(axis=1) // many
    told = rooms_of.tell_all(trees, codes)
    if ask.isolated and many > 1:
        told &= pieces.max(axis=1, initial=0) <= 1
    (candidates,) = fit.filters
    # what is asked of the host's own provider beside amounts is the same for every instance
    counted[~inquiry.verdicts.passes(fit, candidates, rows, fault_fails=True)] = 0
    return np.where(told, counted, open_)
