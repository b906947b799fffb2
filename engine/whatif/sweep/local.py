"""LocalExecutor: tasks on this machine's cores, each worker a niced process of its own."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from engine.errors import EngineError, InvalidRequestError
from engine.whatif.sweep.executor import Result, Task, ignore_done
from engine.whatif.sweep.worker import begin, run_task

MAX_WORKERS: Final = 256
_ROUNDS: Final = 2


class LocalExecutor:
    """Runs tasks in so many processes; with one worker in this process, one after the other.

    The processes begin with the first ``map`` and end with ``close``, with the ``with`` block, and with this process,
    however it ends. They are spawned, not forked: numba's and Arrow's threads do not survive a fork. So a script that
    maps over several workers begins behind ``if __name__ == "__main__":``.
    """

    def __init__(self, workers: int = 1) -> None:
        if not 1 <= workers <= MAX_WORKERS:
            raise InvalidRequestError(f"the number of workers is between 1 and {MAX_WORKERS}, not {workers}")
        self._workers = workers
        self._pool: _Pool | None = None

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        return self._workers

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        on_done: Callable[[int], None] = ignore_done,
    ) -> list[Result]:
        """Return the result of each task, in the tasks' order (see Executor).

        When a process dies, tasks without a result are run once more, by new processes; raises EngineError when one
        dies again.
        """
        if self._workers == 1 or not tasks:
            return _in_turn(function, tasks, on_done)
        results: dict[int, Result] = {}
        try:
            for _ in range(_ROUNDS):
                if self._collect(function, tasks, results, on_done):
                    return [results[index] for index in range(len(tasks))]
                self.close()
        except BaseException:
            self.close()
            raise
        raise EngineError(
            f"worker processes died twice, with {len(results)} of {len(tasks)} runs done: the machine may be short of "
            'memory (try fewer workers); a script needs its main part behind if __name__ == "__main__"'
        )

    def _collect(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        results: dict[int, Result],
        on_done: Callable[[int], None],
    ) -> bool:
        """Run the tasks that have no result yet; return whether all of them got one, False when a process died."""
        if self._pool is None:
            self._pool = _Pool(self._workers)
        try:
            waiting = self._pool.submit(function, tasks, [index for index in range(len(tasks)) if index not in results])
            for future in as_completed(waiting):
                results[waiting[future]] = future.result()
                on_done(len(results))
        except BrokenProcessPool:
            return False
        return True

    def close(self) -> None:
        """End the processes, those in the middle of a task too; a later ``map`` begins new ones."""
        if self._pool is not None:
            self._pool.end()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_turn(function: Callable[[Task], Result], tasks: Sequence[Task], on_done: Callable[[int], None]) -> list[Result]:
    results = []
    for task in tasks:
        results.append(function(task))
        on_done(len(results))
    return results


class _Pool:
    """Processes, and the functions they were given, each in a file that every process reads once."""

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        self._theirs: Connection = theirs
        self._ours: Connection = ours
        self._files = tempfile.TemporaryDirectory(prefix="berth-sweep-")
        self._function: object = None
        self._given = 0
        self._processes = ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(theirs,))

    def submit(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], indices: Sequence[int]
    ) -> dict[Future[Any], int]:
        """Hand tasks to the processes; return the index of the task that each future is of."""
        if function is not self._function:
            self._given += 1
            self._path.write_bytes(pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL))
            self._function = function
        return {self._processes.submit(run_task, self._path, tasks[index]): index for index in indices}

    @property
    def _path(self) -> Path:
        return Path(self._files.name) / str(self._given)

    def end(self) -> None:
        """End the processes at once: each one watches its end of the pipe, and leaves when ours is closed."""
        self._ours.close()
        self._processes.shutdown(wait=True, cancel_futures=True)
        self._theirs.close()
        self._files.cleanup()
