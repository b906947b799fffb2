from __future__ import annotations

from engine.cli.exit_codes import ExitCode
from engine.v1.scheduler_service_pb2 import AuditAllocationsResponse, AuditDifference


def test_a_running_service_is_clean(at, hosts):
    assert at("place", "--vcpus", 1, "--memory-mb", 64, "--count", 3).code == ExitCode.DONE
    answer = at("audit")
    assert answer.code == ExitCode.DONE
    assert "clean" in answer.out
    document = at("audit", "--json").document
    assert document["clean"] is True
    assert (document["hosts"], document["allocations"]) == (3, 3)


def test_differences_are_shown_and_exit_with_one(berth, nowhere, monkeypatch):
    reply = AuditAllocationsResponse(
        clean=False, hosts=1, differences=[AuditDifference(subject="host alpha", problem="used 3, allocations say 2")]
    )
    monkeypatch.setattr("engine.client.Client.audit_allocations", lambda _client: reply)
    answer = berth("audit", "--target", nowhere)
    assert answer.code == ExitCode.REFUSED
    assert "host alpha" in answer.out
    assert "1 differences" in answer.out
    answer = berth("audit", "--target", nowhere, "--json")
    assert answer.code == ExitCode.REFUSED
    assert answer.document["differences"][0]["subject"] == "host alpha"
