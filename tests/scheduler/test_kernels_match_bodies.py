"""The compiled kernels and the plug-ins' own Python bodies agree, row by row and to the last bit."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

import numpy as np
import pytest

from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.aggregate import Aggregate
from engine.scheduler.aggregate_columns import AGGREGATE_COLUMNS
from engine.scheduler.chain import Chain, MultiplierOverrides
from engine.scheduler.kernel_plan import is_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter, Weigher, all_filters, all_weighers
from tests.builders import host_table, only

FILTERS = [item for item in all_filters().values() if item.kind == "column"]
WEIGHERS = [item for item in all_weighers().values() if item.kind == "column"]
ROWS = 2 * BLOCK_ROWS + 77
TRIALS = 5

OPTION_BOUNDS = {"max_io_ops_per_host": (0, 6), "max_instances_per_host": (1, 6)}


@dataclass(frozen=True)
class Trial:
    """A table of random rows, random amounts, and the chain of all column plug-ins with random options."""

    chain: Chain
    table: HostTable
    amounts: Amounts


def trial(seed: int) -> Trial:
    """Values lie close together, so that they often equal each other and the limits; some are as large as they get."""
    rng = random.Random(seed)
    options = {name: rng.randint(*bounds) for name, bounds in OPTION_BOUNDS.items()}
    chain = only(
        filters=[item.name for item in FILTERS],
        weighers=[item.name for item in WEIGHERS],
        num_instances_weight_multiplier=1.0,
        **options,
    )
    table = host_table([{}] * ROWS, aggregates=[aggregate(rng, number) for number in range(4)])
    numbers = np.random.default_rng(seed)
    for name in chain.plan.columns:
        if name in AGGREGATE_COLUMNS:
            continue
        values = table.columns[name]
        if values.dtype == np.float64:
            values[:ROWS] = numbers.choice([-7.5, -0.0, 0.0, 0.1, 1 / 3, 2.5, 1e9], ROWS)
        elif values.dtype == np.uint8:
            values[:ROWS] = numbers.integers(0, 2, ROWS)
        else:
            values[:ROWS] = numbers.choice([-2_000_000_000, -1, 0, 1, 2, 3, 4, 5, 6, 2_000_000_000], ROWS)
    return Trial(chain, table, Amounts(*(rng.randint(0, 3) for _ in Amounts._fields)))


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return [trial(seed) for seed in range(TRIALS)]


def aggregate(rng: random.Random, number: int) -> Aggregate:
    """A third of the hosts, with some of the numbers that filters read."""
    texts = ("-1", "0", "0.1", "1", "2.5", "4", "many")
    metadata = {item.key: rng.choice(texts) for item in AGGREGATE_COLUMNS.values() if rng.random() < 0.7}
    hosts = frozenset(f"h{row}" for row in range(ROWS) if rng.random() < 1 / 3)
    return Aggregate(str(number), str(number), hosts, metadata)


def by_body(plugin: Filter | Weigher, given: Trial) -> list[float]:
    """What the plug-in's own body returns for each row."""
    found = []
    for row in range(ROWS):
        arguments = [
            given.chain.column(given.table, name)[row].item()
            if is_column(name)
            else getattr(given.amounts if name in Amounts._fields else given.chain.options, name)
            for name in plugin.parameters
        ]
        found.append(plugin.body(*arguments))
    return found


@pytest.mark.parametrize("plugin", FILTERS, ids=lambda item: item.name)
def test_a_filters_verdict_is_its_bodys(plugin: Filter, trials: list[Trial]) -> None:
    seen = set()
    for given in trials:
        expected = np.array(by_body(plugin, given), dtype=bool)
        bit = np.uint32(given.chain.column_filters.index(plugin))
        rejected = given.chain.verdicts(given.table, given.amounts)[:ROWS] >> bit & 1
        np.testing.assert_array_equal(rejected == 0, expected)
        enabled = np.array([item is plugin for item in given.chain.column_filters])
        mask = given.table.columns["present"].copy()
        weighing = given.chain.weigh(
            given.table, mask, given.amounts, enabled, multipliers(given, None), no_extra(given)
        )
        np.testing.assert_array_equal(mask[:ROWS] == 1, expected)
        assert weighing.survivors == expected.sum()
        assert not mask[ROWS:].any()
        seen |= set(expected.tolist())
    assert seen == {True, False}


@pytest.mark.parametrize("plugin", WEIGHERS, ids=lambda item: item.name)
def test_a_weighers_share_is_its_bodys_value_normalised(plugin: Weigher, trials: list[Trial]) -> None:
    for given in trials:
        values = np.array(by_body(plugin, given), dtype=np.float64)
        if plugin.minval is not None:
            values = np.maximum(values, plugin.minval)
        low = values.min() if plugin.minval is None else plugin.minval
        high = values.max()
        index = given.chain.weighers.index(plugin)
        mask = given.table.columns["present"].copy()
        weighing = given.chain.weigh(
            given.table, mask, given.amounts, none_enabled(given), multipliers(given, index), no_extra(given)
        )
        assert weighing.ranges[:, index].tolist() == [low, high]
        np.testing.assert_array_equal(weighing.weights[:ROWS], 0.7 * ((values - low) / (high - low)))


def test_the_weight_is_the_sum_in_the_weighers_order(trials: list[Trial]) -> None:
    for given in trials:
        expected = np.zeros(ROWS)
        for plugin, multiplier in zip(given.chain.weighers, given.chain.multipliers, strict=True):
            values = np.array(by_body(plugin, given), dtype=np.float64)
            if plugin.minval is not None:
                values = np.maximum(values, plugin.minval)
            low = values.min() if plugin.minval is None else plugin.minval
            expected += multiplier * ((values - low) / (values.max() - low))
        mask = given.table.columns["present"].copy()
        weighing = given.chain.weigh(
            given.table, mask, given.amounts, none_enabled(given), multipliers(given, None), no_extra(given)
        )
        np.testing.assert_array_equal(weighing.weights[:ROWS], expected)
        assert np.isneginf(weighing.weights[ROWS:]).all()


def test_the_options_that_filters_read_are_varied() -> None:
    read = {name for item in FILTERS for name in item.parameters} & {item.name for item in fields(SchedulerOptions)}
    assert read == set(OPTION_BOUNDS)


def multipliers(given: Trial, alone: int | None) -> MultiplierOverrides:
    """No overrides, or 0.7 for one weigher and nothing for the others."""
    many = len(given.chain.weighers)
    table = np.zeros((many, len(given.table.memberships)))
    if alone is not None:
        table[alone] = 0.7
    return MultiplierOverrides(np.full(many, alone is not None), table)


def none_enabled(given: Trial) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.zeros(len(given.chain.column_filters), dtype=np.bool_)


def no_extra(given: Trial) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.zeros((0, len(given.table.columns["present"])))
