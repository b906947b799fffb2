"""An answer in the terminal: its headline and its tables; what is a detail is left to the report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.cli.output import open_console
from engine.whatif.answer import Cell, Column, ResultTable
from engine.whatif.wording import DASH, cell_text, is_time, shown_text

if TYPE_CHECKING:
    from rich.console import Console

_MOST_ROWS = 40
"""Rows of a table that a person reads; what goes to another program is whole."""


def show_answer(headline: str, tables: Sequence[ResultTable]) -> None:
    """Write an answer to standard output: thousands in groups and long tables cut where that is a terminal."""
    console = open_console()
    is_terminal = sys.stdout.isatty()
    console.print(headline, style="bold" if is_terminal else None, markup=False)
    for table in tables:
        if not table.is_detail:
            show_table(console, table, is_terminal=is_terminal)


def show_table(console: Console, table: ResultTable, *, is_terminal: bool) -> None:
    """Write a table with its note to ``console``."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = table.rows[:_MOST_ROWS] if is_terminal else table.rows
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(table.title), title_justify="left", title_style="bold")
    for index, column in enumerate(table.columns):
        has_unit = column.unit and not (is_terminal and is_time(column))
        heading = f"{column.name} ({column.unit})" if has_unit else column.name
        numeric = _is_numeric(row[index] for row in shown)
        grid.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in shown:
        # As Text, so that square brackets in a name are no markup.
        cells = zip(row, table.columns, strict=True)
        grid.add_row(*(Text(_cell(cell, column, is_terminal=is_terminal)) for cell, column in cells))
    console.print()
    console.print(grid)
    if len(shown) < len(table.rows):
        console.print(f"and {len(table.rows) - len(shown)} more, which summary.json has", markup=False)
    if table.note:
        console.print(table.note, markup=False, style="dim" if is_terminal else None)


def _is_numeric(cells: Iterable[Cell]) -> bool:
    kinds = {type(cell) for cell in cells if cell is not None}
    return bool(kinds) and kinds <= {int, float}


def _cell(cell: Cell, column: Column, *, is_terminal: bool) -> str:
    """Return a cell's text; another program gets numbers that it can read, and the dash of the other commands."""
    if is_terminal:
        return shown_text(cell, column)
    text = cell_text(cell, column.decimals, group="")
    return "-" if text == DASH else text
