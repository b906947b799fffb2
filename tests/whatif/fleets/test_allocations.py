"""Files of allocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidFileError
from engine.whatif.fleets.allocations import checked_allocations, read_allocations
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA

ROWS: dict[str, list[Any]] = {
    "instance": ["a", "b"],
    "host_id": ["h0", "h1"],
    "flavor": ["small", "small"],
    "vcpus": [1, 2],
    "memory_mb": [512, 1024],
    "disk_gb": [0, 5],
}


def test_six_columns_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "held.parquet"
    pq.write_table(pa.table(ROWS), path)
    table = read_allocations(path)
    assert table.schema == ALLOCATION_SCHEMA
    assert table["memory_mb"].to_pylist() == [512, 1024]
    assert table["requested_disk_gb"].null_count == table["assignment"].null_count == 2


def test_a_table_of_the_schema_stays_as_it_is() -> None:
    table = checked_allocations(pa.table(ROWS), "x")
    assert checked_allocations(table, "x").equals(table)


def test_names_may_be_numbers_and_amounts_whole_floats() -> None:
    table = checked_allocations(pa.table({**ROWS, "instance": [7, 8], "vcpus": [1.0, 2.0]}), "x")
    assert table["instance"].to_pylist() == ["7", "8"]
    assert table["vcpus"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"vcpus": [-1, 2]}, "x: column vcpus, row 1 (instance a): it is negative"),
        ({"vcpus": [1, None]}, "x: column vcpus, row 2 (instance b): it is missing"),
        ({"vcpus": [1, 2**40]}, "x: column vcpus, row 2 (instance b): it is more than"),
        (
            {"vcpus": [1, 0], "memory_mb": [1, 0], "disk_gb": [1, 0]},
            "row 2 (instance b): it is 0, as are memory_mb and",
        ),
        ({"vcpus": [1.5, 2.0]}, "x: column vcpus holds what it may not"),
        ({"vcpus": ["1", "2"]}, "x: column vcpus holds string, not int64: convert it"),
        ({"host_id": ["h0", None]}, "x: column host_id, row 2 (instance b): it is missing"),
        ({"host_id": [1.5, 2.5]}, "x: column host_id holds double"),
        ({"instance": ["a", "a"]}, "x: instance 'a' is there twice"),
        ({"instance": [None, "a"]}, "x: column instance, row 1"),
        ({"assignment": ["text", None]}, "x: column assignment holds string, not binary"),
        ({"project_id": [1, 2]}, "x: column project_id holds int64"),
        ({"requested_vcpus": [-5, None]}, "x: column requested_vcpus, row 1 (instance a): it is negative"),
    ],
)
def test_rows_that_are_not_sound_are_refused(changed: dict[str, list[Any]], told: str) -> None:
    with pytest.raises(InvalidFileError) as caught:
        checked_allocations(pa.table({**ROWS, **changed}), "x")
    assert told in caught.value.message


def test_a_missing_column_is_told_with_what_is_near() -> None:
    table = pa.table({("memory" if name == "memory_mb" else name): values for name, values in ROWS.items()})
    with pytest.raises(
        InvalidFileError, match="there is no column memory_mb; rename 'memory' if that is what is meant"
    ):
        checked_allocations(table, "x")
    with pytest.raises(InvalidFileError, match="there is no column flavor; add it"):
        checked_allocations(pa.table(ROWS).drop_columns(["flavor"]), "x")


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for content in (None, b"", b"PAR1 and nothing else", b"\x00" * 100):
        path = tmp_path / "held.parquet"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidFileError, match="cannot be read as Parquet"):
            read_allocations(path)


def test_no_rows_are_no_allocations() -> None:
    assert checked_allocations(ALLOCATION_SCHEMA.empty_table(), "x").num_rows == 0
