from __future__ import annotations

import pytest

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.workloads.trace_table import columns_of, read_trace_table
from tests.whatif.workloads.samples import table_of, trace_of


def test_only_columns_that_the_scenario_speaks_of_are_read_but_all_names_are_known(trace_file):
    file = trace_file(
        numa=[1, 2, 1, 1], gpus=[0, 0, 1, 1], milli=[0, 0, 5, 5], batch=[1, 1, 2, 2], apart=[0, 0, 0, 1], other=[9] * 4
    )
    trace = trace_of(
        extra_specs={"hw:numa_nodes": "{numa}"},
        devices={"resource_class": "VGPU", "count": "gpus", "amount": "milli"},
        server_groups={"column": "batch", "when": "apart", "policy": "affinity"},
    )
    table = read_trace_table(file, trace)
    assert set(table.column_names) == {
        *("vm_id", "t_create", "t_delete", "vcpus", "memory_mb"),
        *("numa", "gpus", "milli", "batch", "apart"),
    }
    assert "other" in columns_of(table, trace).names


def test_a_misspelt_column_is_suggested_although_it_was_not_read(trace_file):
    trace = trace_of()
    columns = columns_of(read_trace_table(trace_file(memory_mb=None, memroy_mb=[1] * 4), trace), trace)
    with pytest.raises(InvalidFileError, match="'memroy_mb'"):
        columns.name_of(("memory_mb",))


def test_columns_of_a_table_made_by_hand_are_its_own():
    assert columns_of(table_of(), trace_of()).names == ("vm_id", "t_create", "t_delete", "vcpus", "memory_mb")


def test_splits_go_by_the_files_own_name():
    trace = trace_of(columns={"split": "phase"}, split="Running")
    columns = columns_of(table_of(phase=["Running", "Failed", None, "Running"]), trace)
    assert columns.rows.tolist() == [0, 3]
    with pytest.raises(InvalidFileError, match=r"no row is of the split 'Runing'; there are Failed, None, Running"):
        columns_of(table_of(phase=["Running", "Failed", None, "Running"]), trace.model_copy(update={"split": "Runing"}))


@pytest.mark.parametrize(("name", "meant"), [("t_created", "is it t_create"), ("colour", "there are vm_id")])
def test_a_column_that_a_trace_does_not_have_is_refused(trace_file, name, meant):
    with pytest.raises(InvalidRequestError, match=rf"workload\.trace\.columns.*{name}.*{meant}"):
        read_trace_table(trace_file(), trace_of(columns={name: "x"}))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidFileError, match="no such file"):
        read_trace_table(tmp_path / "absent.parquet", trace_of())
