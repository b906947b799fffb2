from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from engine.cli.exit_codes import ExitCode


def serve(target, state_dir, log: Path, *options):
    command = [sys.executable, "-m", "engine", "serve", "--listen", target, "--state-dir", str(state_dir), *options]
    with log.open("wb") as stderr:
        return subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL)


def wait_for(log: Path, text: str, process) -> None:
    deadline = time.monotonic() + 120
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_placed_is_there_after_a_restart_and_the_stopped_state_is_clean(berth, nowhere, tmp_path):
    hosts = tmp_path / "hosts.csv"
    hosts.write_text("host_id,vcpus,memory_mb,disk_gb\nalpha,16,65536,1000\n")
    first = serve(nowhere, tmp_path / "state", tmp_path / "first.log")
    try:
        wait_for(tmp_path / "first.log", f"SERVING on {nowhere}", first)
        assert berth("hosts", "import", hosts, "--target", nowhere).code == ExitCode.DONE
        placed = berth("place", "--vcpus", 1, "--memory-mb", 512, "--count", 4, "--target", nowhere, "--json").document
    finally:
        first.send_signal(signal.SIGTERM)
    assert first.wait(30) == ExitCode.DONE
    assert berth("audit", "--state-dir", tmp_path / "state").code == ExitCode.DONE
    second = serve(nowhere, tmp_path / "state", tmp_path / "second.log")
    try:
        wait_for(tmp_path / "second.log", f"SERVING on {nowhere}", second)
        listed = berth("allocations", "list", "--target", nowhere, "--json").document["allocations"]
        kept = {item["consumer_uuid"] for item in listed}
        assert kept == {item["instance_uuid"] for item in placed["selections"]}
        assert berth("audit", "--target", nowhere).code == ExitCode.DONE
    finally:
        second.send_signal(signal.SIGINT)
    assert second.wait(30) == ExitCode.DONE


def test_a_missing_settings_file_is_invalid(tmp_path, nowhere):
    log = tmp_path / "serve.log"
    process = serve(nowhere, tmp_path / "state", log, "--config", str(tmp_path / "absent.toml"))
    assert process.wait(60) == ExitCode.INVALID
    assert "absent.toml" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_state_directory_serves_one_service_at_a_time(service, tmp_path, nowhere):
    log = tmp_path / "serve.log"
    process = serve(nowhere, service.state_dir, log)
    assert process.wait(60) == ExitCode.UNAVAILABLE
    assert "Traceback" not in log.read_text()
