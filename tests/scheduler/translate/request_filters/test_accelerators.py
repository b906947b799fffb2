"""A device profile needs a host that can attach accelerators."""

from __future__ import annotations

import pytest

from tests.builders import request
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("specs", "required"),
    [
        ({}, set()),
        ({"accel:device_profile": ""}, set()),
        ({"accel:device_profile": "fpga"}, {"COMPUTE_ACCELERATORS"}),
        ({"accel:other": "fpga"}, set()),
    ],
)
def test_a_device_profile_asks_for_the_trait(specs: dict[str, str], required: set[str]) -> None:
    assert narrowed(request(extra_specs=specs)).root_required == required
