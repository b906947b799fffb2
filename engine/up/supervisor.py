"""The processes of ``berth up``: started in order, started again when they die, ended in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ServiceUnavailableError
from engine.up.part import CLOUD_PARTS, READY, Part

_START_S = 180.0
_STOP_S = 20.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_STEADY_S = 30.0
_LINE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1
_SCHEDULER_READY = "berth: SERVING on "


@dataclass(frozen=True)
class Process:
    """A process to run: its name, the command's arguments, and what it says when it is ready."""

    name: str
    arguments: tuple[str, ...]
    ready: tuple[str, ...]
    stage: int


def processes(config: Path, *, cloud: Sequence[str], each: bool) -> list[Process]:
    """Return the processes of a cloud; ``each``: a process for every embedded service, not one for them all."""
    embedded = [Part(name) for name in CLOUD_PARTS if name in cloud]
    groups = [[part] for part in embedded] if each else [embedded] if embedded else []
    file = ("--config", str(config))
    scheduler = Process("scheduler", ("serve", *file), (_SCHEDULER_READY,), 0)
    stages = [*((group, 0) for group in groups), ([Part.CONDUCTOR], 1), ([Part.API], 1), ([Part.COMPUTE], 2)]
    return [scheduler, *(_of_parts(parts, file, stage) for parts, stage in stages)]


def _of_parts(parts: Sequence[Part], file: tuple[str, ...], stage: int) -> Process:
    name = parts[0].value if len(parts) == 1 else "cloud"
    lines = tuple(READY.format(part=part, address="") for part in parts)
    return Process(name, ("run", *(part.value for part in parts), *file), lines, stage)


@dataclass
class _Running:
    process: Process
    child: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    said: list[str] = field(default_factory=list)
    starts: int = 0


class Supervisor:
    """Runs processes, whose output goes to files in ``log_dir``; ``say`` tells the operator what happens."""

    def __init__(self, wanted: Sequence[Process], log_dir: Path, say: Callable[[str], None]) -> None:
        self._running = [_Running(process) for process in wanted]
        self._log_dir = log_dir
        self._say = say
        self._stopping = asyncio.Event()

    def pids(self) -> dict[str, int]:
        """Return the process id of every process that runs, by name."""
        return {
            running.process.name: running.child.pid
            for running in self._running
            if running.child is not None and running.child.returncode is None
        }

    async def start(self) -> None:
        """Start every process, stage by stage; raise ServiceUnavailableError when one does not get ready."""
        self._log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stage in sorted({running.process.stage for running in self._running}):
            mates = [running for running in self._running if running.process.stage == stage]
            for running in mates:
                running.task = asyncio.create_task(self._keep(running), name=running.process.name)
            await asyncio.gather(*(self._until_ready(running) for running in mates))

    async def stop(self) -> None:
        """End every process, the last started first; what does not end in time is killed."""
        self._stopping.set()
        for stage in sorted({running.process.stage for running in self._running}, reverse=True):
            mates = [running for running in self._running if running.process.stage == stage]
            await asyncio.gather(*(self._end(running) for running in mates))

    async def _until_ready(self, running: _Running) -> None:
        assert running.task is not None
        waiting = asyncio.create_task(running.ready.wait())
        done, _ = await asyncio.wait({waiting, running.task}, timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if waiting not in done:
            told = "".join(running.said[-5:]).strip() or "it said nothing"
            raise ServiceUnavailableError(
                f"{running.process.name} did not start: {told} "
                f"(all it said is in {self._log_dir / running.process.name}.log)"
            )

    async def _keep(self, running: _Running) -> None:
        """Run one process for as long as it is wanted; return when it ends without ever having been ready."""
        failures = 0
        while True:
            started = time.monotonic()
            code = await self._run_once(running)
            if self._stopping.is_set() or not running.ready.is_set():
                return
            failures = 0 if time.monotonic() - started > _STEADY_S else failures + 1
            pause = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            self._say(f"{running.process.name} ended ({_ending(code)}); starting it again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return

    async def _run_once(self, running: _Running) -> int:
        """Start the process, keep what it says, and return its exit code."""
        process = running.process
        running.said.clear()
        running.starts += 1
        with (self._log_dir / f"{process.name}.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "engine",
                *process.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                # a signal for the terminal's group (Ctrl-C) is the supervisor's to pass on, in order
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
            running.child = child
            awaited = set(process.ready)
            assert child.stderr is not None
            while line := await _line(child.stderr):
                log.write(line)
                log.flush()
                text = line.decode(errors="replace")
                running.said = [*running.said[-20:], text]
                awaited -= {start for start in awaited if text.startswith(start)}
                if not awaited:
                    running.ready.set()
            return await child.wait()

    async def _end(self, running: _Running) -> None:
        child = running.child
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                await asyncio.wait_for(child.wait(), _STOP_S)
            except TimeoutError:
                self._say(f"{running.process.name} did not end within {_STOP_S:.0f} s and was killed")
                child.kill()
        if running.task is not None:
            await running.task


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Return the next line; one that is longer than the buffer comes in pieces."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await stream.readexactly(long.consumed)


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _end_with_parent() -> None:
    """Ask the kernel to end this process when the supervisor dies, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.umask(0o077)
