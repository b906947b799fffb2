"""The page in a real browser: BERTH_CHROMIUM, or a chromium on the path; skipped where there is none."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.whatif.answer import Answer, BarPlot, Column, HeatMap, LinePlot, Plot, ResultTable, Series
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.report.files import write_report
from engine.whatif.report.summary import About

CHROMIUM = os.environ.get("BERTH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
NASTY = "</script><script>document.title = 'broken in'</script><img src=x onerror=\"document.title='broken in'\">"
X = np.linspace(0, 90 * 86_400, 5_000)
PLOTS: tuple[Plot, ...] = (
    LinePlot(
        "Use", "time", "part", (Series("vCPUs", X, np.sin(X) ** 2), Series("memory", X, X / X[-1])), is_share=True
    ),
    LinePlot("Band", "time", "part", (Series("m", [0, 1, 2], [1, 2, 3], [0, 1, 2], [2, 3, 4]),)),
    LinePlot("Flavors", "time", "slots", tuple(Series(f"f{i}", [0, 86_400], [i, 2 * i]) for i in range(16))),
    LinePlot("Stacked", "time", "n", tuple(Series(f"r{i}", X, X + i) for i in range(3)), is_stacked=True),
    LinePlot("One point", "time", "n", (Series("a", [0], [1]),)),
    LinePlot("By size", "hosts", "%", (Series("a", [1, 2, 3], [3, 2, math.nan]),), x_unit=""),
    BarPlot(NASTY, NASTY, (NASTY, "b"), (NASTY, "c"), ((1, 2), (3, 4))),
    HeatMap(
        "Hosts", "time", "host", ("0", "1 d"), ("a", NASTY), ((0.1, math.nan), (0.9, 1.0)), ((NASTY, ""), ("", ""))
    ),
)
PRINT = "dispatchEvent(new Event('beforeprint'))"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium: install one, or name it in BERTH_CHROMIUM")


def opened(page: Path, folder: Path, *flags: str) -> tuple[str, str]:
    """The page's document after its scripts, and what the browser had to say about it."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", *flags]
    told = [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", page.as_uri()]
    done = subprocess.run([*command, *told], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("flags", [(), ("--window-size=400,800",), ("--blink-settings=preferredColorScheme=0",)])
def test_every_plot_is_drawn_without_an_error_and_no_name_runs(tmp_path: Path, flags: tuple[str, ...]) -> None:
    table = ResultTable(NASTY, (Column(NASTY),), ((NASTY,),))
    answer = Answer("replay", NASTY, {"zone": "x"}, DECISION_SCHEMA.empty_table(), (table,), PLOTS)
    write_report(answer, tmp_path / "out", About(NASTY, 7, "A title"))
    document, complaints = opened(tmp_path / "out" / "report.html", tmp_path, *flags)
    assert complaints == ""
    assert "<title>A title</title>" in document
    drawn = re.findall(r'<div class="plot js-plotly-plot" id="(plot-\d+)"', document)
    assert drawn == [f"plot-{number}" for number in range(1, len(PLOTS) + 1)]
    # The first plot's axis is of days, not of millions of seconds.
    assert re.search(r">[2-6]0\u202fd<", document)


def test_an_answer_of_nothing_is_shown_without_an_error(tmp_path: Path) -> None:
    write_report(Answer("fits", "Nothing.", {}, DECISION_SCHEMA.empty_table()), tmp_path / "out", About("", 0))
    document, complaints = opened(tmp_path / "out" / "report.html", tmp_path)
    assert complaints == ""
    assert "Nothing." in document


@pytest.mark.parametrize(
    "change",
    ["document.querySelector('main').style.maxWidth = '600px'; dispatchEvent(new Event('resize'))", PRINT],
    ids=["narrower", "printed"],
)
def test_plots_keep_their_height_in_a_window_that_changes_and_on_paper(tmp_path: Path, change: str) -> None:
    answer = Answer("replay", "x", {}, DECISION_SCHEMA.empty_table(), (), PLOTS)
    write_report(answer, tmp_path, About("", 7))
    measured = "[...document.querySelectorAll('.plot')].map((one) => [one.clientHeight, "
    measured += "one.querySelector('.main-svg').clientHeight, one.clientWidth, "
    measured += "one.querySelector('.main-svg').clientWidth].join()).join(' ')"
    told = f"setTimeout(() => {{ {change}; setTimeout(() => {{ document.title = {measured}; }}, 2000); }}, 2000);"
    # The policy lets no script but the page's own run, so it goes too.
    page = re.sub(r"<meta http-equiv[^>]*>", "", (tmp_path / "report.html").read_text())
    changed = tmp_path / "changed.html"
    changed.write_text(page.replace("</body>", f"<script>{told}</script></body>"))
    document, complaints = opened(changed, tmp_path)
    assert complaints == ""
    found = re.search(r"<title>([0-9, ]+)</title>", document)
    assert found is not None
    sizes = [tuple(map(int, one.split(","))) for one in found[1].split()]
    assert len(sizes) == len(PLOTS)
    assert all(height == drawn and width == across for height, drawn, width, across in sizes), sizes
    assert sizes[0][0] == 320
