from __future__ import annotations

from uuid import UUID

import pytest

from engine.cli.exit_codes import ExitCode

SMALL = ("--vcpus", 1, "--memory-mb", 1024, "--disk-gb", 10)


def test_placing_answers_with_an_instance_and_a_host_each(at, hosts):
    document = at("place", *SMALL, "--count", 3, "--json").document
    assert len({UUID(item["instance_uuid"]) for item in document["selections"]}) == 3
    assert {item["host"]["host_id"] for item in document["selections"]} <= set(hosts)
    assert at("allocations", "list", "--json").document["total"] == 3


def test_placing_shows_a_table(at, hosts):
    answer = at("place", *SMALL, "--zone", "zone-b")
    assert answer.code == ExitCode.DONE
    assert "gamma" in answer.out
    assert "1 placed" in answer.out


def test_the_options_reach_the_filters(at, hosts):
    def host_of(*options):
        return at("place", *SMALL, *options, "--json").document["selections"][0]["host"]["host_id"]

    assert host_of("--force-host", "beta") == "beta"
    assert host_of("--ignore-host", "alpha", "--ignore-host", "gamma") == "beta"
    assert host_of("--zone", "zone-b") == "gamma"
    answer = at("place", *SMALL, "--trait", "CUSTOM_NO_HOST_EVER_HAD_IT")
    assert answer.code == ExitCode.REFUSED
    assert "TraitsFilter" in answer.err
    selection = at("place", *SMALL, "--alternates", 1, "--json").document["selections"][0]
    assert len(selection["alternates"]) == 1


def test_a_flavor_can_be_named(at, hosts):
    assert at("flavors", "set", "m1", "--vcpus", 2, "--memory-mb", 2048).code == ExitCode.DONE
    assert at("place", "--flavor", "m1", "--project", "p1").code == ExitCode.DONE
    (held,) = at("allocations", "list", "--project", "p1", "--json").document["allocations"]
    assert (held["flavor_name"], held["vcpus"], held["memory_mb"]) == ("m1", 2, 2048)


def test_the_same_token_is_the_same_answer(at, hosts):
    first = at("place", *SMALL, "--token", "t-1", "--json").document["selections"]
    assert at("place", *SMALL, "--token", "t-1", "--json").document["selections"] == first
    assert at("allocations", "list", "--json").document["total"] == 1
    answer = at("place", "--vcpus", 2, "--memory-mb", 1024, "--token", "t-1", "--json")
    assert answer.code == ExitCode.CONFLICT
    assert answer.error["reason"] == "TOKEN_REUSED"


def test_no_valid_host_is_refused_with_what_each_filter_removed(at, hosts):
    answer = at("place", "--vcpus", 5000, "--memory-mb", 1024)
    assert answer.code == ExitCode.REFUSED
    assert "removed" in answer.err
    assert "berth explain" in answer.err
    error = at("place", "--vcpus", 5000, "--memory-mb", 1024, "--json").error
    assert error["reason"] == "NO_VALID_HOST"
    assert error["hosts_total"] >= len(hosts)
    assert error["rejections"][-1]["left"] == 0


def test_all_or_none(at, hosts):
    answer = at("place", "--vcpus", 16, "--memory-mb", 40000, "--count", 50, "--json")
    assert answer.code == ExitCode.REFUSED
    assert at("allocations", "list", "--json").document["total"] == 0


def test_unknown_names_are_not_found(at, hosts):
    answer = at("place", "--flavor", "absent")
    assert answer.code == ExitCode.NOT_FOUND
    assert "absent" in answer.err
    assert "berth flavors list" in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--flavor NAME"),
        (("--vcpus", 1), "--memory-mb"),
        (("--flavor", "m1", "--vcpus", 1), "--flavor"),
        (("--flavor", "m1", "--extra-spec", "a=b"), "--flavor"),
        ((*SMALL, "--count", 0), "--count"),
        ((*SMALL, "--count", -3), "--count"),
        (("--vcpus", -1, "--memory-mb", 1), "--vcpus"),
        (("--vcpus", "nan", "--memory-mb", 1), "--vcpus"),
        ((*SMALL, "--hint", "no-equals"), "KEY=VALUE"),
        ((*SMALL, "--image-property", "=x"), "KEY=VALUE"),
        ((*SMALL, "--alternates", -1), "--alternates"),
    ],
)
def test_bad_options_are_refused_before_anything_is_sent(berth, nowhere, options, said):
    answer = berth("place", *options, "--target", nowhere)
    assert answer.code == ExitCode.INVALID
    assert said in answer.err
