from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.errors import InvalidFileError
from engine.faults import FaultPlan


def plan_of(tmp_path: Path, *rules: object) -> FaultPlan:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps(rules))
    return FaultPlan(path)


def test_without_a_file_there_are_no_rules(tmp_path: Path) -> None:
    assert FaultPlan(tmp_path / "none.json").rule("image", "GET /v2/images") is None


def test_a_rule_applies_to_its_part_its_whole_point_and_its_host(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        {"part": "image", "point": "GET /v2/images/.*", "status": 503},
        {"part": "compute", "point": "spawn", "host": "cn1", "value": "fail"},
    )
    found = plan.rule("image", "GET /v2/images/1")
    assert found is not None
    assert (found.status, found.delay_s, found.message) == (503, 0.0, "a fault rule made this fail")
    assert plan.rule("network", "GET /v2/images/1") is None
    assert plan.rule("image", "GET /v2/images") is None
    assert plan.rule("image", "FORGET /v2/images/1") is None
    assert plan.rule("compute", "spawn") is None
    assert plan.rule("compute", "spawn", host="cn2") is None
    spawn = plan.rule("compute", "spawn", host="cn1")
    assert spawn is not None
    assert spawn.value == "fail"


def test_the_first_rule_that_is_not_used_up_applies(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        {"part": "x", "point": "p", "times": 2, "message": "first"},
        {"part": "x", "point": "p", "times": 0, "message": "never"},
        {"part": "x", "point": ".*", "message": "then"},
    )
    messages = []
    for _ in range(4):
        rule = plan.rule("x", "p")
        assert rule is not None
        messages.append(rule.message)
    assert messages == ["first", "first", "then", "then"]


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"part": "x", "point": "p", "times": 1})
    assert plan.rule("x", "p") is not None
    assert plan.rule("x", "p") is None
    plan.path.write_text(json.dumps([{"part": "x", "point": "q"}]))
    assert plan.rule("x", "q") is not None
    plan.path.unlink()
    assert plan.rule("x", "q") is None


def test_a_file_put_in_the_others_place_is_noticed_by_more_than_its_time_and_size(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"part": "x", "point": "p"})
    assert plan.rule("x", "p") is not None
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"part": "x", "point": "q"}]))
    status = plan.path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(plan.path)
    assert plan.rule("x", "p") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "5",
        "null",
        '{"part": "x", "point": "p"}',
        '["x"]',
        "[[]]",
        '[{"part": "x"}]',
        '[{"part": "x", "point": "("}]',
        '[{"part": "x", "point": "p", "unknown": 1}]',
        '[{"part": "x", "point": "p", "used": 0}]',
        '[{"part": "x", "point": "p", "times": "3"}]',
        '[{"part": "x", "point": "p", "times": -1}]',
        '[{"part": "x", "point": "p", "delay_s": -1}]',
        '[{"part": "x", "point": "p", "delay_s": NaN}]',
        '[{"part": "x", "point": "p", "status": 1000}]',
        '[{"part": "x", "point": "p", "status": ' + "9" * 500 + "}]",
        '[{"part": 5, "point": "p"}]',
    ],
)
def test_a_file_of_no_rules_is_refused_until_it_is_mended(tmp_path: Path, text: str) -> None:
    plan = FaultPlan(tmp_path / "faults.json")
    plan.path.write_text(text)
    for _ in range(2):
        with pytest.raises(InvalidFileError, match="is no list of fault rules"):
            plan.rule("x", "p")
    plan.path.write_text("[]")
    assert plan.rule("x", "p") is None


def test_bytes_that_are_no_text_and_a_folder_are_refused(tmp_path: Path) -> None:
    plan = FaultPlan(tmp_path / "faults.json")
    plan.path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFileError):
        plan.rule("x", "p")
    with pytest.raises(InvalidFileError, match="cannot be read"):
        FaultPlan(tmp_path).rule("x", "p")
