from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.workloads import mix as mixes
from engine.whatif.workloads.mix import drawn, mix_workload
from tests.whatif.workloads.samples import flavor_names, fresh_world, mix_of, shown

LIFETIMES = st.sampled_from(
    [
        {"kind": "forever"},
        {"kind": "fixed", "mean": "1h"},
        {"kind": "fixed", "mean": 1e-9},
        {"kind": "weibull", "mean": 60},
    ]
)


def mixed(seed=1, world=None, **said):
    return mix_workload(mix_of(**said), world or fresh_world(), np.random.default_rng(seed))


@given(LIFETIMES, st.sampled_from(["0s", "3h"]), st.integers(1, 3), st.integers(0, 50))
@settings(deadline=None)
def test_instances_come_before_they_go_and_all_within_the_duration(lifetime, warm_up, batch, seed):
    workload = mixed(seed, per_hour=5, duration="6h", lifetime=lifetime, warm_up=warm_up, batch=batch)
    events = workload.events
    assert np.all(np.diff(events.times_s) >= 0)
    assert np.all((events.times_s >= 0) & (events.times_s <= 6 * 3600))
    there = set()
    for instance, create in zip(events.instances.tolist(), events.creates.tolist(), strict=True):
        assert create != (instance in there)
        there.symmetric_difference_update([instance])
    assert sorted(events.instances[events.creates].tolist()) == list(range(len(workload)))


def test_flavors_come_by_their_shares_and_those_of_none_never():
    workload = mixed(per_hour=2000, flavors={"small": 3.0, "large": 1.0, "nobody": 0.0})
    names = flavor_names(workload)
    assert names.count("small") / len(names) == pytest.approx(0.75, abs=0.01)
    assert set(names) == {"small", "large"}


@given(st.lists(st.sampled_from([0.0, 0.2, 1.0]), min_size=1, max_size=5).filter(any), st.integers(0, 20))
@settings(deadline=None)
def test_what_has_no_share_is_never_drawn(shares, seed):
    picks = drawn(np.array(shares), 200, np.random.default_rng(seed))
    assert set(picks.tolist()) <= {index for index, share in enumerate(shares) if share > 0}


def test_a_batch_is_there_at_once_of_one_flavor_and_may_be_a_group():
    workload = mixed(per_hour=4, batch=3, server_groups={"policy": "soft-anti-affinity"})
    many = len(workload) // 3
    assert workload.groups is not None
    assert workload.groups.tolist() == [group for group in range(many) for _ in range(3)]
    assert workload.codes.reshape(-1, 3).std(axis=1).max() == 0
    assert np.diff(workload.events.times_s[workload.events.creates].reshape(-1, 3)).max() == 0
    assert mixed(batch=1, server_groups={"policy": "affinity"}).groups is None


def test_what_lives_at_the_start_is_as_in_the_long_run():
    said = {"per_hour": 100, "duration": "1s", "lifetime": {"kind": "exponential", "mean": "5h"}, "warm_up": "3d"}
    alive = []
    for seed in range(20):
        events = mixed(seed, **said).events
        assert events.times_s.max() <= 1
        alive.append(int(events.creates.sum() - (~events.creates).sum()))
    # by Little's law 100 an hour for 5 hours each
    assert np.mean(alive) == pytest.approx(500, abs=5 * (500 / 20) ** 0.5)


def test_equal_seeds_make_equal_workloads_and_another_lifetime_leaves_the_arrivals():
    first, again = mixed(7, daily_swing=0.5), mixed(7, daily_swing=0.5)
    assert shown(first) == shown(again)
    assert shown(first) != shown(mixed(8, daily_swing=0.5))
    short = mixed(7, daily_swing=0.5, lifetime={"kind": "exponential", "mean": "1m"})
    creates = short.events.creates
    assert short.events.times_s[creates].tolist() == first.events.times_s.tolist()
    assert short.codes.tolist() == first.codes.tolist()


def test_a_forecast_makes_it_longer_and_grow_more():
    longer = mix_workload(
        mix_of(process="even"),
        fresh_world(),
        np.random.default_rng(1),
        duration_s=2 * 86_400,
        growth=np.log(2) / 86_400,
    )
    # 60 an hour, doubling each day: a day has 1440 / ln 2, the next twice as many
    counts = np.histogram(longer.events.times_s, [0, 86_400, 2 * 86_400])[0]
    assert counts.tolist() == pytest.approx([1440 / np.log(2), 2880 / np.log(2)], abs=2)


def test_a_mix_that_makes_no_sense_is_refused(monkeypatch):
    with pytest.raises(InvalidRequestError, match=r"workload\.mix\.flavors: there is no flavor 'smal'.*'small'"):
        mixed(flavors={"smal": 1.0})
    with pytest.raises(InvalidRequestError, match="a mix has no columns"):
        mixed(batch=2, server_groups={"column": "job", "policy": "affinity"})
    monkeypatch.setattr(mixes, "MAX_INSTANCES", 1000)
    with pytest.raises(InvalidRequestError, match="lower"):
        mixed(batch=10)
