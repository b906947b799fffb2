from __future__ import annotations

import io

import pytest
from rich.console import Console

from engine.cli.whatif.terminal import show_answer, show_table
from engine.whatif.answer import Column, ResultTable

TABLE = ResultTable(
    "Free [red]slots",
    (Column("flavor"), Column("memory", "GiB", 1), Column("hosts")),
    (("m1.[bold]large", 1234.56, 10_000), ("b", None, 7)),
    "A note of [italic] sorts.",
)


def shown(table: ResultTable, *, is_terminal: bool, width: int = 100) -> str:
    stream = io.StringIO()
    show_table(Console(file=stream, width=width, highlight=False), table, is_terminal=is_terminal)
    return stream.getvalue()


def test_another_program_gets_numbers_that_it_can_read() -> None:
    text = shown(TABLE, is_terminal=False)
    assert "1234.6" in text
    assert "10000" in text
    assert text.isascii() or "\u202f" not in text


def test_a_person_gets_thousands_in_groups() -> None:
    text = shown(TABLE, is_terminal=True)
    assert "1\u202f234.6" in text
    assert "10\u202f000" in text


def test_square_brackets_are_no_markup() -> None:
    text = shown(TABLE, is_terminal=True)
    assert "Free [red]slots" in text
    assert "m1.[bold]large" in text
    assert "A note of [italic] sorts." in text


def test_units_stand_in_the_heading() -> None:
    assert "memory (GiB)" in shown(TABLE, is_terminal=True)


@pytest.mark.parametrize(("is_terminal", "rows"), [(True, 40), (False, 300)])
def test_a_long_table_is_cut_for_people_alone(is_terminal: bool, rows: int) -> None:
    table = ResultTable("T", (Column("host"),), tuple((f"host-{number}",) for number in range(300)))
    text = shown(table, is_terminal=is_terminal)
    assert text.count("host-") == rows
    assert ("and 260 more" in text) == is_terminal


def test_details_are_left_to_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    detail = ResultTable("Every host", (Column("host"),), (("alpha",),), is_detail=True)
    show_answer("12 [more] fit", (TABLE, detail))
    out = capsys.readouterr().out
    assert out.startswith("12 [more] fit\n")
    assert "Free [red]slots" in out
    assert "Every host" not in out


def test_a_table_of_no_rows_shows_its_headings() -> None:
    assert "host" in shown(ResultTable("T", (Column("host"),), ()), is_terminal=True)


def test_a_narrow_terminal_folds_and_loses_nothing() -> None:
    text = shown(TABLE, is_terminal=True, width=30)
    assert all(part in text for part in ("m1.[bold]", "large", "1\u202f234.6", "10\u202f000"))
    assert max(map(len, text.splitlines())) <= 30


def test_a_person_reads_seconds_as_durations_and_a_program_as_numbers() -> None:
    table = ResultTable("T", (Column("first refusal", "s"),), ((105_131.0,), (None,)))
    assert "1\u202fd 5\u202fh" in shown(table, is_terminal=True)
    text = shown(table, is_terminal=False)
    assert "first refusal (s)" in text
    assert "105131" in text
