from __future__ import annotations

from engine.cli.exit_codes import ExitCode


def test_status_counts_what_the_service_keeps(at, hosts):
    assert at("place", "--vcpus", 1, "--memory-mb", 64, "--count", 2).code == ExitCode.DONE
    document = at("status", "--json").document
    assert (document["health"], document["hosts"], document["allocations"]) == ("SERVING", 3, 2)
    assert document["inventory_generation"] > 0
    answer = at("status")
    assert answer.code == ExitCode.DONE
    assert "SERVING" in answer.out


def test_a_target_on_the_command_line_beats_the_environment(at, nowhere):
    assert at("status", "--target", nowhere).code == ExitCode.UNAVAILABLE


def test_a_target_that_is_no_address_is_unavailable(berth):
    answer = berth("status", "--target", "no such host:1", "--timeout", 5)
    assert answer.code == ExitCode.UNAVAILABLE
    assert "no such host" in answer.err
