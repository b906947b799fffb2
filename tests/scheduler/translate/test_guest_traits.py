"""The traits that a guest's features need of its host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.scheduler.translate.guest import guest_of
from engine.scheduler.translate.guest_traits import FEATURE_SPECS, feature_traits, memory_encryption
from tests.builders import request

UEFI = {"hw_firmware_type": "uefi"}
STATELESS = UEFI | {"hw_firmware_stateless": "true"}


def traits(specs: dict[str, str], properties: dict[str, object]) -> frozenset[str]:
    return feature_traits(guest_of(request(extra_specs=specs, properties=properties)))


@pytest.mark.parametrize(
    ("specs", "properties", "wanted"),
    [
        ({}, {}, ()),
        ({"os:secure_boot": "required"}, {}, ("COMPUTE_SECURITY_UEFI_SECURE_BOOT",)),
        ({"os:secure_boot": "optional"}, {}, ()),
        ({}, {"os_secure_boot": "required"}, ("COMPUTE_SECURITY_UEFI_SECURE_BOOT",)),
        ({"hw:maxphysaddr_mode": "passthrough"}, {}, ("COMPUTE_ADDRESS_SPACE_PASSTHROUGH",)),
        ({}, {"hw_maxphysaddr_mode": "emulate"}, ("COMPUTE_ADDRESS_SPACE_EMULATED",)),
        ({}, STATELESS, ("COMPUTE_SECURITY_STATELESS_FIRMWARE",)),
        ({}, {"hw_firmware_stateless": "true"}, ()),
        ({}, UEFI | {"hw_firmware_stateless": "false"}, ()),
        ({"hw:tpm_version": "1.2"}, {}, ("COMPUTE_SECURITY_TPM_TIS", "COMPUTE_SECURITY_TPM_1_2")),
        (
            {"hw:tpm_model": "tpm-crb"},
            {"hw_tpm_version": "2.0"},
            ("COMPUTE_SECURITY_TPM_CRB", "COMPUTE_SECURITY_TPM_2_0"),
        ),
        ({"hw:tpm_model": "tpm-crb"}, {}, ()),
        ({"hw:pci_numa_affinity_policy": "socket"}, {}, ("COMPUTE_SOCKET_PCI_NUMA_AFFINITY",)),
        ({"hw:pci_numa_affinity_policy": "required"}, {}, ()),
        ({"hw:mem_encryption": "true"}, UEFI, ("HW_CPU_X86_AMD_SEV",)),
        (
            {"hw:mem_encryption": "true", "hw:mem_encryption_model": "amd-sev-es"},
            UEFI | {"hw_machine_type": "pc-q35-6.2"},
            ("HW_CPU_X86_AMD_SEV_ES",),
        ),
        (
            {},
            STATELESS | {"hw_mem_encryption": "true", "hw_mem_encryption_model": "amd-sev-snp"},
            ("HW_CPU_X86_AMD_SEV_SNP", "COMPUTE_SECURITY_STATELESS_FIRMWARE"),
        ),
        (
            {"hw:mem_encryption": "1", "hw:mem_encryption_model": "intel-tdx"},
            STATELESS | {"hw_video_model": "none"},
            ("HW_CPU_X86_INTEL_TDX", "COMPUTE_SECURITY_STATELESS_FIRMWARE"),
        ),
    ],
)
def test_what_a_feature_needs(specs: dict[str, str], properties: dict[str, object], wanted: tuple[str, ...]) -> None:
    assert traits(specs, properties) == set(wanted)


@pytest.mark.parametrize(
    ("specs", "properties", "told"),
    [
        ({"os:secure_boot": "maybe"}, {}, "required, disabled, optional"),
        ({"os:secure_boot": "required"}, {"os_secure_boot": "disabled"}, "must agree"),
        ({"hw:maxphysaddr_mode": "guess"}, {}, "passthrough, emulate"),
        ({"hw:tpm_version": "3.0"}, {}, "1.2, 2.0"),
        ({"hw:tpm_version": "2.0", "hw:tpm_model": "x"}, {}, "tpm-tis, tpm-crb"),
        ({"hw:tpm_version": "1.2", "hw:tpm_model": "tpm-crb"}, {}, "needs hw:tpm_version 2.0"),
        ({"hw:pci_numa_affinity_policy": "near"}, {}, "required, legacy, preferred, socket"),
        ({"hw:mem_encryption": "true"}, {}, "hw_firmware_type = 'uefi'"),
        ({"hw:mem_encryption": "true"}, UEFI | {"hw_machine_type": "pc"}, "hw_machine_type = 'q35'"),
        ({"hw:mem_encryption": "true", "hw:mem_encryption_model": "rot13"}, UEFI, "amd-sev, amd-sev-es"),
        (
            {"hw:mem_encryption": "true", "hw:mem_encryption_model": "amd-sev"},
            UEFI | {"hw_mem_encryption_model": "amd-sev-es"},
            "must agree",
        ),
        ({"hw:mem_encryption": "true", "hw:mem_encryption_model": "amd-sev-snp"}, UEFI, "hw_firmware_stateless"),
        ({"hw:mem_encryption": "true", "hw:mem_encryption_model": "intel-tdx"}, STATELESS, "hw_video_model = 'none'"),
    ],
)
def test_what_cannot_be_says_why(specs: dict[str, str], properties: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        traits(specs, properties)


def test_no_encryption_asks_nothing_of_the_image() -> None:
    spec = request(extra_specs={"hw:mem_encryption": "no"}, properties={"hw_mem_encryption_model": "intel-tdx"})
    assert memory_encryption(guest_of(spec)) is None


@given(st.dictionaries(st.text(max_size=12).filter(lambda name: name not in FEATURE_SPECS), st.text(max_size=8)))
def test_no_other_extra_spec_changes_the_traits(others: dict[str, str]) -> None:
    told = {"os:secure_boot": "required", "hw:tpm_version": "2.0"}
    assert traits(others | told, {}) == traits(told, {})
