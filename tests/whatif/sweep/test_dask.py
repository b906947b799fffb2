from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.errors import EngineError, InvalidRequestError, ServiceUnavailableError
from engine.whatif.sweep.dask import DaskExecutor
from engine.whatif.sweep.fingerprint import fingerprint
from engine.whatif.sweep.local import LocalExecutor
from tests.ports import free_port
from tests.whatif.sweep.cluster import Cluster, dask_cluster

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


def with_pid(offset: int, task: int) -> tuple[int, int]:
    time.sleep(0.02)
    return offset + task, os.getpid()


def slow(folder: Path, task: int) -> int:
    """Leave a mark that says who runs the task, and take a moment."""
    (folder / f"{task}-{os.getpid()}").touch()
    time.sleep(0.3)
    return task * task


def failing(task: int) -> int:
    if task == 3:
        raise InvalidRequestError("no such zone", zone="b")
    return task


def dying(task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as made:
        yield made


def test_tasks_run_on_every_worker_and_results_are_in_the_order_of_the_tasks(cluster: Cluster) -> None:
    done: list[int] = []
    with DaskExecutor(cluster.address) as executor:
        assert executor.workers == 2
        results = executor.map(partial(with_pid, 100), list(range(20)), on_done=done.append)
    assert [value for value, _ in results] == list(range(100, 120))
    assert {pid for _, pid in results} == {process.pid for process in cluster.workers}
    assert done == list(range(1, 21))


def test_the_same_function_is_mapped_again_and_another_after_it(cluster: Cluster) -> None:
    first = partial(with_pid, 0)
    with DaskExecutor(cluster.address) as executor:
        assert [value for value, _ in executor.map(first, [1, 2])] == [1, 2]
        assert [value for value, _ in executor.map(first, [3])] == [3]
        assert [value for value, _ in executor.map(partial(with_pid, 10), [3])] == [13]
        assert executor.map(first, []) == []


def test_a_failing_task_fails_the_map_with_its_own_error(cluster: Cluster) -> None:
    with DaskExecutor(cluster.address) as executor:
        with pytest.raises(InvalidRequestError, match="no such zone") as caught:
            executor.map(failing, list(range(6)))
        assert caught.value.details == {"zone": "b"}
        assert executor.map(failing, [1]) == [1]


def test_what_a_killed_worker_had_is_run_by_another(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with dask_cluster(tmp_path, workers=2) as cluster, DaskExecutor(cluster.address) as executor:
        victim = cluster.workers[0]

        def kill_in_the_middle() -> None:
            while not any(path.name.endswith(f"-{victim.pid}") for path in marks.iterdir()):
                time.sleep(0.01)
            victim.kill()

        killer = threading.Thread(target=kill_in_the_middle)
        killer.start()
        results = executor.map(partial(slow, marks), list(range(8)))
        killer.join()
        assert victim.wait(5) == -signal.SIGKILL
        begun = [path.name.split("-") for path in marks.iterdir()]
        assert results == LocalExecutor(1).map(partial(slow, marks), list(range(8)))
    lost = {task for task, pid in begun if pid == str(victim.pid)}
    again = {task for task, pid in begun if pid != str(victim.pid)}
    assert lost & again


def test_when_every_worker_is_killed_the_sweep_goes_on_with_those_that_come(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with dask_cluster(tmp_path, workers=1) as cluster, DaskExecutor(cluster.address) as executor:

        def replace_the_worker() -> None:
            while not any(marks.iterdir()):
                time.sleep(0.01)
            cluster.workers[0].kill()
            cluster.add_worker()

        killer = threading.Thread(target=replace_the_worker)
        killer.start()
        assert executor.map(partial(slow, marks), list(range(3))) == [0, 1, 4]
        killer.join()


def test_a_task_that_ends_its_workers_is_an_error_that_says_so(tmp_path: Path) -> None:
    # Dask gives a task up once it has ended four workers; the fifth keeps what all tasks share
    with (
        dask_cluster(tmp_path, workers=5) as cluster,
        DaskExecutor(cluster.address) as executor,
        pytest.raises(EngineError, match="a run ended the Dask workers that had it"),
    ):
        executor.map(dying, [1])


def test_a_cluster_that_nobody_works_for_any_more_is_an_error_that_says_so(tmp_path: Path) -> None:
    with (
        dask_cluster(tmp_path, workers=1) as cluster,
        DaskExecutor(cluster.address, patience_s=1) as executor,
        pytest.raises(EngineError, match="has no workers left: 0 of 1"),
    ):
        executor.map(dying, [1])


def test_a_scheduler_that_does_not_answer_is_told_in_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1"):
        DaskExecutor(f"tcp://127.0.0.1:{free_port()}", connect_timeout_s=1)
    assert time.monotonic() - began < 10


def test_a_listener_that_is_no_scheduler_is_told_in_seconds() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(ServiceUnavailableError, match="no Dask scheduler answers"),
    ):
        DaskExecutor(f"tcp://127.0.0.1:{listener.getsockname()[1]}", connect_timeout_s=1)


@pytest.mark.parametrize("address", ["", "nowhere", "foo://127.0.0.1:1", "tcp://127.0.0.1:99999", "tcp://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises((InvalidRequestError, ServiceUnavailableError)):
        DaskExecutor(address, connect_timeout_s=1)


def test_a_cluster_without_workers_is_told_in_seconds(tmp_path: Path) -> None:
    with (
        dask_cluster(tmp_path, workers=0) as cluster,
        pytest.raises(ServiceUnavailableError, match="has no workers: start some with dask worker tcp://"),
    ):
        DaskExecutor(cluster.address, connect_timeout_s=4)


def test_a_worker_without_berth_and_one_with_another_are_refused_by_name(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=0) as cluster:
        cluster.add_worker(before="import engine; engine.__version__ = '0.0.1'")
        with pytest.raises(
            InvalidRequestError, match=r"would not give the same results: there it is Berth 0\.0\.1"
        ) as other:
            DaskExecutor(cluster.address)
        assert fingerprint() in other.value.message
        cluster.add_worker(before="sys.modules['engine'] = None")
        with pytest.raises(
            InvalidRequestError, match=r"Berth is not installed at tcp://127\.0\.0\.1:[0-9]+ of the Dask"
        ):
            DaskExecutor(cluster.address)


def test_a_worker_of_another_berth_that_joins_later_fails_its_task(cluster: Cluster) -> None:
    from engine.whatif.sweep.dask import run_task

    with pytest.raises(InvalidRequestError, match="has joined the Dask cluster"):
        run_task("Berth 0.0.1", failing, 1)
    assert run_task(fingerprint(), failing, 1) == 1
