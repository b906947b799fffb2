"""The supervisor: waits until all is ready, starts again what dies, ends everything, and says what did not start."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from engine.errors import ServiceUnavailableError
from engine.up.layout import Wanted, settings_file
from engine.up.supervisor import Process, Supervisor, processes


def scheduler_in(state_dir: Path) -> list[Process]:
    """The one process that needs nothing else: the scheduler."""
    path = settings_file(Wanted(state_dir, port_base=0))
    return [one for one in processes(path, cloud=(), each=False) if one.name == "scheduler"]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_process_is_started_again_and_all_end_at_the_stop(tmp_path: Path) -> None:
    said: list[str] = []

    async def drill() -> None:
        supervisor = Supervisor(scheduler_in(tmp_path / "state"), tmp_path / "log", said.append)
        await supervisor.start()
        first = supervisor.pids()["scheduler"]
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while supervisor.pids().get("scheduler") in (None, first):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        second = supervisor.pids()["scheduler"]
        await supervisor.stop()
        assert not alive(second)

    asyncio.run(drill())
    assert said == ["scheduler ended (killed by SIGKILL); starting it again"]
    assert "SERVING on" in (tmp_path / "log" / "scheduler.log").read_text()


def test_a_process_that_cannot_start_is_named_with_what_it_said(tmp_path: Path) -> None:
    broken = Process("broken", ("serve", "--config", str(tmp_path / "absent.toml")), ("berth: SERVING on ",), 0)

    async def drill() -> None:
        supervisor = Supervisor([broken], tmp_path / "log", lambda _: None)
        try:
            with pytest.raises(ServiceUnavailableError, match=r"broken did not start: .*no settings file"):
                await supervisor.start()
        finally:
            await supervisor.stop()

    asyncio.run(drill())


def test_every_part_has_a_process_and_compute_starts_last(tmp_path: Path) -> None:
    config = tmp_path / "berth.toml"
    together = processes(config, cloud=("identity", "image", "network", "volume"), each=False)
    assert [one.name for one in together] == ["scheduler", "cloud", "conductor", "api", "compute"]
    apart = processes(config, cloud=("identity", "network"), each=True)
    assert [one.name for one in apart] == ["scheduler", "identity", "network", "conductor", "api", "compute"]
    assert max(apart, key=lambda one: one.stage).name == "compute"
    assert "cloud" not in [one.name for one in processes(config, cloud=(), each=False)]
