from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine import __version__
from engine.cli.exit_codes import ExitCode
from engine.errors import EngineError


def test_help_documents_every_exit_code(berth):
    answer = berth("--help")
    assert answer.code == ExitCode.DONE
    text = " ".join(answer.out.split())
    for code in ("0 done", "1 refused", "2 usage", "3 not found", "4 conflict", "5 service", "6 internal"):
        assert code in text


def test_version(berth):
    assert berth("--version").out == f"berth {__version__}\n"


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from engine.cli.run import run; code = run(['--help']);"
        "heavy = {'grpc', 'numpy', 'pyarrow', 'numba', 'pydantic', 'sqlalchemy', 'openstack', 'starlette'};"
        "heavy &= set(sys.modules);"
        "assert code == 0 and not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("group", ["hosts", "flavors", "groups", "aggregates", "allocations"])
def test_a_group_without_a_command_shows_its_help(berth, group):
    answer = berth(group)
    assert answer.code == ExitCode.INVALID
    assert f"Usage: berth {group}" in answer.out
    assert answer.err == ""


def test_an_unknown_command_is_a_usage_error(berth):
    answer = berth("plaice")
    assert answer.code == ExitCode.INVALID
    assert "plaice" in answer.err
    assert "--help" in answer.err


def test_a_usage_error_is_json_when_json_is_asked_for(berth):
    answer = berth("place", "--vcpus", "many", "--json")
    assert answer.code == ExitCode.INVALID
    assert answer.out == ""
    assert answer.error["reason"] == "INVALID_REQUEST"
    assert "--vcpus" in answer.error["message"]


@pytest.mark.parametrize("command", [("status",), ("hosts", "list"), ("place", "--flavor", "any"), ("release", "x")])
def test_an_unreachable_service_is_said_with_what_to_do(berth, nowhere, command):
    answer = berth(*command, "--target", nowhere)
    assert answer.code == ExitCode.UNAVAILABLE
    assert f"no service answers at {nowhere}" in answer.err
    assert "berth serve" in answer.err
    assert "Traceback" not in answer.err


def test_an_unreachable_service_is_said_in_json(berth, nowhere):
    answer = berth("hosts", "list", "--target", nowhere, "--json")
    assert answer.code == ExitCode.UNAVAILABLE
    assert answer.out == ""
    assert answer.error["reason"] == "SERVICE_UNAVAILABLE"
    assert answer.error["details"]["target"] == nowhere


def test_a_fault_of_the_command_shows_its_trace_only_on_request(berth, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("a fault")

    monkeypatch.setattr("engine.cli.run.app", broken)
    monkeypatch.delenv("BERTH_DEBUG", raising=False)
    answer = berth("status")
    assert answer.code == ExitCode.INTERNAL
    assert "RuntimeError: a fault" in answer.err
    monkeypatch.setenv("BERTH_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a fault"):
        berth("status")


def test_the_module_runs_as_the_command():
    environment = {name: value for name, value in os.environ.items() if name != "BERTH_TARGET"}
    command = [sys.executable, "-m", "engine", "flavors", "set", "x", "--vcpus", "-1", "--memory-mb", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == ExitCode.INVALID
    assert "--vcpus" in done.stderr


def test_every_failure_has_an_exit_code_that_is_no_success():
    from engine.cli.exit_codes import exit_code

    def family(kind):
        yield kind
        for child in kind.__subclasses__():
            yield from family(child)

    for kind in (item for item in family(EngineError) if item.__module__ == "engine.errors"):
        error = kind("x", rejections={}, hosts_total=0) if kind.reason == "NO_VALID_HOST" else kind("x")
        assert exit_code(error) != ExitCode.DONE
