"""The steps of one boot as this host takes part in them, until they are sent to the conductor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine.v1 import instance_pb2

_MOST_TEXT = 500
"""Characters of an error or a detail: the timeline says what happened, the fault says why."""


def now_us() -> int:
    """Return the time in microseconds UTC."""
    return time.time_ns() // 1000


@dataclass
class OpenStep:
    """A step under way; ``detail`` says what was done."""

    number: int
    started_us: int
    detail: str = ""


@dataclass
class Timeline:
    """What has been recorded and not sent yet."""

    clock_us: Callable[[], int] = now_us
    _records: list[instance_pb2.StepRecord] = field(default_factory=list)

    @contextmanager
    def during(self, number: int) -> Iterator[OpenStep]:
        """Record a step from the block's begin to its end, with the error that ended it."""
        step = OpenStep(number, self.clock_us())
        error = ""
        try:
            yield step
        except BaseException as failure:
            error = str(failure) or type(failure).__name__
            raise
        finally:
            self.add(number, step.started_us, self.clock_us(), detail=step.detail, error=error)

    def add(self, number: int, started_us: int, finished_us: int, *, detail: str = "", error: str = "") -> None:
        """Record a step that is over."""
        self._records.append(
            instance_pb2.StepRecord(
                step=number,
                started_us=started_us,
                finished_us=max(finished_us, started_us),
                error=error[:_MOST_TEXT],
                detail=detail[:_MOST_TEXT],
            )
        )

    def mark(self, number: int, detail: str) -> None:
        """Record a step that took no time here."""
        at_us = self.clock_us()
        self.add(number, at_us, at_us, detail=detail)

    def take(self) -> list[instance_pb2.StepRecord]:
        """Return what has been recorded since the last time, in the order of the steps."""
        taken, self._records = self._records, []
        return sorted(taken, key=lambda record: record.step)
