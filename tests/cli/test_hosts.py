from __future__ import annotations

import pytest

from engine.cli.exit_codes import ExitCode


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_a_generated_fleet_can_be_imported(at, tmp_path, ending):
    file = tmp_path / f"fleet.{ending}"
    assert at("hosts", "generate", "--count", 40, "--seed", 7, "--out", file).code == ExitCode.DONE
    answer = at("hosts", "import", file, "--json")
    assert answer.code == ExitCode.DONE
    assert answer.document["added"] + answer.document["changed"] == 40


def test_the_same_seed_makes_the_same_file(berth, tmp_path):
    for name in ("a", "b"):
        out = tmp_path / f"{name}.csv"
        assert berth("hosts", "generate", "--count", 25, "--seed", 3, "--out", out, "--json").document["hosts"] == 25
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_generate_refuses_a_negative_count_and_a_file_it_cannot_write(berth, tmp_path):
    answer = berth("hosts", "generate", "--count", -1, "--out", tmp_path / "x.parquet")
    assert answer.code == ExitCode.INVALID
    assert "--count" in answer.err
    answer = berth("hosts", "generate", "--count", 1, "--out", tmp_path / "absent" / "x.parquet")
    assert answer.code == ExitCode.INVALID
    assert "absent" in answer.err
    assert berth("hosts", "generate", "--count", 1, "--out", tmp_path / "x.txt").code == ExitCode.INVALID


def test_list_shows_hosts_and_says_what_it_leaves_out(at, hosts):
    answer = at("hosts", "list", "--zone", "zone-a")
    assert answer.code == ExitCode.DONE
    assert "alpha" in answer.out
    assert "gamma" not in answer.out
    assert "2 hosts" in answer.out
    answer = at("hosts", "list", "--zone", "zone-a", "--limit", 1)
    assert "1 of 2 hosts shown" in answer.out


def test_list_as_json_has_every_field(at, hosts):
    document = at("hosts", "list", "--zone", "zone-b", "--json").document
    (gamma,) = (host for host in document["hosts"] if host["host_id"] == "gamma")
    assert gamma["inventories"]["MEMORY_MB"]["total"] == 131072
    assert document["total"] == len(document["hosts"])
    assert document["inventory_generation"] > 0


def test_show_tells_everything_of_one_host(at, hosts):
    answer = at("hosts", "show", "gamma")
    assert answer.code == ExitCode.DONE
    assert "zone-b" in answer.out
    assert "131072" in answer.out
    assert at("hosts", "show", "gamma", "--json").document["host"]["host_id"] == "gamma"


def test_an_unknown_host_is_not_found(at, hosts):
    for command in (("hosts", "show", "omega"), ("hosts", "delete", "alpha", "omega")):
        answer = at(*command)
        assert answer.code == ExitCode.NOT_FOUND
        assert "omega" in answer.err
        assert "berth hosts list" in answer.err
    assert at("hosts", "show", "alpha").code == ExitCode.DONE


def test_a_host_in_use_is_not_deleted_and_a_free_one_is(at, hosts):
    assert at("place", "--vcpus", 1, "--memory-mb", 512, "--force-host", "beta").code == ExitCode.DONE
    answer = at("hosts", "delete", "alpha", "beta", "--json")
    assert answer.code == ExitCode.CONFLICT
    assert answer.error["reason"] == "HOST_IN_USE"
    assert at("hosts", "show", "alpha").code == ExitCode.DONE
    assert at("hosts", "delete", "alpha", "--json").document["deleted"] == 1
    assert at("hosts", "show", "alpha").code == ExitCode.NOT_FOUND


BAD_FLEETS = {
    "misspelt": ("host_id,vcpus,memory_mbb\na,1,1024\n", "memory_mb"),
    "mistyped": ("host_id,vcpus,memory_mb\na,four,1024\n", "vcpus"),
    "negative": ("host_id,vcpus,memory_mb\na,-4,1024\n", "vcpus"),
    "lacking": ("host_id,memory_mb\na,1024\n", "vcpus"),
    "doubled": ("host_id,vcpus,memory_mb\na,1,1024\na,1,1024\n", "'a'"),
}


@pytest.mark.parametrize("kind", BAD_FLEETS)
def test_a_bad_fleet_is_refused_before_anything_is_sent(berth, nowhere, tmp_path, kind):
    text, said = BAD_FLEETS[kind]
    file = tmp_path / "fleet.csv"
    file.write_text(text)
    answer = berth("hosts", "import", file, "--target", nowhere)
    assert answer.code == ExitCode.INVALID
    assert said in answer.err
    assert str(file) in answer.err


def test_a_missing_and_a_truncated_file_are_said(berth, nowhere, tmp_path):
    file = tmp_path / "fleet.parquet"
    answer = berth("hosts", "import", file, "--target", nowhere, "--json")
    assert answer.code == ExitCode.INVALID
    assert answer.error["reason"] == "INVALID_FILE"
    assert berth("hosts", "generate", "--count", 10, "--out", file).code == ExitCode.DONE
    file.write_bytes(file.read_bytes()[:-100])
    answer = berth("hosts", "import", file, "--target", nowhere)
    assert answer.code == ExitCode.INVALID
    assert str(file) in answer.err
