"""Executor: runs one function over many tasks, wherever that is, and gives the results in the order of the tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def ignore_done(done: int) -> None:
    """Take note of nothing."""


class Executor(Protocol):
    """Runs tasks, several at a time where it can.

    Results do not depend on the executor: functions are of a module's top level, or a ``functools.partial`` of one, and
    draw what is random from seeds in their tasks.
    """

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        on_done: Callable[[int], None] = ignore_done,
    ) -> list[Result]:
        """Return the result of each task, in the tasks' order.

        What all tasks share belongs into the function, as arguments of a ``functools.partial``: it goes to each worker
        once, and once only where the same function is mapped again. ``on_done`` hears how many tasks are done. The
        first failure ends the others, and is raised.
        """
