"""Chain: the configured filters and weighers, in order, with their compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import AnyArray, Fleet
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler import compiler
from engine.scheduler.kernel_plan import KernelPlan, make_plan
from engine.scheduler.kernel_source import kernel_text
from engine.scheduler.options import ALL_WEIGHERS, SchedulerOptions
from engine.scheduler.registry import Filter, Weigher, all_weighers, find_filter, find_weigher


@dataclass(frozen=True)
class Chain:
    """Filters in the order they run (placement's first, then nova's) and weighers in the order they are summed."""

    options: SchedulerOptions
    filters: tuple[Filter, ...]
    weighers: tuple[Weigher, ...]

    @classmethod
    def from_options(cls, options: SchedulerOptions, *, weigher_order: Sequence[str] | None = None) -> Chain:
        """Return the chain that the options name; raise InvalidSettingError for an unknown plug-in."""
        filters = [find_filter(name) for name in (*options.placement_filters, *options.enabled_filters)]
        weighers: list[Weigher] = []
        for name in options.weight_classes:
            weighers += list(all_weighers().values()) if name == ALL_WEIGHERS else [find_weigher(name)]
        if weigher_order is not None:
            weighers.sort(key=lambda weigher: weigher_order.index(weigher.name))
        return cls(options, tuple(dict.fromkeys(filters)), tuple(dict.fromkeys(weighers)))

    @cached_property
    def column_filters(self) -> tuple[Filter, ...]:
        """The filters that run in the kernel; their place here is their bit in a verdict."""
        return tuple(item for item in self.filters if item.kind == "column")

    @cached_property
    def plan(self) -> KernelPlan:
        """What the kernels need."""
        return make_plan(self.column_filters, self.weighers, [self.weighers[index] for index in self.view_weighers])

    @cached_property
    def view_weighers(self) -> tuple[int, ...]:
        """The places in ``weighers`` of those that a class view scores: none that is sparse or multiplied by 0."""
        return tuple(
            index
            for index, item in enumerate(self.weighers)
            if item.kind == "column" and self.multipliers[index] != 0.0
        )

    @cached_property
    def kernels(self) -> ModuleType:
        """The compiled kernels."""
        return compiler.load_kernels(kernel_text(self.plan))

    @cached_property
    def option_values(self) -> npt.NDArray[np.float64]:
        """The options the kernels read, in the plan's order."""
        return np.array([float(getattr(self.options, name)) for name in self.plan.options], dtype=np.float64)

    @cached_property
    def multipliers(self) -> npt.NDArray[np.float64]:
        """Each weigher's configured multiplier, its sign applied."""
        return np.array(
            [item.sign * float(getattr(self.options, item.multiplier)) for item in self.weighers], dtype=np.float64
        )

    @cached_property
    def view_multipliers(self) -> npt.NDArray[np.float64]:
        """The multipliers of the weighers that a class view scores."""
        return self.multipliers[list(self.view_weighers)]

    def columns(self, fleet: Fleet) -> list[AnyArray]:
        """Return the table's columns in the order of the kernels' arguments."""
        return [fleet.arrays[name] for name in self.plan.columns]

    def applies(self, request: RequestSpec) -> tuple[Filter, ...]:
        """Return the filters that run for a request, in order."""
        rebuild = request.is_rebuild
        return tuple(
            item
            for item in self.filters
            if (item.applies is None or item.applies(request)) and (item.run_on_rebuild or not rebuild)
        )

    def weigh(
        self,
        fleet: Fleet,
        mask: npt.NDArray[np.uint8],
        amounts: Amounts,
        enabled: npt.NDArray[np.bool_],
        overrides: MultiplierOverrides,
        extra: npt.NDArray[np.float64],
    ) -> Weighing:
        """Filter ``mask`` (uint8[n], changed in place) by the enabled column filters and weigh what is left."""
        weights = np.empty(len(mask), dtype=np.float64)
        ranges = np.empty((2, len(self.weighers)), dtype=np.float64)
        shapes = np.array([amounts], dtype=np.int64)
        survivors = self.kernels.weigh(
            mask,
            0,
            shapes,
            self.option_values,
            enabled,
            self.multipliers,
            overrides.overridden,
            overrides.by_membership,
            fleet.arrays["membership"],
            extra,
            weights,
            ranges,
            *self.columns(fleet),
        )
        return Weighing(int(survivors), weights, ranges)

    def verdicts(self, fleet: Fleet, amounts: Amounts) -> npt.NDArray[np.uint32]:
        """Return uint32 a row: bit k is set where column filter k rejects the host."""
        bits = np.empty(len(fleet.columns["present"]), dtype=np.uint32)
        self.kernels.verdicts(0, np.array([amounts], dtype=np.int64), self.option_values, bits, *self.columns(fleet))
        return bits


@dataclass(frozen=True, slots=True)
class MultiplierOverrides:
    """Multipliers that aggregates override.

    ``overridden`` is bool[weighers], ``by_membership`` float64[weighers, memberships].
    """

    overridden: npt.NDArray[np.bool_]
    by_membership: npt.NDArray[np.float64]

    @property
    def any(self) -> bool:
        """True when some aggregate overrides some multiplier."""
        return bool(self.overridden.any())


@dataclass(frozen=True, slots=True)
class Weighing:
    """Every host's weight (-inf where it was filtered out), the number of survivors, each weigher's range over them."""

    survivors: int
    weights: npt.NDArray[np.float64]
    ranges: npt.NDArray[np.float64]


def numeric_metadata(values: Sequence[str], default: float) -> float:
    """Return the least of some metadata values read as numbers; ``default`` when there is none or one is no number.

    The rule is nova's (nova.scheduler.filters.utils.validate_num_values).
    """
    try:
        return min((float(value) for value in values), default=default)
    except ValueError:
        return default


def multiplier_overrides(chain: Chain, fleet: Fleet) -> MultiplierOverrides:
    """Return what the fleet's aggregates make of the chain's multipliers.

    The rule is that of nova.scheduler.utils, get_weight_multiplier.
    """
    keys = {item.multiplier for item in chain.weighers}
    named = any(keys & aggregate.metadata.keys() for aggregate in fleet.aggregates.values())
    many = len(fleet.memberships) if named else 0
    overridden = np.zeros(len(chain.weighers), dtype=np.bool_)
    table: npt.NDArray[Any] = np.empty((len(chain.weighers), many), dtype=np.float64)
    for code in range(many):
        aggregates = fleet.membership_aggregates(code)
        for index, weigher in enumerate(chain.weighers):
            values = [item.metadata[weigher.multiplier] for item in aggregates if weigher.multiplier in item.metadata]
            configured = float(getattr(chain.options, weigher.multiplier))
            table[index, code] = weigher.sign * numeric_metadata(values, configured)
            overridden[index] |= bool(values)
    return MultiplierOverrides(overridden, table)
