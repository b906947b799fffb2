"""Fewer operations than max_io_ops_per_host are in progress."""

from __future__ import annotations

from tests.builders import passing

NAME = "IoOpsFilter"


def test_the_limit_itself_is_too_many() -> None:
    hosts = [{"num_io_ops": count} for count in (0, 7, 8, 9)]
    assert passing(NAME, hosts) == {"h0", "h1"}


def test_the_limit_is_an_option() -> None:
    hosts = [{"num_io_ops": count} for count in (0, 1, 2)]
    assert passing(NAME, hosts, max_io_ops_per_host=2) == {"h0", "h1"}
    assert passing(NAME, hosts, max_io_ops_per_host=0) == set()
