from __future__ import annotations

from uuid import uuid4

from engine.cli.exit_codes import ExitCode


def test_a_group_is_set_kept_by_name_and_deleted(at):
    first = at("groups", "set", "web", "--policy", "anti-affinity", "--json").document["server_group"]
    again = at("groups", "set", "web", "--policy", "anti-affinity", "--max-server-per-host", 2, "--json")
    assert again.document["server_group"]["uuid"] == first["uuid"]
    (group,) = at("groups", "list", "--json").document["server_groups"]
    assert (group["name"], group["policy"], group["max_server_per_host"]) == ("web", "anti-affinity", 2)
    assert "web" in at("groups", "list").out
    assert at("groups", "delete", "web").code == ExitCode.DONE
    assert at("groups", "list", "--json").document["server_groups"] == []


def test_members_and_uuid_are_taken_as_given(at):
    uuid, member = str(uuid4()), str(uuid4())
    assert at("groups", "set", "db", "--policy", "affinity", "--uuid", uuid, "--member", member).code == ExitCode.DONE
    (group,) = at("groups", "list", "--json").document["server_groups"]
    assert (group["uuid"], group["member_uuids"]) == (uuid, [member])
    assert at("groups", "delete", uuid).code == ExitCode.DONE


def test_an_unknown_group_and_policy_are_said(at):
    answer = at("groups", "delete", "absent")
    assert answer.code == ExitCode.NOT_FOUND
    assert "absent" in answer.err
    answer = at("groups", "set", "x", "--policy", "afinity")
    assert answer.code == ExitCode.INVALID
    assert "afinity" in answer.err
    assert at("groups", "set", "x", "--policy", "affinity", "--max-server-per-host", 0).code == ExitCode.INVALID
