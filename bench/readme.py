"""Writes the figures of a benchmark run into README.md: python -m bench.readme RESULTS.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.report import number

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
_HEADS = ("benchmark", "workload", "value", "unit", "ratio to its floor", "aim")
_README = Path(__file__).parents[1] / "README.md"


def figure_table(figures: Iterable[dict[str, Any]]) -> str:
    """Return a Markdown table, one figure a row."""
    rows = [
        (item["bench"], item["workload"], number(item["value"]), item["unit"], number(item["ratio"]), item["aim"])
        for item in figures
    ]
    lines = [_HEADS, tuple("---" for _ in _HEADS), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def with_figures(text: str, table: str) -> str:
    """Return a README's text with the table between its marks; raise ValueError where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(results: Path) -> None:
    """Replace the README's figures by those of a run."""
    benchmarks = json.loads(results.read_text())["benchmarks"]
    figures = [figure for item in benchmarks for figure in item["extra_info"].get("figures", [])]
    _README.write_text(with_figures(_README.read_text(), figure_table(figures)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
