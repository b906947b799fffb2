"""One page that needs no network: plots of a comparison by fleet size, a table under each, and what was compared."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.against.growth import Kind, Point, lines_of
from bench.against.plot import Axes, Level, Line, Spot, plot
from bench.against.results import AGAIN, CLAIM, FIRST, LABELS, Comparison, spread_of_times, time_text
from bench.against.style import STYLE
from bench.against.tables import Rows, case_rows, floor_rows, ratio_rows, time_rows
from bench.report import number
from bench.workloads import count_text

_STYLES = {name: place for place, name in enumerate(LABELS)}
_GROWTH: tuple[tuple[Kind, str, str, str, str], ...] = (
    (
        "classes",
        "With more live classes",
        "request classes that go round",
        "{}",
        "Requests of many kinds in turn: every claim changes a host that all the other classes look at too.",
    ),
    (
        "share",
        "With fewer hosts that pass",
        "share of the hosts that pass the filters",
        "{} %",
        "64 classes go round. Few hosts may pass because of a text fact (a zone, a trait, an aggregate) or because few "
        "have room.",
    ),
    (
        "taken",
        "On fuller fleets",
        "share of the capacity still free, fuller to the right",
        "{} %",
        "The fleet is filled by placing on it, until so much of it is taken; then 64 classes go round.",
    ),
)
_LEGEND = (
    "Marks are medians, the broad bars behind them the middle half of the rounds; the tables say both. Times of "
    "decisions are CPU times; the dotted floors are wall-clock times, as a client sees them."
)
_COMPARED = (
    "Every contender gets the same hosts and the same request, its rounds come between the others', and "
    "the run stops where one chooses another host than nova, lets another number pass, or weighs it differently. "
    "Times are CPU time of one thread; nova's are of its own filters and weighers, the unmodified classes, called as "
    "its scheduler calls them.",
    "Not compared: what nova does before that. It makes its host states anew for each request (below), after reading "
    "them from its database and after asking placement, which takes longer again. Berth keeps its hosts in memory. "
    "Neither side's service, message bus or durable claim is in these times; the floors say what those cost at least.",
    "“First request of its class” is a selector that has never seen the request or the hosts: it compiles nothing, but "
    "evaluates every text filter and scans every host. “Asked again” is the same request after one claim was given "
    "back. A cloud's requests are nearly all of the second kind.",
    "In a batch, a decision and its claim can take less than one read of all the columns: a class view looks only at "
    "the hosts that changed since the class was asked for last.",
    "The plain Python bodies are Berth's own plug-ins run host by host, which says how much of the difference is the "
    "algorithm's data and how much the compiled kernel's. numpy gets the text filters' outcome for nothing.",
)


def page(run: Comparison, points: Sequence[Point] = ()) -> str:
    """Return the page's HTML; growth is left out where there are no points."""
    sections = [
        *(_chain_section(run, chain) for chain in run.chains),
        _ratio_section(run),
        *(_growth_section(points, *growth) for growth in _GROWTH if lines_of(points, growth[0])),
        _section(
            "Floors",
            "<p>What a durable answer over the network costs with nothing behind it, in wall-clock time.</p>",
            floor_rows(run),
        ),
        _section("What was compared, and what not", _paragraphs(_COMPARED), case_rows(run)),
        _section("Machine and versions", "", [("what", "which"), *run.about.items()]),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>Berth and nova, compared</title><style>{STYLE}</style></head><body><main>",
            "<h1>Berth and nova, compared</h1>",
            f'<p class="lead">{escape(summary(run))}</p>',
            f"<p>{escape(_LEGEND)}</p>",
            *sections,
            "</main></body></html>",
            "",
        ]
    )


def summary(run: Comparison) -> str:
    """Return what a run found, in two sentences."""
    chain = run.chains[0]
    hosts, (ratio, _, _) = max(run.ratios(chain, AGAIN).items())
    first = run.ratios(chain, FIRST)[hosts][0]
    again = run.of(chain, AGAIN)[hosts].median_s
    return (
        f"On {count_text(hosts)} hosts with nova's {chain}, nova's filters and weighers take {number(ratio)} times as "
        f"long as Berth for a request whose like was asked before ({time_text(again)}), and {number(first)} times as "
        f"long for one never seen. Both choose the same hosts with the same weights, on every fleet below."
    )


