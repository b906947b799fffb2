"""Small scenarios for the tests of questions about many runs, and an answer's bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet as pq

from engine.whatif.answer import Answer
from engine.whatif.inputs import Inputs, read_inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import parse_scenario

FLAVORS = """
[[flavors]]
name = "small"
vcpus = 2
memory_mb = 4096
disk_gb = 20

[[flavors]]
name = "large"
vcpus = 16
memory_mb = 65536
disk_gb = 100
"""

MIX = """
[workload.mix]
flavors = {small = 0.7, large = 0.3}
per_hour = 20
duration = "2d"
lifetime = {kind = "exponential", mean = "12h"}
"""


def scenario_of(
    rest: str = "",
    *,
    fleet: str = "20 hosts of 64c 256g 2000d in 2 zones",
    workload: str = MIX,
    file: str = "",
) -> Scenario:
    """A synthetic fleet (or that of a file), two flavors and a mix that fills it, with what else a question needs."""
    source = f'file = "{file}"' if file else f'synthetic = "{fleet}"'
    text = f"seed = 3\n[fleet]\n{source}\n{FLAVORS}{workload}\n[replay]\nsamples = 10\n{rest}\n"
    return parse_scenario(text, "scenario.toml")


def inputs_of(scenario: Scenario, base: Path = Path()) -> Inputs:
    """What the scenario reads."""
    return read_inputs(scenario, base, None)


def answer_bytes(answer: Answer) -> bytes:
    """All that an answer says: its decisions as Parquet, its figures as JSON, and what is shown."""
    file = io.BytesIO()
    pq.write_table(answer.decisions, file)
    shown = repr((answer.question, answer.headline, answer.tables, answer.plots))
    return file.getvalue() + json.dumps(answer.figures, allow_nan=False).encode() + shown.encode()
