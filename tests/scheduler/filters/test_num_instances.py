"""Fewer instances than max_instances_per_host run, whoever placed them."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from tests.builders import host_table, only, passing, request, selector

NAME = "NumInstancesFilter"


def test_the_limit_itself_is_too_many() -> None:
    hosts = [{"num_instances": count} for count in (0, 49, 50, 51)]
    assert passing(NAME, hosts) == {"h0", "h1"}


def test_the_limit_is_an_option() -> None:
    assert passing(NAME, [{}, {"num_instances": 1}], max_instances_per_host=1) == {"h0"}


def test_instances_of_the_same_request_count() -> None:
    chain = only(filters=[NAME], max_instances_per_host=2)
    table = host_table([{}, {}])
    chosen = selector(table, chain).select(request(num_instances=4))
    assert sorted(item.row for item in chosen) == [0, 0, 1, 1]
    with pytest.raises(NoValidHostError):
        selector(table, chain).select(request())
