"""Every extra spec that concerns capabilities is met by the host's facts and stats."""

from __future__ import annotations

import json

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

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


@pytest.mark.parametrize(
    ("requirement", "error"),
    [
        (">= 2", "ValueError"),
        ("== a100", "ValueError"),
        ("= 0x10", "ValueError"),
        ("<or>", "IndexError"),
        (">=", ""),
        ("<in>", ""),
        ("<all-in>", ""),
        ("s==", ""),
        ("=>", ""),
        ("", ""),
        ("\u00a0", ""),
        ("<= " + "9" * 400, "ValueError"),
    ],
)
def test_a_requirement_that_cannot_be_compared_is_not_met_and_fails_novas_request(requirement: str, error: str) -> None:
    hosts = [{"stats": '{"gpu": "a100"}'}, {}]
    spec = request(extra_specs={"capabilities:gpu": requirement})
    assert passing(NAME, hosts, spec) == set()
    if not error:
        assert passing(NAME, hosts, spec, nova_quirks=True) == set()
        return
    with pytest.raises(FilterFault) as caught:
        passing(NAME, hosts, spec, nova_quirks=True)
    assert caught.value.nova_exception == error


def test_one_host_that_does_not_compare_leaves_the_others_their_answer() -> None:
    hosts = [{"stats": '{"gpu": "some"}'}, {"stats": '{"gpu": "4"}'}, {"stats": '{"gpu": "1"}'}]
    spec = request(extra_specs={"capabilities:gpu": ">= 2"})
    assert passing(NAME, hosts, spec) == {"h1"}
    with pytest.raises(FilterFault):
        passing(NAME, hosts, spec, nova_quirks=True)


@pytest.mark.parametrize(
    ("cpu_info", "passes"),
    [
        ('{"topology": {"cores": 16}}', True),
        ('{"topology": {"cores": "16"}}', True),
        ('{"topology": "{\\"cores\\": 16}"}', True),
        ('{"topology": null}', False),
        ('{"topology": [16]}', False),
        ("{", False),
        ("[]", False),
        ("16", False),
        ("", False),
    ],
)
def test_a_cpu_description_of_another_form_lacks_the_capability(cpu_info: str, passes: bool) -> None:
    spec = request(extra_specs={"capabilities:cpu_info:topology:cores": "= 16"})
    for nova_quirks in (False, True):
        assert passing(NAME, [{"cpu_info": cpu_info}], spec, nova_quirks=nova_quirks) == ({"h0"} if passes else set())


def test_allocation_ratios_are_compared_as_the_fractions_they_are() -> None:
    hosts = [{"cpu_allocation_ratio": ratio} for ratio in (1.25, 1.5, 1.75)]
    assert passing(NAME, hosts, request(extra_specs={"capabilities:cpu_allocation_ratio": "= 1.5"})) == {"h1", "h2"}
    assert passing(NAME, hosts, request(extra_specs={"cpu_allocation_ratio": "== 1.25"})) == {"h0"}


def test_an_explanation_names_the_capability_and_what_was_found() -> None:
    hosts = [{"stats": '{"gpu": "some"}'}, {"stats": '{"gpu": "1"}'}, {}, {"stats": json.dumps({"gpu": "1" * 200})}]
    picture = host_table(hosts).snapshot()

    def changes(requirement: str) -> dict[int, tuple[str, ...]]:
        spec = request(extra_specs={"capabilities:gpu": requirement})
        return dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)

    found = changes("<= 0")
    assert found[0][0].startswith("another extra spec or capability: extra spec 'capabilities:gpu'")
    assert found[1] == ("a capability capabilities:gpu matching '<= 0' instead of 1",)
    assert found[2] == ("a capability capabilities:gpu matching '<= 0' instead of none",)
    assert found[3] == (f"a capability capabilities:gpu matching '<= 0' instead of {'1' * 80}...",)
