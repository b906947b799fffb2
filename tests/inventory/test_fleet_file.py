"""Fleet files: what is read is what was written, and what is wrong is named."""

from __future__ import annotations

import contextlib
import json
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidFileError
from engine.inventory.fleet_file import normalise_fleet, read_fleet, write_fleet
from engine.inventory.fleet_schema import COLUMNS, FLEET_SCHEMA
from engine.inventory.host_uuid import HOST_NAMESPACE

ENDINGS = ("parquet", "arrow", "feather", "ipc", "csv")
DATA = Path(__file__).parents[2].parent / "shared" / "data"


def small(**columns: object) -> pa.Table:
    """Two valid hosts, with columns added or replaced; a column given as None is left out."""
    values: dict[str, object] = {"host_id": ["a", "b"], "vcpus": [8, 16], "memory_mb": [1024, 2048]}
    values.update(columns)
    return pa.table({name: value for name, value in values.items() if value is not None})


def fault(table: pa.Table) -> str:
    with pytest.raises(InvalidFileError) as caught:
        normalise_fleet(table, source="fleet.parquet")
    assert caught.value.details["file"] == "fleet.parquet"
    return caught.value.message


def test_minimal_fleet_gets_the_documented_defaults() -> None:
    fleet = normalise_fleet(small(arch=["x86_64", "aarch64"]), source="x")
    assert fleet.schema.equals(FLEET_SCHEMA)
    host = fleet.to_pylist()[1]
    assert host["uuid"] == str(uuid.uuid5(HOST_NAMESPACE, "b"))
    assert host["nodename"] == "b"
    assert host["disk_gb"] == 0
    assert (host["cpu_allocation_ratio"], host["ram_allocation_ratio"], host["disk_allocation_ratio"]) == (
        4.0,
        1.0,
        1.0,
    )
    assert (host["vcpus_max_unit"], host["memory_mb_max_unit"]) == (16, 2048)
    assert host["supported_instances"] == ["aarch64/kvm/hvm", "aarch64/qemu/hvm"]
    assert (host["hypervisor_type"], host["stats"], host["traits"], host["last_seen_up_us"]) == ("QEMU", "{}", [], None)


def test_only_nullable_columns_keep_nulls() -> None:
    absent = {column.name: pa.nulls(2, column.type) for column in COLUMNS if not column.required}
    fleet = normalise_fleet(small(**absent), source="x")
    assert {name for name in fleet.column_names if fleet[name].null_count} == {
        column.name for column in COLUMNS if column.nullable
    }


def test_aliases_of_nova_and_of_real_inventories() -> None:
    table = pa.table(
        {
            "host": ["a"],
            "hypervisor_hostname": ["a.example"],
            "vcpus": [4],
            "memory_mb": [512],
            "local_gb": [100],
            "site": ["rennes"],
            "cluster": ["paravance"],
            "disk_available_least": [-3],
        }
    )
    host = normalise_fleet(table, source="x").to_pylist()[0]
    assert host["host_id"] == "a"
    assert host["nodename"] == "a.example"
    assert host["disk_gb"] == 100
    assert host["availability_zone"] == "rennes"
    assert host["aggregates"] == ["paravance"]
    assert host["disk_available_least_gb"] == -3


def test_unknown_columns_become_stats_text() -> None:
    fleet = normalise_fleet(
        small(
            sockets=[2, 1],
            clock_mhz=[2400.0, 2400.5],
            exotic=[True, False],
            gpu_model=["A100", None],
            stats=['{"racked": 2019}', "{}"],
        ),
        source="x",
    )
    assert json.loads(fleet["stats"][0].as_py()) == {
        "sockets": "2",
        "clock_mhz": "2400",
        "exotic": "True",
        "gpu_model": "A100",
        "racked": "2019",
    }
    assert json.loads(fleet["stats"][1].as_py()) == {"sockets": "1", "clock_mhz": "2400.5", "exotic": "False"}


def test_dictionary_large_and_view_strings_are_text() -> None:
    table = small(
        host_id=pa.array(["a", "b"]).dictionary_encode(),
        arch=pa.array(["x86_64", None], pa.large_string()),
        cell=pa.array(["one", None], pa.string_view()),
        rack=pa.array(["r1", None], pa.string_view()),
        traits=pa.array([["CUSTOM_A"], None], pa.large_list(pa.large_string())),
    )
    hosts = normalise_fleet(table, source="x").to_pylist()
    assert [host["host_id"] for host in hosts] == ["a", "b"]
    assert [host["cell"] for host in hosts] == ["one", ""]
    assert [host["traits"] for host in hosts] == [["CUSTOM_A"], []]
    assert json.loads(hosts[0]["stats"]) == {"rack": "r1"}


