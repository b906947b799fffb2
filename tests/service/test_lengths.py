"""What names far more than any request does is refused by the field, before anything is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidRequestError
from engine.fitting.pci_aliases import Aliases
from engine.inventory.table import HostTable
from engine.service.catalog import Catalog
from engine.service.lengths import MAX_ENTRIES, MAX_GROUPS, MAX_NAMES, MAX_PROPERTY, MAX_SPEC, MAX_TRIED
from engine.service.numa_messages import host_numa_from, networks_from
from engine.service.request_messages import request_from
from engine.v1.numa_pb2 import CpuSet, HostCell, HostPages, NetworkNeeds, NumaTopology
from engine.v1.pci_pb2 import PciRequest, PciSpec
from engine.v1.request_spec_pb2 import (
    AggregateSet,
    Image,
    RequestGroup,
    RequestSpec,
    SuffixSet,
    TraitSet,
    TriedHost,
)
from tests.builders import host_table
from tests.service.messages import spec

TRAITS = [f"CUSTOM_{number}" for number in range(MAX_NAMES)]
UUIDS = [f"11111111-0000-4000-8000-{number:012d}" for number in range(MAX_NAMES)]
GROUP = RequestGroup(suffix="a", resources={"VGPU": 1})
DEVICE = PciSpec(facts={"vendor_id": "10de"})

LONGEST: dict[str, RequestSpec] = {
    "required_traits": spec(required_traits=TRAITS),
    "forbidden_traits": spec(forbidden_traits=TRAITS),
    "root_required_traits": spec(root_required_traits=TRAITS),
    "root_forbidden_traits": spec(root_forbidden_traits=TRAITS),
    "any_of_traits": spec(any_of_traits=[TraitSet(traits=TRAITS[:1]), TraitSet(traits=TRAITS[1:])]),
    "forbidden_aggregates": spec(forbidden_aggregates=UUIDS),
    "network_aggregates": spec(network_aggregates=[AggregateSet(aggregate_uuids=UUIDS)]),
    "requested_resources": spec(
        requested_resources=[RequestGroup(suffix=f"a{number}", resources={"VGPU": 1}) for number in range(MAX_GROUPS)]
    ),
    "same_subtree": spec(requested_resources=[GROUP], same_subtree=MAX_GROUPS * [SuffixSet(suffixes=["a"])]),
    "pci_requests": spec(
        pci_requests=[PciRequest(count=1, specs=[DEVICE], request_id=str(n)) for n in range(MAX_GROUPS)]
    ),
    "tried": spec(tried=MAX_TRIED * [TriedHost(host="h")]),
    "extra_specs": spec(extra_specs={f"a:{number}": "x" * MAX_SPEC for number in range(MAX_ENTRIES)}),
    "image": spec(image=Image(properties={"a": "x" * MAX_PROPERTY})),
}

_MORE = [*TRAITS, "CUSTOM_MORE"]
TOO_LONG: dict[str, tuple[str, RequestSpec]] = {
    "required traits": ("required_traits", spec(required_traits=_MORE)),
    "forbidden traits": ("forbidden_traits", spec(forbidden_traits=_MORE)),
    "a trait too often": ("root_required_traits", spec(root_required_traits=["HW_A"] * (MAX_NAMES + 1))),
    "forbidden traits of the host": ("root_forbidden_traits", spec(root_forbidden_traits=_MORE)),
    "one of too many": ("any_of_traits", spec(any_of_traits=[TraitSet(traits=_MORE)])),
    "sets that are many together": (
        "any_of_traits",
        spec(any_of_traits=[TraitSet(traits=TRAITS), TraitSet(traits=["HW_A"])]),
    ),
    "aggregates": ("member_of", spec(member_of=[AggregateSet(aggregate_uuids=[*UUIDS, "x"])])),
    "empty sets of aggregates": ("member_of", spec(member_of=[AggregateSet()] * (MAX_NAMES + 1))),
    "forbidden aggregates": ("forbidden_aggregates", spec(forbidden_aggregates=[*UUIDS, "x"])),
    "segments": ("network_aggregates", spec(network_aggregates=[AggregateSet(aggregate_uuids=[*UUIDS, "x"])])),
    "groups": ("requested_resources", spec(requested_resources=[GROUP] * (MAX_GROUPS + 1))),
    "a group's classes": (
        "resources",
        spec(requested_resources=[RequestGroup(suffix="a", resources={f"CUSTOM_{n}": 1 for n in range(4097)})]),
    ),
    "a group's traits": ("required_traits", spec(requested_resources=[RequestGroup(required_traits=_MORE)])),
    "subtrees": ("same_subtree", spec(same_subtree=[SuffixSet(suffixes=["a"])] * (MAX_GROUPS + 1))),
    "a subtree's suffixes": ("same_subtree", spec(same_subtree=[SuffixSet(suffixes=["a"] * (MAX_NAMES + 1))])),
    "device requests": (
        "pci_requests",
        spec(pci_requests=[PciRequest(count=1, specs=[DEVICE])] * (MAX_GROUPS + 1)),
    ),
    "kinds of a device": ("pci_requests", spec(pci_requests=[PciRequest(count=1, specs=257 * [DEVICE])])),
    "facts of a device": (
        "pci_requests",
        spec(pci_requests=[PciRequest(count=1, specs=[PciSpec(facts={str(n): "" for n in range(4097)})])]),
    ),
    "tried hosts": ("tried", spec(tried=[TriedHost(host="h")] * (MAX_TRIED + 1))),
    "extra specs": ("extra_specs", spec(extra_specs={str(number): "" for number in range(MAX_ENTRIES + 1)})),
    "an extra spec's value": ("extra_specs", spec(extra_specs={"hw:cpu_dedicated_mask": "0-60000," * 99})),
    "an extra spec's name": ("extra_specs", spec(extra_specs={"x" * (MAX_SPEC + 1): ""})),
    "properties": ("image", spec(image=Image(properties={str(number): "" for number in range(MAX_ENTRIES + 1)}))),
    "a property": ("image", spec(image=Image(properties={"a": "x" * (MAX_PROPERTY + 1)}))),
    "networks": ("networks", spec(networks=NetworkNeeds(physnets=["p"] * 1025))),
}


@pytest.fixture(scope="module")
def table() -> HostTable:
    return host_table([{}])


@pytest.mark.parametrize("name", LONGEST)
def test_the_most_is_taken(name, table):
    request_from(LONGEST[name], Catalog(), table, Aliases())


@pytest.mark.parametrize("name", TOO_LONG)
def test_more_is_refused(name, table):
    field, request = TOO_LONG[name]
    with pytest.raises(InvalidRequestError, match=r"at most|may have") as wrong:
        request_from(request, Catalog(), table, Aliases())
    assert wrong.value.details["field"] == field


@pytest.mark.parametrize(
    "more",
    [
        {"siblings": [CpuSet(cpus=[0])] * 4097},
        {"pages": [HostPages(size_kb=number + 1) for number in range(65)]},
        {"physnets": [f"p{number}" for number in range(1025)]},
    ],
    ids=["siblings", "pages", "physnets"],
)
def test_a_cell_of_more_is_refused(more: dict[str, Any]):
    with pytest.raises(InvalidRequestError, match="at most") as wrong:
        host_numa_from(NumaTopology(cells=[HostCell(cpus=[0], **more)]))
    assert wrong.value.details["field"] == "numa_topology"


def test_networks_near_a_guest_are_as_few_as_those_of_a_cell():
    assert len(networks_from(NetworkNeeds(physnets=[f"p{number}" for number in range(1024)])).physnets) == 1024
