"""Operations in progress weigh against a host, as a share of the most there are."""

from __future__ import annotations

from tests.builders import weights

NAME = "IoOpsWeigher"


def test_the_busiest_loses_the_whole_multiplier() -> None:
    hosts = [{"num_io_ops": count} for count in (0, 1, 4)]
    assert weights(NAME, hosts) == {"h0": 0.0, "h1": -0.25, "h2": -1.0}


def test_hosts_that_are_equally_busy_lose_alike_and_idle_ones_nothing() -> None:
    assert weights(NAME, [{"num_io_ops": 2}, {"num_io_ops": 2}]) == {"h0": -1.0, "h1": -1.0}
    assert weights(NAME, [{}, {}]) == {"h0": 0.0, "h1": 0.0}


def test_a_positive_multiplier_prefers_busy_hosts() -> None:
    hosts = [{"num_io_ops": 0}, {"num_io_ops": 4}]
    assert weights(NAME, hosts, io_ops_weight_multiplier=3.0) == {"h1": 3.0, "h0": 0.0}
