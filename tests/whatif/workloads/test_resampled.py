from __future__ import annotations

from math import log

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.inputs import Inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.workload import NO_GROUP
from engine.whatif.workloads import resampled as resampling
from engine.whatif.workloads.resampled import resampled, resampled_trace
from tests.whatif.workloads.samples import flavor_names, fresh_world, made, shown

DAY = 86_400.0


def daily_trace(days=10, per_day=48, **columns):
    """Arrivals at even distances, of which each lives for as many seconds as its number and is of its hour's size."""
    many = days * per_day
    created = np.arange(many) * (DAY / per_day)
    return pa.table(
        {
            "vm_id": np.arange(many),
            "t_create": created,
            "t_delete": created + np.arange(many),
            "vcpus": 1 + (created % DAY // 3600).astype(np.int64),
            "memory_mb": np.full(many, 512),
            **{name: values[:many] for name, values in columns.items()},
        }
    )


def again(table, seed=1, *, horizon_s=30 * DAY, block_s=DAY, growth=0.0, **said):
    base = made(table, **said)
    return resampled_trace(base, horizon_s=horizon_s, block_s=block_s, growth=growth, rng=np.random.default_rng(seed))


@given(st.integers(0, 99), st.floats(0.3, 4.0), st.floats(0.5, 20.0))
@settings(deadline=None, max_examples=30)
def test_instances_keep_their_lifetimes_and_their_flavors(seed, block_days, horizon_days):
    table = daily_trace()
    workload = again(table, seed, block_s=block_days * DAY, horizon_s=horizon_days * DAY)
    events, names = workload.events, workload.names.cast(pa.string()).to_pylist()
    originals = [int(name.partition("~")[0]) for name in names]
    vcpus = table["vcpus"].to_pylist()
    assert flavor_names(workload) == [f"{vcpus[number]}c-512m-0g" for number in originals]
    created = np.full(len(workload), -1.0)
    created[events.instances[events.creates]] = events.times_s[events.creates]
    assert np.all((created >= 0) & (created < horizon_days * DAY))
    assert np.all(np.diff(events.times_s) >= 0)
    gone = events.instances[~events.creates]
    lived = events.times_s[~events.creates] - created[gone]
    assert np.allclose(lived, np.array(originals)[gone], atol=1e-6)
    stay = np.setdiff1d(np.arange(len(workload)), gone)
    assert np.all(created[stay] + np.array(originals)[stay] > horizon_days * DAY - 1e-6)


def test_the_rate_stays_that_of_the_trace_and_hours_stay_at_their_time_of_day():
    workload = again(daily_trace())
    events = workload.events
    assert len(workload) == pytest.approx(30 * 48, abs=2)
    hours = 1 + (events.times_s[events.creates] % DAY // 3600).astype(int)
    names = flavor_names(workload)
    said = [int(names[instance].partition("c")[0]) for instance in events.instances[events.creates].tolist()]
    assert said == hours.tolist()


def test_blocks_are_drawn_with_replacement_and_differ_by_seed():
    days = [int(name.split("~")[0]) // 48 for name in again(daily_trace()).names.to_pylist()]
    assert 4 < len(set(days)) < 10
    assert shown(again(daily_trace(), 1)) == shown(again(daily_trace(), 1))
    assert shown(again(daily_trace(), 1)) != shown(again(daily_trace(), 2))


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_growth_is_in_the_rate_and_comes_at_other_instants(factor):
    growth = log(factor) / (30 * DAY)
    table = daily_trace(per_day=480)
    # at instants of their own, so that two that come at once are one that comes twice
    jittered = np.sort(table["t_create"].to_numpy() + np.random.default_rng(1).random(len(table)) * 60)
    table = table.set_column(1, "t_create", pa.array(jittered)).set_column(2, "t_delete", pa.array([None] * len(table)))
    workload = again(table, growth=growth, block_s=0.7 * DAY)
    times = workload.events.times_s[workload.events.creates]
    counts = np.histogram(times, np.linspace(0, 30 * DAY, 7))[0]
    edges = np.linspace(0, 1, 7)
    expected = 480 * 30 / log(factor) * np.diff(factor**edges)
    assert np.all(np.abs(counts - expected) < 6 * expected**0.5)
    assert len(np.unique(times)) > 0.8 * len(times)


def test_what_is_there_at_the_start_comes_once():
    table = daily_trace()
    start = pa.table({**table.to_pydict(), "t_create": [0.0] * 100 + table["t_create"].to_pylist()[100:]})
    start = start.set_column(2, "t_delete", pa.array([1e9] * len(start)))
    workload = again(start, seed=4)
    numbers = np.array([int(name.partition("~")[0]) for name in workload.names.cast(pa.string()).to_pylist()])
    assert numbers[:100].tolist() == list(range(100))
    assert numbers[100:].min() >= 100
    assert workload.events.instances[:100].tolist() == list(range(100))
    assert workload.events.times_s[99] == 0


def test_groups_are_thinned_as_a_whole_and_those_of_two_blocks_are_two():
    batch = np.arange(480) // 4
    workload = again(
        daily_trace(batch=batch),
        growth=-log(3) / (30 * DAY),
        server_groups={"column": "batch", "policy": "anti-affinity"},
    )
    assert workload.groups is not None
    groups = workload.groups
    originals = np.array([int(name.partition("~")[0]) for name in workload.names.cast(pa.string()).to_pylist()])
    created = np.empty(len(workload))
    created[workload.events.instances[workload.events.creates]] = workload.events.times_s[workload.events.creates]
    assert len(workload) < 0.8 * 30 * 48
    # the first batch begins with what is there at the start, and is of three afterwards
    sizes = np.bincount(groups[(groups != NO_GROUP) & (originals >= 4)])
    assert set(sizes.tolist()) <= {0, 4}
    assert (groups == NO_GROUP).sum() <= 1
    for group in range(len(sizes)):
        members = np.flatnonzero(groups == group)
        assert len(set((originals[members] // 4).tolist())) == 1
        assert np.ptp(created[members]) < DAY


def scenario_with(workload, **forecast):
    document = {
        "fleet": {"synthetic": 4},
        "workload": workload,
        "forecast": {"horizon": "4d", "block": "1d", **forecast},
    }
    return Scenario.model_validate(document, strict=False)


TRACE = {"trace": {"file": "trace.parquet"}}
MIX = {"mix": {"flavors": {"small": 1.0}, "per_hour": 10, "duration": "1d"}}


def test_a_forecast_of_a_trace_reads_it_once_for_many_draws():
    scenario, world = scenario_with(TRACE), fresh_world()
    base = made(daily_trace(), world)
    from_base = resampled(scenario, Inputs(), world, seed=3, base=base)
    assert shown(from_base) == shown(resampled(scenario, Inputs(trace=daily_trace()), fresh_world(), seed=3))


def test_a_forecast_of_a_mix_goes_to_the_horizon_and_grows():
    world = fresh_world()
    plain = resampled(scenario_with(MIX), Inputs(), world, seed=3)
    grown = resampled(scenario_with(MIX, growth_percent=100, growth_period="1d"), Inputs(), world, seed=3)
    assert plain.events.times_s[-1] == pytest.approx(4 * DAY, rel=0.02)
    assert len(grown) / len(plain) == pytest.approx(15 / log(2) / 4, rel=0.15)


def test_what_does_not_go_on_has_no_forecast():
    fill = {"fill": {"flavors": {"small": 1.0}}}
    for workload in ({}, fill):
        with pytest.raises(InvalidRequestError, match="a forecast needs a trace or a mix"):
            resampled(scenario_with(workload), Inputs(), fresh_world(), seed=1)
    shuffled = {"trace": {"file": "trace.parquet", "shuffle": True}}
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.shuffle"):
        resampled(scenario_with(shuffled), Inputs(trace=daily_trace()), fresh_world(), seed=1)


def test_a_trace_shorter_than_two_blocks_is_refused_with_what_would_do():
    for table in (daily_trace(days=1), daily_trace(days=0)):
        with pytest.raises(InvalidRequestError, match=r"forecast\.block: the trace's arrivals last .* at most"):
            again(table)


@pytest.mark.filterwarnings("error")
def test_more_than_fits_in_memory_is_refused(monkeypatch):
    monkeypatch.setattr(resampling, "MAX_INSTANCES", 1000)
    for growth in (0.0, 1.0):
        with pytest.raises(InvalidRequestError, match=r"forecast: more than 1000"):
            again(daily_trace(), growth=growth)
