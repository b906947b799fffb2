"""A host takes max_server_per_host members of an anti-affinity group and no more."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.scheduler.sparse import GroupState
from tests.builders import host_table, only, passing, request, selector

NAME = "ServerGroupAntiAffinityFilter"


HOSTS = [{}, {}, {}]


@pytest.mark.parametrize("policy", ["affinity", "soft-affinity", "soft-anti-affinity"])
def test_another_policy_restricts_nothing(policy: str) -> None:
    assert passing(NAME, HOSTS, group=GroupState(policy, member_counts={1: 9})) == {"h0", "h1", "h2"}


@pytest.mark.parametrize(("limit", "passes"), [(1, {"h0"}), (2, {"h0", "h1"}), (3, {"h0", "h1", "h2"})])
def test_fewer_members_than_the_rule_allows(limit: int, passes: set[str]) -> None:
    group = GroupState("anti-affinity", max_server_per_host=limit, member_counts={1: 1, 2: 2})
    assert passing(NAME, HOSTS, group=group) == passes


def test_a_host_of_the_group_without_a_member_passes() -> None:
    assert passing(NAME, HOSTS, group=GroupState("anti-affinity", host_rows={0, 1})) == {"h0", "h1", "h2"}


def test_the_host_where_the_instance_itself_is_passes() -> None:
    group = GroupState("anti-affinity", member_counts={0: 1, 1: 1})
    assert passing(NAME, HOSTS, group=group, own_rows=frozenset({1})) == {"h1", "h2"}


def test_instances_of_one_request_keep_apart() -> None:
    chosen = selector(host_table(HOSTS), only(filters=[NAME])).select(
        request(num_instances=3), group=GroupState("anti-affinity")
    )
    assert sorted(item.row for item in chosen) == [0, 1, 2]


def test_one_instance_more_than_hosts_is_refused_and_nothing_stays_claimed() -> None:
    table = host_table(HOSTS)
    with pytest.raises(NoValidHostError) as caught:
        selector(table, only(filters=[NAME])).select(request(num_instances=4), group=GroupState("anti-affinity"))
    assert caught.value.placed == 3
    assert not table.columns["num_instances"].any()
