"""Asks nova: worker processes under an interpreter that has it, each given cases and answering in order."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.differential.chance import Content

ROOT = Path(__file__).parents[2]
_CHUNK = 20
"""Cases handed over at once: fewer than fit into a pipe's patience, more than one fleet's."""


class NovaProcess:
    """One process that answers cases; a context manager that ends it."""

    def __init__(self, python: Path) -> None:
        """Start the process; raises OSError when there is no such interpreter."""
        # eventlet warns about itself on every start; nothing else nova warns of concerns a case
        self._process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "tests.differential.nova_answers"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> NovaProcess:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()

    def ask(self, cases: Sequence[Content]) -> list[Content]:
        """Return what nova expects of each case. Raises RuntimeError when the process has died."""
        answers = []
        sender = threading.Thread(target=self._send, args=(cases,))
        sender.start()
        for _ in cases:
            line = self._process.stdout.readline() if self._process.stdout else ""
            if not line:
                raise RuntimeError(f"the process that has nova ended with {self._process.wait()}: see its output above")
            answers.append(json.loads(line))
        sender.join()
        return answers

    def _send(self, cases: Sequence[Content]) -> None:
        pipe: Any = self._process.stdin
        for case in cases:
            pipe.write(json.dumps({key: value for key, value in case.items() if key != "expected"}) + "\n")
        pipe.flush()


def answered(cases: Iterable[Content], process: NovaProcess) -> Iterator[Content]:
    """Yield each case with nova's answer as its ``expected``."""
    chunk: list[Content] = []
    for case in cases:
        chunk.append(case)
        if len(chunk) == _CHUNK:
            yield from _with_answers(chunk, process)
            chunk = []
    yield from _with_answers(chunk, process)


def _with_answers(chunk: list[Content], process: NovaProcess) -> Iterator[Content]:
    for case, expected in zip(chunk, process.ask(chunk), strict=True):
        yield {**case, "expected": expected}
