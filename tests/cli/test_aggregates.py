from __future__ import annotations

from engine.cli.exit_codes import ExitCode


def test_an_aggregate_is_set_kept_by_name_and_deleted(at, hosts):
    first = at("aggregates", "set", "ssd", "--host", "alpha", "--metadata", "ssd=true", "--json").document["aggregate"]
    again = at("aggregates", "set", "ssd", "--host", "alpha", "--host", "beta", "--metadata", "ssd=yes", "--json")
    assert again.document["aggregate"]["uuid"] == first["uuid"]
    (aggregate,) = at("aggregates", "list", "--json").document["aggregates"]
    assert sorted(aggregate["host_ids"]) == ["alpha", "beta"]
    assert aggregate["metadata"] == {"ssd": "yes"}
    assert "ssd=yes" in at("aggregates", "list").out
    assert at("aggregates", "delete", "ssd").code == ExitCode.DONE
    assert at("aggregates", "list", "--json").document["aggregates"] == []


def test_a_zone_is_an_aggregate_with_that_metadata(at, hosts):
    answer = at("aggregates", "set", "zone-9", "--host", "gamma", "--zone", "az9", "--json")
    assert answer.document["aggregate"]["metadata"] == {"availability_zone": "az9"}
    assert at("aggregates", "delete", "zone-9").code == ExitCode.DONE


def test_contradictions_and_unknown_names_are_said(at, hosts):
    answer = at("aggregates", "set", "x", "--zone", "a", "--metadata", "availability_zone=b")
    assert answer.code == ExitCode.INVALID
    assert "disagree" in answer.err
    assert at("aggregates", "delete", "absent").code == ExitCode.NOT_FOUND
    answer = at("aggregates", "set", "x", "--host", "omega")
    assert answer.code == ExitCode.NOT_FOUND
    assert "omega" in answer.err
