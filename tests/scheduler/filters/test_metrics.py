"""A host passes when it reports every metric that is weighed."""

from __future__ import annotations

import numpy as np

from engine.scheduler.explain import explain
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector

NAME = "MetricsFilter"
HOSTS = [{"metrics": '{"cpu": 0, "load": 5}'}, {"metrics": '{"cpu": 1}'}, {}]


def test_all_the_names_must_be_there_whatever_their_values() -> None:
    assert passing(NAME, HOSTS, metrics_weight_setting=("cpu=1",)) == {"h0", "h1"}
    assert passing(NAME, HOSTS, metrics_weight_setting=("cpu=0", "load=-1")) == {"h0"}
    assert passing(NAME, HOSTS, metrics_weight_setting=("nosuch=1",)) == set()


def test_entries_that_are_not_valid_ask_for_nothing() -> None:
    assert passing(NAME, HOSTS, metrics_weight_setting=("nosuch", "load=x")) == {"h0", "h1", "h2"}
    assert passing(NAME, HOSTS) == {"h0", "h1", "h2"}


def test_a_report_that_leaves_a_metric_out_counts_at_once() -> None:
    table = host_table(HOSTS)
    chooser = selector(table, only(filters=[NAME], metrics_weight_setting=("cpu=1",)))
    assert {chooser.select(request())[0].row, *chooser.select(request())[0].alternates} == {0, 1}
    table.set_metrics(np.array([0, 2]), {0: {"load": 5}, 1: {"cpu": 3}})
    assert {chooser.select(request())[0].row, *chooser.select(request())[0].alternates} == {1, 2}


def test_an_explanation_names_what_is_missing() -> None:
    chain = only(filters=[NAME], metrics_weight_setting=("cpu=1", "load=1"))
    picture = host_table(HOSTS).snapshot()
    verdicts = explain(chain, picture, request(), SelectionContext(picture), hosts=[1, 2]).verdicts
    assert [verdicts[row][0].reason for row in (1, 2)] == ["report the metrics load", "report the metrics cpu, load"]
