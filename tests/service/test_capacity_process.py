"""The process of a question as the service sees it: its end is noticed, told and complete."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import EngineError, InvalidFileError
from engine.service.capacity_process import WhatIf
from engine.whatif.served.frames import Step, Task
from tests.service.subprocesses import whatif_processes

SCENARIO = '[fleet]\nsynthetic = "2 hosts of 8c 32g"\n[[flavors]]\nname = "small"\nvcpus = 2\nmemory_mb = 4096\n'
WAIT_S = 60.0


@dataclass
class Seen:
    steps: list[Step]
    error: EngineError | None


def watched(place: Path, **fields: Any) -> Seen:
    """What a process on a task says until it has ended."""
    (place / "files").mkdir()
    task = Task("fits", SCENARIO, "s.toml", None, str(place / "files"), (), None, str(place / "out"))

    async def scene() -> Seen:
        process = await WhatIf.on(msgspec.structs.replace(task, **fields), place / "log")
        steps: list[Step] = []
        error = None
        try:
            steps.extend([step async for step in process.steps()])
        except EngineError as failure:
            error = failure
        assert await asyncio.to_thread(process.gone.wait, WAIT_S)
        process.end()
        return Seen(steps, error)

    return asyncio.run(scene())


def test_an_answer_ends_the_process(tmp_path):
    seen = watched(tmp_path)
    assert seen.steps
    assert seen.error is None
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_its_errors_are_raised_as_they_are(tmp_path):
    seen = watched(tmp_path, scenario_toml="[fleet]\nsynthetic = 0.5\n")
    assert type(seen.error) is InvalidFileError
    assert seen.error.message.startswith("s.toml:2")


def test_a_fault_of_its_own_goes_to_the_log_and_not_to_the_caller(tmp_path, caplog):
    with caplog.at_level(logging.ERROR):
        seen = watched(tmp_path, folder=str(tmp_path / "gone"))
    assert type(seen.error) is EngineError
    assert "the service's log has the cause" in seen.error.message
    assert "gone" not in seen.error.message
    assert "FileNotFoundError" in caplog.text


@pytest.mark.parametrize("after_s", [0.0, 0.3])
def test_whenever_it_is_ended_it_is_gone(tmp_path, after_s):
    (tmp_path / "files").mkdir()
    endless = f'{SCENARIO}[workload.mix]\nflavors = {{small = 1}}\nper_hour = 1e6\nduration = "3h"\n'
    task = Task("replay", endless, "s.toml", None, str(tmp_path / "files"), (), None, str(tmp_path / "out"))

    async def scene() -> None:
        process = await WhatIf.on(task, tmp_path / "log")
        await asyncio.sleep(after_s)
        process.end()
        process.end()
        assert await asyncio.to_thread(process.gone.wait, WAIT_S)
        with pytest.raises(EngineError, match="was killed"):
            async for _ in process.steps():
                pass

    asyncio.run(scene())


def test_a_caller_who_gives_up_while_it_begins_leaves_none(tmp_path):
    (tmp_path / "files").mkdir()
    task = Task("fits", SCENARIO, "s.toml", None, str(tmp_path / "files"), (), None, str(tmp_path / "out"))

    async def scene() -> None:
        starting = asyncio.ensure_future(WhatIf.on(task, tmp_path / "log"))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(scene())
    deadline = time.monotonic() + WAIT_S
    while whatif_processes(os.getpid()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not (tmp_path / "out").exists()
