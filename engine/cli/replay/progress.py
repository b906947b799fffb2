"""A progress bar on standard error, where a person watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REDRAW_S = 0.1


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Callable[[int, int], None]]:
    """Yields a function to call with what is done and what there is.

    It draws only when ``wanted`` and standard error is a terminal.
    """
    if not wanted or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("placing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("placing", total=None)
        drawn = 0.0

        def show(done: int, total: int) -> None:
            nonlocal drawn
            now = time.monotonic()
            # Answers come thousands of times a second; a bar need not.
            if now - drawn >= _REDRAW_S or done == total:
                drawn = now
                progress.update(task, completed=done, total=total)

        yield show
