from __future__ import annotations

import io

from rich.console import Console

from engine.cli.output import cell, show_table


def shown(columns, rows, **options):
    stream = io.StringIO()
    show_table(Console(file=stream, width=200, highlight=False), columns, rows, **options)
    return stream.getvalue()


def test_cells():
    assert [cell(value) for value in (True, False, None, "", [], ["a", 1], 0, 1234567.891)] == [
        "yes",
        "no",
        "-",
        "-",
        "-",
        "a, 1",
        "0",
        "1.23457e+06",
    ]


def test_square_brackets_are_no_markup():
    assert "[red]x" in shown(("name",), [("[red]x",)])


def test_a_table_without_headings_shows_none():
    lines = [line for line in shown(("", ""), [("a", "b")]).splitlines() if line.strip()]
    assert len(lines) == 1


def test_a_table_without_rows_shows_its_headings():
    assert "name" in shown(("name",), [])
