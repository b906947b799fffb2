from __future__ import annotations

import json

import pytest

from engine.cli.replay.outcome import ReplayOutcome
from engine.cli.replay.refusals import Refusal
from engine.cli.replay.report import write_report
from engine.whatif.workloads.trace import Shape

SHAPES = tuple((Shape(number, 1024, 0), 10 - number) for number in range(1, 5))
OUTCOME = ReplayOutcome(
    run="r",
    creates=100,
    deletes=20,
    batches=5,
    placed=70,
    repeated=0,
    refused=30,
    released=15,
    peak_placed=60,
    seconds=0.0,
    refused_shapes=SHAPES,
)


@pytest.mark.parametrize(
    ("passing", "removed", "last_reason", "said"),
    [
        (3, {}, "", "fits again: 3 hosts"),
        (0, {"A": 9}, "", "A removed the last 9"),
        (0, {"A": 7, "B": 2}, "no room", "A removed 7, B removed the last 2: no room"),
        (0, {}, "", "there are no hosts"),
    ],
)
def test_why_a_shape_was_refused_is_said(capsys, passing, removed, last_reason, said):
    last_filter = list(removed)[-1] if removed else ""
    refusal = Refusal(*SHAPES[0], passing, removed, last_filter, last_reason)
    write_report(OUTCOME, [refusal], as_json=False)
    shown = capsys.readouterr().out
    assert said in shown
    assert "and 3 more shapes" in shown


def test_the_json_report_lists_every_refused_shape(capsys):
    write_report(OUTCOME, [], as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert len(document["refused_shapes"]) == 4
    assert document["refused_shapes"][0] == {"vcpus": 1, "memory_mb": 1024, "disk_gb": 0, "refused": 9}
    assert (document["events"], document["events_per_second"]) == (120, 0)
