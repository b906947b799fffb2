"""capabilities: paths into the host's facts, and the real nova's answers to the same questions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduler.capabilities import (
    HOST_STATE_ATTRIBUTES,
    HOST_STATE_FACTS,
    attributes_read,
    satisfies,
    stats_read,
)
from engine.scheduler.faults import FilterFault

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "select"
CASES = sorted(CORPUS.glob("*.json.gz"))

CPU_INFO = json.dumps(
    {
        "arch": "x86_64",
        "vendor": "Intel",
        "topology": {"cores": 16, "threads": 2},
        "features": ["aes", "avx512f"],
        "hyperthreading": True,
        "maxphysaddr": {"bits": 46},
        "nothing": None,
        "nested": '{"deep": 1}',
    }
)


@dataclass(frozen=True)
class Facts:
    """A host with the given attributes that asserts it is asked for no name that HostState has not."""

    attributes: Mapping[str, object] = field(default_factory=dict)
    stats: Mapping[str, str] = field(default_factory=dict)

    def get_attribute(self, name: str) -> object:
        assert name in HOST_STATE_FACTS
        return self.stats if name == "stats" else self.attributes[name]


HOST = Facts(
    attributes={
        "host": "cmp1",
        "cpu_info": CPU_INFO,
        "free_ram_mb": 4096,
        "hypervisor_version": 8002002,
        "num_instances": 3,
        "numa_topology": None,
        "service": {"disabled": False, "forced_down": True},
        "supported_instances": (("x86_64", "kvm", "hvm"),),
        "limits": {},
    },
    stats={"num_vm_active": "7", "num_instances": "99", "gpu": '{"model": "a100"}', "numa_topology": "from stats"},
)


@pytest.mark.parametrize(
    ("key", "requirement", "expected"),
    [
        # Nested walking.
        ("capabilities:cpu_info:vendor", "Intel", True),
        ("capabilities:cpu_info:vendor", "AMD", False),
        ("capabilities:cpu_info:topology:cores", ">= 16", True),
        ("capabilities:cpu_info:topology:cores", "16", True),
        ("capabilities:cpu_info:topology", "{'cores': 16, 'threads': 2}", True),
        ("capabilities:cpu_info:topology:cores:more", "s!= x", False),
        ("capabilities:cpu_info:nested:deep", "1", True),
        ("capabilities:cpu_info", CPU_INFO, True),
        # Python's text of lists and truth values; a substring is enough.
        ("capabilities:cpu_info:features", "['aes', 'avx512f']", True),
        ("capabilities:cpu_info:features", "<in> avx", True),
        ("capabilities:cpu_info:features", "<all-in> aes vmx", False),
        ("capabilities:cpu_info:hyperthreading", "True", True),
        ("capabilities:cpu_info:hyperthreading", "true", False),
        ("capabilities:supported_instances", "[['x86_64', 'kvm', 'hvm']]", True),
        ("capabilities:supported_instances:0", "s!= x", False),
        ("capabilities:limits", "{}", True),
        # What is missing fails, however lenient the requirement.
        ("capabilities:cpu_info:nothing", "s!= x", False),
        ("capabilities:cpu_info:absent", "s!= x", False),
        ("capabilities:absent", "s!= x", False),
        ("capabilities:", "s!= x", False),
        ("capabilities:host:part", "s!= x", False),
        ("capabilities:updated", "s!= x", False),
        # Numbers, and the attributes that Python's numbers have.
        ("capabilities:free_ram_mb", ">= 4096", True),
        ("capabilities:free_ram_mb:real", "4096", True),
        ("capabilities:free_ram_mb:__class__", "s!= x", False),
        # The stats: by their own name, as a fallback, and through an attribute that is None.
        ("capabilities:stats:num_vm_active", "= 7", True),
        ("capabilities:num_vm_active", "= 7", True),
        ("capabilities:num_instances", "3", True),
        ("capabilities:stats:num_instances", "99", True),
        ("capabilities:gpu:model", "a100", True),
        ("capabilities:numa_topology", "from stats", True),
        ("capabilities:stats", "<in> 'num_vm_active': '7'", True),
        ("capabilities:stats:absent", "s!= x", False),
        # The service is an object to nova: its fields lie below ``data``.
        ("capabilities:service:disabled", "s!= x", False),
        ("capabilities:service:data:disabled", "False", True),
        ("capabilities:service:data:forced_down", "True", True),
        ("capabilities:service", "{'disabled': False, 'forced_down': True}", True),
        # Unscoped keys count where HostState or the stats have them, methods included.
        ("free_ram_mb", "= 5000", False),
        ("num_vm_active", "= 7", True),
        ("num_vm_active", "= 8", False),
        ("unknown", "= 8", True),
        ("", "= 8", True),
        ("capabilities", "= 8", True),
        ("update", "3", False),
        ("update", "<in> bound method", True),
        ("__class__", "3", False),
        ("updated", "3", True),
        # Other scopes are someone else's.
        ("hw:cpu_policy", "dedicated", True),
        ("trait:HW_CPU_X86_AVX", "required", True),
        ("aggregate_instance_extra_specs:ssd", "true", True),
        ("Capabilities:host", "x", True),
        (":host", "x", True),
        # The width of physical addresses.
        ("hw:maxphysaddr_bits", "46", True),
        ("hw:maxphysaddr_bits", "47", False),
    ],
)
def test_satisfies(key: str, requirement: str, expected: bool) -> None:
    assert satisfies(HOST, {key: requirement}) is expected


def test_no_extra_specs_ask_for_nothing() -> None:
    assert satisfies(Facts(), {}) is True


def test_every_extra_spec_must_be_met() -> None:
    specs = {"capabilities:cpu_info:vendor": "Intel", "capabilities:cpu_info:arch": "x86_64"}
    assert satisfies(HOST, specs) is True
    assert satisfies(HOST, {**specs, "capabilities:host": "cmp2"}) is False


@pytest.mark.parametrize("cpu_info", ["", "not json", "null", "3", '"text"', "[1, 2]", "[" * 100_000, None])
def test_a_host_whose_cpu_info_cannot_be_walked_lacks_what_is_in_it(cpu_info: str | None) -> None:
    assert satisfies(Facts({"cpu_info": cpu_info}), {"capabilities:cpu_info:vendor": "s!= x"}) is False


def test_a_host_that_never_reported_has_no_capabilities() -> None:
    assert satisfies(Facts(), {"capabilities:cpu_info:vendor": "Intel"}) is False
    assert satisfies(Facts(), {"capabilities:num_vm_active": "= 0"}) is False
    assert satisfies(Facts(), {"num_vm_active": "= 0"}) is True


def test_maxphysaddr_bits_replace_an_explicit_bound() -> None:
    specs = {"capabilities:cpu_info:maxphysaddr:bits": ">= 52", "hw:maxphysaddr_bits": "40"}
    assert satisfies(HOST, specs) is True


def test_a_host_without_a_reported_address_width_does_not_meet_one() -> None:
    assert satisfies(Facts({"cpu_info": "{}"}), {"hw:maxphysaddr_bits": "40"}) is False


@pytest.mark.parametrize(
    ("specs", "key", "nova_exception"),
    [
        ({"capabilities:host": "= 1"}, "capabilities:host", "ValueError"),
        ({"free_ram_mb": ">= lots"}, "free_ram_mb", "ValueError"),
        ({"capabilities:host": "<or>"}, "capabilities:host", "IndexError"),
        ({"hw:maxphysaddr_bits": "wide"}, "capabilities:cpu_info:maxphysaddr:bits", "ValueError"),
        ({"capabilities:host": "cmp1", "update": "!= 3"}, "update", "ValueError"),
    ],
)
def test_what_nova_cannot_evaluate_is_a_fault(specs: dict[str, str], key: str, nova_exception: str) -> None:
    with pytest.raises(FilterFault) as caught:
        satisfies(HOST, specs)
    assert caught.value.nova_exception == nova_exception
    assert caught.value.details["key"] == key
    assert repr(key) in caught.value.message


def test_an_extra_spec_that_is_not_met_ends_the_evaluation_before_a_fault() -> None:
    assert satisfies(HOST, {"capabilities:host": "cmp2", "capabilities:cpu_info:vendor": "= 1"}) is False


@pytest.mark.parametrize(
    ("specs", "attributes", "stats"),
    [
        ({}, set(), set()),
        ({"hw:cpu_policy": "dedicated"}, set(), set()),
        ({"capabilities:cpu_info:vendor": "Intel"}, {"cpu_info"}, {"cpu_info"}),
        ({"hw:maxphysaddr_bits": "46"}, {"cpu_info"}, {"cpu_info"}),
        ({"free_ram_mb": "= 1", "unknown": "1"}, {"free_ram_mb"}, {"free_ram_mb", "unknown"}),
        ({"capabilities:stats:gpu:model": "a100"}, set(), {"gpu"}),
        ({"capabilities:stats": "{}"}, {"stats"}, set()),
        ({"stats": "{}"}, {"stats"}, set()),
        ({"update": "3", "capabilities:__class__": "3"}, set(), set()),
        ({"capabilities:service:data:disabled": "False"}, {"service"}, {"service"}),
    ],
)
def test_what_is_read(specs: dict[str, str], attributes: set[str], stats: set[str]) -> None:
    assert attributes_read(specs) == attributes
    assert stats_read(specs) == stats


def test_the_names_are_those_of_nova() -> None:
    assert {"host", "nodename", "cell_uuid", "pci_stats", "failed_builds", "service"} <= HOST_STATE_FACTS
    assert {"update", "consume_from_request", "_lock_name", "__init__", "__dict__"} <= HOST_STATE_ATTRIBUTES
    assert HOST_STATE_FACTS < HOST_STATE_ATTRIBUTES


names = st.sampled_from(
    ["cpu_info", "host", "free_ram_mb", "numa_topology", "service", "stats", "gpu", "vendor", "data"]
)
keys = st.one_of(names, st.lists(names, min_size=1, max_size=3).map(lambda path: ":".join(["capabilities", *path])))
values = st.sampled_from([None, 1, True, "cmp1", "3", '{"vendor": 3}', "not json", '{"data": {"gpu": 1}}'])
requirements = st.sampled_from(["3", "= 1", "s!= x", "<in> e", "<or>", "{'vendor': 3}", "{}"])
hosts = st.builds(
    Facts,
    st.dictionaries(names.filter(lambda name: name in HOST_STATE_FACTS and name != "stats"), values),
    st.dictionaries(names, values.filter(lambda value: isinstance(value, str))),
)


def outcome(facts: Facts, specs: Mapping[str, str]) -> bool | str:
    try:
        return satisfies(facts, specs)
    except FilterFault as fault:
        return fault.nova_exception


@given(specs=st.dictionaries(keys, requirements, max_size=3), host=hosts, other=hosts)
def test_hosts_that_agree_on_what_is_read_get_the_same_answer(specs: dict[str, str], host: Facts, other: Facts) -> None:
    attributes, stats = attributes_read(specs), stats_read(specs)
    agreeing = Facts(
        {name: value for name, value in other.attributes.items() if name not in attributes}
        | {name: value for name, value in host.attributes.items() if name in attributes},
        host.stats
        if "stats" in attributes
        else {name: value for name, value in other.stats.items() if name not in stats}
        | {name: value for name, value in host.stats.items() if name in stats},
    )
    assert outcome(agreeing, specs) == outcome(host, specs)


def facts_of(host: dict[str, Any]) -> Facts:
    """The facts of a host of the corpus, named as its README names them in HostState."""
    free_disk_gb = host.get("free_disk_gb", host["local_gb"] - host["local_gb_used"])
    names = {
        "host": host["host"],
        "nodename": host.get("hypervisor_hostname", host["host"]),
        "limits": {},
        "aggregates": [],
    }
    if free_disk_gb is None:
        return Facts(names)
    stats = {key: str(value) for key, value in host["stats"].items()}
    least_gb = host.get("disk_available_least")
    cpu_info = host["cpu_info"]
    return Facts(
        {
            **names,
            "uuid": host["uuid"],
            "cell_uuid": host.get("cell_uuid", "11111111-1111-4111-8111-111111111111"),
            "host_ip": host["host_ip"],
            "hypervisor_hostname": host.get("hypervisor_hostname", host["host"]),
            "hypervisor_type": host["hypervisor_type"],
            "hypervisor_version": host["hypervisor_version"],
            "cpu_info": cpu_info if isinstance(cpu_info, str) else json.dumps(cpu_info),
            "supported_instances": host["supported_hv_specs"],
            "total_usable_ram_mb": host["memory_mb"],
            "free_ram_mb": host.get("free_ram_mb", host["memory_mb"] - host["memory_mb_used"]),
            "total_usable_disk_gb": host["local_gb"],
            "disk_mb_used": host["local_gb_used"] * 1024,
            "free_disk_mb": min(free_disk_gb, free_disk_gb if least_gb is None else least_gb) * 1024,
            "vcpus_total": host["vcpus"],
            "vcpus_used": host["vcpus_used"],
            "cpu_allocation_ratio": host["cpu_allocation_ratio"],
            "ram_allocation_ratio": host["ram_allocation_ratio"],
            "disk_allocation_ratio": host["disk_allocation_ratio"],
            "num_instances": int(stats.get("num_instances", 0)),
            "num_io_ops": int(stats.get("io_workload", 0)),
            "failed_builds": int(stats.get("failed_builds", 0)),
            "service": host["service"],
        },
        stats,
    )


@pytest.mark.skipif(not CASES, reason=f"no oracle corpus at {CORPUS}")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_nova_answers_the_same(path: Path) -> None:
    case = json.loads(gzip.decompress(path.read_bytes()))
    if "per_filter" not in case["expected"]:
        pytest.skip("nova refused this request before any filter")
    specs = case["request_spec"]["flavor"]["extra_specs"]
    answer: list[int] | dict[str, str]
    try:
        answer = [index for index, host in enumerate(case["hosts"]) if satisfies(facts_of(host), specs)]
    except FilterFault as fault:
        answer = {"error": fault.nova_exception}
    assert answer == case["expected"]["per_filter"]["ComputeCapabilitiesFilter"]
