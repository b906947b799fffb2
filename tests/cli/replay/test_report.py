from __future__ import annotations

import json

import pytest

from engine.cli.replay.outcome import ReplayOutcome
from engine.cli.replay.refusals import Refusal
from engine.cli.replay.report import write_report
from engine.cli.replay.trace import Shape

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
    ("passing", "last_filter", "last_reason", "said"),
    [
        (3, "", "", "fits again: 3 hosts"),
        (0, "AFilter", "", "AFilter removed the last hosts"),
        (0, "AFilter", "no room", "AFilter removed the last hosts: no room"),
        (0, "", "", "there are no hosts"),
    ],
)
def test_why_a_shape_was_refused_is_said(capsys, passing, last_filter, last_reason, said):
    refusal = Refusal(*SHAPES[0], hosts_passing=passing, last_filter=last_filter, last_reason=last_reason)
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
