"""The process in which a service has a question answered: `python -m engine.whatif.served.process`, fed by frames.

It reads one task from its standard input, and writes its progress and what came of it to its standard output. It ends
when its standard input does: with the service, or because the caller has gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from engine.errors import EngineError, InvalidRequestError
from engine.whatif.served.frames import Answered, Failed, Step, Task, Word, read_task, write_frame

if TYPE_CHECKING:
    from engine.whatif.answer import Progress
    from engine.whatif.served.snapshot import Snapshot

_NICENESS: Final = 10
"""The service that goes on placing comes first, and so does whatever compiles kernels for it."""
_EXPENDABLE: Final = "500"
"""Where memory runs out, the system ends this process rather than the service."""
_STEP_INTERVAL_S: Final = 0.1


def answer(task: Task, progress: Progress) -> tuple[str, ...]:
    """Answer a task's question from where its files are, write the answer's, and return their names.

    Raises EngineError.
    """
    # what answers takes its time to load, and a service that has gone meanwhile is noticed before
    from engine.whatif.asking import ask
    from engine.whatif.inputs import read_inputs
    from engine.whatif.report.files import DECISIONS, REPORT, SUMMARY, write_report
    from engine.whatif.report.summary import About
    from engine.whatif.scenario.reading import parse_scenario
    from engine.whatif.served.offered import SELF
    from engine.whatif.served.snapshot_files import read_snapshot
    from engine.whatif.sweep.local import LocalExecutor

    scenario = parse_scenario(task.scenario_toml, task.scenario_name)

    def fetch(target: str) -> Snapshot:
        if target != SELF or task.snapshot is None:
            raise InvalidRequestError(
                f'fleet.live: a service asks no other one: write live = "{SELF}" for the one that is asked',
                field="fleet.live",
            )
        return read_snapshot(task.snapshot)

    inputs = read_inputs(scenario, Path(), fetch)
    with LocalExecutor(1) as executor:
        found = ask(task.question, scenario, inputs, seed=task.seed, progress=progress, executor=executor)
    seed = scenario.seed if task.seed is None else task.seed
    write_report(found, Path(task.out), About(task.scenario_toml, seed, scenario.title))
    return (SUMMARY, DECISIONS, REPORT)


def run(stdin: IO[bytes], stdout: IO[bytes]) -> None:
    """Answer the task on a stream, and write to another one what comes of it."""
    task = read_task(stdin)
    if task is None:
        return
    threading.Thread(target=_end_with, args=(stdin,), daemon=True).start()
    told = _Told(stdout)
    # so files are called what the scenario calls them, and errors do not tell where a service keeps them
    os.chdir(task.folder)
    try:
        told.say(Answered(answer(task, told.progress)))
    except EngineError as error:
        told.say(Failed.of(error))
    except MemoryError:
        told.say(Failed("INVALID_REQUEST", "the question needs more memory than there is: ask about less at once", {}))


class _Told:
    """The words to the service: progress a few times a second, all else at once."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._what = ""
        self._due = 0.0

    def say(self, word: Word) -> None:
        """Write a word."""
        write_frame(self._stream, word)

    def progress(self, what: str, done: int, total: int) -> None:
        """Write how far it is, where that was not written a moment ago."""
        now = time.monotonic()
        if what == self._what and now < self._due:
            return
        self._what, self._due = what, now + _STEP_INTERVAL_S
        self.say(Step(what, done, total))


def _end_with(stdin: IO[bytes]) -> None:
    """End this process at once, whatever it does, when the other end of its standard input is closed."""
    while stdin.read(1):
        pass
    os._exit(1)


def main() -> None:
    """Answer one task, as a process that gets out of the way of others."""
    os.nice(_NICENESS)
    # not every system has it
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)
    # whatever else is printed must not come between the frames
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    status = 0
    try:
        run(sys.stdin.buffer, stdout)
    except BrokenPipeError:
        status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    # the thread that watches the standard input is in the middle of reading it, which a usual end would wait for
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
