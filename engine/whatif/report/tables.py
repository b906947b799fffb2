"""An answer's tables as HTML: numbers to the right, units beside the headings, long ones cut with a word about it."""

from __future__ import annotations

from html import escape

from engine.whatif.answer import Cell, Column, ResultTable
from engine.whatif.wording import THIN_SPACE, is_time, number_text, shown_text

MOST_ROWS = 2_000
"""Rows of a table in the page: a page of a million rows opens nowhere; summary.json has them all."""


def table_html(table: ResultTable) -> str:
    """Return a table as a card; one that is a detail is folded."""
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    inside = _body(table) + note
    title = escape(table.title)
    if table.is_detail:
        many = f'<span class="many">{number_text(len(table.rows))}{THIN_SPACE}{_rows(len(table.rows))}</span>'
        return f'<details class="card table"><summary>{title} {many}</summary>{inside}</details>'
    return f'<section class="card table"><h3>{title}</h3>{inside}</section>'


def _rows(many: int) -> str:
    return "row" if many == 1 else "rows"


def _body(table: ResultTable) -> str:
    if not table.rows:
        return '<p class="empty">Nothing to list.</p>'
    numeric = [_is_numeric(table.rows, index) for index in range(len(table.columns))]
    heads = "".join(_heading(column, is_number) for column, is_number in zip(table.columns, numeric, strict=True))
    shown = table.rows[:MOST_ROWS]
    rows = "".join(f"<tr>{_cells(row, table.columns, numeric)}</tr>\n" for row in shown)
    cut = ""
    if len(shown) < len(table.rows):
        said = f"The first {number_text(len(shown))} of {number_text(len(table.rows))}; summary.json has all."
        cut = f'<p class="note">{said}</p>'
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>{cut}'


def _is_numeric(rows: tuple[tuple[Cell, ...], ...], index: int) -> bool:
    kinds = {type(row[index]) for row in rows} - {type(None)}
    return bool(kinds) and kinds <= {int, float}


def _heading(column: Column, is_number: bool) -> str:
    kind = ' class="number"' if is_number else ""
    unit = f' <span class="unit">{escape(column.unit)}</span>' if column.unit and not is_time(column) else ""
    return f'<th scope="col" tabindex="0"{kind}>{escape(column.name)}{unit}</th>'


def _cells(row: tuple[Cell, ...], columns: tuple[Column, ...], numeric: list[bool]) -> str:
    cells = []
    for cell, column, is_number in zip(row, columns, numeric, strict=True):
        kind = ' class="number"' if is_number else ""
        # What a column of durations is sorted by.
        seconds = (
            f' data-value="{cell:.10g}"' if is_number and is_time(column) and isinstance(cell, int | float) else ""
        )
        cells.append(f"<td{kind}{seconds}>{escape(shown_text(cell, column))}</td>")
    return "".join(cells)
