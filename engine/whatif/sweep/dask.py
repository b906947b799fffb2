"""DaskExecutor: tasks on the workers of a Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from engine.errors import EngineError, InvalidRequestError, ServiceUnavailableError
from engine.whatif.sweep.executor import Result, Task, ignore_done
from engine.whatif.sweep.fingerprint import fingerprint

CONNECT_TIMEOUT_S: Final = 8.0
PATIENCE_S: Final = 60.0
"""How long a sweep waits for a worker while there is none."""

_ROUNDS: Final = 4
_LOOK_S: Final = 5.0


class DaskExecutor:
    """Runs tasks on a Dask cluster; what a killed worker had begun is run by another.

    Every worker, and the scheduler, must have this very Berth: results are the same to the byte then. Raises
    ServiceUnavailableError when no scheduler answers at ``address`` or it has no workers, InvalidRequestError for an
    address that is none, for workers of another Berth, and where the library ``distributed`` is not installed.
    """

    def __init__(
        self, address: str, *, connect_timeout_s: float = CONNECT_TIMEOUT_S, patience_s: float = PATIENCE_S
    ) -> None:
        self._address = address
        self._patience_s = patience_s
        self._client = _connected(address, connect_timeout_s)
        self._shared: tuple[object, Any] | None = None
        try:
            self._client.wait_for_workers(1, timeout=connect_timeout_s)
            self._check_cluster()
        except TimeoutError:
            self.close()
            raise ServiceUnavailableError(
                f"the Dask scheduler at {address} has no workers: start some with dask worker {address}", dask=address
            ) from None
        except BaseException:
            self.close()
            raise

    @property
    def workers(self) -> int:
        """How many tasks run at a time: the threads of all workers there are now."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def _check_cluster(self) -> None:
        """Raise InvalidRequestError unless scheduler and workers run the same Berth as this process."""
        # a function of the standard library, as what is not installed there cannot be called there
        versions = self._client.run(pkgutil.resolve_name, "engine:__version__", on_error="return")
        try:
            versions["the scheduler"] = self._client.run_on_scheduler(pkgutil.resolve_name, "engine:__version__")
        except ImportError as error:
            versions["the scheduler"] = error
        without = sorted(place for place, version in versions.items() if isinstance(version, BaseException))
        if without:
            raise InvalidRequestError(
                f"Berth is not installed at {_listed(without)} of the Dask cluster {self._address}: "
                "install it in the environment that they run in"
            )
        mine = fingerprint()
        found = self._client.run(fingerprint, on_error="return")
        others = sorted(place for place, theirs in found.items() if theirs != mine)
        if others:
            raise InvalidRequestError(
                f"{_listed(others)} of the Dask cluster {self._address} would not give the same results: "
                f"there it is {found[others[0]]}, here {mine}"
            )

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        on_done: Callable[[int], None] = ignore_done,
    ) -> list[Result]:
        """Return the result of each task, in the tasks' order (see Executor).

        Raises EngineError when a task has ended several workers, when the scheduler goes away, and when no worker is
        left for a minute.
        """
        results: dict[int, Result] = {}
        for _ in range(_ROUNDS):
            if self._collect(function, tasks, results, on_done):
                return [results[index] for index in range(len(tasks))]
            # what all tasks share was on workers that are gone
            self._shared = None
        raise EngineError(f"the Dask cluster {self._address} lost workers again and again: {_progress(results, tasks)}")

    def _collect(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        results: dict[int, Result],
        on_done: Callable[[int], None],
    ) -> bool:
        """Run the tasks that have no result yet; return whether all of them got one."""
        ended: SimpleQueue[Any] = SimpleQueue()
        waiting: dict[Any, int] = {}
        try:
            try:
                shared = self._share(function)
            except TimeoutError:
                raise self._left_alone(results, tasks) from None
            for index in range(len(tasks)):
                if index not in results:
                    # not pure: Dask would take two tasks of equal text for one, and hash all that they hold for it
                    future = self._client.submit(run_task, fingerprint(), shared, tasks[index], pure=False)
                    waiting[future] = index
                    future.add_done_callback(ended.put)
            while waiting:
                future = self._next(ended, results, tasks)
                results[waiting[future]] = self._result_of(future)
                del waiting[future]
                on_done(len(results))
        except CancelledError:
            if self._client.status != "running":
                raise EngineError(
                    f"the Dask scheduler at {self._address} went away: {_progress(results, tasks)}"
                ) from None
            return False
        finally:
            if waiting:
                with suppress(Exception):
                    self._client.cancel(list(waiting), force=True)
        return True

    def _share(self, function: object) -> Any:
        """Return the future of a function that is on every worker; the last one stays there."""
        if self._shared is None or self._shared[0] is not function:
            self._shared = (function, self._scattered(function))
        return self._shared[1]

    def _scattered(self, function: object) -> Any:
        """Send a function to every worker, of which there may be none for a while; raise TimeoutError after that."""
        return self._client.scatter(function, broadcast=True, hash=False, timeout=self._patience_s)

    def _left_alone(self, results: dict[int, Any], tasks: Sequence[object]) -> EngineError:
        return EngineError(f"the Dask cluster {self._address} has no workers left: {_progress(results, tasks)}")

    def _next(self, ended: SimpleQueue[Any], results: dict[int, Any], tasks: Sequence[object]) -> Any:
        """Return the next future that has ended; raise EngineError when nobody is left to end one."""
        alone_s = 0.0
        while True:
            try:
                return ended.get(timeout=_LOOK_S)
            except Empty:
                if self._client.status != "running":
                    raise EngineError(
                        f"the Dask scheduler at {self._address} went away: {_progress(results, tasks)}"
                    ) from None
                alone_s = 0.0 if self._client.nthreads() else alone_s + _LOOK_S
                if alone_s >= self._patience_s:
                    raise self._left_alone(results, tasks) from None

    def _result_of(self, future: Any) -> Any:
        """Return what a task gave, or raise what it raised, a cluster's troubles told in Berth's words."""
        from distributed.scheduler import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise EngineError(
                f"a run ended the Dask workers that had it ({error}): they may be short of memory"
            ) from error
        except ImportError as error:
            raise InvalidRequestError(
                f"a worker of the Dask cluster {self._address} lacks a part of Berth: {error}"
            ) from error

    def close(self) -> None:
        """Leave the cluster; its workers go on, for others."""
        with suppress(Exception):
            self._client.close(timeout=CONNECT_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run_task(expected: str, function: Callable[[Task], Result], task: Task) -> Result:
    """Return what a function gives for a task; raise InvalidRequestError where this is not the Berth expected.

    A worker may have joined the cluster since that was looked at.
    """
    if fingerprint() != expected:
        raise InvalidRequestError(f"a worker has joined the Dask cluster that is {fingerprint()}; wanted is {expected}")
    return function(task)


def _connected(address: str, timeout_s: float) -> Any:
    """Return a client of a cluster."""
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidRequestError(
            "runs on a Dask cluster need the library distributed: install berth[sweep]"
        ) from error
    try:
        # A client waits without end for a listener that takes the connection and then says nothing, and shares its loop
        # with other clients: so what listens is asked first, in a loop of its own.
        asyncio.run(asyncio.wait_for(_identity(address, timeout_s), timeout_s))
    except TimeoutError:
        raise ServiceUnavailableError(
            f"no Dask scheduler answers at {address}: what listens there is none", dask=address
        ) from None
    except OSError as error:
        raise ServiceUnavailableError(
            f"no Dask scheduler answers at {address}: {_first_line(error)}", dask=address
        ) from error
    except Exception as error:
        raise InvalidRequestError(
            f"{address!r} is no address of a Dask scheduler: write one such as tcp://10.0.0.5:8786"
        ) from error
    client: Any = Client
    return client(address, timeout=timeout_s, set_as_default=False, name="berth-sweep")


async def _identity(address: str, timeout_s: float) -> None:
    """Have what listens at an address say what it is."""
    from distributed.comm import connect  # type: ignore[attr-defined]
    from distributed.core import send_recv

    reach: Any = connect
    ask: Any = send_recv
    comm = await reach(address, timeout=timeout_s)
    try:
        await ask(comm, op="identity", reply=True)
    finally:
        comm.abort()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _listed(places: Sequence[str]) -> str:
    more = len(places) - 3
    return ", ".join(places[:3]) + (f" and {more} more" if more > 0 else "")


def _progress(results: dict[int, Any], tasks: Sequence[object]) -> str:
    return f"{len(results)} of {len(tasks)} runs were done"
