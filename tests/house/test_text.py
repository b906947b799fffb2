"""The project's text speaks of the project alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, project_files

# written in two parts, so that this file does not hold what it looks for
MARKERS = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
MACHINE_PATHS = ("/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/", "/ho" + "me/")
REGISTRIES = ("pypi." + "org", "pythonhosted." + "org", "index-" + "url", ":/" + "/pypi")

FORBIDDEN = re.compile(
    "|".join(
        [rf"\b{marker}\b" for marker in MARKERS]
        + [rf"(?<![\w.]){re.escape(path)}" for path in MACHINE_PATHS]
        + [re.escape(host) for host in REGISTRIES]
    )
)


def mentions(text: str) -> list[str]:
    """Return line number and match for everything in a text that has no place in the project."""
    return [
        f"{number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in FORBIDDEN.finditer(line)
    ]


def test_no_file_mentions_machines_registries_or_unfinished_work() -> None:
    found: list[str] = []
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{mention}" for mention in mentions(text)]
    assert not found


@pytest.mark.parametrize(
    "text", [*MARKERS, *(f"see {path}x" for path in MACHINE_PATHS), *(f"https://{host}/x" for host in REGISTRIES)]
)
def test_each_mention_is_found(text: str) -> None:
    assert mentions(text)


@pytest.mark.parametrize("text", ["workload/x", "roots/", "todos", "a/network/b", "the farm"])
def test_ordinary_words_are_no_mention(text: str) -> None:
    assert not mentions(text)


def test_the_walk_finds_this_file() -> None:
    assert Path(__file__) in project_files()
