from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from engine.errors import EngineError, InvalidRequestError
from engine.whatif.sweep.local import MAX_WORKERS, LocalExecutor


def squared(task: int) -> tuple[int, int]:
    return task * task, os.getpid()


def slow_first(task: int) -> int:
    """The first task ends last."""
    if task == 0:
        time.sleep(0.4)
    return task


def shifted(by: list[int], task: int) -> int:
    return by[0] + task


def failing(task: int) -> int:
    if task == 2:
        raise InvalidRequestError("no such fleet", task=task)
    return task


def dying_once(marker: Path, task: int) -> tuple[int, int]:
    """Task 1 ends its process in the middle, as the kernel does with one that takes too much memory, but only once."""
    if task == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task, os.nice(0)


def dying(task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def test_one_worker_runs_in_this_process_and_in_order() -> None:
    done: list[int] = []
    with LocalExecutor(1) as executor:
        results = executor.map(squared, [3, 1, 2], on_done=done.append)
    assert results == [(9, os.getpid()), (1, os.getpid()), (4, os.getpid())]
    assert done == [1, 2, 3]


def test_several_workers_run_in_processes_and_give_results_in_the_order_of_the_tasks() -> None:
    done: list[int] = []
    with LocalExecutor(2) as executor:
        assert executor.map(slow_first, list(range(6)), on_done=done.append) == list(range(6))
        pids = {pid for _, pid in executor.map(squared, list(range(8)))}
    assert done == [1, 2, 3, 4, 5, 6]
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_what_tasks_share_is_an_argument_of_the_function() -> None:
    with LocalExecutor(2) as executor:
        assert executor.map(partial(shifted, [100]), [1, 2]) == [101, 102]
        # another function over the same processes
        assert executor.map(partial(shifted, [200]), [1, 2]) == [201, 202]


def test_no_tasks_begin_no_process() -> None:
    with LocalExecutor(2) as executor:
        assert executor.map(squared, []) == []


def test_a_failing_task_fails_the_map_with_its_own_error_and_the_executor_goes_on() -> None:
    with LocalExecutor(2) as executor:
        with pytest.raises(InvalidRequestError, match="no such fleet") as caught:
            executor.map(failing, list(range(5)))
        assert caught.value.details == {"task": "2"}
        assert executor.map(slow_first, [5]) == [5]


def test_what_a_killed_worker_had_is_run_again_by_niced_processes(tmp_path: Path) -> None:
    with LocalExecutor(2) as executor:
        results = executor.map(partial(dying_once, tmp_path / "died"), list(range(4)))
    assert [task for task, _ in results] == [0, 1, 2, 3]
    assert all(niceness > os.nice(0) for _, niceness in results)
    assert (tmp_path / "died").exists()


def test_a_task_that_ends_every_worker_is_an_error_that_says_so() -> None:
    with LocalExecutor(2) as executor, pytest.raises(EngineError, match="worker processes died twice, with 0 of 2"):
        executor.map(dying, [1, 2])


@pytest.mark.parametrize("workers", [0, -1, MAX_WORKERS + 1])
def test_a_number_of_workers_that_makes_no_sense_is_refused(workers: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"between 1 and {MAX_WORKERS}, not {workers}"):
        LocalExecutor(workers)


SCRIPT = """
import os, sys, time
from functools import partial
from pathlib import Path
from engine.whatif.sweep.local import LocalExecutor
from tests.whatif.sweep.test_local import sleeping

if __name__ == "__main__":
    with LocalExecutor(2) as executor:
        executor.map(partial(sleeping, Path(sys.argv[1])), [1, 2])
"""


def sleeping(folder: Path, task: int) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_the_process_that_began_it(tmp_path: Path, how: signal.Signals) -> None:
    script, folder = tmp_path / "sweep.py", tmp_path / "pids"
    script.write_text(SCRIPT)
    folder.mkdir()
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)], env=environment, stderr=subprocess.PIPE, cwd=tmp_path
    )
    try:
        deadline = time.monotonic() + 30
        while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        workers = [int(path.name) for path in folder.iterdir()]
        assert len(workers) == 2
        assert all(is_running(pid) for pid in workers)
        process.send_signal(how)
        assert process.wait(20) != 0
        deadline = time.monotonic() + 10
        while any(is_running(pid) for pid in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [pid for pid in workers if is_running(pid)]
    finally:
        process.kill()
        process.communicate()
