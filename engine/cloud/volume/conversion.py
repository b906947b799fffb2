"""Conversion of images to raw: by qemu-img with the format named, under limits of time, memory and size."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

_LOG = logging.getLogger("berth.volume")
_CPU_S = 300
_STEP_S = 0.5
_MEMORY_BYTES = 2 * 1024**3
_QEMU_NAMES = {"qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}


class ConversionError(Exception):
    """An image cannot become raw; the message is for the volume's owner."""


def is_raw(disk_format: str) -> bool:
    """Whether an image of this format is a volume's data as it is."""
    return disk_format in ("raw", "iso", "ami")


def convert(
    source: Path, disk_format: str, target: Path, *, most_bytes: int, check: Callable[[], None] = lambda: None
) -> None:
    """Write a checked image as raw to ``target``, at most ``most_bytes``; ``check`` is called now and then.

    Blocks. Raises ConversionError, and what ``check`` raises to give up.
    """
    if disk_format not in _QEMU_NAMES:
        raise ConversionError(f"An image of the format {disk_format} cannot become a volume.")
    tools = {name: shutil.which(name) for name in ("qemu-img", "prlimit")}
    missing = sorted(name for name, path in tools.items() if path is None)
    if missing:
        raise ConversionError(
            f"An image of the format {disk_format} must be converted, and {' and '.join(missing)} is not installed; "
            "use a raw image."
        )
    limits = [f"--cpu={_CPU_S}", f"--as={_MEMORY_BYTES}", f"--fsize={most_bytes}"]
    command = ["convert", "-f", _QEMU_NAMES[disk_format], "-O", "raw", str(source), str(target)]
    process = subprocess.Popen(  # noqa: S603 (no shell; the paths are ours, the format is one of a list)
        [str(tools["prlimit"]), *limits, str(tools["qemu-img"]), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        said = _outcome(process, check)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        _LOG.warning("qemu-img %s failed: %s", " ".join(command), said[-500:])
        raise ConversionError("The image could not be converted to raw within the limits of size, memory and time.")


def _outcome(process: subprocess.Popen[bytes], check: Callable[[], None]) -> str:
    """Return what an ended process said on its error output; raise ConversionError when it does not end."""
    for _ in range(int(2 * _CPU_S / _STEP_S)):
        try:
            return process.communicate(timeout=_STEP_S)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            check()
    raise ConversionError("The conversion of the image took too long.")
