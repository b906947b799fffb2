from __future__ import annotations

from fractions import Fraction

import pyarrow as pa
import pytest

from engine.errors import InvalidFileError, InvalidRequestError
from engine.whatif.workloads import trace_requests
from tests.whatif.workloads.samples import flavor_names, made, table_of, world_of


def specs_of(workload):
    return [dict(workload.requests[code].flavor.extra_specs) for code in workload.codes.tolist()]


def test_sizes_are_flavors_named_after_them_and_equal_ones_are_one():
    workload = made(table_of(vcpus=[1, 2, 1, 4], memory_mb=[1024, 2048, 1024, 512], disk_gb=[0, 5, 0, 0]))
    assert flavor_names(workload) == ["1c-1024m-0g", "2c-2048m-5g", "1c-1024m-0g", "4c-512m-0g"]
    assert workload.codes[0] == workload.codes[2]
    flavor = workload.requests[workload.codes[1]].flavor
    assert (flavor.vcpus, flavor.memory_mb, flavor.root_gb) == (2, 2048, 5)


def test_codes_are_the_worlds():
    world = world_of()
    before = world.code(world.flavors["large"])
    workload = made(table_of(), world)
    assert before not in workload.codes.tolist()
    assert [world.requests[code] for code in workload.codes.tolist()] == [
        workload.requests[code] for code in workload.codes.tolist()
    ]


def test_flavors_are_looked_up_where_the_file_says_them():
    names = pa.array(["small", "large", "small", "small"]).dictionary_encode()
    table = table_of(vcpus=None, memory_mb=None, flavor=names)
    world = world_of()
    workload = made(table, world)
    assert flavor_names(workload) == ["small", "large", "small", "small"]
    assert workload.requests[workload.codes[1]] == world.flavors["large"]


def test_sizes_count_unless_the_scenario_names_the_column_of_flavors():
    table = table_of(flavor=["small", "large", "small", "small"])
    assert flavor_names(made(table))[1] == "2c-2048m-0g"
    assert flavor_names(made(table, columns={"flavor": "flavor"}))[1] == "large"


def test_an_unknown_flavor_is_refused_with_its_row_and_what_was_meant():
    table = table_of(vcpus=None, memory_mb=None, flavor=["small", "larg", "small", "small"])
    with pytest.raises(InvalidFileError, match=r"column flavor, row 2 \(vm_id 1\).*no flavor 'larg'.*'large'"):
        made(table)
    missing = table_of(vcpus=None, memory_mb=None, flavor=["small", None, "small", "small"])
    with pytest.raises(InvalidFileError, match=r"column flavor, row 2.*missing"):
        made(missing)
    assert len(made(missing, skip_incomplete=True)) == 3


def test_extra_specs_are_filled_in_from_columns():
    table = table_of(numa_nodes=[1, 2, None, 2], vcpus=[4] * 4, memory_mb=[4096] * 4)
    workload = made(table, extra_specs={"hw:numa_nodes": "{numa_nodes}", "quota:cpu_shares": "64"})
    assert specs_of(workload) == [
        {"hw:numa_nodes": "1", "quota:cpu_shares": "64"},
        {"hw:numa_nodes": "2", "quota:cpu_shares": "64"},
        {"quota:cpu_shares": "64"},
        {"hw:numa_nodes": "2", "quota:cpu_shares": "64"},
    ]
    assert flavor_names(workload)[:3] == ["4c-4096m-0g-numa_nodes=1", "4c-4096m-0g-numa_nodes=2", "4c-4096m-0g"]
    cells = workload.requests[workload.codes[1]].numa
    assert cells is not None
    assert len(cells.cells) == 2


def test_extra_specs_are_those_of_instances_of_which_a_column_says_so():
    table = table_of(pinned=[True, False, None, True])
    workload = made(table, extra_specs={"hw:cpu_policy": "dedicated"}, columns={"when": "pinned"})
    assert specs_of(workload) == [{"hw:cpu_policy": "dedicated"}, {}, {}, {"hw:cpu_policy": "dedicated"}]


def test_extra_specs_come_on_top_of_a_flavors_own():
    world = world_of(extra_specs={"small": {"hw:mem_page_size": "large", "quota:cpu_shares": "1"}})
    table = table_of(vcpus=None, memory_mb=None, flavor=["small"] * 4)
    workload = made(table, world, extra_specs={"quota:cpu_shares": "64"})
    assert specs_of(workload)[0] == {"hw:mem_page_size": "large", "quota:cpu_shares": "64"}


def test_devices_are_request_groups_of_their_own():
    table = table_of(gpus=[0, 1, 2, None], milli=[0, 460, 1000, None])
    workload = made(table, devices={"resource_class": "CUSTOM_GPU_MILLI", "count": "gpus", "amount": "milli"})
    assert specs_of(workload) == [
        {},
        {"resources1:CUSTOM_GPU_MILLI": "460"},
        {
            "resources1:CUSTOM_GPU_MILLI": "1000",
            "resources2:CUSTOM_GPU_MILLI": "1000",
            "group_policy": "isolate",
        },
        {},
    ]
    assert flavor_names(workload)[2] == "1c-1024m-0g-CUSTOM_GPU_MILLI=2x1000"


def test_devices_take_numbers_that_a_flavors_groups_leave_free():
    world = world_of(extra_specs={"small": {"resources1:CUSTOM_FPGA": "1"}})
    table = table_of(
        vcpus=None, memory_mb=None, flavor=["small"] * 4, gpus=[1] * 4, milli=[Fraction(1, 2).numerator] * 4
    )
    workload = made(table, world, devices={"resource_class": "VGPU", "count": "gpus", "amount": "milli"})
    assert specs_of(workload)[0] == {"resources1:CUSTOM_FPGA": "1", "resources2:VGPU": "1"}


BAD = {
    "devices of nothing": ({"gpus": [1, 0, 0, 0], "milli": [0, 0, 0, 0]}, "column milli, row 1.*is 0 for 1 devices"),
    "too many devices": ({"gpus": [999, 0, 0, 0], "milli": [1, 0, 0, 0]}, "column gpus, row 1.*more than 128"),
    "less than none": ({"gpus": [-1, 0, 0, 0], "milli": [1, 0, 0, 0]}, "column gpus, row 1.*less than 0"),
    "no such column": ({"gpu": [1, 0, 0, 0], "milli": [1, 0, 0, 0]}, "no column gpus; rename 'gpu'"),
}


@pytest.mark.parametrize("kind", BAD)
def test_devices_that_make_no_sense_are_refused(kind):
    changes, said = BAD[kind]
    with pytest.raises(InvalidFileError, match=said):
        made(table_of(**changes), devices={"resource_class": "VGPU", "count": "gpus", "amount": "milli"})


def test_extra_specs_that_contradict_themselves_are_refused():
    with pytest.raises(InvalidRequestError, match="numa"):
        made(table_of(numa_nodes=[9] * 4), extra_specs={"hw:numa_nodes": "{numa_nodes}"})


def test_an_extra_spec_that_is_another_for_every_instance_is_refused(monkeypatch):
    monkeypatch.setattr(trace_requests, "MAX_REQUESTS", 3)
    with pytest.raises(InvalidFileError, match="asks for 4 different things"):
        made(table_of(), extra_specs={"note": "{vm_id}"})
