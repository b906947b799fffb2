"""The traits that a guest's features need of its host: secure boot, a TPM, encrypted memory and the like.

The rules are those of nova.scheduler.utils.ResourceRequest and, beneath it, nova.virt.hardware.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.errors import InvalidRequestError
from engine.scheduler.translate.guest import Guest

TPM_VERSIONS: Final = ("1.2", "2.0")
TPM_MODELS: Final = ("tpm-tis", "tpm-crb")
SECURE_BOOT: Final = ("required", "disabled", "optional")
ADDRESS_MODES: Final = {
    "passthrough": "COMPUTE_ADDRESS_SPACE_PASSTHROUGH",
    "emulate": "COMPUTE_ADDRESS_SPACE_EMULATED",
}
PCI_NUMA_POLICIES: Final = ("required", "legacy", "preferred", "socket")


@dataclass(frozen=True, slots=True)
class MemoryEncryption:
    """One way to encrypt a guest's memory: the trait of a CPU that can, and what the image must have."""

    trait: str
    needs_stateless_firmware: bool
    needs_no_video: bool = False


MEMORY_ENCRYPTIONS: Final = {
    "amd-sev": MemoryEncryption("HW_CPU_X86_AMD_SEV", needs_stateless_firmware=False),
    "amd-sev-es": MemoryEncryption("HW_CPU_X86_AMD_SEV_ES", needs_stateless_firmware=False),
    "amd-sev-snp": MemoryEncryption("HW_CPU_X86_AMD_SEV_SNP", needs_stateless_firmware=True),
    "intel-tdx": MemoryEncryption("HW_CPU_X86_INTEL_TDX", needs_stateless_firmware=True, needs_no_video=True),
}
_DEFAULT_ENCRYPTION: Final = "amd-sev"


FEATURE_SPECS: Final = frozenset(
    {
        "hw:maxphysaddr_mode",
        "hw:mem_encryption",
        "hw:mem_encryption_model",
        "hw:pci_numa_affinity_policy",
        "hw:tpm_model",
        "hw:tpm_version",
        "os:secure_boot",
    }
)
"""The extra specs on which ``feature_traits`` depends; no other changes its answer."""


def feature_traits(guest: Guest) -> frozenset[str]:
    """Return the traits that the guest's features require; InvalidRequestError where flavor and image do not agree."""
    if guest.is_bare:
        return frozenset()
    return frozenset(trait for feature in _FEATURES for trait in feature(guest))


def memory_encryption(guest: Guest) -> MemoryEncryption | None:
    """Return how the guest's memory is to be encrypted, None for not.

    Raises InvalidRequestError where the image lacks what the way needs: UEFI, a q35 machine, stateless firmware, no
    video device.
    """
    if not guest.switch("mem_encryption"):
        return None
    mine, its = guest.either("mem_encryption_model")
    if mine is not None and its is not None and mine != its:
        raise guest.conflict("hw:mem_encryption_model", mine, "hw_mem_encryption_model", its)
    model = str(its or mine or _DEFAULT_ENCRYPTION)
    way = MEMORY_ENCRYPTIONS.get(model)
    if way is None:
        raise InvalidRequestError(
            f"hw:mem_encryption_model must be one of {', '.join(MEMORY_ENCRYPTIONS)}, not {model!r}",
            field="hw:mem_encryption_model",
        )
    properties = guest.properties
    if properties.get("hw_firmware_type") != "uefi":
        raise _lacks(model, "hw_firmware_type", "uefi")
    machine = properties.get("hw_machine_type")
    if machine is not None and "q35" not in str(machine):
        raise _lacks(model, "hw_machine_type", "q35")
    if way.needs_stateless_firmware and not has_stateless_firmware(guest):
        raise _lacks(model, "hw_firmware_stateless", "true")
    if way.needs_no_video and properties.get("hw_video_model") != "none":
        raise _lacks(model, "hw_video_model", "none")
    return way


def has_stateless_firmware(guest: Guest) -> bool:
    """Return whether the image wants firmware without state, which only UEFI can be."""
    properties = guest.properties
    return properties.get("hw_firmware_type") == "uefi" and bool(properties.get("hw_firmware_stateless"))


def tpm_traits(guest: Guest) -> tuple[str, ...]:
    """Return the traits of a host with the TPM that the guest is to have, none for no TPM."""
    version = guest.choice("tpm_version", TPM_VERSIONS)
    if version is None:
        return ()
    model = guest.choice("tpm_model", TPM_MODELS) or "tpm-tis"
    if model == "tpm-crb" and version != "2.0":
        raise InvalidRequestError("hw:tpm_model tpm-crb needs hw:tpm_version 2.0", field="hw:tpm_model")
    return (
        "COMPUTE_SECURITY_TPM_CRB" if model == "tpm-crb" else "COMPUTE_SECURITY_TPM_TIS",
        "COMPUTE_SECURITY_TPM_2_0" if version == "2.0" else "COMPUTE_SECURITY_TPM_1_2",
    )


def _lacks(model: str, name: str, value: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"memory encryption {model} needs an image with {name} = {value!r}: set the property or use another image",
        field=name,
    )


def _memory_encryption_traits(guest: Guest) -> tuple[str, ...]:
    way = memory_encryption(guest)
    return () if way is None else (way.trait,)


def _pci_affinity_traits(guest: Guest) -> tuple[str, ...]:
    policy = guest.agreed("pci_numa_affinity_policy")
    if policy and policy not in PCI_NUMA_POLICIES:
        raise InvalidRequestError(
            f"hw:pci_numa_affinity_policy must be one of {', '.join(PCI_NUMA_POLICIES)}, not {policy!r}",
            field="hw:pci_numa_affinity_policy",
        )
    return ("COMPUTE_SOCKET_PCI_NUMA_AFFINITY",) if policy == "socket" else ()


def _secure_boot_traits(guest: Guest) -> tuple[str, ...]:
    wanted = guest.choice("secure_boot", SECURE_BOOT, prefix="os") == "required"
    return ("COMPUTE_SECURITY_UEFI_SECURE_BOOT",) if wanted else ()


def _address_traits(guest: Guest) -> tuple[str, ...]:
    mode = guest.choice("maxphysaddr_mode", tuple(ADDRESS_MODES))
    return () if mode is None else (ADDRESS_MODES[mode],)


def _firmware_traits(guest: Guest) -> tuple[str, ...]:
    return ("COMPUTE_SECURITY_STATELESS_FIRMWARE",) if has_stateless_firmware(guest) else ()


_FEATURES: Final[tuple[Callable[[Guest], tuple[str, ...]], ...]] = (
    _memory_encryption_traits,
    tpm_traits,
    _pci_affinity_traits,
    _secure_boot_traits,
    _address_traits,
    _firmware_traits,
)
"""In nova's order, which decides the error where several features are wrong."""
