"""image_support: what images ask of hosts, and the real nova's answers to the same questions."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSettingError
from engine.scheduler.faults import FilterFault
from engine.scheduler.image_support import is_supported, requirement_of, supports

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "select"
CASES = sorted(CORPUS.glob("*.json.gz"))


@dataclass(frozen=True)
class Facts:
    supported_instances: tuple[tuple[str, str, str], ...] = (("x86_64", "kvm", "hvm"), ("i686", "qemu", "hvm"))
    hypervisor_version: int = 8002002
    cpu_info: str = ""


HOST = Facts()


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, True),
        ({"os_distro": "debian"}, True),
        ({"hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "aarch64"}, False),
        ({"img_hv_type": "kvm"}, True),
        ({"img_hv_type": "xen"}, False),
        ({"hw_vm_mode": "hvm"}, True),
        # One triple must hold all of them.
        ({"hw_architecture": "x86_64", "img_hv_type": "kvm", "hw_vm_mode": "hvm"}, True),
        ({"hw_architecture": "i686", "img_hv_type": "kvm"}, False),
        # Other spellings.
        ({"hw_architecture": "AMD64"}, True),
        ({"hw_architecture": "i386"}, True),
        ({"hw_architecture": "x86_32p"}, True),
        ({"img_hv_type": "QEMU"}, True),
        ({"hw_vm_mode": "baremetal"}, True),
        ({"hw_vm_mode": "hv"}, True),
        ({"hw_vm_mode": "pv"}, False),
        # Legacy names, which yield to the current ones.
        ({"architecture": "aarch64"}, False),
        ({"hypervisor_type": "xapi"}, False),
        ({"vm_mode": "xen"}, False),
        ({"architecture": "aarch64", "hw_architecture": "x86_64"}, True),
        ({"hw_architecture": "x86_64", "hypervisor_version_requires": ">=9"}, False),
        ({"hypervisor_version_requires": ">=9", "img_hv_requested_version": ">=8", "img_hv_type": "kvm"}, True),
        # The version is looked at only together with one of the three.
        ({"img_hv_requested_version": ">=9"}, True),
        ({"img_hv_type": "xen", "img_hv_requested_version": ">=8"}, False),
    ],
)
def test_supports(properties: dict[str, object], expected: bool) -> None:
    assert supports(HOST, properties, None) is expected


@pytest.mark.parametrize(
    ("version", "predicate", "expected"),
    [
        (8002002, ">=8.2.2", True),
        (8002002, ">8.2.2", False),
        (8002002, "<=8.2", False),
        (8002002, "<8.3", True),
        (8002002, "==8.2.2", True),
        (8002002, "==8.2.2.0", True),
        (8002002, "!=8.2.2", False),
        (8002002, " >= 6.0 , < 9 ", True),
        (8002002, ">=6.0,<8", False),
        (10002000, ">=9", True),  # by number, not by text
        (8000000, "==8", True),
        (8000000, ">=8.0a1", True),
        (10, "==10", True),
        (8002002004, ">8.2.2", True),
        (0, ">=99", True),
    ],
)
def test_the_hypervisor_version_meets_every_comparison(version: int, predicate: str, expected: bool) -> None:
    properties = {"hw_architecture": "x86_64", "img_hv_requested_version": predicate}
    assert supports(Facts(hypervisor_version=version), properties, None) is expected


def test_a_host_that_reports_no_guests_runs_only_undemanding_images() -> None:
    host = Facts(supported_instances=())
    assert supports(host, {}, None) is True
    assert supports(host, {"hw_vm_mode": "hvm"}, None) is False


def test_the_default_architecture_stands_in_for_none() -> None:
    assert supports(HOST, {}, "aarch64") is False
    assert supports(HOST, {}, "amd64") is True
    assert supports(HOST, {"hw_architecture": "x86_64"}, "aarch64") is True
    assert supports(HOST, {"architecture": "x86_64"}, "aarch64") is True


def test_an_unknown_default_architecture_is_a_wrong_setting() -> None:
    with pytest.raises(InvalidSettingError, match="'pdp11' is not one of aarch64,"):
        supports(HOST, {"hw_architecture": "x86_64"}, "pdp11")


@pytest.mark.parametrize(
    ("name", "value", "nova_exception"),
    [
        ("hw_architecture", "pdp11", "ValueError"),
        ("hw_architecture", "", "ValueError"),
        ("hw_architecture", None, "ValueError"),
        ("hw_architecture", 64, "AttributeError"),
        ("architecture", "pdp11", "ValueError"),
        ("img_hv_type", "bochs", "ValueError"),
        ("hypervisor_type", "bochs", "ValueError"),
        ("hw_vm_mode", "paravirtual", "ValueError"),
        ("vm_mode", True, "AttributeError"),
        ("img_hv_requested_version", "8.2", "ValueError"),
        ("img_hv_requested_version", "", "ValueError"),
        ("img_hv_requested_version", ">=8,", "ValueError"),
        ("img_hv_requested_version", ">=", "ValueError"),
        ("img_hv_requested_version", "~=8.2", "ValueError"),
        ("img_hv_requested_version", "==8.*", "ValueError"),
        ("img_hv_requested_version", ">=" + "9" * 5000, "ValueError"),
        ("img_hv_requested_version", 8.2, "ValueError"),
        ("hypervisor_version_requires", None, "ValueError"),
        ("hw_maxphysaddr_bits", "wide", "ValueError"),
        ("hw_maxphysaddr_bits", "", "ValueError"),
        ("hw_maxphysaddr_bits", None, "ValueError"),
        ("hw_maxphysaddr_bits", float("inf"), "ValueError"),
    ],
)
def test_a_property_that_nova_refuses_is_a_fault(name: str, value: object, nova_exception: str) -> None:
    with pytest.raises(FilterFault) as caught:
        requirement_of({"hw_disk_bus": "virtio", name: value}, None)
    assert caught.value.nova_exception == nova_exception
    assert caught.value.details["key"] == name
    assert repr(name) in caught.value.message


def test_a_current_name_does_not_excuse_a_wrong_legacy_value() -> None:
    with pytest.raises(FilterFault, match="'architecture' is 'pdp11'"):
        requirement_of({"architecture": "pdp11", "hw_architecture": "x86_64"}, None)


WIDE = {"hw_architecture": "x86_64", "hw_maxphysaddr_bits": "46"}


def test_nova_cannot_evaluate_an_address_width_on_a_host_that_is_right_otherwise() -> None:
    with pytest.raises(FilterFault) as caught:
        supports(HOST, WIDE, None)
    assert caught.value.nova_exception == "AttributeError"
    assert "'hw_maxphysaddr_bits'" in caught.value.message


def test_nova_never_gets_to_the_address_width_of_a_host_that_is_wrong_otherwise() -> None:
    assert supports(HOST, {**WIDE, "hw_architecture": "aarch64"}, None) is False
    assert supports(HOST, {**WIDE, "img_hv_requested_version": ">9"}, None) is False
    assert supports(Facts(supported_instances=()), WIDE, None) is False
    assert supports(HOST, {"hw_maxphysaddr_bits": "46"}, None) is True
    assert supports(HOST, {**WIDE, "hw_maxphysaddr_bits": "0"}, None) is True


@pytest.mark.parametrize(
    ("cpu_info", "expected"),
    [
        ('{"maxphysaddr": {"bits": 46}}', True),
        ('{"maxphysaddr": {"bits": 52}}', True),
        ('{"maxphysaddr": {"bits": 39}}', False),
        # A host that reports none passes.
        ('{"maxphysaddr": {"bits": null}}', True),
        ('{"maxphysaddr": {"bits": "39"}}', True),
        ('{"maxphysaddr": {}}', True),
        ('{"maxphysaddr": 39}', True),
        ("{}", True),
        ("[]", True),
        ("not json", True),
        ("", True),
        ("[" * 100_000, True),
    ],
)
def test_without_novas_quirks_the_address_width_is_compared(cpu_info: str, expected: bool) -> None:
    assert supports(Facts(cpu_info=cpu_info), WIDE, None, nova_quirks=False) is expected


versions = st.tuples(st.integers(1, 99), st.integers(0, 999), st.integers(0, 999))


@given(host=versions, wanted=versions)
def test_versions_compare_as_their_numbers_do(host: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    major, minor, patch = host
    facts = Facts(hypervisor_version=(major * 1000 + minor) * 1000 + patch)
    text = ".".join(map(str, wanted))
    for predicate, expected in {
        f">={text}": host >= wanted,
        f"<{text}": host < wanted,
        f"=={text}": host == wanted,
    }.items():
        properties = {"img_hv_type": "kvm", "img_hv_requested_version": predicate}
        assert is_supported(facts, requirement_of(properties, None)) is expected


@pytest.mark.skipif(not CASES, reason=f"no oracle corpus at {CORPUS}")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".json.gz"))
def test_nova_answers_the_same(path: Path) -> None:
    case = json.loads(gzip.decompress(path.read_bytes()))
    if "per_filter" not in case["expected"]:
        pytest.skip("nova refused this request before any filter")
    properties = (case["request_spec"].get("image") or {"properties": {}})["properties"]
    default = case["config"].get("filter_scheduler", {}).get("image_properties_default_architecture")
    answer: list[int] | dict[str, str]
    try:
        requirement = requirement_of(properties, default)
        answer = [index for index, host in enumerate(case["hosts"]) if is_supported(facts_of(host), requirement)]
    except FilterFault as fault:
        answer = {"error": fault.nova_exception}
    assert answer == case["expected"]["per_filter"]["ImagePropertiesFilter"]


def facts_of(host: dict[str, object]) -> Facts:
    """The facts of a host of the corpus; one that has not been updated reports no guests."""
    if host.get("free_disk_gb", 0) is None:
        return Facts((), 0, "")
    cpu_info = host["cpu_info"]
    triples = tuple((arch, hypervisor, mode) for arch, hypervisor, mode in host["supported_hv_specs"])
    return Facts(triples, host["hypervisor_version"], cpu_info if isinstance(cpu_info, str) else json.dumps(cpu_info))
