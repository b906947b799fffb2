"""What a worker process of a LocalExecutor does: watch the process that began it, and run its tasks."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_NICENESS = 5
"""Runs wait for whatever else wants a processor: a service on the same machine that places, first of all."""


def begin(parent: Connection) -> None:
    """Be nice, leave Ctrl-C to the process that began this one, and end when that one does."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    """End this process, whatever it does, once the other end of the pipe is closed: by ``close``, or by its death."""
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(0)


@lru_cache(maxsize=1)
def _function_in(path: Path) -> Callable[[Any], Any]:
    """Return the function in a file; the last one is kept, so that what its tasks share is read once."""
    function: Callable[[Any], Any] = pickle.loads(path.read_bytes())  # noqa: S301 - this program's own file
    return function


def run_task(path: Path, task: Any) -> Any:
    """Return what the function in a file gives for a task."""
    return _function_in(path)(task)
