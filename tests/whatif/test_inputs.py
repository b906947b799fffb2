"""Inputs: what scenarios read, each thing once, for all their variations."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidFileError, InvalidRequestError
from engine.inventory.fleet_file import write_fleet
from engine.scheduler.options import SchedulerOptions
from engine.whatif.fleets.synthetic import synthetic_fleet
from engine.whatif.inputs import Inputs, inputs_for, open_world, read_inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.reading import parse_scenario, with_values
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA, Snapshot
from tests.builders import fleet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two fleets, allocations and a trace."""
    (tmp_path / "data").mkdir()
    write_fleet(synthetic_fleet("3 hosts of 8c 16g"), tmp_path / "data" / "small.parquet")
    write_fleet(synthetic_fleet("5 hosts of 8c 16g"), tmp_path / "data" / "large.csv")
    held = {
        "instance": ["a"],
        "host_id": ["h-000002"],
        "flavor": ["f"],
        "vcpus": [2],
        "memory_mb": [512],
        "disk_gb": [0],
    }
    pq.write_table(pa.table(held), tmp_path / "data" / "held.parquet")
    trace = {"vm_id": [1, 2], "t_create": [0, 5], "t_delete": [9, 9], "vcpus": [1, 2], "memory_mb": [1, 2], "n": [1, 2]}
    pq.write_table(pa.table(trace), tmp_path / "data" / "trace.parquet")
    return tmp_path


def scenario(text: str) -> Scenario:
    return parse_scenario(text, "s.toml")


def no_service(target: str) -> Snapshot:
    raise AssertionError(target)


def test_files_are_read_relative_to_the_folder_and_opened(folder: Path) -> None:
    asked = scenario("[fleet]\nfile = 'data/small.parquet'\nallocations = 'data/held.parquet'")
    inputs = read_inputs(asked, folder, no_service)
    world = open_world(asked, inputs, seed=0)
    assert world.table.columns["vcpu_used"][:3].tolist() == [0, 2, 0]
    assert inputs.trace is None


def test_an_absolute_path_is_taken_as_it_is(folder: Path) -> None:
    asked = scenario(f"[fleet]\nfile = '{folder / 'data' / 'large.csv'}'")
    hosts = read_inputs(asked, Path("nowhere"), None).hosts
    assert hosts is not None
    assert hosts.num_rows == 5


def test_a_trace_is_read_with_the_columns_it_speaks_of(folder: Path) -> None:
    asked = scenario("[fleet]\nsynthetic = 1\n[workload.trace]\nfile = 'data/trace.parquet'")
    trace = read_inputs(asked, folder, None).trace
    assert trace is not None
    assert set(trace.column_names) == {"vm_id", "t_create", "t_delete", "vcpus", "memory_mb"}


def test_a_service_is_asked_once_by_its_address() -> None:
    asked_of = []

    def fetch(target: str) -> Snapshot:
        asked_of.append(target)
        return Snapshot(fleet([{}]), ALLOCATION_SCHEMA.empty_table(), SchedulerOptions())

    asked = scenario("[fleet]\nlive = 'h:7474'\n[sweep]\n'replay.samples' = [1, 2]\n'fleet.live' = ['h:7474', 'h:2']")
    inputs = read_inputs(asked, Path(), fetch)
    assert asked_of == ["h:7474", "h:2"]
    assert inputs.snapshot is not None
    with pytest.raises(InvalidRequestError, match=r"fleet\.live: no service can be asked here"):
        read_inputs(asked, Path(), None)


def test_variants_and_sweeps_find_what_they_name(folder: Path) -> None:
    asked = scenario(
        """
        [fleet]
        file = "data/small.parquet"
        [workload.trace]
        file = "data/trace.parquet"
        [[variants]]
        name = "large"
        set = { "fleet.file" = "data/large.csv" }
        [[variants]]
        name = "made"
        set = { fleet = { synthetic = "2 hosts of 8c 16g" } }
        [sweep]
        "workload.trace.extra_specs" = [{}, { "x" = "{n}" }]
        """
    )
    inputs = read_inputs(asked, folder, None)
    counts = {"small": 3, "large": 5, "made": 2}
    for variant in [None, *asked.variants]:
        for specs in asked.sweep["workload.trace.extra_specs"]:
            values = {**({} if variant is None else variant.set), "workload.trace.extra_specs": specs}
            varied = with_values(asked, values)
            found = inputs_for(varied, inputs)
            assert found.trace is not None
            assert ("n" in found.trace.column_names) == bool(specs)
            world = open_world(varied, inputs, seed=0)
            assert world.table.host_count == counts["small" if variant is None else variant.name]


def test_what_was_not_read_is_told(folder: Path) -> None:
    asked = scenario("[fleet]\nfile = 'data/small.parquet'")
    inputs = read_inputs(asked, folder, None)
    with pytest.raises(InvalidRequestError, match=r"data/large\.csv was not read with the scenario"):
        inputs_for(with_values(asked, {"fleet.file": "data/large.csv"}), inputs)


def test_inputs_put_together_by_hand_serve_every_scenario() -> None:
    held = pa.table(
        {"instance": ["a"], "host_id": ["h1"], "flavor": ["f"], "vcpus": [1], "memory_mb": [1], "disk_gb": [0]}
    )
    inputs = Inputs(hosts=fleet([{}, {}]), allocations=held)
    world = open_world(scenario("[fleet]\nfile = 'any.csv'"), inputs, seed=0)
    assert world.rows.tolist() == [1]
    twice = Inputs(hosts=fleet([{}, {}]), allocations=pa.concat_tables([held, held]))
    with pytest.raises(InvalidFileError, match="the allocations: instance 'a' is there twice"):
        open_world(scenario("[fleet]\nfile = 'any.csv'"), twice, seed=0)


def test_files_that_are_not_there_are_told(folder: Path) -> None:
    for text, told in (
        ("file = 'gone.parquet'", "there is no such file"),
        ("file = 'data/small.parquet'\nallocations = 'gone.parquet'", "cannot be read as Parquet"),
        ("file = 'data/small.txt'", "no format that Berth knows"),
        ("synthetic = 1\n[workload.trace]\nfile = 'gone.parquet'", "gone.parquet"),
    ):
        with pytest.raises(InvalidFileError, match=told):
            read_inputs(scenario(f"[fleet]\n{text}"), folder, None)
