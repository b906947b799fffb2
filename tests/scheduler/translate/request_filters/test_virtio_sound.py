"""A virtio sound device needs a host that has such."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from tests.builders import request
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("specs", "properties", "wanted"),
    [
        ({"hw:sound_model": "virtio"}, {}, True),
        ({}, {"hw_sound_model": "virtio"}, True),
        ({"hw:sound_model": "ich9"}, {}, False),
        ({"hw:sound_model": ""}, {}, False),
    ],
)
def test_the_trait(specs: dict[str, str], properties: dict[str, object], wanted: bool) -> None:
    required = narrowed(request(extra_specs=specs, properties=properties)).root_required
    assert required == ({"COMPUTE_SOUND_MODEL_VIRTIO"} if wanted else set())


@pytest.mark.parametrize(
    ("specs", "properties"),
    [({"hw:sound_model": "gramophone"}, {}), ({"hw:sound_model": "usb"}, {"hw_sound_model": "virtio"})],
)
def test_an_unknown_model_and_a_conflict(specs: dict[str, str], properties: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError, match="sound_model"):
        narrowed(request(extra_specs=specs, properties=properties))
