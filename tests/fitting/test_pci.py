from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.pci import supports, take, total, without
from engine.model.numa import HostCell, HostNuma
from engine.model.pci import NUMA_POLICIES, PciPool, PciRequest, PciTaken

VF = (("dev_type", "type-VF"),)
PF = (("dev_type", "type-PF"),)


def pool(count, *, node=None, vendor="8086", product="1520", **tags):
    return PciPool(vendor, product, node, count, tuple(sorted(tags.items())))


def want(count, *specs, **more):
    found = tuple(tuple(sorted(spec.items())) for spec in specs) or ((("vendor_id", "8086"),),)
    return PciRequest(count, found, alias_name=more.pop("alias_name", "a"), **more)


def sockets(*numbers):
    cells = (HostCell(index, frozenset(), frozenset(), 1024, socket=socket) for index, socket in enumerate(numbers))
    return HostNuma(tuple(cells))


def counts(taken):
    return [(each.pool.product_id, each.count) for each in taken]


def test_nothing_asked_fits_everywhere_and_takes_nothing():
    assert take((), ()) == ()
    assert supports((pool(1),), ())


def test_the_pool_with_the_fewest_facts_is_used_first_and_equals_in_their_order():
    pools = (
        pool(1, product="0001", a="1", b="2"),
        pool(2, product="0002", a="1"),
        pool(2, product="0003", a="1"),
    )
    assert counts(take(pools, (want(4),))) == [("0002", 2), ("0003", 2)]
    assert counts(take(pools, (want(5),))) == [("0002", 2), ("0003", 2), ("0001", 1)]
    assert take(pools, (want(6),)) is None


def test_each_request_is_served_from_what_the_one_before_left():
    pools = (pool(2), pool(1, product="0442"))
    assert supports(pools, (want(2, {"product_id": "1520"}), want(1)))
    assert not supports(pools, (want(2), want(1, {"product_id": "1520"}), want(1)))
    assert counts(take(pools, (want(1), want(2)))) == [("1520", 1), ("1520", 1), ("0442", 1)]


def test_the_request_that_takes_a_device_is_named():
    pools = (pool(2),)
    taken = take(pools, (want(1, request_id="one"), want(1, request_id="two")))
    assert [each.request_id for each in taken] == ["one", "two"]
    assert {each.pool for each in taken} == {pool(0)}


def test_any_of_the_specs_is_enough_and_texts_match_whatever_their_case():
    pools = (pool(1, vendor="15B3"), pool(1, vendor="10de", physical_network="PhysNet0"))
    assert supports(pools, (want(2, {"vendor_id": "15b3"}, {"physical_network": "PHYSNET0"}),))
    assert not supports(pools, (want(1, {"vendor_id": "15b3", "physical_network": "physnet0"}),))


def test_a_fact_asked_to_be_absent_must_be_absent():
    spec = {"physical_network": None}
    assert supports((pool(1),), (want(1, spec),))
    assert supports((pool(1, physical_network=None),), (want(1, spec),))
    assert not supports((pool(1, physical_network="physnet0"),), (want(1, spec),))


def test_what_placement_answers_for_is_not_asked_of_the_pool():
    spec = {"vendor_id": "8086", "resource_class": "CUSTOM_NIC", "traits": "HW_NIC_SRIOV"}
    assert supports((pool(1),), (want(1, spec),))


@pytest.mark.parametrize("kind", ["type-PF", "vdpa"])
def test_some_types_are_given_only_to_who_names_them(kind):
    pools = (pool(3, dev_type=kind),)
    assert not supports(pools, (want(1),))
    assert supports(pools, (want(1, {"dev_type": kind}),))
    assert supports(pools, (want(1, {"dev_type": kind}, {"vendor_id": "8086"}),))


