"""What an image's data are, found out from the bytes before any tool opens them: format, safety and virtual size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oslo_utils.imageutils import format_inspector

from engine.boot.effects.errors import ImageUnacceptable

_CHUNK_BYTES = 64 * 1024
_LARGEST_BYTES = 1 << 46
_AS_DETECTED: dict[str, frozenset[frozenset[str]]] = {
    # a partition table makes a disk bootable, not a format of its own
    **{name: frozenset({frozenset({"raw"}), frozenset({"gpt"})}) for name in ("raw", "ami", "ari", "aki")},
    "qcow2": frozenset({frozenset({"qcow2"})}),
    "qed": frozenset({frozenset({"qed"})}),
    "vhd": frozenset({frozenset({"vhd"})}),
    "vhdx": frozenset({frozenset({"vhdx"})}),
    "vdi": frozenset({frozenset({"vdi"})}),
    "vmdk": frozenset({frozenset({"vmdk"})}),
    # a hybrid image boots from a disk as well
    "iso": frozenset({frozenset({"iso"}), frozenset({"iso", "gpt"})}),
}


@dataclass(frozen=True)
class ImageFormat:
    """What the bytes are: ``detected`` names, how large the disk in it is, and why it is not safe (empty: it is)."""

    detected: frozenset[str]
    virtual_size: int
    unsafe: str


def inspect(path: Path) -> ImageFormat:
    """Return what a file is; blocks while as much of it is read as that takes."""
    with path.open("rb") as file:
        wrapper = format_inspector.InspectWrapper(file)
        try:
            while wrapper.read(_CHUNK_BYTES):
                if wrapper.formats:
                    break
        finally:
            wrapper.close()
    found = wrapper.formats or []
    size = path.stat().st_size
    problems: list[str] = []
    sizes: list[int] = []
    for inspector in found:
        try:
            inspector.safety_check()
            # an inspector counts what it was shown, which for raw data is not the whole file
            sizes.append(size if str(inspector) in ("raw", "gpt", "iso") else int(inspector.virtual_size))
        except format_inspector.SafetyCheckFailed as error:
            problems += [f"{name}: {failure}" for name, failure in sorted(error.failures.items())]
        except Exception as error:
            # bytes made to break a parser are unsafe, whatever it raises
            problems.append(f"{inspector} cannot be read: {error}")
    return ImageFormat(frozenset(str(inspector) for inspector in found), max(sizes, default=size), "; ".join(problems))


def check(image_id: str, declared: str, found: ImageFormat) -> None:
    """Raise ImageUnacceptable unless the bytes are of the declared format, safe, and of a size a disk can have."""
    accepted = _AS_DETECTED.get(declared)
    if accepted is None:
        raise ImageUnacceptable(image_id, f"Image disk format {declared or 'none'} is not supported")
    if found.detected not in accepted:
        names = ", ".join(sorted(found.detected)) or "nothing known"
        raise ImageUnacceptable(
            image_id, f"Image content does not match disk_format: it is declared {declared}, and is {names}"
        )
    if found.unsafe:
        raise ImageUnacceptable(image_id, f"Image content is not safe to open: {found.unsafe}")
    if not 0 < found.virtual_size <= _LARGEST_BYTES:
        raise ImageUnacceptable(image_id, f"Image has an impossible virtual size of {found.virtual_size} bytes")
