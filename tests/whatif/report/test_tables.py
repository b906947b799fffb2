from __future__ import annotations

import math

from engine.whatif.answer import Column, ResultTable
from engine.whatif.report.tables import MOST_ROWS, table_html

COLUMNS = (Column("Host"), Column("Free", "GiB", 1))


def test_numbers_stand_at_the_right_with_their_unit_in_the_heading() -> None:
    html = table_html(ResultTable("T", COLUMNS, (("a", 1234.56), ("b", None), ("c", math.nan))))
    assert '<th scope="col" tabindex="0" class="number">Free <span class="unit">GiB</span></th>' in html
    assert "1\u202f234.6" in html
    assert html.count("\u2013") == 2


def test_a_detail_is_folded_and_says_how_long_it_is() -> None:
    html = table_html(ResultTable("T", COLUMNS, (("a", 1.0),), is_detail=True))
    assert html.startswith("<details")
    assert "1\u202frow<" in html


def test_what_is_written_in_a_cell_is_text() -> None:
    nasty = "</td><script>alert(1)</script>"
    html = table_html(ResultTable(nasty, (Column(nasty, nasty),), ((nasty,),), nasty))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 5


def test_a_table_without_rows_says_so() -> None:
    assert "Nothing to list" in table_html(ResultTable("T", COLUMNS, ()))


def test_a_table_of_a_hundred_thousand_rows_is_cut_and_says_so() -> None:
    html = table_html(ResultTable("T", (Column("n"),), tuple((number,) for number in range(100_000))))
    assert html.count("<tr>") == MOST_ROWS + 1
    assert "The first 2\u202f000 of 100\u202f000" in html


def test_a_column_of_texts_and_numbers_is_text() -> None:
    assert 'class="number"' not in table_html(ResultTable("T", (Column("n"),), ((1,), ("two",))))


def test_seconds_are_read_as_durations_and_sorted_as_numbers() -> None:
    html = table_html(ResultTable("T", (Column("first refusal", "s"),), ((105_131.0,), (None,), (math.nan,))))
    assert '<td class="number" data-value="105131">1\u202fd 5\u202fh</td>' in html
    assert '<span class="unit">' not in html
    assert html.count("\u2013") == 2
