"""TextMasks: which hosts pass a request's text filters, kept between requests and brought up to date as facts change.

What the filters say is known by group of hosts (see text_verdicts); a mask is that, spread over the rows. Requests of
which the same hosts pass share one array, so that the many flavors of a cloud cost the memory of a few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from engine.scheduler.static_mask import depends_on_usage, text_mask
from engine.scheduler.text_verdicts import TextVerdicts, text_verdicts

DEFAULT_BUDGET_BYTES: Final = 16 * 1024 * 1024
_MOST_KINDS: Final = 4096
"""Kinds of requests that are remembered, whatever little memory their masks take."""

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.uint8]

_NO_ROWS: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TextMask:
    """Uint8 a row, 1 where a host passes, as of a facts revision.

    Other masks may have the same ``values``, which must never be written to. ``verdicts`` are what it was made of.
    """

    values: Values
    revision: int
    verdicts: TextVerdicts


class TextMasks:
    """The masks of one fleet under one chain's options, within a budget of memory: the oldest in use makes room."""

    def __init__(self, fleet: Fleet, options: SchedulerOptions, *, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.fleet = fleet
        self.options = options
        self.budget_bytes = budget_bytes
        self._kept: OrderedDict[Hashable, TextMask] = OrderedDict()
        self._revision = -1
        # by what groups pass, of the present revision, and by a fingerprint of the values, of any
        self._by_groups: WeakValueDictionary[Hashable, Values] = WeakValueDictionary()
        self._by_content: WeakValueDictionary[Hashable, Values] = WeakValueDictionary()
        self._patched: dict[Hashable, tuple[Values, Values]] = {}
        self._since: dict[int, Rows | None] = {}

    def passing(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts, rows: Rows) -> Rows:
        """Return those of ``rows``, in their order, that pass the text filters among ``filters``.

        Nothing is kept of a part of the fleet, nor of filters that compare with usage, which every claim changes.
        Raises FilterFault where nova's filter would raise and nova's quirks are on.
        """
        asked = [item for item in filters if item.kind == "text"]
        if len(rows) < self.fleet.host_count or any(depends_on_usage(item, request) for item in asked):
            values = text_mask(asked, self.fleet, request, self.options, rows)
        else:
            values = self._kept_mask(asked, request, amounts).values
        return np.asarray(rows[values[rows] == 1])

    def values(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts) -> Values | None:
        """Return uint8 a row, not to be written to: 1 for every host that passes the text filters among ``filters``.

        None where one of them compares with usage. Raises FilterFault as ``mask`` does.
        """
        asked = [item for item in filters if item.kind == "text"]
        if any(depends_on_usage(item, request) for item in asked):
            return None
        return self._kept_mask(asked, request, amounts).values

    def mask(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts) -> TextMask:
        """Return the mask of all hosts for the text filters among ``filters``, none of which may compare with usage.

        Raises FilterFault where nova's filter would raise and nova's quirks are on.
        """
        self._catch_up()
        asked = [item for item in filters if item.kind == "text"]
        values = self._spread(asked, request, amounts)
        if values is None:
            # some filter has no answer for some host, which counts only if the filters before it left that host
            values = self._shared(text_mask(asked, self.fleet, request, self.options))
        return TextMask(values, self._revision, text_verdicts(self.fleet, self.options))

    def refreshed(
        self, old: TextMask, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts
    ) -> tuple[TextMask, Rows | None]:
        """Return the mask as facts are now, and the rows whose verdict is another than in ``old``, ascending.

        None in place of rows means that there are more rows than there were. Raises FilterFault as ``mask`` does.
        """
        self._catch_up()
        if old.revision == self._revision:
            return old, _NO_ROWS
        length = len(self.fleet.columns["present"])
        asked = [item for item in filters if item.kind == "text"]
        verdicts = text_verdicts(self.fleet, self.options)
        # a change of some hosts may decide about others, too: then the verdicts were begun anew
        changed = self._changed_since(old.revision) if old.verdicts is verdicts else None
        if changed is None or len(old.values) != length or any(item.hosts is not None for item in asked):
            fresh = self.mask(asked, request, amounts)
            if len(old.values) != length:
                return fresh, None
            if fresh.values is old.values:
                return fresh, _NO_ROWS
            return fresh, np.flatnonzero(fresh.values != old.values)
        groups = self.fleet.fact_groups
        passing = verdicts.passing(asked, self.fleet, groups, request, amounts, only=groups.of_rows[changed])
        if passing is None:
            passing = text_mask(asked, self.fleet, request, self.options)[changed]
        differs = np.flatnonzero(passing != old.values[changed])
        if not len(differs):
            return TextMask(old.values, self._revision, verdicts), _NO_ROWS
        rows = changed[differs]
        return TextMask(self._patch(old.values, rows, passing[differs]), self._revision, verdicts), rows

    def _kept_mask(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts) -> TextMask:
        """Return the mask of all hosts for a kind of request, made where there is none yet."""
        options = self.options
        read = [None if item.request_key is None else item.request_key(request, options) for item in filters]
        key = (amounts, *[(item.name, keys) for item, keys in zip(filters, read, strict=True)])
        old = self._kept.get(key)
        found = self.mask(filters, request, amounts) if old is None else None
        if found is None:
            assert old is not None
            found = self.refreshed(old, filters, request, amounts)[0]
        if found is not old:
            self._kept[key] = found
        self._kept.move_to_end(key)
        most = max(2, self.budget_bytes // len(found.values))
        while len(self._kept) > most and (len(self._kept) > _MOST_KINDS or self._arrays_kept() > most):
            self._kept.popitem(last=False)
        return found

    def _arrays_kept(self) -> int:
        """Return how many different arrays are kept."""
        return len({id(item.values) for item in self._kept.values()})

    def _catch_up(self) -> None:
        """Forget what held for other facts than those of now."""
        if self._revision != self.fleet.facts_revision:
            self._revision = self.fleet.facts_revision
            self._by_groups.clear()
            self._patched.clear()
            self._since.clear()

    def _changed_since(self, revision: int) -> Rows | None:
        """Return the rows whose facts changed since a revision, None where that may be any."""
        if revision not in self._since:
            self._since[revision] = self.fleet.changed_facts_since(revision)
        return self._since[revision]

    def _spread(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts) -> Values | None:
        """Return the values for all hosts, None where hosts must be asked in turn."""
        fleet = self.fleet
        groups = fleet.fact_groups
        passing = text_verdicts(fleet, self.options).passing(filters, fleet, groups, request, amounts)
        if passing is None:
            return None
        named = self._named_rows(filters)
        apart = text_mask(filters, fleet, request, self.options, named)[named] if len(named) else None
        key = (passing.tobytes(), named.tobytes(), None if apart is None else apart.tobytes())
        values = self._by_groups.get(key)
        if values is None:
            values = np.empty(len(groups.of_rows), dtype=np.uint8)
            np.take(passing, groups.of_rows, out=values, mode="clip")
            if apart is not None:
                values[named] = apart
            values = self._by_groups[key] = self._shared(values)
        return values

    def _named_rows(self, filters: Sequence[Filter]) -> Rows:
        """Return the rows of the hosts that some filter tells apart by name, ascending."""
        names = {name for item in filters if item.hosts is not None for name in item.hosts(self.options)}
        rows = [row for name in names if (row := self.fleet.find(name)) is not None]
        return np.array(sorted(rows), dtype=np.int64)

    def _shared(self, values: Values) -> Values:
        """Return an array of these values: the one there is, if there is one."""
        words = values.view(np.uint64)
        key = (len(values), int(words.sum()), int(np.bitwise_xor.reduce(words[::3])))
        known = self._by_content.get(key)
        if known is not None and np.array_equal(known, values):
            return known
        self._by_content[key] = values
        return values

    def _patch(self, values: Values, rows: Rows, verdicts: Values) -> Values:
        """Return values with some of them changed, the same array for whoever changes the same ones alike."""
        key = (id(values), rows.tobytes(), verdicts.tobytes())
        known = self._patched.get(key)
        if known is None:
            fresh = values.copy()
            fresh[rows] = verdicts
            # the array changed is kept too, so that no other one takes its identity
            known = self._patched[key] = (values, self._shared(fresh))
        return known[1]
