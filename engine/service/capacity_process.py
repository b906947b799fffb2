"""WhatIf: a process that answers one question, as the service sees it: its words, its end, and no trace of it after."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final

from engine.errors import EngineError
from engine.whatif.served.frames import Answered, Failed, Step, Task, Word, read_word, write_frame

_LOG = logging.getLogger("berth.service")
_ARGUMENTS: Final = ("-m", "engine.whatif.served.process")
_END_S: Final = 2.0
_END_POLL_S: Final = 0.01
_LAST_WORDS: Final = 4096
"""Bytes of what a process that died has written, for the log."""


class WhatIf:
    """A process on a task, in a session of its own with whatever processes it begins; ``end`` ends them all."""

    def __init__(self, process: Popen[bytes], log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._words: asyncio.Queue[Word | None] = asyncio.Queue()
        self._ended = threading.Lock()
        self.gone = threading.Event()
        """Set once the process is no more."""
        threading.Thread(target=self._listen, name="whatif-words", daemon=True).start()

    @classmethod
    async def on(cls, task: Task, log: Path, files: Sequence[int] = ()) -> WhatIf:
        """Return a new process that works on a task and has the open ``files``, by their numbers here.

        ``log`` is the file for what it writes beside its words.
        """
        starting = asyncio.ensure_future(asyncio.to_thread(_started, task, log, files))
        try:
            return cls(await asyncio.shield(starting), log)
        except asyncio.CancelledError:
            # the caller has gone, and the process comes all the same
            cls(await starting, log).end()
            raise

    async def steps(self) -> AsyncIterator[Step]:
        """Yield how far it is until it has answered; raise the EngineError that it ended with."""
        while True:
            word = await self._words.get()
            match word:
                case Step():
                    yield word
                case Answered():
                    return
                case Failed():
                    raise word.error()
                case None:
                    raise await asyncio.to_thread(self._death)

    def end(self) -> None:
        """End the process and all that it began, if they are still there; returns without waiting for that."""
        with self._ended:
            if not self.gone.is_set():
                # the group is there as long as its first process has not been waited for
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)

    def _listen(self) -> None:
        """Hand the process's words to the event loop; when it says no more, see to its end."""
        stdout = self._process.stdout
        assert stdout is not None
        try:
            with stdout:
                while (word := read_word(stdout)) is not None:
                    self._hand_on(word)
        except ValueError:
            _LOG.exception("a what-if process wrote what is no frame")
        self._let_it_end()
        self.end()
        with self._ended:
            self._process.wait()
            self.gone.set()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._hand_on(None)

    def _let_it_end(self) -> None:
        """Wait a moment for a process that says no more: its own status tells why."""
        deadline = time.monotonic() + _END_S
        # not waited for in full, or its group could be that of others by now
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, self.pid, options) is None and time.monotonic() < deadline:
            time.sleep(_END_POLL_S)

    def _hand_on(self, word: Word | None) -> None:
        # a loop that has ended meanwhile has nobody who listens
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._words.put_nowait, word)

    def _death(self) -> EngineError:
        """Return the error of a process that ended without an answer, after its last words went to the log."""
        status = self._process.returncode
        with suppress(OSError):
            _LOG.error(
                "a what-if process ended (%s):\n%s",
                status,
                self._log.read_bytes()[-_LAST_WORDS:].decode(errors="replace"),
            )
        if status == -signal.SIGKILL:
            return EngineError(
                "the process that worked on the question was killed: where memory ran out, ask about less at once"
            )
        return EngineError("the process that worked on the question failed: the service's log has the cause")


def _started(task: Task, log: Path, files: Sequence[int]) -> Popen[bytes]:
    with log.open("wb") as stderr:
        process = Popen(  # noqa: S603 (our own command)
            [sys.executable, *_ARGUMENTS],
            stdin=PIPE,
            stdout=PIPE,
            stderr=stderr,
            pass_fds=files,
            # what a terminal sends to the service is not meant for this process
            start_new_session=True,
        )
    assert process.stdin is not None
    # one that is gone already is heard of when its words end
    with suppress(BrokenPipeError):
        write_frame(process.stdin, task)
    return process
