from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer
from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.report.files import Report, check_out, render, write_files, write_report
from engine.whatif.report.summary import About

ANSWER = Answer("fits", "12 more fit", {"slots": 12}, DECISION_SCHEMA.empty_table())
ABOUT = About("[fleet]\nsynthetic = 1\n", 7)
NAMES = ["decisions.parquet", "report.html", "summary.json"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_three_files_are_left_in_a_new_folder(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    write_report(ANSWER, out, ABOUT)
    assert names_in(out) == NAMES
    assert json.loads((out / "summary.json").read_text())["figures"] == {"slots": 12}
    assert pq.read_schema(out / "decisions.parquet").equals(DECISION_SCHEMA)
    assert "12 more fit" in (out / "report.html").read_text()


def test_the_same_answer_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(ANSWER, tmp_path / name, ABOUT)
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_files_stay_and_older_ones_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "report.html").write_text("old")
    write_report(ANSWER, tmp_path, ABOUT)
    assert names_in(tmp_path) == sorted([*NAMES, "notes.txt"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "report.html").read_text() != "old"


def test_a_file_that_cannot_be_written_leaves_none(tmp_path: Path) -> None:
    report = render(ANSWER, ABOUT)
    (tmp_path / "report.html").write_text("old")
    broken = Report(report.report, report.decisions, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write_files(broken, tmp_path)
    assert names_in(tmp_path) == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    for act in (lambda: check_out(tmp_path / "out"), lambda: write_report(ANSWER, tmp_path / "out" / "x", ABOUT)):
        with pytest.raises(InvalidRequestError, match="cannot write the report"):
            act()


def test_a_folder_in_the_place_of_a_file_is_an_error_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(InvalidRequestError, match=r"summary\.json is a folder there"):
        check_out(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_an_error_before_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InvalidRequestError, match="may not be written to"):
            check_out(tmp_path / "new")
    finally:
        tmp_path.chmod(0o700)


def test_checking_makes_nothing(tmp_path: Path) -> None:
    check_out(tmp_path / "a" / "b")
    check_out(tmp_path)
    assert names_in(tmp_path) == []
