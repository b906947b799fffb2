"""Which launcher a setting names."""

from __future__ import annotations

from pathlib import Path

from engine.boot.libvirt.driver import Driver, LaunchError
from engine.boot.libvirt.libvirt_test import LibvirtTestDriver
from engine.boot.libvirt.memory import MemoryDriver


def launcher(name: str, directory: Path) -> Driver:
    """Return a launcher that keeps its records in ``directory``; raises LaunchError when it cannot work here."""
    if name == "libvirt-test":
        return LibvirtTestDriver(directory)
    if name == "memory":
        return MemoryDriver()
    raise LaunchError(f"there is no launcher {name!r}: there are libvirt-test and memory", launcher=name)
