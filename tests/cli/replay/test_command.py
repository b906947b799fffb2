from __future__ import annotations

import pytest

from engine.cli.exit_codes import ExitCode


def test_a_replay_places_releases_and_sums_up(at, hosts, trace_file):
    answer = at("replay", trace_file(), "--json")
    assert answer.code == ExitCode.DONE
    numbers = answer.document
    assert (numbers["events"], numbers["creates"], numbers["deletes"]) == (7, 4, 3)
    assert (numbers["placed"], numbers["refused"], numbers["released"]) == (4, 0, 3)
    assert numbers["peak_placed"] == 2
    (left,) = at("allocations", "list", "--json").document["allocations"]
    assert (left["vcpus"], left["memory_mb"]) == (2, 2048)


def test_a_replay_shows_a_table(at, hosts, trace_file):
    answer = at("replay", trace_file(), "--project", "p1")
    assert answer.code == ExitCode.DONE
    assert "peak placed" in answer.out
    assert "events per second" in answer.out
    assert at("allocations", "list", "--project", "p1", "--json").document["total"] == 1


def test_a_run_of_the_same_name_repeats_its_answers(at, hosts, trace_file):
    file = trace_file()
    first = at("replay", file, "--run", "again", "--json").document
    held = at("allocations", "list", "--json").document["allocations"]
    second = at("replay", file, "--run", "again", "--json").document
    assert second["repeated"] == first["placed"] == 4
    assert second["peak_placed"] == first["peak_placed"]
    assert at("allocations", "list", "--json").document["allocations"] == held
    third = at("replay", file, "--run", "another", "--json").document
    assert third["repeated"] == 0
    assert third["placed"] == 4


def test_a_run_of_the_same_name_for_other_vms_is_a_conflict(at, hosts, trace_file):
    assert at("replay", trace_file(), "--run", "taken").code == ExitCode.DONE
    answer = at("replay", trace_file(vcpus=[2, 2, 2, 2]), "--run", "taken")
    assert answer.code == ExitCode.CONFLICT
    assert "--run" in answer.err


@pytest.mark.parametrize("batch", [1, 2, 1024])
def test_refusals_are_explained(at, hosts, trace_file, batch):
    file = trace_file(memory_mb=[1024, 2048, 1024, 900_000])
    numbers = at("replay", file, "--batch", batch, "--json").document
    assert (numbers["placed"], numbers["refused"]) == (3, 1)
    assert numbers["refused_shapes"] == [{"vcpus": 4, "memory_mb": 900_000, "disk_gb": 0, "refused": 1}]
    (refusal,) = numbers["refusals"]
    assert refusal["hosts_passing"] == 0
    assert refusal["last_filter"] in refusal["removed"]
    assert sum(refusal["removed"].values()) == 3
    answer = at("replay", file, "--batch", batch)
    assert answer.code == ExitCode.DONE
    assert f"{refusal['last_filter']} removed the last" in answer.out


def test_limit_and_split_choose_the_vms(at, hosts, trace_file):
    file = trace_file(split=["a", "b", "a", "b"])
    assert at("replay", file, "--limit", 2, "--json").document["creates"] == 2
    assert at("replay", file, "--split", "b", "--json").document["events"] == 3


def test_a_bad_trace_is_refused_before_anything_is_sent(berth, nowhere, trace_file, tmp_path):
    answer = berth("replay", trace_file(vcpus=[1, 2, -1, 4]), "--target", nowhere)
    assert answer.code == ExitCode.INVALID
    assert "row 3" in answer.err
    answer = berth("replay", tmp_path / "absent.parquet", "--target", nowhere, "--json")
    assert answer.code == ExitCode.INVALID
    assert answer.error["reason"] == "INVALID_FILE"


@pytest.mark.parametrize("options", [("--batch", 0), ("--batch", 8193), ("--limit", -1)])
def test_bad_options_are_refused(berth, nowhere, trace_file, options):
    answer = berth("replay", trace_file(), *options, "--target", nowhere)
    assert answer.code == ExitCode.INVALID
    assert options[0] in answer.err


def test_an_unreachable_service_is_said(berth, nowhere, trace_file):
    assert berth("replay", trace_file(), "--target", nowhere).code == ExitCode.UNAVAILABLE