@pytest.mark.parametrize("text", ["true", "True", " yes ", "1", "on", "Y", "t"])
def test_devices_managed_elsewhere_are_given_only_to_who_asks(text):
    pools = (pool(1, remote_managed=text),)
    assert not supports(pools, (want(1),))
    asked = supports(pools, (want(1, {"remote_managed": "True"}),))
    assert asked == (text.lower() == "true")


@pytest.mark.parametrize("text", ["false", "no", "maybe", None])
def test_other_texts_of_remote_managed_mean_no(text):
    assert supports((pool(1, remote_managed=text),), (want(1),))


def test_without_cells_no_policy_binds():
    for policy in NUMA_POLICIES:
        assert supports((pool(1, node=7),), (want(1, numa_policy=policy),))
        assert supports((pool(1, node=7),), (want(1, numa_policy=policy),), cells=())


@pytest.mark.parametrize(
    ("policy", "node", "fits"),
    [
        ("", 0, True),
        ("", None, True),
        ("", 1, False),
        ("legacy", None, True),
        ("legacy", 1, False),
        ("required", 0, True),
        ("required", None, False),
        ("required", 1, False),
        ("preferred", 0, True),
        ("preferred", None, True),
        ("preferred", 1, True),
        ("preferred", 2, True),
        ("socket", 0, True),
        ("socket", None, False),
        ("socket", 1, True),
        ("socket", 2, False),
    ],
)
def test_a_policy_says_on_which_nodes_devices_may_be(policy, node, fits):
    request = want(1, numa_policy=policy)
    assert supports((pool(1, node=node),), (request,), cells=[0], host=sockets(0, 0, 1)) == fits


def test_the_socket_policy_needs_the_socket_of_every_cell():
    request = want(1, numa_policy="socket")
    assert not supports((pool(1, node=1),), (request,), cells=[0], host=sockets(0, 0, None))
    assert not supports((pool(1, node=1),), (request,), cells=[0], host=None)
    assert supports((pool(1, node=0),), (request,), cells=[0], host=None)


@pytest.mark.parametrize("policy", NUMA_POLICIES)
def test_near_devices_alone_are_used_where_they_are_enough(policy):
    pools = (pool(4, node=1, product="0001"), pool(2, node=0, product="0002"), pool(4, product="0003"))
    taken = take(pools, (want(2, numa_policy=policy),), cells=[0], host=sockets(0, 0))
    assert counts(taken) == [("0002", 2)]


def test_with_preferred_the_far_devices_come_last():
    pools = (pool(1, node=1, product="0001"), pool(1, product="0002"), pool(1, node=0, product="0003"))
    taken = take(pools, (want(3, numa_policy="preferred"),), cells=[0], host=sockets(0, 0))
    assert counts(taken) == [("0002", 1), ("0003", 1), ("0001", 1)]


def test_near_devices_that_then_fall_away_are_not_made_up_for():
    # The near pool is enough when nearness is looked at, and of a type that is dropped after that.
    pools = (pool(2, node=0, dev_type="type-PF"), pool(2, dev_type="type-VF"))
    assert not supports(pools, (want(2),), cells=[0])
    assert supports(pools, (want(2),))


@pytest.mark.parametrize(
    ("wish", "text", "fits"),
    [
        ("true", "true", True),
        ("true", "True", False),
        ("true", None, False),
        ("false", "false", True),
        ("false", "true", False),
    ],
)
def test_live_migratable_is_compared_as_written(wish, text, fits):
    tags = {} if text is None else {"live_migratable": text}
    assert supports((pool(1, **tags),), (want(1, {"live_migratable": wish}),)) == fits


def test_live_migratable_of_the_request_itself_binds_too():
    pools = (pool(1), pool(1, live_migratable="true"), pool(1, live_migratable="false"))
    for wish in (True, False):
        (taken,) = take(pools, (want(1, live_migratable=wish),))
        assert dict(taken.pool.tags) == {"live_migratable": str(wish).lower()}
    assert not supports(pools, (want(2, live_migratable=True),))


RP = ("rp-a", "rp-b", "rp-c")