def _chain_section(run: Comparison, chain: str) -> str:
    lines = [
        Line(label, tuple(Spot(hosts, item.median_s, *item.spread_s) for hosts, item in sorted(found.items())), place)
        for (name, label), place in zip(LABELS.items(), _STYLES.values(), strict=True)
        if (found := run.of(chain, name))
    ]
    title = f"One decision, {chain}"
    axes = Axes(title, "hosts (log)", "CPU time of a decision (log)", _host_ticks(run, chain), time_text)
    levels = [Level(f"floor: {item.name}", item.median_s) for item in run.floors]
    return _section(title, _picture(plot(axes, lines, levels)), time_rows(run, chain))


def _ratio_section(run: Comparison) -> str:
    lines: list[Line] = []
    for chain in run.chains:
        for name in (FIRST, AGAIN, CLAIM):
            if found := run.ratios(chain, name):
                words = {FIRST: "first request", AGAIN: "asked again", CLAIM: "in a batch"}[name]
                spots = tuple(Spot(hosts, *ratio) for hosts, ratio in sorted(found.items()))
                lines.append(Line(f"{chain}, {words}", spots, len(lines)))
    axes = Axes(
        "nova's time / Berth's time",
        "hosts (log)",
        "times as long (log)",
        _host_ticks(run, None),
        _times_text,
    )
    return _section("nova / Berth", _picture(plot(axes, lines)), ratio_rows(run))


def _times_text(value: float) -> str:
    return f"{count_text(round(value)) if value >= 1 else number(value)}\u00d7"


def _growth_section(points: Sequence[Point], kind: Kind, title: str, x_label: str, tick: str, text: str) -> str:
    found = lines_of(points, kind)
    shown = {point.x: 100 - point.x if kind == "taken" else point.x for many in found.values() for point in many}
    lines = [
        Line(
            name,
            tuple(Spot(shown[point.x], point.seconds, point.low_s, point.high_s) for point in many),
            place,
        )
        for place, (name, many) in enumerate(found.items())
    ]
    ticks = tuple((place, tick.format(number(place))) for place in sorted(shown.values()))
    reverse = kind != "classes"
    if kind == "share":
        lines = [Line(line.name, tuple(reversed(line.spots)), line.style) for line in lines]
    axes = Axes(title, f"{x_label} (log)", "decision and claim (log)", ticks, time_text, reverse=reverse)
    order = sorted(shown, key=lambda x: shown[x], reverse=reverse)
    rows: list[tuple[str, ...]] = [("a decision and its claim take", *(tick.format(number(shown[x])) for x in order))]
    for name, many in found.items():
        at = {point.x: point for point in many}
        rows.append((name, *(_growth_cell(at[x]) if x in at else "" for x in order)))
    return _section(title, f"<p>{escape(text)}</p>{_picture(plot(axes, lines))}", rows)


def _growth_cell(point: Point) -> str:
    return f"{time_text(point.seconds)} ({spread_of_times((point.low_s, point.high_s))})"


def _host_ticks(run: Comparison, chain: str | None) -> tuple[tuple[float, str], ...]:
    hosts = sorted({item.hosts for item in run.timings if chain in (None, item.chain)})
    return tuple((float(many), count_text(many)) for many in hosts)


def _section(title: str, body: str, rows: Rows) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}{_table(rows)}</section>"


def _picture(svg: str) -> str:
    """Return a plot that scrolls on its own where the page is narrow: its texts stay readable."""
    return f'<div class="wide">{svg}</div>'


def _paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _table(rows: Rows) -> str:
    """Return rows as a table, the first its heading; what is in brackets is set smaller."""
    head, *body = rows
    heads = "".join(f"<th>{escape(text)}</th>" for text in head)
    lines = "".join(
        "<tr>"
        + "".join(f"<td>{_cell(text)}</td>" if place else f"<th>{_cell(text)}</th>" for place, text in enumerate(row))
        + "</tr>"
        for row in body
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def _cell(text: str) -> str:
    value, bracket, spread = text.partition(" (")
    return escape(value) + (f"<small>{escape(spread.removesuffix(')'))}</small>" if bracket else "")
