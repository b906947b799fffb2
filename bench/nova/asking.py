"""The real nova in a process of its own, asked for one round at a time, so that Berth's rounds can come between."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.nova.fleets import Content

ROOT = Path(__file__).parents[2]


class NovaSilentError(Exception):
    """nova's process ended instead of answering."""


@dataclass(frozen=True)
class NovaRound:
    """One selection of nova's: the best hosts (row, weight), how many passed, and the CPU seconds of each part."""

    best: tuple[tuple[int, float], ...]
    passing: int
    states_s: float
    filters_s: float
    weighers_s: float

    @property
    def decision_s(self) -> float:
        """Filtering and weighing: what is compared. Host states are made before, and are not."""
        return self.filters_s + self.weighers_s


@dataclass(frozen=True)
class Nova:
    """A nova that has read one case; ``versions`` are its own and its Python's."""

    process: subprocess.Popen[str]
    versions: Mapping[str, str]

    def round(self) -> NovaRound:
        """Return one selection; raise NovaSilentError when nova ends instead."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("again\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NovaSilentError("nova's process has ended: what it wrote to standard error says why") from None
        answer = _read(self.process.stdout)
        return NovaRound(
            best=tuple((int(row), float(weight)) for row, weight in answer["best"]),
            passing=answer["passing"],
            states_s=answer["states"],
            filters_s=answer["filters"],
            weighers_s=answer["weighers"],
        )


@contextmanager
def nova_on(case: Content, python: str) -> Iterator[Nova]:
    """Run nova under the interpreter ``python`` on one case; raise NovaSilentError where it does not start."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "case.json")
        path.write_text(json.dumps(case))
        try:
            process = subprocess.Popen(
                [python, "-W", "ignore", "-m", "bench.nova.timing", str(path)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise NovaSilentError(f"no interpreter {python}: {error.strerror}") from None
        try:
            yield Nova(process, _read(process.stdout))
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()


def _read(stream: IO[str] | None) -> dict[str, Any]:
    """Return the next line of nova's answers."""
    assert stream is not None
    line = stream.readline()
    if not line:
        raise NovaSilentError("nova did not answer: what it wrote to standard error says why")
    answer: dict[str, Any] = json.loads(line)
    return answer
