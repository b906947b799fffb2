"""guest_names: canonical spellings of architectures, hypervisor types and vm modes."""

from __future__ import annotations

import pytest

from engine.scheduler.guest_names import ARCHITECTURES, HYPERVISOR_TYPES, VM_MODES, GuestNames


@pytest.mark.parametrize(
    ("names", "spelled", "expected"),
    [
        (ARCHITECTURES, "x86_64", "x86_64"),
        (ARCHITECTURES, "AMD64", "x86_64"),
        (ARCHITECTURES, "i386", "i686"),
        (ARCHITECTURES, "i486", "i686"),
        (ARCHITECTURES, "i586", "i686"),
        (ARCHITECTURES, "x86_32", "i686"),
        (ARCHITECTURES, "x86_32p", "i686"),
        (ARCHITECTURES, "ppc64le", "ppc64le"),
        (ARCHITECTURES, "armv7", None),
        (ARCHITECTURES, " x86_64", None),
        (ARCHITECTURES, "", None),
        (HYPERVISOR_TYPES, "XAPI", "xen"),
        (HYPERVISOR_TYPES, "vz", "vz"),
        (HYPERVISOR_TYPES, "virtuozzo", None),
        (VM_MODES, "pv", "xen"),
        (VM_MODES, "HV", "hvm"),
        (VM_MODES, "baremetal", "hvm"),
        (VM_MODES, "exe", "exe"),
        (VM_MODES, "kvm", None),
    ],
)
def test_canonical(names: GuestNames, spelled: str, expected: str | None) -> None:
    assert names.canonical(spelled) == expected


@pytest.mark.parametrize("names", [ARCHITECTURES, HYPERVISOR_TYPES, VM_MODES])
def test_every_canonical_name_is_its_own_and_every_alias_has_one(names: GuestNames) -> None:
    assert all(names.canonical(name) == name for name in names.known)
    assert all(names.canonical(alias) in names.known for alias in names.aliases)
