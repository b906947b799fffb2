"""An affinity group's instances go where the group is."""

from __future__ import annotations

import pytest

from engine.scheduler.sparse import GroupState
from tests.builders import host_table, only, passing, request, selector

NAME = "ServerGroupAffinityFilter"


HOSTS = [{}, {}, {}]


@pytest.mark.parametrize("policy", ["anti-affinity", "soft-affinity", "soft-anti-affinity"])
def test_another_policy_restricts_nothing(policy: str) -> None:
    assert passing(NAME, HOSTS, group=GroupState(policy, host_rows={1})) == {"h0", "h1", "h2"}


def test_a_group_without_hosts_may_start_anywhere() -> None:
    assert passing(NAME, HOSTS, group=GroupState("affinity")) == {"h0", "h1", "h2"}


def test_the_groups_hosts_and_no_others() -> None:
    assert passing(NAME, HOSTS, group=GroupState("affinity", host_rows={1})) == {"h1"}
    assert passing(NAME, HOSTS, group=GroupState("affinity", host_rows={0, 2})) == {"h0", "h2"}


def test_a_group_whose_hosts_are_all_elsewhere_fits_nowhere_and_one_with_some_here_there() -> None:
    assert passing(NAME, HOSTS, group=GroupState("affinity", has_hosts_elsewhere=True)) == set()
    assert passing(NAME, HOSTS, group=GroupState("affinity", host_rows={2}, has_hosts_elsewhere=True)) == {"h2"}
    assert passing(NAME, HOSTS, group=GroupState("soft-affinity", has_hosts_elsewhere=True)) == {"h0", "h1", "h2"}
    state = GroupState("affinity", has_hosts_elsewhere=True)
    assert state.copy() == state


def test_the_first_choice_of_a_request_fixes_the_host_of_the_others() -> None:
    chosen = selector(host_table(HOSTS), only(filters=[NAME])).select(
        request(num_instances=3), group=GroupState("affinity")
    )
    assert len({item.row for item in chosen}) == 1


def test_without_a_group_it_does_not_matter() -> None:
    assert passing(NAME, HOSTS) == {"h0", "h1", "h2"}