def test_devices_come_from_the_providers_that_placement_chose():
    pools = tuple(pool(2, product=f"000{index}", rp_uuid=uuid) for index, uuid in enumerate(RP))
    request = want(2, request_id="id")
    chosen = {"": ("host",), "id-0": ("rp-c",), "id-1": ("rp-b",), "other-0": ("rp-a",)}
    assert counts(take(pools, (request,), mappings=chosen)) == [("0001", 1), ("0002", 1)]
    twice = {"id-0": ("rp-b",), "id-1": ("rp-b",)}
    assert counts(take(pools, (request,), mappings=twice)) == [("0001", 2)]


def test_a_chosen_provider_with_too_few_devices_does_not_serve():
    pools = (pool(1, rp_uuid="rp-a"), pool(9))
    chosen = {"id-0": ("rp-a",), "id-1": ("rp-a",)}
    assert not supports(pools, (want(2, request_id="id"),), mappings=chosen)


def test_a_provider_whose_devices_are_in_two_pools_serves_nobody():
    pools = (pool(1, rp_uuid="rp-a"), pool(1, rp_uuid="rp-a", product="0001"))
    assert not supports(pools, (want(1, request_id="id"),), mappings={"id-0": ("rp-a",)})
    assert supports(pools, (want(1, request_id="id"),))


def test_a_network_port_is_served_from_any_pool():
    chosen = {"id-0": ("rp-a",)}
    assert supports((pool(1),), (want(1, request_id="id", alias_name=""),), mappings=chosen)
    assert not supports((pool(1),), (want(1, request_id="id"),), mappings=chosen)


def test_without_a_group_of_its_own_a_request_is_served_from_any_pool():
    assert supports((pool(1),), (want(1, request_id="id"),), mappings={"": ("host",), "other-0": ("rp-a",)})
    assert supports((pool(1),), (want(1, request_id=""),), mappings={"": ("host",), "other-0": ("rp-a",)})
    assert supports((pool(1),), (want(1, request_id="id"),), mappings={"id-0": ()})


def test_providers_written_in_the_spec_count_where_no_mappings_are_given():
    pools = (pool(1, rp_uuid="rp-a"), pool(1, rp_uuid="rp-b", product="0001"))
    request = want(1, {"vendor_id": "8086", "rp_uuids": "rp-b"})
    assert counts(take(pools, (request,))) == [("0001", 1)]
    assert counts(take(pools, (request,), mappings={"": ("host",)})) == [("1520", 1)]


def test_no_devices_still_need_a_pool_that_would_do():
    assert supports((pool(1),), (want(0),))
    assert supports((pool(0),), (want(0),))
    assert not supports((), (want(0),))
    assert take((pool(3),), (want(0),)) == ()


@pytest.mark.parametrize("count", [2**31, 2**70])
def test_more_devices_than_there_are_never_fit(count):
    assert not supports((pool(2**31 - 1),), (want(count),))


@pytest.mark.parametrize("count", [-1, -(2**70)])
def test_fewer_than_no_devices_take_nothing(count):
    assert take((pool(2),), (want(count),)) == ()


def test_a_request_without_specs_is_served_by_nothing():
    assert not supports((pool(2),), (PciRequest(1, ()),))


def test_a_tag_named_as_a_fact_stands_for_it():
    pools = (pool(1, node=0, vendor="15b3", vendor_id="8086", numa_node="0"),)
    assert supports(pools, (want(1),))
    assert not supports(pools, (want(1),), cells=[0])


def test_a_pool_that_is_used_up_is_left_out_and_comes_back_behind_the_others():
    pools = (pool(2, product="0001"), pool(2, product="0002"))
    taken = take(pools, (want(3),))
    left = without(pools, taken)
    assert left == (pool(1, product="0002"),)


