"""The names of block devices in the guest: vda for the root disk, vdb, vdc ... for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from engine.v1 import instance_pb2

_DIRECTORY = "/dev/"
_PREFIX = "vd"
_ROOT = "vda"


def name_devices(devices: Iterable[instance_pb2.BlockDevice]) -> list[instance_pb2.BlockDevice]:
    """Return copies of the devices, in order, with names where there were none; a name given is kept without /dev/.

    The root disk has the first letter even where the record lists no device for it.
    """
    copies = []
    for device in devices:
        copy = instance_pb2.BlockDevice()
        copy.CopyFrom(device)
        copy.device_name = copy.device_name.removeprefix(_DIRECTORY)
        copies.append(copy)
    taken = {copy.device_name for copy in copies if copy.device_name}
    free = (name for name in _names() if name not in taken and name != _ROOT)
    for copy in copies:
        if not copy.device_name:
            copy.device_name = _ROOT if copy.boot_index == 0 and _ROOT not in taken else next(free)
    return copies


def root_device_name(devices: Iterable[instance_pb2.BlockDevice]) -> str:
    """Return the name of the disk that is booted from, with /dev/ as nova shows it."""
    return _DIRECTORY + next((device.device_name for device in devices if device.boot_index == 0), _ROOT)


def _names() -> Iterator[str]:
    """Yield vda to vdz, vdaa and so on, as the kernel counts."""
    for number in count():
        letters = ""
        rest = number
        while rest >= 0:
            letters = chr(ord("a") + rest % 26) + letters
            rest = rest // 26 - 1
        yield _PREFIX + letters
