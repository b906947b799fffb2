from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.cli.exit_codes import ExitCode


@contextmanager
def serving(target, state_dir: Path, log: Path, *options) -> Iterator[subprocess.Popen[bytes]]:
    """A ``berth serve`` that does not outlive the test."""
    command = [sys.executable, "-m", "engine", "serve", "--listen", target, "--state-dir", str(state_dir), *options]
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_placed_is_there_after_a_restart_and_the_stopped_state_is_clean(berth, nowhere, tmp_path):
    state, log = tmp_path / "state", tmp_path / "serve.log"
    hosts = tmp_path / "hosts.csv"
    hosts.write_text("host_id,vcpus,memory_mb,disk_gb\nalpha,16,65536,1000\n")
    with serving(nowhere, state, log) as process:
        wait_for(log, f"berth: SERVING on {nowhere}", process)
        assert berth("hosts", "import", hosts, "--target", nowhere).code == ExitCode.DONE
        sizes = ("--vcpus", 1, "--memory-mb", 512, "--count", 4)
        placed = berth("place", *sizes, "--target", nowhere, "--json").document["selections"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == ExitCode.DONE
    assert berth("audit", "--state-dir", state).code == ExitCode.DONE
    with serving(nowhere, state, log) as process:
        wait_for(log, f"berth: SERVING on {nowhere}", process)
        kept = berth("allocations", "list", "--target", nowhere, "--json").document["allocations"]
        assert {item["consumer_uuid"] for item in kept} == {item["instance_uuid"] for item in placed}
        assert berth("audit", "--target", nowhere).code == ExitCode.DONE
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == ExitCode.DONE


def test_a_missing_settings_file_is_invalid(tmp_path, nowhere):
    log = tmp_path / "serve.log"
    with serving(nowhere, tmp_path / "state", log, "--config", str(tmp_path / "absent.toml")) as process:
        assert process.wait(60) == ExitCode.INVALID
    assert "absent.toml" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_state_directory_serves_one_service_at_a_time(service, tmp_path, nowhere):
    log = tmp_path / "serve.log"
    with serving(nowhere, service.state_dir, log) as process:
        assert process.wait(60) == ExitCode.UNAVAILABLE
    assert "Traceback" not in log.read_text()
