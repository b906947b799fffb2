"""How the command answers: one JSON document, or tables and lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 10_000
"""Columns of an output that is no terminal: lines are for other programs there and must not be folded."""


def write_json(document: Any) -> None:
    """Writes one JSON document and a line end to standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")


def write_line(text: str) -> None:
    """Writes a line to standard output."""
    sys.stdout.write(text + "\n")


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Writes a table to standard output; a column whose values are all numbers is aligned to the right."""
    show_table(open_console(stderr=False), columns, rows, title=title)


def write_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Writes names and values to standard output, one pair a line."""
    # As text, so that numbers stand below the words and not at the right.
    show_table(open_console(stderr=False), ("", ""), ((name.replace("_", " "), cell(value)) for name, value in facts))


def write_error_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table to standard error."""
    show_table(open_console(stderr=True), columns, rows)


def show_table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Writes a table to ``console``."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    records = [list(row) for row in rows]
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        show_header=any(columns),
    )
    for index, name in enumerate(columns):
        numeric = bool(records) and all(isinstance(row[index], int | float) for row in records)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in records:
        # As Text, so that square brackets in a name are no markup.
        table.add_row(*(Text(cell(value)) for value in row))
    console.print(table)


def cell(value: object) -> str:
    """Returns a value as text: yes and no, six significant digits, lists with commas, and - for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value) or "-"
    text = str(value) if value is not None else ""
    return text or "-"


def open_console(*, stderr: bool = False) -> Console:
    """Returns a console on standard output or standard error: as wide as the terminal, or not folding its lines."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)
