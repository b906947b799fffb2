from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from engine.cli.whatif.questions import QUESTIONS
from engine.whatif.asking import QUESTIONS as ASKED
from engine.whatif.scenario.reading import parse_scenario


def test_every_question_has_a_command() -> None:
    assert tuple(QUESTIONS) == ASKED


@pytest.mark.parametrize("question", ASKED)
def test_the_example_in_the_help_is_a_scenario(question: str) -> None:
    parse_scenario(QUESTIONS[question].example, "scenario.toml")


@pytest.mark.parametrize("question", ASKED)
def test_the_help_shows_the_example_as_it_is(berth: Any, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = berth("whatif", question, "--help").out
    for line in QUESTIONS[question].example.splitlines():
        assert line in shown


def test_the_help_of_all_lists_every_question(berth: Any) -> None:
    shown = berth("whatif", "--help").out
    assert all(question in shown for question in ASKED)


def test_help_does_not_wait_for_what_it_does_not_need() -> None:
    heavy = ("plotly", "pyarrow", "numpy", "numba", "pydantic", "distributed", "grpc")
    told = f"import sys; from engine.cli.app import app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