def test_zero_hosts_are_a_fleet() -> None:
    for chunked in (small().slice(0, 0), small().schema.empty_table()):
        fleet = normalise_fleet(chunked, source="x")
        assert fleet.num_rows == 0
        assert fleet.schema.equals(FLEET_SCHEMA)


def test_placement_max_unit_beyond_the_total_is_kept() -> None:
    fleet = normalise_fleet(small(vcpus_max_unit=[2**31 - 1] * 2, disk_gb=[0, 0], disk_gb_max_unit=[0, 0]), source="x")
    assert fleet["vcpus_max_unit"].to_pylist() == [2**31 - 1] * 2


def test_fractional_disk_is_rounded_down_and_whole_floats_are_numbers() -> None:
    fleet = normalise_fleet(small(vcpus=[8.0, 16.0], disk_gb=[1200.9, 0.2]), source="x")
    assert fleet["vcpus"].to_pylist() == [8, 16]
    assert fleet["disk_gb"].to_pylist() == [1200, 0]


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"vcpus": None}, ["lacks vcpus", "host_id, memory_mb"]),
        ({"host_id": None, "vcpus": None}, ["lacks host_id, vcpus"]),
        ({"memory_gb": [1, 2]}, ["column memory_gb", "did you mean 'memory_mb'"]),
        ({"vcpu_used": [1, 2]}, ["column vcpu_used", "did you mean 'vcpus_used'"]),
        ({"Traits": [["A"], ["B"]]}, ["column Traits", "did you mean 'traits'"]),
        ({"zone": ["a", "b"], "site": ["a", "b"]}, ["column availability_zone", "both zone and site"]),
        ({"vcpus": ["8", "many"]}, ["column vcpus, row 1", "string values", "whole numbers"]),
        ({"vcpus": [True, False]}, ["column vcpus", "bool values"]),
        ({"vcpus": [8.0, 8.5]}, ["column vcpus, row 2", "whole number, not 8.5"]),
        ({"vcpus": [8, None]}, ["column vcpus, row 2", "missing"]),
        ({"host_id": ["a", None]}, ["column host_id, row 2", "missing"]),
        ({"host_id": ["a", " "]}, ["column host_id, row 2", "empty"]),
        ({"host_id": ["a", "b" * 256]}, ["column host_id, row 2", "256 characters"]),
        ({"host_id": [1.5, 2.5]}, ["column host_id", "double values", "text"]),
        ({"vcpus": [8, 0]}, ["column vcpus, row 2", "between 1 and 1000000, not 0"]),
        ({"vcpus": [8, 1_000_001]}, ["column vcpus, row 2", "not 1000001"]),
        ({"vcpus": [8.0, float("nan")]}, ["column vcpus, row 2", "nan"]),
        ({"memory_mb": [-1, 5]}, ["column memory_mb, row 1", "not -1"]),
        ({"memory_mb": pa.array([5, 2**64 - 1], pa.uint64())}, ["column memory_mb, row 2", str(2**64 - 1)]),
        ({"memory_mb": [5.0, 1e300]}, ["column memory_mb, row 2"]),
        ({"disk_gb": [5, -1]}, ["column disk_gb, row 2", "not -1"]),
        ({"ram_allocation_ratio": [1.0, float("nan")]}, ["column ram_allocation_ratio, row 2", "nan"]),
        ({"ram_allocation_ratio": [float("inf"), 1.0]}, ["column ram_allocation_ratio, row 1", "inf"]),
        ({"cpu_allocation_ratio": [1.0, 0.0]}, ["column cpu_allocation_ratio, row 2", "greater than 0"]),
        ({"cpu_allocation_ratio": [1.0, 1e9]}, ["column cpu_allocation_ratio, row 2", "sells more than"]),
        ({"host_id": ["a", "a"]}, ["column host_id, row 2", "'a'"]),
        ({"uuid": ["not-a-uuid", None]}, ["column uuid, row 1", "no uuid"]),
        ({"uuid": [str(uuid.UUID(int=1))] * 2}, ["column uuid, row 2", "unique"]),
        ({"vcpus_reserved": [8, 17]}, ["column vcpus_reserved, row 2", "17 are reserved of a vcpus of 16"]),
        ({"vcpus_min_unit": [1, 17]}, ["column vcpus_min_unit, row 2", "17 is more than the vcpus_max_unit of 16"]),
        ({"memory_mb_step_size": [1, 0]}, ["column memory_mb_step_size, row 2", "at least 1"]),
        ({"stats": ["{}", "{"]}, ["column stats, row 2", "not JSON"]),
        ({"stats": ["{}", "[]"]}, ["column stats, row 2", "no object"]),
        ({"stats": ["{}", "[" * 100_000]}, ["column stats, row 2", "not JSON"]),
        ({"stats": ["{}", '{"a": {"b": 1}}']}, ["column stats, row 2", "nested"]),
        ({"stats": ["{}", '{"a": "\\ud800"}']}, ["column stats, row 2", "no character"]),
        ({"stats": ['{"gpus": "1"}', "{}"], "gpus": [1, 2]}, ["column gpus, row 1", "key of stats"]),
        ({"devices": [["a"], ["b"]]}, ["column devices", "cannot go to stats"]),
        ({"traits": [["OK"], ["not ok"]]}, ["column traits, row 2", "'not ok' is no trait name"]),
        ({"traits": [["OK"], ["OK", None]]}, ["column traits, row 2", "empty element"]),
        ({"traits": [[1], [2]]}, ["column traits", "a list of text"]),
        ({"supported_instances": [["x86_64/kvm/hvm"], ["kvm"]]}, ["column supported_instances, row 2", "'kvm'"]),
        ({"aggregates": [["a"], ["b\x1fc"]]}, ["column aggregates, row 2", "is no name"]),
        ({"vcpus_used": [0, 1_000_000_001]}, ["column vcpus_used, row 2", "not 1000000001"]),
        ({"disabled": ["no", "yes"]}, ["column disabled", "true or false"]),
        ({"last_seen_up_us": [-1, None]}, ["column last_seen_up_us, row 1"]),
    ],
)
def test_wrong_columns_are_refused_by_name_and_row(columns: dict[str, object], parts: list[str]) -> None:
    message = fault(small(**columns))
    assert message.startswith("fleet.parquet:")
    assert "; " in message
    for part in parts:
        assert part in message


