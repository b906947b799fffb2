from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.readme import BEGIN, END, figure_table, figures_text, main, with_figures

FIGURE = {
    "bench": "full scan",
    "workload": "10k, generated",
    "value": 36.2,
    "unit": "us",
    "floor": 15.0,
    "ratio": 2.413,
    "aim": "<= 2.5",
    "spread": [35.1, 40.0],
}


def results(*figures: dict[str, object]) -> str:
    return json.dumps({"benchmarks": [{"extra_info": {"figures": list(figures)}}, {"extra_info": {}}]})


def test_figures_replace_those_of_the_run_before():
    text = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    once = with_figures(text, figure_table([FIGURE]))
    assert "| full scan | 10k, generated | 36.2 | 35.1 to 40 | us | 2.41 | <= 2.5 |" in once
    assert "old" not in once
    assert once.startswith("above\n")
    assert once.endswith("\nbelow\n")
    assert with_figures(once, figure_table([FIGURE])) == once


def test_a_figure_of_an_older_run_has_no_spread():
    older = {key: value for key, value in FIGURE.items() if key != "spread"}
    assert "| 36.2 |  | us |" in figure_table([older])


def test_the_targets_come_first_and_all_figures_can_be_unfolded():
    text = figures_text([FIGURE])
    head, _, rest = text.partition("<details>")
    assert "| the same, nothing known of any host | **2.41**<br>2.34 to 2.67<br>aim ≤ 2: **not met** |" in head
    assert "not measured" in head
    assert "| full scan | 10k, generated |" in rest
    assert rest.rstrip().endswith("</details>")


def test_every_row_of_a_table_has_as_many_cells():
    for table in (figures_text([FIGURE]).partition("<details>")[0], figure_table([FIGURE, FIGURE])):
        assert len({line.count("|") for line in table.splitlines() if line}) == 1


def test_a_readme_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="figures:begin"):
        with_figures("no marks", "table")


def test_runs_are_put_together_and_one_that_was_not_made_is_left_out(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# It\n{BEGIN}\n{END}\n")
    for name, workload in (("a.json", "10k, generated"), ("b.json", "100k, generated")):
        (tmp_path / name).write_text(results({**FIGURE, "workload": workload}))
    main([tmp_path / "a.json", tmp_path / "never.json", tmp_path / "b.json"], readme)
    text = readme.read_text()
    assert "| full scan | 10k, generated |" in text
    assert "| full scan | 100k, generated |" in text


def test_without_any_figure_the_readme_stays_as_it_is(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\nkept\n{END}\n")
    (tmp_path / "empty.json").write_text(results())
    with pytest.raises(SystemExit, match="make bench"):
        main([tmp_path / "empty.json", tmp_path / "never.json"], readme)
    assert "kept" in readme.read_text()