def test_pools_that_nothing_is_taken_from_stay_even_when_empty():
    pools = (pool(0, product="0001"), pool(2))
    assert without(pools, ()) == pools
    assert without(pools, (PciTaken(pool(0), 2),)) == (pool(0, product="0001"),)


def test_taking_what_a_host_no_longer_has_changes_nothing():
    pools = (pool(2),)
    assert without(pools, (PciTaken(pool(0, product="0001"), 1),)) == pools
    assert without(pools, (PciTaken(pool(0), 5),)) == ()
    assert without(pools, (PciTaken(pool(0), 0),)) == pools
    assert without(pools, (PciTaken(pool(0), -3),)) == pools


def test_total_counts_all_devices():
    assert total(()) == 0
    assert total((pool(2), pool(0), pool(5, product="0001"))) == 7


tag_values = st.sampled_from(["true", "false", "type-PF", "type-VF", "vdpa", "rp-a", "rp-b", None])
pools_drawn = st.lists(
    st.builds(
        PciPool,
        vendor_id=st.sampled_from(["8086", "15b3"]),
        product_id=st.sampled_from(["0001", "0002"]),
        numa_node=st.sampled_from([None, 0, 1]),
        count=st.integers(0, 4),
        tags=st.dictionaries(
            st.sampled_from(["dev_type", "remote_managed", "rp_uuid", "live_migratable"]), tag_values, max_size=2
        ).map(lambda tags: tuple(sorted(tags.items()))),
    ),
    max_size=5,
).map(tuple)
requests_drawn = st.lists(
    st.builds(
        PciRequest,
        count=st.integers(0, 4),
        specs=st.lists(
            st.sampled_from([(), VF, PF, (("vendor_id", "8086"),), (("product_id", "0002"),)]), min_size=1, max_size=2
        ).map(tuple),
        numa_policy=st.sampled_from(["", *NUMA_POLICIES]),
        request_id=st.just("id"),
        alias_name=st.sampled_from(["", "a"]),
    ),
    max_size=3,
).map(tuple)
cells_drawn = st.sampled_from([None, (), (0,), (1,), (0, 1)])
HOST = sockets(0, 0)


def devices(pools):
    found = Counter()
    for each in pools:
        found[replace(each, count=0)] += each.count
    return +found


@given(pools_drawn, requests_drawn, cells_drawn)
def test_what_is_taken_was_there_and_is_as_many_as_asked_for(pools, requests, cells):
    taken = take(pools, requests, cells=cells, host=HOST)
    assert supports(pools, requests, cells=cells, host=HOST) == (taken is not None)
    if taken is not None:
        assert sum(each.count for each in taken) == sum(each.count for each in requests)
        used = Counter()
        for each in taken:
            used[each.pool] += each.count
        assert used <= devices(pools)
        assert devices(without(pools, taken)) == devices(pools) - used


@given(pools_drawn, requests_drawn)
def test_what_was_taken_and_what_is_left_are_all_the_devices(pools, requests):
    taken = take(pools, requests) or ()
    parts = [replace(each.pool, count=each.count) for each in taken]
    assert devices([*without(pools, taken), *parts]) == devices(pools)


@given(pools_drawn, requests_drawn, cells_drawn)
def test_what_fits_near_the_cells_fits_without_them(pools, requests, cells):
    if len(requests) == 1 and supports(pools, requests, cells=cells, host=HOST):
        assert supports(pools, requests)


@given(pools_drawn, requests_drawn, cells_drawn)
def test_requests_fit_one_by_one_on_what_is_left_exactly_when_they_fit_together(pools, requests, cells):
    # Requests for no device are left aside: they find a pool that is empty too, until something is taken of it.
    requests = tuple(request for request in requests if request.count)
    left = tuple(pool for pool in pools if pool.count)
    separately = True
    for request in requests:
        taken = take(left, (request,), cells=cells, host=HOST)
        if taken is None:
            separately = False
            break
        left = without(left, taken)
    assert supports(pools, requests, cells=cells, host=HOST) == separately
