"""report.html: one page that needs no network, the same bytes for the same answer.

The page's policy lets only its own two scripts run and nothing be loaded, so a name that is HTML stays a name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from html import escape
from importlib.resources import files

from plotly.offline import get_plotlyjs

from engine import __version__
from engine.whatif.answer import Answer, BarPlot, HeatMap, Plot
from engine.whatif.report.plots import DASHES, HUES, figure_of, is_empty, series_names
from engine.whatif.report.summary import About
from engine.whatif.report.tables import table_html
from engine.whatif.wording import figure_text

_MOST_TILES = 8
_LONG_FIGURE = 40
_PERCENT = "_percent"
_TITLES = {
    "replay": "What would have been refused?",
    "fits": "How many more fit?",
    "fail": "Which failures could not be absorbed?",
    "size": "How small can the fleet be?",
    "compare": "Which is better?",
    "forecast": "When does it run out?",
    "drain": "Can these hosts be emptied?",
}


def page_html(answer: Answer, about: About) -> str:
    """Return the page: the headline, key figures, plots, tables, and how to ask the same again."""
    style, script, plotly = _text("page.css"), _text("page.js"), get_plotlyjs().replace("\r\n", "\n")
    shown = [(f"plot-{number}", plot) for number, plot in enumerate(answer.plots, 1)]
    figures = {name: figure_of(plot) for name, plot in shown if not is_empty(plot)}
    title = about.title or _TITLES.get(answer.question, answer.question)
    policy = (
        f"default-src 'none'; script-src {_digest(plotly)} {_digest(script)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta name="generator" content="Berth {escape(__version__)}">',
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
        f'<header><p class="kicker">berth whatif {escape(answer.question)}</p>\n<h1>{escape(title)}</h1></header>',
        f'<p class="headline">{escape(answer.headline)}</p>',
        _tiles(answer),
        _plots(shown),
        _tables(answer),
        _origin(answer, about),
        "</main>",
        f'<script type="application/json" id="figures">{_json(figures)}</script>',
        f"<script>{plotly}</script>",
        f"<script>{script}</script>",
        "</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _text(name: str) -> str:
    return files("engine.whatif.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(script: str) -> str:
    """Return a script as a policy names it: by the digest of its text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _json(value: object) -> str:
    """Return JSON that may stand in a script element, whatever its texts say."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _tiles(answer: Answer) -> str:
    """Return the first figures that are single values: a question lists its own in their order of weight."""
    tiles: list[str] = []
    for name, value in answer.figures.items():
        if value is not None and not isinstance(value, str | int | float):
            continue
        if name.endswith(_PERCENT) and name.removesuffix(_PERCENT) in answer.figures:
            # Stands in the tile of what it is a share of.
            continue
        label, text = figure_text(name, value)
        if len(text) > _LONG_FIGURE:
            continue
        kind = ' class="words"' if isinstance(value, str) else ""
        share = answer.figures.get(name + _PERCENT)
        beside = f"<small>{escape(figure_text(name + _PERCENT, share)[1])}</small>" if share is not None else ""
        tiles.append(f'<div class="tile"><dt>{escape(label)}</dt><dd{kind}>{escape(text)}{beside}</dd></div>')
        if len(tiles) == _MOST_TILES:
            break
    return f'<dl class="tiles">{"".join(tiles)}</dl>' if tiles else ""


def _plots(shown: list[tuple[str, Plot]]) -> str:
    if not shown:
        return ""
    wide = _wide([plot for _, plot in shown])
    cards = "\n".join(_plot(name, plot, is_wide) for (name, plot), is_wide in zip(shown, wide, strict=True))
    return f'<h2>Plots</h2>\n<div class="plots">\n{cards}\n</div>'


def _wide(plots: list[Plot]) -> list[bool]:
    """Return which plots take the whole width: the first, heat maps, and what would stand beside nothing."""
    wide = [number == 0 or isinstance(plot, HeatMap) for number, plot in enumerate(plots)]
    beside = 0
    for number, is_wide in enumerate([*wide, True]):
        if is_wide and beside % 2:
            wide[number - 1] = True
        beside = 0 if is_wide else beside + 1
    return wide


def _plot(name: str, plot: Plot, is_wide: bool) -> str:
    axis = "" if isinstance(plot, HeatMap) else f'<p class="axis">{escape(plot.y_label)}</p>'
    note = f'<p class="note">{escape(plot.note)}</p>' if plot.note else ""
    title = escape(plot.title)
    if is_empty(plot):
        shown = '<p class="empty">Nothing to plot.</p>'
    else:
        shown = f'{_legend(name, plot)}<div class="plot" id="{name}" role="img" aria-label="{title}"></div>'
    return f'<section class="card{" wide" if is_wide else ""}"><h3>{title}</h3>{axis}{shown}{note}</section>'


def _legend(name: str, plot: Plot) -> str:
    """Return a plot's legend, where a click hides a series; none for a single one that the title names."""
    names = series_names(plot)
    if not names or (len(names) == 1 and _says(plot, names[0])):
        return ""
    items = []
    for number, series in enumerate(names):
        mark = "block" if isinstance(plot, BarPlot) or _is_stacked(plot) else DASHES[number // HUES % len(DASHES)]
        swatch = f'<span class="swatch {mark}" style="--hue:var(--hue-{number % HUES})"></span>'
        button = f'<button type="button" data-series="{number}" aria-pressed="true">{swatch}{escape(series)}</button>'
        items.append(f"<li>{button}</li>")
    return f'<ul class="legend" data-plot="{name}">{"".join(items)}</ul>'


def _says(plot: Plot, name: str) -> bool:
    """Return whether a plot's own texts tell what its series is."""
    return name.casefold() in f"{plot.title} {plot.y_label}".casefold()


def _is_stacked(plot: Plot) -> bool:
    """Whether a plot's series lie on one another."""
    return not isinstance(plot, HeatMap) and plot.is_stacked


def _tables(answer: Answer) -> str:
    if not answer.tables:
        return ""
    ordered = sorted(answer.tables, key=lambda table: table.is_detail)
    return "<h2>Tables</h2>\n" + "\n".join(map(table_html, ordered))


def _origin(answer: Answer, about: About) -> str:
    """Return what was asked, and how to ask it again."""
    digest = hashlib.sha256(about.scenario_text.encode()).hexdigest()
    told = (f"--seed {about.seed}", *map(shlex.quote, about.arguments))
    command = " ".join(["berth whatif", shlex.quote(answer.question), "scenario.toml", "--out DIR", *told])
    return (
        "<h2>What was asked</h2>\n"
        f'<details class="card"><summary>The scenario</summary><pre>{escape(about.scenario_text)}</pre></details>\n'
        '<section class="card table"><h3>The same answer again</h3>'
        '<p class="note">Save the scenario as scenario.toml beside the files that it names, and run</p>'
        f"<pre>{escape(command)}</pre>"
        '<p class="note">The same inputs and seed give the same bytes: this page, decisions.parquet, which has every '
        "decision, and summary.json, which has the figures and tables.</p>"
        f'<p class="facts">Berth {escape(__version__)} · seed {about.seed} · scenario sha256 <code>{digest}</code></p>'
        "</section>"
    )
