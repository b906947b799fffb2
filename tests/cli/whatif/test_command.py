"""The whole way of a question, from a scenario's file to the three files and what is printed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.whatif.decisions import DECISION_SCHEMA

NAMES = ["decisions.parquet", "report.html", "summary.json"]
FITS = """\
title = "West"
seed = 3
flavors = [{ name = "m1.large", vcpus = 4, memory_mb = 8192, disk_gb = 40 }]
[fleet]
synthetic = "12 hosts of 16c 64g 1000d in 3 zones, racks of 2"
"""
"""64 GiB take eight of them: 96 in all, 64 of them when one of three zones is lost."""
LOST = '[[changes]]\ndo = "fail"\nof.zone = "az2"\n'


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "scenario.toml"
    file.write_text(FITS)
    return file


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_answer_is_three_files_and_is_printed(berth: Any, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = berth("whatif", "fits", scenario, "--out", out, "--workers", 1)
    assert answer.code == 0, answer.err
    assert names_in(out) == NAMES
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["question"], summary["title"], summary["seed"]) == ("fits", "West", 3)
    assert summary["figures"]["fits"] == {"m1.large": 96}
    assert answer.out.startswith(summary["headline"])
    assert "m1.large" in answer.out
    assert set(DECISION_SCHEMA.names) <= set(pq.read_schema(out / "decisions.parquet").names)
    page = (out / "report.html").read_text()
    assert summary["headline"] in page
    assert "12 hosts of 16c 64g 1000d" in page
    assert re.search(rf"answered in [0-9.]+ s: {summary['decisions']} decisions, [0-9]+ a second", answer.err)
    assert str(out / "report.html") in answer.err


def test_a_lost_zone_takes_its_part(berth: Any, scenario: Path) -> None:
    scenario.write_text(FITS + LOST)
    assert berth("whatif", "fits", scenario, "--json", "--workers", 1).document["figures"]["fits"] == {"m1.large": 64}


def test_what_was_lost_with_the_zone_is_said_beside_what_fits(berth: Any, scenario: Path) -> None:
    filled = '[workload.fill]\nflavors = { "m1.large" = 1 }\nlimit = 90\n'
    scenario.write_text(FITS + filled + LOST.replace("do", 'at = "1h"\ndo'))
    answer = berth("whatif", "fits", scenario, "--workers", 1)
    # Of 90 instances 64 find room on two zones.
    assert answer.out.splitlines()[0] == "0 more m1.large would fit; 26 instances that had to move found no host."


def test_json_is_the_summary_and_nothing_else(berth: Any, scenario: Path, tmp_path: Path) -> None:
    answer = berth("whatif", "fits", scenario, "--out", tmp_path / "out", "--json", "--seed", 11, "--workers", 1)
    assert answer.out == (tmp_path / "out" / "summary.json").read_text()
    assert answer.err == ""
    assert answer.document["seed"] == 11


def test_without_a_folder_nothing_is_written(berth: Any, scenario: Path, tmp_path: Path) -> None:
    assert berth("whatif", "fits", scenario, "--workers", 1).code == 0
    assert names_in(tmp_path) == ["scenario.toml"]


def test_the_same_question_twice_is_the_same_bytes(berth: Any, scenario: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert berth("whatif", "fits", scenario, "--out", tmp_path / name, "--workers", 1).code == 0
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("[fleet\n", "scenario.toml:1"),
        ("[fleet]\nsynthetic = 1\nzone = 3\n", "scenario.toml:3: fleet.zone"),
        ("[fleet]\nsynthetic = -5\n", "scenario.toml:2"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said_with_its_line(
    berth: Any, scenario: Path, tmp_path: Path, text: str, said: str
) -> None:
    scenario.write_text(text)
    answer = berth("whatif", "fits", scenario, "--out", tmp_path / "out")
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""
    assert names_in(tmp_path) == ["scenario.toml"]


def test_errors_are_json_where_answers_are(berth: Any, tmp_path: Path) -> None:
    answer = berth("whatif", "fits", tmp_path / "missing.toml", "--json")
    assert answer.code == 2
    assert answer.error["reason"] == "INVALID_FILE"
    assert "missing.toml" in answer.error["message"]


def test_a_place_that_cannot_be_written_to_is_said_before_the_run(berth: Any, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    answer = berth("whatif", "fits", tmp_path / "missing.toml", "--out", tmp_path / "out")
    assert answer.code == 2
    assert "is no folder" in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", 2, "--dask", "tcp://127.0.0.1:1"), "give one of them"),
        (("--on", "127.0.0.1:1", "--live", "127.0.0.1:1"), "leave out --live"),
        (("--on", "127.0.0.1:1", "--workers", 2), "leave out --workers"),
        (("--on", "127.0.0.1:1", "--dask", "tcp://127.0.0.1:1"), "leave out --dask"),
        (("--workers", 0), "--workers"),
        (("--seed", -1), "--seed"),
        (("--seed", "x"), "--seed"),
        (("--dask", "nonsense"), "nonsense"),
    ],
)
def test_options_that_cannot_be(berth: Any, scenario: Path, options: tuple[object, ...], said: str) -> None:
    answer = berth("whatif", "fits", scenario, *options)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize("option", ["--on", "--live"])
def test_a_service_that_is_not_there(berth: Any, scenario: Path, nowhere: str, option: str) -> None:
    answer = berth("whatif", "fits", scenario, option, nowhere)
    assert answer.code == 5
    assert nowhere in answer.err


def test_a_scenario_about_the_service_that_is_asked_needs_one(berth: Any, scenario: Path) -> None:
    scenario.write_text('fleet.live = "self"\n')
    answer = berth("whatif", "fits", scenario)
    assert answer.code == 2
    assert "--on HOST:PORT" in answer.err


def test_an_unknown_question_is_a_mistake_of_usage(berth: Any, scenario: Path) -> None:
    answer = berth("whatif", "guess", scenario)
    assert answer.code == 2
    assert "guess" in answer.err


def test_ctrl_c_ends_a_long_run_with_130_and_without_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    # A pipe: it is read when the command is past its beginning. Two thousand runs then take minutes.
    os.mkfifo(file)
    text = f"{FITS}[sweep]\nseed = {list(range(2000))}\n"
    command = [sys.executable, "-m", "engine", "whatif", "fits", str(file), "--out", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        file.write_text(text)
        time.sleep(1.0)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert out == b""
    assert b"stopped before it was done" in err
    assert not (tmp_path / "out").exists()
