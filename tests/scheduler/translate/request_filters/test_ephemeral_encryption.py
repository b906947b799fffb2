"""Encrypted disks need a host that encrypts them, in the format asked for."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from tests.builders import request
from tests.scheduler.translate.asking import narrowed

TRAIT = "COMPUTE_EPHEMERAL_ENCRYPTION"


@pytest.mark.parametrize(
    ("specs", "properties", "required"),
    [
        ({"hw:ephemeral_encryption": "yes"}, {}, {TRAIT}),
        ({}, {"hw_ephemeral_encryption": "True"}, {TRAIT}),
        ({"hw:ephemeral_encryption": "no"}, {"hw_ephemeral_encryption": "false"}, set()),
        ({"hw:ephemeral_encryption_format": "luks"}, {}, set()),
        ({"hw:ephemeral_encryption": "1", "hw:ephemeral_encryption_format": "luks"}, {}, {TRAIT, f"{TRAIT}_LUKS"}),
        ({"hw:ephemeral_encryption": "1"}, {"hw_ephemeral_encryption_format": "luksv2"}, {TRAIT, f"{TRAIT}_LUKSV2"}),
    ],
)
def test_the_traits(specs: dict[str, str], properties: dict[str, object], required: set[str]) -> None:
    assert narrowed(request(extra_specs=specs, properties=properties)).root_required == required


@pytest.mark.parametrize(
    ("specs", "properties"),
    [
        ({"hw:ephemeral_encryption": "yes"}, {"hw_ephemeral_encryption": "no"}),
        ({"hw:ephemeral_encryption": "yes", "hw:ephemeral_encryption_format": "rot13"}, {}),
        (
            {"hw:ephemeral_encryption": "yes", "hw:ephemeral_encryption_format": "luks"},
            {"hw_ephemeral_encryption_format": "plain"},
        ),
    ],
)
def test_what_cannot_be(specs: dict[str, str], properties: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError, match="ephemeral_encryption"):
        narrowed(request(extra_specs=specs, properties=properties))
