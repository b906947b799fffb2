"""Memory of a guest as a flavor and an image ask for it: page size, locking, encryption and persistent memory.

The rules are those of nova.virt.hardware: _get_numa_pagesize_constraint, get_locked_memory_constraint,
get_mem_encryption_constraint and get_vpmems.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

from engine.fitting.errors import NumaConstraintError
from engine.fitting.image_values import ENCRYPTION_MODELS, image_flag, image_text, image_word
from engine.fitting.truth import is_true
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import ANY_PAGES, LARGE_PAGES, SMALL_PAGES

SEV, SEV_ES, SEV_SNP, TDX = ENCRYPTION_MODELS

_KINDS = {"any": ANY_PAGES, "large": LARGE_PAGES, "small": SMALL_PAGES}
_SIZE = re.compile(r"(^[-+]?\d*\.?\d+)([KMGTPEZYRQ]i?)?(b|bit|B)$")
_POWERS = "KMGTPEZYRQ"
_LOCKED_BY_ITSELF = frozenset({SEV_SNP, TDX})
"""Encryption models that need stateless firmware and, unlike the others, no locked memory."""


def page_size_wish(flavor: Flavor, image: Image) -> float | None:
    """Return the kind or the KiB of the pages asked for, None for no wish.

    An image may only narrow what the flavor leaves open with ``any`` or ``large``; NumaConstraintError otherwise. The
    result is a fraction where the text is ("512B"): a wish it is all the same, and its whole part is what counts.
    """
    of_flavor = flavor.extra_specs.get("hw:mem_page_size")
    of_image = image_text(image, "hw_mem_page_size")
    if not of_flavor:
        if of_image:
            _fail_image_pages(of_image, "nothing")
        return None
    size = _page_size(of_flavor, "hw:mem_page_size")
    if not of_image:
        return size
    if size not in (ANY_PAGES, LARGE_PAGES):
        _fail_image_pages(of_image, of_flavor)
    return _page_size(of_image, "hw_mem_page_size")


def persistent_memory_labels(flavor: Flavor) -> tuple[str, ...]:
    """Return the labels of hw:pmem, in order."""
    labels = (label.strip() for label in (flavor.extra_specs.get("hw:pmem") or "").split(","))
    return tuple(label for label in labels if label)


def locked_memory(flavor: Flavor, image: Image) -> bool | None:
    """Return whether the guest's memory is locked into RAM, None where nothing says so.

    NumaConstraintError where flavor and image differ, where locking lacks a page size, and for encryption that cannot
    be (which is looked at only where locking is not asked for by name).
    """
    said = flavor.extra_specs.get("hw:locked_memory")
    of_image = image_flag(image, "hw_locked_memory")
    wanted = of_image if said is None else is_true(said)
    if said is not None and of_image is not None and wanted != of_image:
        _fail(
            f"hw:locked_memory={said} of flavor {flavor.name!r} and hw_locked_memory={of_image} of the image differ: "
            "make them agree",
            "FlavorImageLockedMemoryConflict",
        )
    if wanted:
        if not flavor.extra_specs.get("hw:mem_page_size") and not image_text(image, "hw_mem_page_size"):
            _fail(
                f"flavor {flavor.name!r} or the image asks for locked memory, which needs a page size: "
                "set hw:mem_page_size",
                "LockMemoryForbidden",
            )
        return True
    model = memory_encryption_model(flavor, image)
    return True if model is not None and model not in _LOCKED_BY_ITSELF else wanted


def memory_encryption_model(flavor: Flavor, image: Image) -> str | None:
    """Return the memory encryption asked for (``amd-sev`` unless named), None without.

    NumaConstraintError where flavor and image differ, for an unknown model, and where the image's firmware, machine
    type or video model does not go with it.
    """
    said = flavor.extra_specs.get("hw:mem_encryption")
    of_image = image_flag(image, "hw_mem_encryption")
    of_flavor = None if said is None else is_true(said)
    if not of_flavor and not of_image:
        return None
    if of_flavor is not None and of_image is not None and of_flavor != of_image:
        _fail(
            f"hw:mem_encryption={said} of flavor {flavor.name!r} and hw_mem_encryption={of_image} of the image differ: "
            "make them agree",
            "FlavorImageConflict",
        )
    model = _encryption_model(flavor, image)
    if image_word(image, "hw_firmware_type") != "uefi":
        _fail("memory encryption needs an image with hw_firmware_type=uefi", "FlavorImageConflict")
    machine = image_text(image, "hw_machine_type")
    if machine is not None and "q35" not in machine:
        _fail(f"memory encryption needs a q35 machine, not hw_machine_type={machine}", "InvalidMachineType")
    if model in _LOCKED_BY_ITSELF and not image_flag(image, "hw_firmware_stateless"):
        _fail(f"{model} needs an image with hw_firmware_stateless=true", "StatelessFirmwareRequired")
    if model == TDX and image_word(image, "hw_video_model") != "none":
        _fail(f"{model} goes without a video device: set hw_video_model=none on the image", "InvalidVideoMode")
    return model


def _encryption_model(flavor: Flavor, image: Image) -> str:
    """Return which encryption is asked for; NumaConstraintError where two are, or an unknown one."""
    of_flavor = flavor.extra_specs.get("hw:mem_encryption_model")
    of_image = image_word(image, "hw_mem_encryption_model")
    if of_flavor is not None and of_image is not None and of_flavor != of_image:
        _fail(
            f"hw:mem_encryption_model={of_flavor} of flavor {flavor.name!r} and hw_mem_encryption_model={of_image} of "
            "the image differ: make them agree",
            "FlavorImageConflict",
        )
    model = of_image or of_flavor or SEV
    if model not in ENCRYPTION_MODELS:
        _fail(f"hw:mem_encryption_model={model} must be one of {', '.join(ENCRYPTION_MODELS)}", "Invalid")
    return model


def _page_size(text: str, key: str) -> float:
    """Return a kind of pages, or KiB from a number of them or an amount with its unit, such as 2MB."""
    kind = _KINDS.get(text)
    if kind is not None:
        return kind
    if text.isdigit():
        try:
            return int(text)
        except ValueError:
            _fail_page_size(text, key, "ValueError")
    match = _SIZE.match(text)
    if match is None:
        _fail_page_size(text, key, "MemoryPageSizeInvalid")
    magnitude = float(match[1])
    if match[3] != "B":
        magnitude /= 8
    if match[2]:
        magnitude *= 1024 ** (_POWERS.index(match[2][0]) + 1)
    if math.isinf(magnitude):
        _fail_page_size(text, key, "OverflowError")
    return math.ceil(magnitude) / 1024


def _fail_page_size(text: str, key: str, nova_exception: str) -> NoReturn:
    """Raise the error of a page size that cannot be read."""
    shown = text if len(text) <= 40 else text[:37] + "..."
    _fail(f"{key}={shown} must be small, large, any, a number of KiB, or a size such as 2MB or 1GB", nova_exception)


def _fail_image_pages(of_image: str, of_flavor: str) -> NoReturn:
    """Raise the error of an image that asks for pages the flavor does not leave to it."""
    _fail(
        f"the image sets hw_mem_page_size={of_image} but the flavor's hw:mem_page_size is {of_flavor}: an image may "
        "choose only where the flavor says any or large",
        "MemoryPageSizeForbidden",
    )


def _fail(message: str, nova_exception: str) -> NoReturn:
    """Raise a NumaConstraintError."""
    raise NumaConstraintError(message, nova_exception=nova_exception)
