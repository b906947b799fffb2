"""The comparison with nova: its report, its exit code, and what happens where there is no nova."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.differential.asking import ROOT, NovaProcess
from tests.differential.generate import generate
from tests.differential.nova_compare import Compared, report
from tests.differential.write_golden import MOST_HOSTS, pick

OUTCOMES = [
    Compared("caps-000000", "caps", "equal"),
    Compared("caps-000001", "caps", "different", (), "  selected\n    Berth [1]\n    nova  [0]"),
    Compared("json-000002", "json", "different", (), "  filtered"),
    Compared("all-000005", "all", "equal"),
    Compared("numa-000003", "numa", "unsupported", ("feature: moon",)),
    Compared("numa-000004", "numa", "unanswerable", ("ValueError",), "ValueError: x"),
]


def test_the_report_counts_by_family_and_shows_the_first_differences() -> None:
    text = report(OUTCOMES, 1)
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()[1:] and line[0] != " "}
    assert rows["caps"] == ["1", "1", "0", "0"]
    assert rows["numa"] == ["0", "0", "1", "1"]
    assert rows["all"] == ["1", "0", "0", "0"]
    assert rows["total"] == ["2", "2", "1", "1"]
    assert "unsupported: feature: moon" in text
    assert "caps-000001" in text
    assert "Berth [1]" in text
    assert "json-000002" not in text
    assert "and 1 more that differ" in text


def test_an_interpreter_without_nova_is_said_to_have_ended() -> None:
    with NovaProcess(Path(sys.executable)) as process, pytest.raises(RuntimeError, match="ended with 1"):
        process.ask(list(generate(1, 1)))


def test_no_interpreter_at_all_is_an_error() -> None:
    with pytest.raises(OSError, match="no-such-python"):
        NovaProcess(Path("/no-such-python"))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "--python"),
        (["--python", "python", "--families", "nosuch"], "invalid choice: 'nosuch'"),
        (["--python", "python", "--requests", "many"], "invalid int value"),
    ],
)
def test_bad_arguments_are_named(arguments: list[str], what: str) -> None:
    command = [sys.executable, "-m", "tests.differential.nova_compare", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert what in run.stderr


def test_golden_cases_are_small_and_some_end_in_no_host() -> None:
    cases = [json.loads(json.dumps(case)) for case in generate(1, 40, ["caps"])]
    for number, case in enumerate(cases):
        hosts = len(case["hosts"])
        case["expected"] = (
            {"numa_error": None, "selected_error": "NoValidHost"}
            if number % 3 == 0
            else {"numa_error": None, "filtered": list(range(hosts if number % 3 == 1 else hosts - 1))}
        )
    cases[0]["expected"] = {"unanswerable": "x"}
    telling = next(
        case for case in reversed(cases) if "filtered" in case["expected"] and len(case["hosts"]) <= MOST_HOSTS
    )
    telling["expected"] = {"numa_error": None, "filtered": [0, 1], "per_filter": {"IoOpsFilter": [0, 1]}}
    picked = pick(cases, set())
    assert [bool(case["expected"].get("selected_error")) for case in picked] == [False, False, True]
    assert picked[0] is telling
    assert all(len(case["hosts"]) <= MOST_HOSTS for case in picked)
    assert all(len(case["expected"]["filtered"]) < len(case["hosts"]) for case in picked[:2])
