from __future__ import annotations

import pytest

from engine.errors import InvalidFileError
from tests.whatif.workloads.samples import columns_in, table_of


def test_columns_go_by_the_files_own_names():
    columns = columns_in(table_of(vcpus=None, cores=[1, 2, 1, 4]), vcpus="cores")
    assert columns.name_of(("vcpus",)) == "cores"
    assert columns.has_optional("vcpus")
    assert columns.whole("cores", 0, 9).tolist() == [1, 2, 1, 4]


def test_a_name_that_the_file_does_not_have_is_told_with_what_it_stands_for():
    columns = columns_in(table_of(), disk_gb="dsk", vcpus="vcpu")
    with pytest.raises(InvalidFileError, match="no column dsk for disk_gb; there are vm_id"):
        columns.has_optional("disk_gb")
    with pytest.raises(InvalidFileError, match="no column vcpu for vcpus; rename 'vcpus'"):
        columns.name_of(("vcpus",))


def test_a_column_that_stands_for_another_is_not_taken_for_a_misspelling():
    assert not columns_in(table_of(disk_g=[1, 1, 1, 1]), seq="disk_g").has_optional("disk_gb")
    with pytest.raises(InvalidFileError, match="is it disk_gb"):
        columns_in(table_of(disk_g=[1, 1, 1, 1])).has_optional("disk_gb")


def test_a_fault_names_the_vm_by_the_files_own_column():
    columns = columns_in(table_of(vm_id=None, pod=["a", "b", "c", "d"], vcpus=[1, -2, 1, 1]), vm_id="pod")
    with pytest.raises(InvalidFileError, match=r"column vcpus, row 2 \(vm_id b\): -2 is less than 0"):
        columns.whole("vcpus", 0, 9)


def test_ranks_are_those_of_the_names_whatever_their_order():
    assert columns_in(table_of(vm_id=[3, 1, 2, 9])).unique_ranks("vm_id").tolist() == [3, 1, 2, 4]
    assert columns_in(table_of(vm_id=[-1, 5, 7, 900])).unique_ranks("vm_id").tolist() == [1, 2, 3, 4]
