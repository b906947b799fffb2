"""The names of disks in a server: vda, vdb, ... vdz, vdaa."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from engine.boot.store.instances import BlockDeviceRow, InstanceRow

_LETTERS = 26


def next_device_name(row: InstanceRow, devices: Iterable[BlockDeviceRow], wanted: str) -> str:
    """Return the wanted name, or else the first that no device of the server has."""
    if wanted:
        return wanted
    known = list(devices)
    used = {device.device_name.removeprefix("/dev/") for device in known}
    used.add(row.root_device_name.removeprefix("/dev/"))
    # disks whose name was left to the host have the first ones
    unnamed = sum(1 for device in known if not device.device_name)
    prefix = next((name[:2] for name in sorted(used) if len(name) > 2), "vd")
    return next(name for index in count(unnamed) if (name := prefix + _letters(index)) not in used)


def _letters(index: int) -> str:
    """Return a, b ... z, aa, ab ... for 0, 1 ... 25, 26, 27 ..."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, _LETTERS)
        text = chr(ord("a") + rest) + text
    return text
