from __future__ import annotations

from uuid import uuid4

from engine.cli.exit_codes import ExitCode


def placed(at, *options):
    answer = at("place", "--vcpus", 1, "--memory-mb", 1024, *options, "--json")
    return answer.document["selections"][0]["instance_uuid"]


def test_what_is_placed_is_listed_shown_and_released(at, hosts):
    instance = placed(at, "--force-host", "alpha", "--project", "p1")
    other = placed(at, "--force-host", "beta")
    assert instance in at("allocations", "list").out
    on_alpha = at("allocations", "list", "--host", "alpha", "--json").document["allocations"]
    assert [item["consumer_uuid"] for item in on_alpha] == [instance]
    answer = at("allocations", "show", instance)
    assert "alpha" in answer.out
    assert "1024" in answer.out
    assert at("allocations", "show", instance, "--json").document["allocation"]["project_id"] == "p1"
    absent = str(uuid4())
    answer = at("release", instance, absent)
    assert answer.code == ExitCode.DONE
    assert "1 released" in answer.out
    assert f"held nothing: {absent}" in answer.out
    document = at("release", instance, other, "--json").document
    assert (document["released"], document["not_held"]) == (1, [instance])


def test_a_limited_list_says_what_it_leaves_out(at, hosts):
    assert at("place", "--vcpus", 1, "--memory-mb", 64, "--count", 5).code == ExitCode.DONE
    answer = at("allocations", "list", "--limit", 2)
    assert "2 of 5 allocations shown" in answer.out
    assert at("allocations", "list", "--limit", 2, "--json").document["total"] == 5


def test_a_move_goes_to_the_named_host(at, hosts):
    instance = placed(at, "--force-host", "alpha")
    assert at("move", instance, "gamma").code == ExitCode.DONE
    assert at("allocations", "show", instance, "--json").document["allocation"]["host_id"] == "gamma"


def test_unknown_instances_and_hosts_are_not_found(at, hosts):
    instance = placed(at)
    for command in (("allocations", "show", uuid4()), ("move", uuid4(), "alpha"), ("move", instance, "omega")):
        answer = at(*command)
        assert answer.code == ExitCode.NOT_FOUND
        assert "Traceback" not in answer.err


def test_a_text_that_is_no_uuid_is_invalid(at, hosts):
    answer = at("allocations", "show", "not-a-uuid")
    assert answer.code in (ExitCode.INVALID, ExitCode.NOT_FOUND)
    assert "not-a-uuid" in answer.err
