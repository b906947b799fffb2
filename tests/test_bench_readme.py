from __future__ import annotations

import pytest

from bench.readme import BEGIN, END, figure_table, with_figures

FIGURE = {"bench": "scan", "workload": "10k", "value": 36.2, "unit": "us", "ratio": 2.4, "aim": "<= 2.5"}


def test_figures_replace_those_of_the_run_before():
    text = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    once = with_figures(text, figure_table([FIGURE]))
    assert "| scan | 10k | 36.2 | us | 2.4 | <= 2.5 |" in once
    assert "old" not in once
    assert once.startswith("above\n")
    assert once.endswith("\nbelow\n")
    assert with_figures(once, figure_table([FIGURE])) == once


def test_a_readme_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="figures:begin"):
        with_figures("no marks", "table")
