"""What CPU policies ask of placement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.scheduler.translate.cpus import CPU_SPECS, CpuNeeds, cpu_needs
from engine.scheduler.translate.guest import guest_of
from tests.builders import request

DEDICATED = {"hw:cpu_policy": "dedicated"}
MIXED = {"hw:cpu_policy": "mixed"}


def needs(specs: dict[str, str], properties: dict[str, object] | None = None) -> CpuNeeds:
    return cpu_needs(guest_of(request(vcpus=4, extra_specs=specs, properties=properties)))


@pytest.mark.parametrize(
    ("specs", "resources", "pins_all"),
    [
        ({}, {}, False),
        ({"hw:cpu_policy": "shared"}, {}, False),
        (DEDICATED, {"PCPU": 4}, True),
        (DEDICATED | {"hw:emulator_threads_policy": "isolate"}, {"PCPU": 5}, True),
        (DEDICATED | {"hw:emulator_threads_policy": "share"}, {"PCPU": 4}, True),
        (MIXED | {"hw:cpu_dedicated_mask": "0-2"}, {"VCPU": 1, "PCPU": 3}, False),
        (MIXED | {"hw:cpu_dedicated_mask": "^0"}, {"VCPU": 1, "PCPU": 3}, False),
        (MIXED | {"hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "^0-1"}, {"VCPU": 2, "PCPU": 2}, False),
        (
            MIXED | {"hw:cpu_dedicated_mask": "3", "hw:emulator_threads_policy": "isolate"},
            {"VCPU": 3, "PCPU": 2},
            False,
        ),
    ],
)
def test_dedicated_cpus_are_pcpus(specs: dict[str, str], resources: dict[str, int], pins_all: bool) -> None:
    found = needs(specs)
    assert (found.resources, found.pins_all) == (resources, pins_all)


def test_an_image_can_pin_too() -> None:
    assert needs({}, {"hw_cpu_policy": "dedicated"}).resources == {"PCPU": 4}


@pytest.mark.parametrize(
    ("policy", "wish"), [("isolate", "forbidden"), ("require", "required"), ("prefer", ""), ("", "")]
)
def test_thread_policies_want_hosts_with_or_without_hyperthreading(policy: str, wish: str) -> None:
    assert needs({"hw:cpu_thread_policy": policy}).hyperthreading == wish
    assert needs(DEDICATED | {"hw:cpu_thread_policy": policy}).hyperthreading == wish


@pytest.mark.parametrize(
    "specs",
    [
        {"hw:cpu_policy": "selfish"},
        {"hw:cpu_thread_policy": "tangle"},
        {"hw:emulator_threads_policy": "hide"},
        MIXED | {"hw:cpu_dedicated_mask": "0-9"},
        MIXED | {"hw:cpu_dedicated_mask": "0-999999999999999999999"},
        MIXED | {"hw:cpu_dedicated_mask": "\x00"},
    ],
)
def test_what_cannot_be(specs: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        needs(specs)


@given(st.dictionaries(st.text(max_size=12).filter(lambda name: name not in CPU_SPECS), st.text(max_size=8)))
def test_no_other_extra_spec_changes_the_needs(others: dict[str, str]) -> None:
    assert needs(others | DEDICATED | {"hw:cpu_thread_policy": "isolate"}) == CpuNeeds({"PCPU": 4}, True, "forbidden")
