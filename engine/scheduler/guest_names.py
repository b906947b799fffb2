"""The names of guest architectures, hypervisor types and vm modes that nova knows, and their canonical spelling.

The rules are those of nova.virt.arch and nova.objects.fields (Architecture, HVType, VMMode).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestNames:
    """One vocabulary: the canonical names, and the other spellings that stand for them."""

    known: frozenset[str]
    aliases: Mapping[str, str]

    def canonical(self, name: str) -> str | None:
        """Return the canonical spelling of a name in any case, None where the name is unknown."""
        lowered = name.lower()
        found = self.aliases.get(lowered, lowered)
        return found if found in self.known else None


ARCHITECTURES = GuestNames(
    known=frozenset(
        {
            "aarch64",
            "alpha",
            "armv6",
            "armv7b",
            "armv7l",
            "cris",
            "i686",
            "ia64",
            "lm32",
            "m68k",
            "microblaze",
            "microblazeel",
            "mips",
            "mips64",
            "mips64el",
            "mipsel",
            "openrisc",
            "parisc",
            "parisc64",
            "ppc",
            "ppc64",
            "ppc64le",
            "ppcemb",
            "ppcle",
            "s390",
            "s390x",
            "sh4",
            "sh4eb",
            "sparc",
            "sparc64",
            "unicore32",
            "x86_64",
            "xtensa",
            "xtensaeb",
        }
    ),
    aliases={
        "amd64": "x86_64",
        "i386": "i686",
        "i486": "i686",
        "i586": "i686",
        "x86_32": "i686",
        "x86_32p": "i686",
    },
)
HYPERVISOR_TYPES = GuestNames(
    known=frozenset(
        {
            "baremetal",
            "bhyve",
            "docker",
            "fake",
            "hyperv",
            "ironic",
            "kqemu",
            "kvm",
            "lxc",
            "lxd",
            "openvz",
            "parallels",
            "phyp",
            "prsm",
            "qemu",
            "test",
            "uml",
            "vbox",
            "vmware",
            "vz",
            "xen",
            "zvm",
        }
    ),
    aliases={"xapi": "xen"},
)
VM_MODES = GuestNames(
    known=frozenset({"exe", "hvm", "uml", "xen"}),
    aliases={"baremetal": "hvm", "hv": "hvm", "pv": "xen"},
)
