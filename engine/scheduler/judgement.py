"""Judgement: every filter's verdict on every host, counted on the way; only those that are told about are kept.

Columns and texts are judged in one pass of a compiled kernel, texts by group of hosts. What looks at a host's state, at
a server group or at a host's name is asked first and handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import BLOCK_ROWS
from engine.scheduler.destination import destination_rows, is_restricted
from engine.scheduler.inquiry import Inquiry
from engine.scheduler.kernel_judge import ABSENT
from engine.scheduler.registry import Filter
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import AllBut
from engine.scheduler.static_mask import depends_on_usage
from engine.scheduler.text_verdicts import text_verdicts

RESTRICTION = "RequestedHosts"
"""The name under which hosts are counted that the request itself leaves out: ignored, not forced, not the requested
destination."""

Rows = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the filters say; a host's failures are bits, the first filter's the lowest.

    ``left`` is how many hosts pass up to each filter, ``failures`` those of the rows asked for, ``nearest`` the rows
    that fail the fewest filters, and then are least short of capacity, with their failures. ``mask`` is uint8[rows] of
    the hosts that pass.
    """

    names: tuple[str, ...]
    filters: tuple[Filter | None, ...]
    hosts_total: int
    passed: int
    left: tuple[int, ...]
    failures: dict[int, int]
    nearest: tuple[tuple[int, int], ...]
    mask: npt.NDArray[np.uint8]


def judge(inquiry: Inquiry, *, rows: Sequence[int] = (), nearest: int = 0) -> Judgement:
    """Return every filter's verdict on every host; where nova's filter would raise, the host fails it."""
    chain, fleet = inquiry.chain, inquiry.fleet
    restricted = is_restricted(inquiry.demand.request)
    filters = (None, *inquiry.filters) if restricted else inquiry.filters
    given = _given(inquiry, filters)
    groups = fleet.fact_groups
    of_groups = text_verdicts(fleet, chain.options).failures(
        given.by_group, fleet, groups, inquiry.demand.request, inquiry.demand.amounts
    )
    of_groups[0] = ABSENT
    asked = np.array(sorted(set(rows)), dtype=np.int64)
    asked_bits = np.empty(len(asked), dtype=np.uint64)
    left = np.zeros(len(filters), dtype=np.int64)
    upto = np.array([ABSENT | (2 << place) - 1 for place in range(len(filters))], dtype=np.uint64)
    mask = np.empty(len(groups.of_rows), dtype=np.uint8)
    near_rows, near_fails = np.zeros((2, nearest), dtype=np.int64)
    near_bits, near_short = np.zeros(nearest, dtype=np.uint64), np.zeros(nearest, dtype=np.float64)
    passed, found = chain.explanation_kernels.sift(
        np.array([inquiry.demand.amounts], dtype=np.int64),
        chain.option_values,
        given.places,
        groups.of_rows,
        of_groups,
        given.has_more,
        given.more,
        given.forgiven,
        upto,
        left,
        asked,
        asked_bits,
        mask,
        near_rows,
        near_bits,
        near_fails,
        near_short,
        *(chain.column(fleet, name) for name in chain.sifted_columns),
    )
    return Judgement(
        tuple(RESTRICTION if item is None else item.name for item in filters),
        filters,
        int(groups.hosts.sum()),
        passed,
        tuple(left.tolist()),
        dict(zip(asked.tolist(), asked_bits.tolist(), strict=True)),
        tuple(zip(near_rows[:found].tolist(), near_bits[:found].tolist(), strict=True)),
        mask,
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What the kernel is given of the filters: which it asks by column, which by group, and what others said."""

    places: _Words
    by_group: list[tuple[Filter, int]]
    has_more: bool
    more: _Words
    forgiven: _Words


_NOTHING = np.zeros(BLOCK_ROWS, dtype=np.uint64)
_NO_BITS = np.empty(0, dtype=np.uint32)


def _given(inquiry: Inquiry, filters: Sequence[Filter | None]) -> _Given:
    chain, request = inquiry.chain, inquiry.demand.request
    places = np.zeros(len(chain.column_filters), dtype=np.uint64)
    by_group: list[tuple[Filter, int]] = []
    said = _Said(inquiry)
    for place, plugin in enumerate(filters):
        if plugin is None:
            said.only(place, destination_rows(inquiry.fleet, request))
            continue
        exempt = inquiry.exempt(plugin)
        if exempt is True:
            continue
        if exempt is not False:
            said.forgive(place, exempt)
        if plugin.kind == "column":
            places[chain.column_filters.index(plugin)] = 1 << place
        elif plugin.kind == "sparse":
            said.verdict(place, plugin)
        elif plugin.kind == "text" and plugin.hosts is None and not depends_on_usage(plugin, request):
            by_group.append((plugin, place))
        else:
            said.fails(place, plugin)
    nothing = _NOTHING
    more, forgiven = said.more, said.forgiven
    if more is None and forgiven is None:
        return _Given(places, by_group, False, nothing, nothing)
    empty = np.zeros(len(inquiry.fleet.columns["present"]), dtype=np.uint64)
    return _Given(places, by_group, True, empty if more is None else more, empty if forgiven is None else forgiven)


class _Said:
    """The bits of filters that neither columns nor groups decide; there are none until a filter says something."""

    def __init__(self, inquiry: Inquiry) -> None:
        self.inquiry = inquiry
        self.more: _Words | None = None
        self.forgiven: _Words | None = None

    def _to_set(self) -> _Words:
        if self.more is None:
            self.more = np.zeros(len(self.inquiry.fleet.columns["present"]), dtype=np.uint64)
        return self.more

    def only(self, place: int, rows: Rows) -> None:
        """Have all rows fail but these."""
        more = self._to_set()
        kept = more[rows]
        more |= np.uint64(1 << place)
        more[rows] = kept

    def forgive(self, place: int, exempt: npt.NDArray[np.bool_]) -> None:
        """Have these rows pass whatever columns and groups say."""
        if self.forgiven is None:
            self.forgiven = np.zeros(len(exempt), dtype=np.uint64)
        self.forgiven[exempt] |= np.uint64(1 << place)

    def verdict(self, place: int, plugin: Filter) -> None:
        """Ask a sparse filter."""
        verdict = plugin.body(self.inquiry.demand.request, self.inquiry.context)
        rows = np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows))
        if not isinstance(verdict, AllBut):
            self.only(place, rows)
        elif len(rows):
            self._to_set()[rows] |= np.uint64(1 << place)

    def fails(self, place: int, plugin: Filter) -> None:
        """Ask a filter about each host."""
        rows = self.inquiry.fleet.present_rows()
        passes = passes_filter(plugin, self.inquiry, rows, _NO_BITS, fault_fails=True)
        self._to_set()[rows[~passes]] |= np.uint64(1 << place)
