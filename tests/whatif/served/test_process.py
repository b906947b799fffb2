"""The process that answers a question: what it says, and that it ends with the one who asked."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from engine.whatif.served.frames import Answered, Failed, Step, Task, Word, read_word, write_frame

SCENARIO = """
[fleet]
synthetic = "2 hosts of 8c 32g"
[[flavors]]
name = "small"
vcpus = 2
memory_mb = 4096
"""
WAIT_S = 60.0


def task(folder: Path, scenario: str = SCENARIO, question: str = "fits", **fields: object) -> Task:
    files = folder / "files"
    files.mkdir(exist_ok=True)
    parts = {"seed": None, "folder": str(files), "files": (), "snapshot": None, "out": str(folder / "out")}
    return Task(question, scenario, "s.toml", **{**parts, **fields})  # type: ignore[arg-type]


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "engine.whatif.served.process"], stdin=pipe, stdout=pipe, stderr=pipe
    ) as made:
        try:
            yield made
        finally:
            made.kill()


def words(stream: IO[bytes]) -> list[Word]:
    found = []
    while (word := read_word(stream)) is not None:
        found.append(word)
    return found


def said(given: Task) -> list[Word]:
    """What a process says of a task."""
    with process() as made:
        assert made.stdin is not None
        assert made.stdout is not None
        write_frame(made.stdin, given)
        found = words(made.stdout)
        assert made.wait(WAIT_S) == 0
        return found


def test_it_says_how_far_it_is_and_leaves_the_answers_files(tmp_path: Path) -> None:
    *steps, last = said(task(tmp_path))
    assert steps
    assert all(isinstance(step, Step) for step in steps)
    assert isinstance(last, Answered)
    assert sorted(last.files) == sorted(file.name for file in (tmp_path / "out").iterdir())


def test_files_are_found_where_the_task_says_and_called_what_the_scenario_calls_them(tmp_path: Path) -> None:
    (word,) = said(task(tmp_path, '[fleet]\nfile = "hosts.parquet"\n', files=("hosts.parquet",)))
    assert isinstance(word, Failed)
    assert word.reason == "INVALID_FILE"
    assert "hosts.parquet" in word.message
    assert str(tmp_path) not in word.message


@pytest.mark.parametrize(
    ("scenario", "part"),
    [("[fleet]\nsynthetic = 1\n[x]\n", "s.toml:3: x"), ('[fleet]\nlive = "self"\n', "a service asks no other one")],
)
def test_an_error_is_said_as_it_is(tmp_path: Path, scenario: str, part: str) -> None:
    (word,) = said(task(tmp_path, scenario))
    assert isinstance(word, Failed)
    assert part in word.message


def test_it_ends_with_its_input_in_the_middle_of_its_work(tmp_path: Path) -> None:
    endless = f'{SCENARIO}[workload.mix]\nflavors = {{small = 1}}\nper_hour = 1e6\nduration = "3h"\n'
    with process() as made:
        assert made.stdin is not None
        assert made.stdout is not None
        write_frame(made.stdin, task(tmp_path, endless, "replay"))
        assert isinstance(read_word(made.stdout), Step)
        threading.Timer(0.05, made.stdin.close).start()
        began = time.monotonic()
        rest = words(made.stdout)
        assert made.wait(WAIT_S) == 1
        assert time.monotonic() - began < 10
        assert not any(isinstance(word, Answered) for word in rest)


@pytest.mark.parametrize("given", [b"", b"\x01", b"\x05\x00\x00\x00ab"])
def test_without_a_task_it_ends_and_says_nothing(given: bytes) -> None:
    with process() as made:
        out, _ = made.communicate(given, WAIT_S)
        assert (out, made.returncode) == (b"", 0)


def test_what_is_no_task_is_a_fault_of_who_asks() -> None:
    with process() as made:
        out, errors = made.communicate(b"\x03\x00\x00\x00abc", WAIT_S)
        assert out == b""
        assert made.returncode
        assert b"Error" in errors
