"""Chain: the configured filters and weighers, in order, with their compiled kernels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import AnyArray
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler import compiler
from engine.scheduler.aggregate_columns import AGGREGATE_COLUMNS, aggregate_column
from engine.scheduler.aggregate_metadata import finite, least_number, raw_values
from engine.scheduler.kernel_best import weighed_columns
from engine.scheduler.kernel_judge import sifted_columns
from engine.scheduler.kernel_plan import KernelPlan, make_plan
from engine.scheduler.kernel_source import explanation_text, kernel_text, multi_create_text
from engine.scheduler.options import ALL_WEIGHERS, SchedulerOptions
from engine.scheduler.registry import (
    ALL_FILTERS,
    Filter,
    RequestKey,
    Weigher,
    find_filter,
    find_weigher,
    nova_filters,
    nova_weighers,
)
from engine.scheduler.static_mask import depends_on_usage


@dataclass(frozen=True)
class Chain:
    """Filters in the order they run (placement's first, then nova's) and weighers in the order they are summed."""

    options: SchedulerOptions
    filters: tuple[Filter, ...]
    weighers: tuple[Weigher, ...]

    @classmethod
    def from_options(cls, options: SchedulerOptions, *, weigher_order: Sequence[str] | None = None) -> Chain:
        """Return the chain that the options name; raise InvalidSettingError for an unknown plug-in.

        Weighers to which the options leave nothing to say are left out: they would cost time for every host.
        """
        filters = [find_filter(name) for name in options.placement_filters]
        for name in options.enabled_filters:
            filters += nova_filters() if name == ALL_FILTERS else [find_filter(name)]
        weighers: list[Weigher] = []
        for name in options.weight_classes:
            weighers += nova_weighers() if name == ALL_WEIGHERS else [find_weigher(name)]
        weighers = [item for item in weighers if item.configured is None or item.configured(options)]
        guards = [item.guard(options) for item in weighers if item.guard is not None]
        filters += [find_filter(name) for name in guards if name is not None]
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
        """The places in ``weighers`` of those that a class view scores: those over columns not multiplied by 0."""
        return tuple(
            index
            for index, item in enumerate(self.weighers)
            if item.kind == "column" and self.multipliers[index] != 0.0
        )

    @cached_property
    def extra_weighers(self) -> tuple[int, ...]:
        """The places in ``weighers`` of those whose values are handed to the kernel, in the order it expects them."""
        return tuple(index for index, item in enumerate(self.weighers) if item.kind != "column")

    @cached_property
    def kernels(self) -> ModuleType:
        """The compiled kernels."""
        return compiler.load_kernels(kernel_text(self.plan))

    @cached_property
    def explanation_kernels(self) -> ModuleType:
        """The compiled kernels of explanations."""
        return compiler.load_kernels(explanation_text(self.plan))

    @cached_property
    def multi_create_kernels(self) -> ModuleType:
        """The compiled kernel for several instances of one request."""
        return compiler.load_kernels(multi_create_text(self.plan))

    @property
    def is_compiled(self) -> bool:
        """True when the kernels beyond those that place single instances are on disk, as far as can be seen there."""
        return compiler.is_compiled(explanation_text(self.plan)) and compiler.is_compiled(multi_create_text(self.plan))

    @cached_property
    def sifted_columns(self) -> tuple[str, ...]:
        """The columns of the explanations' kernel for filters."""
        return sifted_columns(self.plan)

    @cached_property
    def weighed_columns(self) -> tuple[str, ...]:
        """The columns of the explanations' kernels for weighers."""
        return weighed_columns(self.plan)

    @cached_property
    def override_key(self) -> Hashable:
        """What decides, beside the fleet's aggregates, which multipliers these override and with what."""
        configured = tuple(
            (item.multiplier, item.sign, float(getattr(self.options, item.multiplier))) for item in self.weighers
        )
        return self.options.nova_quirks, configured

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

    @cached_property
    def reads_aggregates(self) -> bool:
        """True when a kernel reads columns that aggregates override."""
        return any(name in AGGREGATE_COLUMNS for name in self.plan.columns)

    def column(self, fleet: Fleet, name: str) -> AnyArray:
        """Return one of the columns that the kernels read: the table's, or as aggregates override it."""
        if name in AGGREGATE_COLUMNS:
            return aggregate_column(fleet, name, self.options)
        return fleet.arrays[name]

    def columns(self, fleet: Fleet) -> list[AnyArray]:
        """Return the columns in the order of the kernels' arguments."""
        return [self.column(fleet, name) for name in self.plan.columns]

    @cached_property
    def _request_keys(self) -> tuple[RequestKey, ...]:
        """What each filter looks at of a request, of those that look at more than its amounts."""
        return tuple(item.request_key for item in self.filters if item.request_key is not None and item.kind != "state")

    @cached_property
    def _particular_filters(self) -> tuple[Filter, ...]:
        """The filters that may need to see a request by itself: those of hints, of a text and usage, of devices."""
        return tuple(
            item
            for item in self.filters
            if item.attributes is not None
            or (item.kind == "sparse" and item.applies is not None)
            or (item.kind == "state" and item.concerns is not None)
        )

    def class_key(self, request: RequestSpec, amounts: Amounts) -> Hashable:
        """Return what the request's class depends on under this chain: equal keys may share a view."""
        options = self.options
        return (amounts, request.is_rebuild, *[key(request, options) for key in self._request_keys])

    def has_class(self, request: RequestSpec) -> bool:
        """True when amounts and facts decide all filters, so that requests of the same key have the same verdicts.

        False where a filter names rows for a hint, fits devices, or compares text with usage, which changes with every
        claim.
        """
        return not any(
            item.kind in ("sparse", "state") or depends_on_usage(item, request)
            for item in self._particular_filters
            if item.is_wanted(request, self.options)
        )

    def applies(self, request: RequestSpec) -> tuple[Filter, ...]:
        """Return the filters that run for a request, in order."""
        rebuild = request.is_rebuild
        return tuple(
            item
            for item in self.filters
            if item.is_wanted(request, self.options) and (item.run_on_rebuild or not rebuild)
        )

    def weighs_arrays(self, request: RequestSpec) -> bool:
        """True when a weigher concerns the request that has to be told which hosts passed every filter."""
        return any(item.kind == "array" and item.concerns(request) for item in self.weighers)

    def reject(
        self, fleet: Fleet, mask: npt.NDArray[np.uint8], amounts: Amounts, enabled: npt.NDArray[np.bool_]
    ) -> None:
        """Filter ``mask`` (uint8[n], changed in place) by the enabled column filters."""
        wanted = sum(1 << index for index in np.flatnonzero(enabled).tolist())
        mask[(self.verdicts(fleet, amounts) & np.uint32(wanted)) != 0] = 0

    def weigh(
        self,
        fleet: Fleet,
        mask: npt.NDArray[np.uint8],
        amounts: Amounts,
        enabled: npt.NDArray[np.bool_],
        overrides: MultiplierOverrides,
        extra: npt.NDArray[np.float64],
        multipliers: npt.NDArray[np.float64] | None = None,
    ) -> Weighing:
        """Filter ``mask`` (uint8[n], changed in place) by the enabled column filters and weigh what is left.

        ``multipliers`` are the configured ones unless told.
        """
        weights = np.empty(len(mask), dtype=np.float64)
        ranges = np.empty((2, len(self.weighers)), dtype=np.float64)
        shapes = np.array([amounts], dtype=np.int64)
        survivors = self.kernels.weigh(
            mask,
            0,
            shapes,
            self.option_values,
            enabled,
            self.multipliers if multipliers is None else multipliers,
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

    def of_rows(self, chain: Chain, fleet: Fleet, index: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return, for each of ``rows``, the multiplier of the chain's weigher at ``index``."""
        if not self.overridden[index]:
            return np.full(len(rows), chain.multipliers[index])
        return np.asarray(self.by_membership[index, fleet.columns["membership"][rows]])


@dataclass(frozen=True, slots=True)
class Weighing:
    """Every host's weight (-inf where it was filtered out), the number of survivors, each weigher's range over them."""

    survivors: int
    weights: npt.NDArray[np.float64]
    ranges: npt.NDArray[np.float64]


def multiplier_overrides(chain: Chain, fleet: Fleet) -> MultiplierOverrides:
    """Return what the fleet's aggregates make of the chain's multipliers; made anew only when these have changed.

    The rule is that of nova.scheduler.utils, get_weight_multiplier. nova takes ``nan`` and ``inf`` for numbers and then
    has no order of hosts; without nova_quirks they are none, so that the configured multiplier counts.
    """

    def make() -> MultiplierOverrides:
        return _overrides(chain, fleet)

    def refresh(known: MultiplierOverrides, rows: npt.NDArray[np.int64]) -> MultiplierOverrides:
        # hosts that join other aggregates may do so in combinations that are new
        grown = known.any and known.by_membership.shape[1] != len(fleet.memberships)
        return make() if grown else known

    return fleet.of_facts(("multiplier overrides", chain.override_key), make, refresh)


def _overrides(chain: Chain, fleet: Fleet) -> MultiplierOverrides:
    """Return the overrides of every membership, an empty table where no aggregate has one."""
    cast = float if chain.options.nova_quirks else finite
    keys = {item.multiplier for item in chain.weighers}
    naming = {uuid for uuid, aggregate in fleet.aggregates.items() if not keys.isdisjoint(aggregate.metadata)}
    codes = {fleet.aggregate_codes.codes[uuid] for uuid in naming if uuid in fleet.aggregate_codes.codes}
    configured = [item.sign * float(getattr(chain.options, item.multiplier)) for item in chain.weighers]
    overridden = np.zeros(len(chain.weighers), dtype=np.bool_)
    table: npt.NDArray[Any] = np.empty((len(chain.weighers), len(fleet.memberships) if naming else 0), dtype=np.float64)
    table[:] = np.array(configured, dtype=np.float64)[:, np.newaxis]
    for code, members in enumerate(fleet.memberships.values if naming else ()):
        if codes.isdisjoint(members):
            continue
        aggregates = fleet.membership_aggregates(code)
        for index, weigher in enumerate(chain.weighers):
            values = raw_values(aggregates, weigher.multiplier)
            default = float(getattr(chain.options, weigher.multiplier))
            table[index, code] = weigher.sign * least_number(values, default, cast)
            overridden[index] |= bool(values)
    return MultiplierOverrides(overridden, table)
