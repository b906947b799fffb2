"""How far a long run is, on standard error where a person watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.whatif.answer import Progress, no_progress

_REDRAW_S = 0.1


@contextmanager
def progress_on_stderr(*, wanted: bool) -> Iterator[Progress]:
    """Yield what a question tells its progress to; it draws only when ``wanted`` and standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        bar = bars.add_task("reading", total=None)
        shown, drawn = "", 0.0

        def show(what: str, done: int, total: int) -> None:
            nonlocal shown, drawn
            now = time.monotonic()
            if what != shown:
                # The next part of the work has a clock of its own, or its time left would be nonsense.
                bars.reset(bar, total=total or None, completed=done, description=Text(what).markup)
            elif now - drawn < _REDRAW_S and done != total:
                return
            shown, drawn = what, now
            bars.update(bar, completed=done, total=total or None)

        yield show
