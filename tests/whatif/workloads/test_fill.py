from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.replay import run
from engine.whatif.scenario.changes import AddHosts, Fail, SetChain, SetFlavor, SetRatio
from engine.whatif.scenario.hosts import HostChoice
from engine.whatif.workloads import fill as fills
from engine.whatif.workloads.fill import fill_workload
from tests.whatif.workloads.samples import fill_of, flavor_names, fresh_world, world_of

EVERY = HostChoice(every=True)
HOSTS = st.lists(
    st.fixed_dictionaries(
        {
            "vcpus": st.integers(1, 20),
            "memory_mb": st.integers(1024, 65_536),
            "disk_gb": st.integers(5, 300),
            "cpu_allocation_ratio": st.sampled_from([1.0, 2.5]),
        }
    ),
    min_size=1,
    max_size=4,
)


def filled(world, changes=(), seed=1, **said):
    """The workload of a fill, and what was decided when it ran."""
    workload = fill_workload(fill_of(**said), world, np.random.default_rng(seed), changes=changes, seed=seed)
    return workload, run(world, workload, changes, rng=np.random.default_rng(seed))


@given(HOSTS, st.sampled_from(["shuffled", "in_turn"]), st.integers(1, 6), st.sampled_from([0.0, 0.01, 1.0]))
@settings(deadline=None, max_examples=20)
def test_a_fill_is_never_too_short_for_its_refusals(hosts, order, refusals, share):
    flavors = {"small": 1.0, "large": share}
    workload, decisions = filled(world_of(hosts), order=order, refusals=refusals, flavors=flavors)
    assert int(decisions.refused.sum()) == refusals
    assert bool(decisions.refused[-1])
    assert workload.stop_after_refusals == refusals


@given(HOSTS, st.integers(1, 3))
@settings(deadline=None, max_examples=20)
def test_largest_first_goes_on_to_the_next_flavor_when_one_no_longer_fits(hosts, refusals):
    workload, decisions = filled(world_of(hosts), order="largest_first", refusals=refusals)
    names = np.array(flavor_names(workload))
    assert names.tolist() == sorted(names.tolist())
    assert len(decisions) == len(workload)
    for name in ("large", "small"):
        refused = decisions.refused[names == name]
        assert refused.sum() == refusals
        assert refused[-1]


@pytest.mark.parametrize(
    "change",
    [
        AddHosts(do="add_hosts", like="3 hosts of 64c 256g 2000d", at=5.0),
        SetRatio(do="set_ratio", of=HostChoice(every=True, share=0.5), cpu=64.0, ram=8.0, disk=50.0, at=3.0),
        SetFlavor(do="set_flavor", name="large", vcpus=1, memory_mb=64, disk_gb=1, at=2.0),
        Fail(do="fail", of=EVERY, at=50.0),
        SetChain(do="set_chain", chain={"weight_classes": []}, at=4.0),
    ],
    ids=lambda change: change.do,
)
@pytest.mark.parametrize("order", ["shuffled", "in_turn"])
def test_a_fill_has_enough_instances_for_what_changes_make_room_for(change, order):
    _, decisions = filled(fresh_world(), [change], order=order)
    created = decisions.causes == 0
    assert decisions.refused[created].sum() == 1
    assert decisions.refused[created][-1]


def test_largest_first_knows_what_happens_before_all_instances():
    added = AddHosts(do="add_hosts", like="1 hosts of 64c 256g 2000d")
    plain, _ = filled(fresh_world(), order="largest_first")
    more, decisions = filled(fresh_world(), [added], order="largest_first")
    assert flavor_names(more).count("large") > flavor_names(plain).count("large")
    assert decisions.refused.sum() == 2


@pytest.mark.parametrize("order", ["shuffled", "in_turn", "largest_first"])
def test_a_limit_is_an_end_too(order):
    workload, decisions = filled(fresh_world(), order=order, limit=7)
    assert len(workload) == len(decisions) == 7
    assert workload.events.times_s.tolist() == list(range(7))


def test_a_fill_in_turn_keeps_its_proportion_all_along():
    names = np.array(flavor_names(filled(fresh_world(), order="in_turn", limit=24)[0]))
    assert names[:8].tolist() == ["small", "small", "large", "small"] * 2
    smalls = np.cumsum(names == "small")
    assert np.abs(smalls - 0.75 * np.arange(1, 25)).max() <= 1


def test_a_shuffled_fill_goes_by_the_shares_and_the_seed():
    first, again, other = (filled(fresh_world(), seed=seed)[0].codes.tolist() for seed in (4, 4, 5))
    assert first == again != other
    many = fill_workload(fill_of(limit=20_000), world_of(20_000), np.random.default_rng(1))
    assert flavor_names(many).count("small") / 20_000 == pytest.approx(0.75, abs=0.02)


def test_what_nothing_bounds_needs_a_limit():
    blind = world_of(placement_filters=())
    with pytest.raises(InvalidRequestError, match=r"workload\.fill: nothing that the chain looks at.*give a limit"):
        fill_workload(fill_of(), blind, np.random.default_rng(1))
    assert len(fill_workload(fill_of(limit=9), blind, np.random.default_rng(1))) == 9
    assert len(fill_workload(fill_of(limit=9, order="in_turn"), blind, np.random.default_rng(1))) == 9


@pytest.mark.parametrize("order", ["shuffled", "in_turn", "largest_first"])
def test_more_than_fits_in_memory_is_refused(order, monkeypatch):
    monkeypatch.setattr(fills, "MAX_INSTANCES", 10)
    with pytest.raises(InvalidRequestError, match="more than 10 instances might fit; give a limit"):
        fill_workload(fill_of(order=order), fresh_world(), np.random.default_rng(1))


def test_an_unknown_flavor_is_told():
    with pytest.raises(InvalidRequestError, match=r"workload\.fill\.flavors: there is no flavor 'huge'"):
        fill_workload(fill_of(flavors={"huge": 1.0}), fresh_world(), np.random.default_rng(1))