def test_repeated_column_names_are_refused() -> None:
    table = pa.table([["a"], [1], [2], [3]], names=["host_id", "vcpus", "vcpus", "memory_mb"])
    assert "two columns" in fault(table)
    assert "two columns" in fault(small().append_column("own", [["x", "y"]]).append_column("own", [["x", "y"]]))


def test_first_few_of_many_repeats_are_named() -> None:
    names = [name for name in "abcde" for _ in range(2)]
    message = fault(pa.table({"host_id": names, "vcpus": [1] * 10, "memory_mb": [1] * 10}))
    assert "'a', 'b', 'c' and 2 more" in message


def test_damaged_arrow_bytes_are_refused() -> None:
    bad_text = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"a\xff"))
    assert "damaged" in fault(small(host_id=bad_text))
    wild_offsets = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 999, 2], np.int32)), pa.py_buffer(b"ab"))
    assert "damaged" in fault(small(host_id=wild_offsets))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_written_fleet_reads_back_equal(tmp_path: Path, ending: str) -> None:
    fleet = normalise_fleet(
        small(
            disk_gb=[100, 0],
            traits=[["CUSTOM_A", "CUSTOM_B"], []],
            supported_instances=[[], None],
            stats=['{"quote": "a,\\"b\\";c"}', None],
            cpu_info=['{"model": "x"}', None],
            disabled=[True, False],
            disabled_reason=["line one\nline two", ""],
            last_seen_up_us=[1_700_000_000_000_000, None],
            cpu_allocation_ratio=[0.1 + 0.2, 16.0],
        ),
        source="x",
    )
    path = tmp_path / f"fleet.{ending}"
    write_fleet(fleet, path)
    assert read_fleet(path).equals(fleet)
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=40, deadline=None)
@given(
    hosts=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(str.strip),
            st.integers(1, 1_000_000),
            st.floats(0.01, 16.0),
            st.one_of(st.none(), st.integers(-(10**9), 10**9)),
        ),
        unique_by=lambda host: host[0],
        max_size=20,
    )
)
def test_reading_what_was_written_as_csv_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, hosts: list[tuple]
) -> None:
    names, vcpus, ratios, free = zip(*hosts, strict=True) if hosts else ((), (), (), ())
    fleet = normalise_fleet(
        pa.table(
            {
                "host_id": pa.array(names, pa.string()),
                "vcpus": pa.array(vcpus, pa.int64()),
                "memory_mb": pa.array(vcpus, pa.int64()),
                "cpu_allocation_ratio": pa.array(ratios, pa.float64()),
                "free_ram_mb": pa.array(free, pa.int64()),
            }
        ),
        source="x",
    )
    path = tmp_path_factory.mktemp("csv") / "fleet.csv"
    write_fleet(fleet, path)
    assert read_fleet(path).equals(fleet)


