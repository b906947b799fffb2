from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from engine.whatif.answer import Answer, BarPlot, Column, HeatMap, LinePlot, ResultTable, Series
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.report.page import page_html
from engine.whatif.report.summary import About

NASTY = "</script></pre><script>alert('no')</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """A page's elements, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.shown: list[str] = []
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.shown.append(data)

    @property
    def figures(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.scripts[0])
        return found

    @property
    def text(self) -> str:
        return "".join(self.shown)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def answer(name: str = "az1", **changes: object) -> Answer:
    parts: dict[str, object] = {
        "question": "replay",
        "headline": f"{name} is lost",
        "figures": {"requests": 9, "refused": 3, "refused_percent": 33.3, "zone": name, "by": {"a": 1}},
        "decisions": DECISION_SCHEMA.empty_table(),
        "tables": (ResultTable(name, (Column(name, name),), ((name,),), name),),
        "plots": (
            LinePlot(name, name, name, (Series(name, [0, 1], [1, 2]), Series("b", [0, 1], [1, 2])), note=name),
            BarPlot(name, name, (name,), (name, "b"), ((1,), (2,)), note=name),
            HeatMap(name, name, name, (name,), (name,), ((math.nan,),), ((name,),), note=name),
        ),
    }
    return Answer(**{**parts, **changes})  # type: ignore[arg-type]


def page(found: Answer, text: str = "[fleet]\n", title: str = "") -> Page:
    """A page but for plotly's own text, which takes long to read."""
    return Page(page_html(found, About(text, 7, title)).replace(get_plotlyjs(), "plotly"))


def test_the_headline_is_first_and_figures_plots_tables_and_the_scenario_follow() -> None:
    text = page(answer(), 'fleet.synthetic = "10 hosts"').text
    order = ["az1 is lost", "Requests", "Plots", "Tables", "What was asked", 'fleet.synthetic = "10 hosts"', "--seed 7"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)


def test_nothing_is_loaded_from_anywhere() -> None:
    found = page(answer())
    assert not [name for name, _ in found.elements if name in ("link", "img", "iframe", "object", "embed", "base")]
    assert not [attributes for _, attributes in found.elements if {"src", "href", "srcset"} & set(attributes)]
    (policy,) = [meta for meta in found.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert (policy["content"] or "").startswith("default-src 'none'; ")


def test_the_policy_names_exactly_the_scripts_of_the_page() -> None:
    found = Page(page_html(answer(), About("", 7)))
    (policy,) = [meta["content"] or "" for meta in found.of("meta") if "http-equiv" in meta]
    data, *scripts = found.scripts
    assert json.loads(data)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert len(digests) == 2


def test_plotly_does_not_end_the_element_that_it_stands_in() -> None:
    assert "</script" not in get_plotlyjs()
    assert "<!--" not in get_plotlyjs()


def test_a_name_that_is_a_script_is_shown_and_does_not_run() -> None:
    found = page(answer(NASTY), NASTY, NASTY)
    assert len(found.scripts) == 3
    assert not found.of("img")
    assert NASTY in found.text
    assert not [attributes for _, attributes in found.elements if any(name.startswith("on") for name in attributes)]


@settings(max_examples=12, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_name_leaves_the_page_as_it_is_built(name: str) -> None:
    built = ["html", "head", "meta", "meta", "meta", "meta", "meta", "title", "style", "body", "main", "header"]
    tags = [tag for tag, _ in page(answer(name), name, name).elements]
    assert tags[: len(built)] == built
    assert tags.count("script") == 3
    assert {"img", "a", "b", "i"}.isdisjoint(tags)
    assert len(tags) == LENGTH


LENGTH = len(page(answer()).elements)
"""How many elements a page of plain names has."""


def test_the_same_answer_is_the_same_page() -> None:
    about = About("[fleet]\n", 7)
    assert page_html(answer(), about) == page_html(answer(), about)


def test_every_plot_that_shows_something_has_its_figure() -> None:
    found = page(answer())
    places = [attributes["id"] for attributes in found.of("div") if attributes.get("class") == "plot"]
    assert places == ["plot-1", "plot-2"] == sorted(found.figures)
    assert "Nothing to plot." in found.text


def test_a_legend_is_there_for_several_series_and_for_one_that_the_title_does_not_name() -> None:
    named = LinePlot("Instances", "x", "y", (Series("instances", [0], [1]),))
    unnamed = LinePlot("Refusals", "x", "y", (Series("memory", [0], [1]),))
    assert not page(answer(plots=(named,))).of("button")
    assert len(page(answer(plots=(unnamed,))).of("button")) == 1
    assert len(page(answer()).of("button")) == 4


def test_the_share_of_a_figure_stands_in_its_tile() -> None:
    text = page(answer()).text
    assert text.count("Refused") == 1
    assert "33.3\u202f%" in text


def test_an_answer_of_nothing_is_a_page() -> None:
    found = page(answer(figures={}, tables=(), plots=()))
    assert found.figures == {}
    assert "Plots" not in found.text
    assert "Tables" not in found.text
    assert "What would have been refused?" in found.text


def test_options_that_changed_the_answer_are_in_the_command() -> None:
    text = Page(page_html(answer(), About("", 0, "", ("--live", "a b:1")))).text
    assert "berth whatif replay scenario.toml --out DIR --seed 0 --live 'a b:1'" in text


def test_details_come_after_what_is_no_detail() -> None:
    tables = (
        ResultTable("Every host", (Column("n"),), ((1,),), is_detail=True),
        ResultTable("In short", (Column("n"),), ((1,),)),
    )
    text = page(answer(tables=tables)).text
    assert text.index("In short") < text.index("Every host")
