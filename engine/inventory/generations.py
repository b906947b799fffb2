"""Hardware generations: the kinds of host that a generated fleet is mixed from."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HardwareGeneration:
    """One kind of host, bought as whole racks; ``share`` is its part of the fleet, the shares of all add up to 1."""

    name: str
    share: float
    vcpus: int
    memory_mb: int
    disk_gb: int
    memory_mb_reserved: int
    cpu_allocation_ratio: float
    hypervisor_version: int
    cpu_vendor: str
    cpu_model: str
    cpu_features: tuple[str, ...]
    traits: tuple[str, ...]
    groups: tuple[str, ...] = ()
    arch: str = "x86_64"
    ram_allocation_ratio: float = 1.0

    @property
    def cpu_info(self) -> str:
        """The CPU in nova's form, as JSON text."""
        facts = {
            "arch": self.arch,
            "vendor": self.cpu_vendor,
            "model": self.cpu_model,
            "features": list(self.cpu_features),
        }
        return json.dumps(facts)

    @property
    def stats(self) -> str:
        """Further facts as JSON text."""
        return json.dumps({"hardware_generation": self.name})

    @property
    def supported_instances(self) -> tuple[str, ...]:
        """What the host runs, as arch/hypervisor_type/vm_mode; an x86_64 host runs 32-bit guests too."""
        arches = ("x86_64", "i686") if self.arch == "x86_64" else (self.arch,)
        return tuple(f"{arch}/{kind}/hvm" for arch in arches for kind in ("kvm", "qemu"))


_AVX2 = ("aes", "avx", "avx2", "vmx")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512vl")
_AMD = ("aes", "avx", "avx2", "svm")
_AMD_AVX512 = (*_AMD, "avx512f", "avx512bw", "avx512vl")
_ARM = ("aes", "asimd", "sha2", "atomics")

_X86_TRAITS = ("HW_ARCH_X86_64", "HW_CPU_X86_AESNI", "HW_CPU_X86_AVX2")
_INTEL_AVX2 = (*_X86_TRAITS, "HW_CPU_X86_VMX")
_INTEL_AVX512 = (*_INTEL_AVX2, "HW_CPU_X86_AVX512F", "HW_CPU_X86_AVX512BW")
_AMD_AVX2 = (*_X86_TRAITS, "HW_CPU_X86_SVM")
_AMD_AVX512_TRAITS = (*_AMD_AVX2, "HW_CPU_X86_AVX512F", "HW_CPU_X86_AVX512BW")
_ARM_TRAITS = ("HW_ARCH_AARCH64", "HW_CPU_AARCH64_AES", "HW_CPU_AARCH64_ASIMD")
_NVME = "CUSTOM_NVME"
_GPU = "CUSTOM_GPU"

GENERATIONS: tuple[HardwareGeneration, ...] = (
    HardwareGeneration(
        "g1-broadwell",
        0.10,
        40,
        131_072,
        1_000,
        512,
        4.0,
        4_002_001,
        "Intel",
        "Broadwell-IBRS",
        _AVX2,
        _INTEL_AVX2,
        ram_allocation_ratio=1.5,
    ),
    HardwareGeneration(
        "g2-broadwell-big",
        0.06,
        56,
        262_144,
        2_000,
        1_024,
        4.0,
        4_002_001,
        "Intel",
        "Broadwell-IBRS",
        _AVX2,
        _INTEL_AVX2,
        ram_allocation_ratio=1.5,
    ),
    HardwareGeneration(
        "g3-skylake",
        0.14,
        64,
        196_608,
        1_000,
        1_024,
        4.0,
        5_002_000,
        "Intel",
        "Skylake-Server-IBRS",
        _AVX512,
        _INTEL_AVX512,
    ),
    HardwareGeneration(
        "g4-cascadelake",
        0.14,
        96,
        393_216,
        2_000,
        2_048,
        4.0,
        6_002_000,
        "Intel",
        "Cascadelake-Server",
        _AVX512,
        (*_INTEL_AVX512, _NVME),
        ("ssd",),
    ),
    HardwareGeneration(
        "g5-rome",
        0.12,
        128,
        524_288,
        2_000,
        2_048,
        4.0,
        6_002_000,
        "AMD",
        "EPYC-Rome",
        _AMD,
        (*_AMD_AVX2, _NVME),
        ("ssd",),
    ),
    HardwareGeneration(
        "g6-icelake",
        0.12,
        128,
        524_288,
        4_000,
        4_096,
        4.0,
        7_002_000,
        "Intel",
        "Icelake-Server",
        _AVX512,
        (*_INTEL_AVX512, _NVME),
        ("ssd",),
    ),
    HardwareGeneration(
        "g7-milan",
        0.10,
        256,
        1_048_576,
        4_000,
        4_096,
        3.0,
        7_002_000,
        "AMD",
        "EPYC-Milan",
        _AMD,
        (*_AMD_AVX2, _NVME),
        ("ssd",),
    ),
    HardwareGeneration(
        "g8-genoa",
        0.05,
        256,
        1_572_864,
        8_000,
        8_192,
        3.0,
        8_002_002,
        "AMD",
        "EPYC-Genoa",
        _AMD_AVX512,
        (*_AMD_AVX512_TRAITS, _NVME),
        ("ssd",),
    ),
    HardwareGeneration(
        "g9-memory",
        0.04,
        224,
        2_097_152,
        4_000,
        8_192,
        1.0,
        7_002_000,
        "Intel",
        "Cascadelake-Server",
        _AVX512,
        (*_INTEL_AVX512, _NVME, "CUSTOM_HIGH_MEMORY"),
        ("ssd", "high-memory"),
    ),
    HardwareGeneration(
        "g10-gpu",
        0.05,
        96,
        786_432,
        8_000,
        8_192,
        1.0,
        7_002_000,
        "Intel",
        "Icelake-Server",
        _AVX512,
        (*_INTEL_AVX512, _NVME, _GPU),
        ("ssd", "gpu"),
    ),
    HardwareGeneration(
        "a1-kunpeng",
        0.03,
        32,
        131_072,
        500,
        1_024,
        4.0,
        6_002_000,
        "HiSilicon",
        "Kunpeng-920",
        _ARM,
        _ARM_TRAITS,
        ("arm",),
        "aarch64",
    ),
    HardwareGeneration(
        "a2-altra",
        0.05,
        128,
        524_288,
        2_000,
        2_048,
        2.0,
        8_002_002,
        "ARM",
        "neoverse-n1",
        _ARM,
        (*_ARM_TRAITS, _NVME),
        ("ssd", "arm"),
        "aarch64",
    ),
)
"""In order of age; 8 % of the hosts are aarch64."""
