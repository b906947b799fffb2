"""Metrics come and go with reports; only a change of their names counts as a change of facts."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from engine.errors import InvalidRequestError
from engine.inventory.check import check_invariants
from engine.inventory.export import fleet_rows
from engine.inventory.measured import MAX_METRIC_NAMES
from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.table import HostTable
from tests.builders import fleet, host_table


def measured(*hosts: Mapping[str, int]) -> HostTable:
    return host_table([{"metrics": json.dumps(metrics)} for metrics in hosts])


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def test_a_host_has_the_metrics_it_came_with() -> None:
    table = measured({"cpu": 5, "load": -1}, {}, {"load": 2**63 - 1})
    assert [table.metrics_of(row) for row in range(3)] == [{"cpu": 5, "load": -1}, {}, {"load": 2**63 - 1}]
    assert table.host(0).metrics == {"cpu": 5, "load": -1}
    assert table.reports_metric("load")[:3].tolist() == [True, False, True]
    assert not table.reports_metric("unheard of").any()
    assert not check_invariants(table)


def test_a_report_replaces_all_metrics_of_its_hosts_and_no_others() -> None:
    table = measured({"cpu": 5, "load": 1}, {"cpu": 7}, {"cpu": 9})
    table.set_metrics(rows(0, 1), {0: {"load": 2}})
    assert [table.metrics_of(row) for row in range(3)] == [{"load": 2}, {}, {"cpu": 9}]


def test_new_values_are_no_new_facts_and_new_names_are() -> None:
    table = measured({"cpu": 5}, {"cpu": 7})
    facts, generations = table.facts_revision, table.columns["generation"][:2].copy()
    table.set_metrics(rows(1), {0: {"cpu": 8}})
    assert table.facts_revision == facts
    assert (table.columns["generation"][:2] > generations).tolist() == [False, True]
    table.set_metrics(rows(1), {0: {"cpu": 8, "load": 1}})
    assert table.facts_revision == facts + 1


def test_an_update_without_metrics_takes_them_away() -> None:
    table = measured({"cpu": 5}, {"cpu": 7})
    table.upsert(fleet([{}]))
    assert [table.metrics_of(row) for row in range(2)] == [{}, {"cpu": 7}]


def test_a_snapshot_keeps_its_metrics() -> None:
    table = measured({"cpu": 5})
    picture = table.snapshot()
    table.set_metrics(rows(0), {0: {"cpu": 6, "load": 1}})
    table.upsert(fleet([{"host_id": f"new{index}", "metrics": '{"cpu": 1}'} for index in range(BLOCK_ROWS)]))
    assert picture.metrics_of(0) == {"cpu": 5}
    assert not picture.reports_metric("load").any()
    assert table.metrics_of(0) == {"cpu": 6, "load": 1}
    assert table.metrics_of(BLOCK_ROWS) == {"cpu": 1}
    assert not check_invariants(table)


def test_exported_metrics_are_those_that_come_back() -> None:
    table = measured({"cpu": 5, "load": -1}, {}, {"load": 3})
    again = HostTable()
    again.upsert(fleet_rows(table, rows(0, 1, 2)))
    assert [again.metrics_of(row) for row in range(3)] == [table.metrics_of(row) for row in range(3)]


def test_one_name_too_many_is_refused_and_nothing_applied() -> None:
    many = {f"m{number}": number for number in range(MAX_METRIC_NAMES)}
    table = measured(many)
    table.check_metric_names([{"m0": 1}, {}])
    with pytest.raises(InvalidRequestError, match="'extra' is one too many"):
        table.upsert(fleet([{"vcpus": 3}, {"metrics": '{"extra": 1}'}]))
    assert (table.host_count, table.host(0).metrics) == (1, many)
