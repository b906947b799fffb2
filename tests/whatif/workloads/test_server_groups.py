from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.workload import NO_GROUP, GroupRule
from engine.whatif.workloads.server_groups import together
from tests.whatif.workloads.samples import made, table_of


@given(st.lists(st.integers(-1, 6), max_size=30))
@settings(deadline=None)
def test_groups_of_several_stay_together_and_single_ones_are_dissolved(codes):
    groups = together(np.array(codes, np.int64)).tolist()
    for one, (code, group) in enumerate(zip(codes, groups, strict=True)):
        alone = code == NO_GROUP or codes.count(code) == 1
        assert (group == NO_GROUP) == alone
        for other in range(one):
            assert (group != NO_GROUP and group == groups[other]) == (not alone and code == codes[other])
    assert set(groups) - {NO_GROUP} == set(range(max(groups, default=-1) + 1))


def test_equal_values_of_a_column_make_a_group():
    table = table_of(batch=["a", "b", "a", None])
    workload = made(table, server_groups={"column": "batch", "policy": "anti-affinity", "max_server_per_host": 2})
    assert workload.groups is not None
    assert workload.groups.tolist() == [0, NO_GROUP, 0, NO_GROUP]
    assert workload.rule == GroupRule("anti-affinity", 2)


def test_a_column_may_say_who_is_in_a_group_at_all():
    table = table_of(job=[7, 7, 7, 7], apart=[1, 0, None, 1])
    workload = made(table, server_groups={"column": "job", "when": "apart", "policy": "anti-affinity"})
    assert workload.groups is not None
    assert workload.groups.tolist() == [0, NO_GROUP, NO_GROUP, 0]


def test_a_group_needs_a_column_that_is_there():
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.server_groups\.column"):
        made(table_of(), server_groups={"policy": "affinity"})
    with pytest.raises(InvalidFileError, match="no column job"):
        made(table_of(), server_groups={"column": "job", "policy": "affinity"})
