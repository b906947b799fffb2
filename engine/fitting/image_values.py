"""Image properties as nova types them (nova.objects.ImageMetaProps): texts become words, numbers, flags and lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from engine.fitting.cpu_specs import parse_cpu_spec
from engine.fitting.errors import NumaConstraintError
from engine.fitting.truth import is_true
from engine.model.image import Image

MAX_NUMBERED = 128
"""How many properties or extra specs of one family are read, such as hw_numa_cpus.0 to hw_numa_cpus.127."""

CPU_POLICIES = ("dedicated", "shared", "mixed")
THREAD_POLICIES = ("prefer", "isolate", "require")
ENCRYPTION_MODELS = ("amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx")

_WORDS: Mapping[str, tuple[str, ...]] = {
    "hw_cpu_policy": CPU_POLICIES,
    "hw_cpu_thread_policy": THREAD_POLICIES,
    "hw_firmware_type": ("uefi", "bios"),
    "hw_mem_encryption_model": ENCRYPTION_MODELS,
    "hw_video_model": ("cirrus", "qxl", "vga", "vmvga", "xen", "virtio", "gop", "none", "bochs"),
}
_ABSENT = object()

T = TypeVar("T")


def image_word(image: Image, key: str) -> str | None:
    """Return a property that takes one of a few words, None where it is absent; NumaConstraintError for others."""
    value = image.properties.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    words = _WORDS[key]
    if not isinstance(value, str) or value not in words:
        raise _bad_value(key, value, "one of " + ", ".join(words))
    return value


def image_text(image: Image, key: str) -> str | None:
    """Return a property of free text, None where it is absent; NumaConstraintError for lists, mappings and null."""
    value = image.properties.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    if not isinstance(value, str | int | float):
        raise _bad_value(key, value, "text")
    return str(value)


def image_flag(image: Image, key: str) -> bool | None:
    """Return a yes-or-no property, None where it is absent; NumaConstraintError for null."""
    value = image.properties.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    if value is None:
        raise _bad_value(key, value, "true or false")
    return is_true(value)


def image_whole(image: Image, key: str) -> int | None:
    """Return a property that is a whole number, None where it is absent; NumaConstraintError for anything else."""
    value = image.properties.get(key, _ABSENT)
    if value is _ABSENT:
        return None
    if value is None:
        raise _bad_value(key, value, "a whole number")
    return whole(key, value)


def image_numa_cpus(image: Image) -> list[frozenset[int]] | None:
    """Return the CPU lists of hw_numa_cpus.0, .1 and so on up to the first that is absent; None without the first."""

    def cpus(key: str, value: object) -> frozenset[int]:
        if not isinstance(value, str):
            raise _bad_value(key, value, "a CPU list such as 0-3", nova_exception="AttributeError")
        return parse_cpu_spec(value, name=key)

    return numbered(image.properties, "hw_numa_cpus", cpus)


def image_numa_mem(image: Image) -> list[int] | None:
    """Return the MiB of hw_numa_mem.0, .1 and so on up to the first that is absent; None without the first."""
    return numbered(image.properties, "hw_numa_mem", whole)


def numbered(values: Mapping[str, object], prefix: str, read: Callable[[str, object], T]) -> list[T] | None:
    """Return ``read(key, value)`` of prefix.0, prefix.1, ... up to the first absent one; None without the first."""
    found = []
    for number in range(MAX_NUMBERED):
        key = f"{prefix}.{number}"
        if key not in values:
            break
        found.append(read(key, values[key]))
    return found or None


def whole(key: str, value: object) -> int:
    """Return the whole number that the property or extra spec ``key`` holds; NumaConstraintError for anything else."""
    if not isinstance(value, str | int | float):
        raise _bad_value(key, value, "a whole number", nova_exception="TypeError")
    try:
        return int(value)
    except (ValueError, OverflowError) as error:
        raise _bad_value(key, value, "a whole number", nova_exception=type(error).__name__) from None


def check_image(image: Image) -> None:
    """Raise NumaConstraintError for the first property read here that nova could not type, in nova's order."""
    image_word(image, "hw_cpu_policy")
    image_word(image, "hw_cpu_thread_policy")
    image_text(image, "hw_cpu_realtime_mask")
    image_word(image, "hw_firmware_type")
    image_flag(image, "hw_firmware_stateless")
    image_flag(image, "hw_locked_memory")
    image_text(image, "hw_machine_type")
    image_flag(image, "hw_mem_encryption")
    image_word(image, "hw_mem_encryption_model")
    image_text(image, "hw_mem_page_size")
    image_whole(image, "hw_numa_nodes")
    image_numa_cpus(image)
    image_numa_mem(image)
    image_word(image, "hw_video_model")


def _bad_value(key: str, value: object, wanted: str, *, nova_exception: str = "ValueError") -> NumaConstraintError:
    """Return the error of a property whose value is of the wrong kind."""
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return NumaConstraintError(f"{key} is {shown}: it must be {wanted}", nova_exception=nova_exception)
