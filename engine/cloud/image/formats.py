"""Disk formats: what an image's bytes are, whether that is what it claims, and whether they are safe to open."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from oslo_utils.imageutils.format_inspector import FileInspector, ImageFormatError, InspectWrapper, SafetyCheckFailed

DiskFormat = Literal["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"]
ContainerFormat = Literal["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
WRAPPED = frozenset({"ova", "docker", "compressed"})
"""Containers whose bytes are an archive around the disk, so that the disk's format cannot be seen."""
MOST_VIRTUAL_BYTES = 16 * 1024**4
_PLAIN = frozenset({"ami", "ari", "aki", "raw", "ploop"})
_CHUNK = 1024 * 1024


class FormatMismatchError(Exception):
    """The bytes are of another format than the image declares."""


class UnsafeImageError(Exception):
    """The bytes are of the declared format but must not be opened: they name other files, or an absurd size."""


def inspect(path: Path, disk_format: str) -> int:
    """Return the virtual size in bytes of a file that is what ``disk_format`` says.

    Raises FormatMismatchError or UnsafeImageError otherwise. A disk with a partition table counts as raw, and a disc
    that is bootable as a disk too as iso.
    """
    found = {str(match): match for match in _matches(path)}
    expected = {"raw"} if disk_format in _PLAIN else {disk_format}
    names = set(found) - {"gpt"} if disk_format in (*_PLAIN, "iso") else set(found)
    if not (names == expected or (expected == {"raw"} and not names)):
        raise FormatMismatchError(
            f"Image content does not match disk_format {disk_format}: it is {', '.join(sorted(found)) or 'unknown'}."
        )
    for inspector in found.values():
        try:
            inspector.safety_check()
        except SafetyCheckFailed as error:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in sorted(error.failures.items()))
            raise UnsafeImageError(f"Image content is not safe to use: {reasons}.") from error
        except ImageFormatError as error:
            raise UnsafeImageError(f"Image content cannot be checked: {error}.") from error
    size = path.stat().st_size if expected == {"raw"} else _virtual_size(found[disk_format])
    if size > MOST_VIRTUAL_BYTES:
        raise UnsafeImageError(f"Image content is not safe to use: its virtual size of {size} bytes is absurd.")
    return size


def _virtual_size(inspector: FileInspector) -> int:
    try:
        return int(inspector.virtual_size)
    except Exception as error:
        # inspectors read fields of untrusted bytes: whatever goes wrong there, the size is not known
        raise UnsafeImageError("Image content cannot be checked: its virtual size cannot be read.") from error


def _matches(path: Path) -> list[FileInspector]:
    """Return the inspectors of every format the file matches; only as much is read as they need."""
    with path.open("rb") as file:
        wrapper = InspectWrapper(file)
        try:
            while wrapper.formats is None and wrapper.read(_CHUNK):
                pass
            wrapper.close()
            return list(wrapper.formats or ())
        except OSError:
            raise
        except Exception as error:
            # an inspector that stumbles over untrusted bytes says that they are not to be trusted
            raise UnsafeImageError("Image content cannot be checked.") from error
