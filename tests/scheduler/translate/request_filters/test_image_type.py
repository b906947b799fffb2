"""With query_placement_for_image_type_support the host must read the image's disk format."""

from __future__ import annotations

import pytest

from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("disk_format", "is_bfv", "required"),
    [
        ("qcow2", False, {"COMPUTE_IMAGE_TYPE_QCOW2"}),
        ("RAW", False, {"COMPUTE_IMAGE_TYPE_RAW"}),
        ("qcow2", True, set()),
        ("qcow9", False, set()),
        ("", False, set()),
    ],
)
def test_the_trait(disk_format: str, is_bfv: bool, required: set[str]) -> None:
    spec = RequestSpec(Flavor("small", 1, 512), image=Image(disk_format=disk_format), is_bfv=is_bfv)
    assert narrowed(spec, query_placement_for_image_type_support=True).root_required == required
    assert narrowed(spec).root_required == set()
