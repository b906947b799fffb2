"""Every extra spec that concerns capabilities is met by the host's facts and stats."""

from __future__ import annotations

import pytest

from engine.scheduler.faults import FilterFault
from tests.builders import passing, request

NAME = "ComputeCapabilitiesFilter"


def test_a_flavor_without_extra_specs_goes_anywhere() -> None:
    assert passing(NAME, [{}, {"cpu_info": "no JSON"}]) == {"h0", "h1"}


def test_the_cpu_is_read_as_json() -> None:
    hosts = [{"cpu_info": '{"features": ["aes", "avx512f"]}'}, {"cpu_info": '{"features": ["aes"]}'}, {}]
    # a substring: avx finds avx512f, as in nova
    assert passing(NAME, hosts, request(extra_specs={"capabilities:cpu_info:features": "<in> avx"})) == {"h0"}


@pytest.mark.parametrize(
    ("key", "passes"), [("gpu", {"h0"}), ("capabilities:gpu", {"h0"}), ("other:gpu", {"h0", "h1"})]
)
def test_stats_are_found_with_and_without_the_scope(key: str, passes: set[str]) -> None:
    hosts = [{"stats": '{"gpu": "a100"}'}, {"stats": '{"gpu": "t4"}'}]
    assert passing(NAME, hosts, request(extra_specs={key: "a100"})) == passes


def test_an_unscoped_key_that_no_host_knows_is_no_capability_but_a_scoped_one_is_missed() -> None:
    assert passing(NAME, [{}], request(extra_specs={"novelty": "1"})) == {"h0"}
    assert passing(NAME, [{}], request(extra_specs={"capabilities:novelty": "1"})) == set()


def test_hosts_of_one_profile_may_differ_in_what_is_not_part_of_it() -> None:
    hosts = [{"num_io_ops": count} for count in range(4)]
    spec = request(extra_specs={"capabilities:num_io_ops": "<= 1"})
    assert passing(NAME, hosts, spec) == {"h0", "h1"}
    assert passing(NAME, hosts, request(extra_specs={"capabilities:host": "s== h3"})) == {"h3"}
    disks = [{"free_disk_gb": free} for free in (-1, 0, 1)]
    assert passing(NAME, disks, request(extra_specs={"capabilities:free_disk_mb": "= 0"})) == {"h1", "h2"}


def test_a_requirement_that_cannot_be_compared_fails_the_request_as_in_nova() -> None:
    with pytest.raises(FilterFault) as caught:
        passing(NAME, [{"stats": '{"gpu": "a100"}'}], request(extra_specs={"capabilities:gpu": ">= 2"}))
    assert caught.value.nova_exception == "ValueError"
