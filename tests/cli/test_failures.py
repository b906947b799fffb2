from __future__ import annotations

import json

import pytest

from engine.cli.advice import advice
from engine.cli.failures import write_failure
from engine.errors import EngineError, InvalidRequestError, NoValidHostError, UnknownHostError

REFUSAL = NoValidHostError("no host has room", rejections={"A": 2, "B": 1}, hosts_total=3, placed=4)


def family(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def test_a_refusal_shows_what_each_filter_removed(capsys):
    write_failure(REFUSAL, as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line.split() for line in captured.err.splitlines()]
    assert ["A", "2", "1"] in lines
    assert ["B", "1", "0"] in lines


def test_a_failure_as_json_is_one_document(capsys):
    write_failure(REFUSAL, as_json=True)
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["rejections"] == [{"filter": "A", "removed": 2, "left": 1}, {"filter": "B", "removed": 1, "left": 0}]
    assert (error["hosts_total"], error["instances_placed"]) == (3, 4)
    write_failure(UnknownHostError("no such host", host="x"), as_json=True)
    error = json.loads(capsys.readouterr().err)["error"]
    assert (error["reason"], error["details"]) == ("UNKNOWN_HOST", {"host": "x"})
    assert "hosts list" in error["advice"]


def test_a_message_that_says_what_to_do_gets_no_advice(capsys):
    write_failure(InvalidRequestError("give it once"), as_json=False)
    assert capsys.readouterr().err == "berth: give it once\n"


@pytest.mark.parametrize("kind", [kind for kind in family(EngineError) if kind.__module__ == "engine.errors"])
def test_advice_is_a_line(kind):
    error = kind("x", rejections={}, hosts_total=0) if kind is NoValidHostError else kind("x")
    assert "\n" not in advice(error)
