from __future__ import annotations

from engine.cli.exit_codes import ExitCode

SMALL = ("--vcpus", 1, "--memory-mb", 1024, "--disk-gb", 10)
HUGE = ("--vcpus", 1, "--memory-mb", 300_000, "--disk-gb", 10)


def test_what_fits_is_explained_with_its_weights(at, hosts):
    answer = at("explain", *SMALL, "--host", "gamma")
    assert answer.code == ExitCode.DONE
    assert "gamma: passes" in answer.out
    assert "best hosts" in answer.out
    assert "3 of 3 hosts pass" in answer.out
    document = at("explain", *SMALL, "--best", 2, "--json").document
    assert document["hosts_passed"] == 3
    assert len(document["weighed"]) == 2
    best = document["weighed"][0]
    assert abs(best["weight"] - sum(term["weight"] for term in best["terms"])) < 1e-9


def test_what_does_not_fit_is_explained_with_the_nearest_hosts(at, hosts):
    answer = at("explain", *HUGE, "--host", "alpha")
    assert answer.code == ExitCode.DONE
    assert "alpha: fails" in answer.out
    assert "FAIL" in answer.out
    assert "what would have to change" in answer.out
    document = at("explain", *HUGE, "--host", "alpha", "--nearest", 1, "--json").document
    assert document["hosts_passed"] == 0
    assert document["summary"]["rejections"][-1]["hosts_left"] == 0
    assert len(document["nearest"]) == 1
    assert document["nearest"][0]["changes"]
    assert document["verdicts"][0]["passed"] is False


def test_explaining_claims_nothing(at, hosts):
    assert at("explain", *SMALL).code == ExitCode.DONE
    assert at("allocations", "list", "--json").document["total"] == 0


def test_unknown_names_are_not_found(at, hosts):
    answer = at("explain", *SMALL, "--host", "omega")
    assert answer.code == ExitCode.NOT_FOUND
    assert "omega" in answer.err
    assert at("explain", "--flavor", "absent").code == ExitCode.NOT_FOUND
    assert at("explain").code == ExitCode.INVALID