def test_hand_written_csv(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text(
        "host,vcpus,memory_mb,traits,disabled,zone,gpus\n007, 8 ,1024,CUSTOM_A; CUSTOM_B,TRUE,z1,2\n008,16.0,2048,,,,\n"
    )
    first, second = read_fleet(path).to_pylist()
    assert (first["host_id"], first["vcpus"], first["traits"], first["disabled"]) == (
        "007",
        8,
        ["CUSTOM_A", "CUSTOM_B"],
        True,
    )
    assert (second["vcpus"], second["traits"], second["disabled"], second["availability_zone"]) == (16, [], False, "")
    assert (first["stats"], second["stats"]) == ('{"gpus": "2"}', "{}")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("host_id,vcpus,memory_mb\na,8,1\nb,eight,1\n", "column vcpus, row 2: must be a whole number, not 'eight'"),
        ("host_id,vcpus,memory_mb\na,8,1\nb,,1\n", "column vcpus, row 2: is missing"),
        ("host_id,vcpus,memory_mb,cpu_allocation_ratio\na,8,1,nan\n", "column cpu_allocation_ratio, row 1"),
        ("host_id,vcpus,memory_mb,disabled\na,8,1,perhaps\n", "must be true or false, not 'perhaps'"),
        ("host_id,vcpus,memory_mb\na,8\n", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_wrong_csv_is_refused(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text(text)
    with pytest.raises(InvalidFileError) as caught:
        read_fleet(path)
    assert part in caught.value.message


def test_flipped_bytes_never_end_in_another_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    for ending in ENDINGS:
        path = tmp_path / f"fleet.{ending}"
        write_fleet(normalise_fleet(small(traits=[["CUSTOM_A"], []]), source="x"), path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 3)] = rng.integers(0, 256, 3)
            path.write_bytes(broken.tobytes())
            with contextlib.suppress(InvalidFileError):
                assert read_fleet(path).schema.equals(FLEET_SCHEMA)


def test_a_column_name_that_is_not_utf8_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "fleet.arrow"
    with pa_ipc.new_file(path, small(colour=["x", "y"]).schema) as writer:
        writer.write_table(small(colour=["x", "y"]))
    path.write_bytes(path.read_bytes().replace(b"colour", b"colou\xff"))
    with pytest.raises(InvalidFileError, match="damaged"):
        read_fleet(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_missing_truncated_and_garbage_files_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"fleet.{ending}"
    with pytest.raises(InvalidFileError, match="no such file"):
        read_fleet(path)
    write_fleet(normalise_fleet(small(), source="x"), path)
    whole = path.read_bytes()
    for bad in (whole[: len(whole) // 2], b"", b"\x00\xff" * 500):
        path.write_bytes(bad)
        with pytest.raises(InvalidFileError):
            read_fleet(path)


def test_other_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFileError, match=r"'\.json' says no format.*\.parquet"):
        read_fleet(tmp_path / "fleet.json")
    (tmp_path / "dir.parquet").mkdir()
    with pytest.raises(InvalidFileError, match="not a file"):
        read_fleet(tmp_path / "dir.parquet")
    with pytest.raises(InvalidFileError):
        read_fleet(Path("a\0b.parquet"))
    with pytest.raises(InvalidFileError, match="cannot be written"):
        write_fleet(normalise_fleet(small(), source="x"), tmp_path / "absent" / "fleet.parquet")


def test_arrow_streams_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "fleet.arrow"
    with pa_ipc.new_stream(path, small().schema) as writer:
        writer.write_table(small())
    assert read_fleet(path).num_rows == 2


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_text("kept")
    fleet = normalise_fleet(small(aggregates=[["a;b"], []]), source="x")
    with pytest.raises(InvalidFileError, match="separates elements"):
        write_fleet(fleet, path)
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not DATA.is_dir(), reason="the real inventories are not beside the checkout")
@pytest.mark.parametrize(("name", "hosts"), [("grid5000", 939), ("openb", 1523)])
def test_real_inventories_are_read(name: str, hosts: int) -> None:
    path = DATA / name / "hosts.parquet"
    fleet = read_fleet(path)
    raw = pq.read_table(path)
    assert fleet.num_rows == hosts
    assert fleet["host_id"].to_pylist() == raw["host_id"].to_pylist()
    assert fleet["vcpus"].to_pylist() == [int(value) for value in raw["vcpus"].to_pylist()]
    facts = json.loads(fleet["stats"][0].as_py())
    if name == "grid5000":
        assert fleet["availability_zone"].to_pylist() == raw["site"].to_pylist()
        assert fleet["aggregates"].to_pylist() == [[cluster] for cluster in raw["cluster"].to_pylist()]
        assert fleet["disk_gb"].to_pylist() == [int(value) for value in raw["disk_gb"].to_pylist()]
        assert set(fleet["arch"].to_pylist()) == {"x86_64", "aarch64", "ppc64le"}
        assert facts["sockets"] == str(raw["sockets"][0])
    else:
        assert facts["gpus"] == str(raw["gpus"][0])
