"""The answers that class views must give, by looking at every host; and by the plug-ins' plain Python bodies alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.usage import USAGE_COLUMNS, Amounts, apply_usage
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain, MultiplierOverrides, multiplier_overrides
from engine.scheduler.kernel_plan import is_column
from engine.scheduler.registry import Filter, Weigher
from engine.scheduler.static_mask import text_mask


@dataclass(frozen=True, slots=True)
class Answer:
    """The best host and its alternates (rows, none if nothing fits), their weights, and how many hosts passed."""

    rows: list[int]
    weights: list[float]
    survivors: int


class Oracle:
    """Answers for one chain on one fleet by full scans; knows nothing of views, and keeps nothing but text verdicts."""

    def __init__(self, chain: Chain, fleet: Fleet) -> None:
        self.chain = chain
        self.fleet = fleet
        self._facts_revision = -1
        self._masks: dict[str, npt.NDArray[np.uint8]] = {}
        """By the flavor's name: each class has a flavor of its own."""
        self._overrides: MultiplierOverrides | None = None
        self._enabled = np.ones(len(chain.column_filters), dtype=np.bool_)

    def answer(self, request: RequestSpec, amounts: Amounts, picks: int, picture: Fleet | None = None) -> Answer:
        """Return the answer to a request for one instance, as filters and weighers alone decide.

        ``picture`` is the fleet with other usage and the same facts.
        """
        mask = self._mask(request).copy()
        overrides = self._overrides
        assert overrides is not None
        extra = np.zeros((len(self.chain.extra_weighers), len(mask)), dtype=np.float64)
        weighing = self.chain.weigh(picture or self.fleet, mask, amounts, self._enabled, overrides, extra)
        if not weighing.survivors:
            return Answer([], [], 0)
        # the first of the equals, which is the lowest row
        best = int(weighing.weights.argmax())
        rows = [best]
        if picks > 1:
            cells = self.fleet.cell_of_profile[self.fleet.columns["profile"]]
            left = np.flatnonzero((mask != 0) & (cells == cells[best]))
            order = left[np.argsort(-weighing.weights[left], kind="stable")]
            rows += order[order != best][: picks - 1].tolist()
        return Answer(rows, weighing.weights[rows].tolist(), weighing.survivors)

    def _mask(self, request: RequestSpec) -> npt.NDArray[np.uint8]:
        if self._facts_revision != self.fleet.facts_revision:
            self._facts_revision = self.fleet.facts_revision
            self._masks.clear()
            self._overrides = multiplier_overrides(self.chain, self.fleet)
        mask = self._masks.get(request.flavor.name)
        if mask is None:
            mask = text_mask(self.chain.applies(request), self.fleet, request, self.chain.options)
            self._masks[request.flavor.name] = mask
        return mask


def picture_to_change(fleet: Fleet) -> Fleet:
    """Return a snapshot's copy in which usage can be changed, with nothing of it shared."""
    for name in USAGE_COLUMNS:
        copy = fleet.columns[name].copy()
        fleet.columns[name] = copy
        fleet.arrays[name] = copy
    return fleet


def change_usage(fleet: Fleet, row: int, sign: int, amounts: Amounts) -> None:
    """Claim (1) or give back (-1) amounts on a row of a picture that can be changed."""
    apply_usage(row, sign, amounts, 0, *(fleet.columns[name] for name in USAGE_COLUMNS))


def answer_by_bodies(chain: Chain, fleet: Fleet, request: RequestSpec, amounts: Amounts) -> Answer:
    """Return the best host by the plain bodies of the column plug-ins, each called for each host."""
    mask = text_mask(chain.applies(request), fleet, request, chain.options)
    rows = np.flatnonzero(mask).tolist()
    for plugin in chain.column_filters:
        rows = [row for row in rows if _called(plugin, chain, fleet, row, amounts)]
    if not rows:
        return Answer([], [], 0)
    weights = np.zeros(len(rows))
    for index, weigher in enumerate(chain.weighers):
        if weigher.kind != "column" or len(rows) == 1:
            continue
        values = np.array([_called(weigher, chain, fleet, row, amounts) for row in rows], dtype=np.float64)
        if weigher.minval is not None:
            values = np.maximum(values, weigher.minval)
        low = values.min() if weigher.minval is None else weigher.minval
        if values.max() != low:
            weights += chain.multipliers[index] * ((values - low) / (values.max() - low))
    best = int(weights.argmax())
    return Answer([rows[best]], [float(weights[best])], len(rows))


def _called(plugin: Filter | Weigher, chain: Chain, fleet: Fleet, row: int, amounts: Amounts) -> float:
    arguments = [
        chain.column(fleet, name)[row].item()
        if is_column(name)
        else getattr(amounts if name in Amounts._fields else chain.options, name)
        for name in plugin.parameters
    ]
    return float(plugin.body(*arguments))
