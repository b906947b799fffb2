"""Packed virtqueues need a host that has them."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from tests.builders import request
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("specs", "properties", "wanted"),
    [
        ({"hw:virtio_packed_ring": "true"}, {}, True),
        ({}, {"hw_virtio_packed_ring": "On"}, True),
        ({"hw:virtio_packed_ring": "true"}, {"hw_virtio_packed_ring": "true"}, True),
        ({"hw:virtio_packed_ring": "perhaps"}, {}, False),
        ({}, {"hw_virtio_packed_ring": "false"}, False),
    ],
)
def test_the_trait(specs: dict[str, str], properties: dict[str, object], wanted: bool) -> None:
    required = narrowed(request(extra_specs=specs, properties=properties)).root_required
    assert required == ({"COMPUTE_NET_VIRTIO_PACKED"} if wanted else set())


def test_flavor_and_image_must_agree() -> None:
    spec = request(extra_specs={"hw:virtio_packed_ring": "perhaps"}, properties={"hw_virtio_packed_ring": True})
    with pytest.raises(InvalidRequestError, match="they must agree"):
        narrowed(spec)
