"""Columns that aggregates override: the least number of a host's aggregates, or a default, kept while facts stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.scheduler.aggregate_columns import AGGREGATE_COLUMNS, aggregate_column
from engine.scheduler.options import SchedulerOptions
from tests.builders import fleet, host_table

OPTIONS = SchedulerOptions(max_io_ops_per_host=8)
LIMIT = "aggregate_max_io_ops_per_host"
KEY = "max_io_ops_per_host"
RATIO = "aggregate_cpu_allocation_ratio"


def table(*metadata: dict[str, str]) -> HostTable:
    """Four hosts, h0 in no aggregate, the others in the aggregates up to their number."""
    aggregates = [
        Aggregate(str(number), str(number), frozenset(f"h{row}" for row in range(number + 1, 4)), item)
        for number, item in enumerate(metadata)
    ]
    return host_table([{"cpu_allocation_ratio": float(row + 2)} for row in range(4)], aggregates=aggregates)


def limits(of: HostTable, name: str = LIMIT, options: SchedulerOptions = OPTIONS) -> list[float]:
    values: list[float] = aggregate_column(of, name, options)[:4].tolist()
    return values


def test_the_least_of_several_counts_and_a_bad_one_spoils_them() -> None:
    key = "max_io_ops_per_host"
    assert limits(table({key: "5"}, {key: " 3 "}, {key: "4.5"})) == [8, 5, 3, 8]
    assert limits(table({}, {"other": "1"})) == [8, 8, 8, 8]


def test_a_ratio_is_the_hosts_own_where_its_aggregates_name_none() -> None:
    key = "cpu_allocation_ratio"
    assert limits(table({key: "16"}, {key: "1.5"}, {key: "much"}), RATIO) == [2.0, 16.0, 1.5, 5.0]


@pytest.mark.parametrize(("text", "limit"), [("99999999999", 2**31 - 1), ("-99999999999", -(2**31)), ("-3", -3)])
def test_limits_stay_within_32_bits(text: str, limit: int) -> None:
    column = aggregate_column(table({"max_io_ops_per_host": text}), LIMIT, OPTIONS)
    assert column.dtype == np.int32
    assert column[:2].tolist() == [8, limit]


def test_a_column_is_as_long_as_the_tables_own_and_kept_until_facts_change() -> None:
    fleet = table({"max_io_ops_per_host": "5"})
    first = aggregate_column(fleet, LIMIT, OPTIONS)
    assert len(first) == len(fleet.columns["present"])
    assert aggregate_column(fleet, LIMIT, OPTIONS) is first
    fleet.set_aggregate(Aggregate("0", "0", frozenset({"h1", "h2", "h3"}), {"max_io_ops_per_host": "6"}))
    assert limits(fleet) == [8, 6, 6, 6]


def test_chains_of_other_options_have_columns_of_their_own() -> None:
    fleet = table({"max_io_ops_per_host": "5"})
    assert limits(fleet)[0] == 8
    assert limits(fleet, options=SchedulerOptions(max_io_ops_per_host=2))[0] == 2
    assert limits(fleet)[0] == 8


def test_a_snapshot_keeps_what_it_showed() -> None:
    fleet = table({"max_io_ops_per_host": "5"})
    picture = fleet.snapshot()
    fleet.set_aggregate(Aggregate("0", "0", frozenset({"h0"}), {"max_io_ops_per_host": "6"}))
    assert aggregate_column(picture, LIMIT, OPTIONS)[:4].tolist() == [8, 5, 5, 5]
    assert limits(fleet) == [6, 8, 8, 8]


def test_names_say_which_key_they_read() -> None:
    assert all(name == f"aggregate_{column.key}" for name, column in AGGREGATE_COLUMNS.items())


def test_a_host_that_joins_an_aggregate_with_a_limit_gets_it_and_the_others_keep_theirs() -> None:
    of = host_table([{"aggregates": ["a"]}, {}, {}])
    of.set_aggregate(replace(next(iter(of.aggregates.values())), hosts=frozenset({"h0"}), metadata={KEY: "3"}))
    first = aggregate_column(of, LIMIT, OPTIONS)
    assert first[:3].tolist() == [3, 8, 8]
    of.upsert(fleet([{"aggregates": ["a"]}, {"aggregates": ["a", "b"]}, {"cpu_allocation_ratio": 9.0}]))
    assert limits(of)[:3] == [3, 3, 8]
    assert limits(of, RATIO)[2] == 9.0
    assert first[:3].tolist() == [3, 8, 8]
    of.upsert(fleet([{"host_id": f"more{number}", "aggregates": ["a"]} for number in range(300)]))
    grown = aggregate_column(of, LIMIT, OPTIONS)
    assert len(grown) == len(of.columns["present"])
    assert grown[:303].tolist() == [3, 3, 8, *[3] * 300]
    assert set(grown[303:].tolist()) == {8}
