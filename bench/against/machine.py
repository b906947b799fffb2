"""What a comparison ran on: processor, memory, kernel, and the versions of all that was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

_PACKAGES = ("numpy", "numba", "grpcio", "pyarrow")


def about_machine(nova_versions: Mapping[str, str], when: str) -> dict[str, str]:
    """Return names and values to show, in order."""
    return {
        "date": when,
        "processor": f"{processor()}, {os.cpu_count()} CPUs",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "nova": f"{nova_versions['nova']} on Python {nova_versions['python']}",
        "Berth": f"{metadata.version('berth')} on Python {platform.python_version()}",
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def processor() -> str:
    """Return the processor's name as the system tells it."""
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()
