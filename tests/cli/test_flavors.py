from __future__ import annotations

from engine.cli.exit_codes import ExitCode


def test_a_flavor_is_set_replaced_and_deleted(at):
    sizes = ("--vcpus", 2, "--memory-mb", 4096, "--disk-gb", 20, "--ephemeral-gb", 5, "--swap-mb", 512)
    answer = at("flavors", "set", "m1", *sizes, "--extra-spec", "trait:CUSTOM_X=required", "--json")
    assert answer.code == ExitCode.DONE
    assert answer.document["flavor"]["extra_specs"] == {"trait:CUSTOM_X": "required"}
    (flavor,) = at("flavors", "list", "--json").document["flavors"]
    assert (flavor["vcpus"], flavor["memory_mb"], flavor["root_gb"], flavor["ephemeral_gb"], flavor["swap_mb"]) == (
        2,
        4096,
        20,
        5,
        512,
    )
    assert at("flavors", "set", "m1", "--vcpus", 4, "--memory-mb", 1024).code == ExitCode.DONE
    listed = at("flavors", "list")
    assert "1024" in listed.out
    assert "CUSTOM_X" not in listed.out
    assert at("flavors", "delete", "m1").code == ExitCode.DONE
    assert at("flavors", "list", "--json").document["flavors"] == []


def test_an_unknown_flavor_is_not_found(at):
    answer = at("flavors", "delete", "m9")
    assert answer.code == ExitCode.NOT_FOUND
    assert "m9" in answer.err
    assert "berth flavors list" in answer.err


def test_bad_sizes_and_extra_specs_are_refused(at):
    assert at("flavors", "set", "m2", "--vcpus", "-2", "--memory-mb", 1).code == ExitCode.INVALID
    assert at("flavors", "set", "m2", "--vcpus", "nan", "--memory-mb", 1).code == ExitCode.INVALID
    assert at("flavors", "set", "m2", "--vcpus", 2).code == ExitCode.INVALID
    assert at("flavors", "set", "m2", "--vcpus", 0, "--memory-mb", 0).code == ExitCode.INVALID
    answer = at("flavors", "set", "m2", "--vcpus", 2, "--memory-mb", 1, "--extra-spec", "x")
    assert answer.code == ExitCode.INVALID
    assert "KEY=VALUE" in answer.err
    assert at("flavors", "list", "--json").document["flavors"] == []
