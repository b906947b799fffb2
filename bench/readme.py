"""Writes the figures of benchmark runs into README.md: python -m bench.readme RESULTS.json [MORE.json ...]."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.report import number, spread_text
from bench.targets import headline

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
_HEADS = ("benchmark", "workload", "value", "spread", "unit", "ratio to its floor", "aim")
_README = Path(__file__).parents[1] / "README.md"


def figures_of(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures in a file of pytest-benchmark's results."""
    return [figure for item in results["benchmarks"] for figure in item["extra_info"].get("figures", [])]


def figure_table(figures: Iterable[Mapping[str, Any]]) -> str:
    """Return a Markdown table, one figure a row."""
    rows = [
        (
            item["bench"],
            item["workload"],
            number(item["value"]),
            spread_text(item.get("spread")),
            item["unit"],
            number(item["ratio"]),
            item["aim"],
        )
        for item in figures
    ]
    return markdown([_HEADS, *rows])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a heading and rows as a Markdown table."""
    head, *rest = rows
    lines = [head, ["---" for _ in head], *rest]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def figures_text(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return what stands between the README's marks: how the targets stand, and all figures behind them."""
    return "\n".join(
        [
            markdown(headline(figures)),
            "",
            "<details><summary>All figures</summary>",
            "",
            figure_table(figures),
            "",
            "</details>",
        ]
    )


def with_figures(text: str, table: str) -> str:
    """Return a README's text with the table between its marks; raise ValueError where it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(results: Sequence[Path], readme: Path = _README) -> None:
    """Replace a README's figures by those of some runs; a run that was not made is left out."""
    figures = [figure for path in results if path.exists() for figure in figures_of(json.loads(path.read_text()))]
    if not figures:
        raise SystemExit(f"no figures in {', '.join(map(str, results)) or 'nothing'}: run make bench first")
    readme.write_text(with_figures(readme.read_text(), figures_text(figures)))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
