"""Locked, encrypted and persistent memory as flavors and images ask for it."""

from __future__ import annotations

import pytest

from engine.fitting.memory_policies import locked_memory, memory_encryption_model, persistent_memory_labels
from engine.model.flavor import Flavor
from engine.model.image import Image

UEFI: dict[str, object] = {"hw_firmware_type": "uefi", "hw_machine_type": "pc-q35-8.2"}
STATELESS: dict[str, object] = {**UEFI, "hw_firmware_stateless": "True", "hw_video_model": "none"}


def flavor(specs: dict[str, str]) -> Flavor:
    return Flavor("f", 4, 1024, extra_specs=specs)


@pytest.mark.parametrize(
    ("specs", "image", "model", "locked"),
    [
        ({}, {}, None, None),
        ({"hw:mem_encryption": "no"}, {}, None, None),
        ({"hw:mem_encryption": "on"}, UEFI, "amd-sev", True),
        ({}, {**UEFI, "hw_mem_encryption": True}, "amd-sev", True),
        ({"hw:mem_encryption": "1", "hw:mem_encryption_model": "amd-sev-es"}, UEFI, "amd-sev-es", True),
        ({"hw:mem_encryption": "1"}, {**STATELESS, "hw_mem_encryption_model": "amd-sev-snp"}, "amd-sev-snp", None),
        ({"hw:mem_encryption": "1", "hw:mem_encryption_model": "intel-tdx"}, STATELESS, "intel-tdx", None),
    ],
)
def test_encryption_locks_memory_unless_the_model_does_that_itself(
    specs: dict[str, str], image: dict[str, object], model: str | None, locked: bool | None
) -> None:
    assert memory_encryption_model(flavor(specs), Image(properties=image)) == model
    assert locked_memory(flavor(specs), Image(properties=image)) is locked


def test_locking_by_name_needs_a_page_size_of_either() -> None:
    named = flavor({"hw:locked_memory": "true", "hw:mem_page_size": "large"})
    assert locked_memory(named, Image(properties={"hw_locked_memory": "yes"})) is True
    assert locked_memory(flavor({"hw:locked_memory": "no"}), Image()) is False


def test_labels_of_persistent_memory_are_trimmed() -> None:
    assert persistent_memory_labels(flavor({"hw:pmem": " 6GB,, 16GB "})) == ("6GB", "16GB")
    assert persistent_memory_labels(flavor({})) == ()
