"""A port with a device that is managed from afar needs a host that can attach such."""

from __future__ import annotations

import pytest

from engine.model.pci import PciRequest
from tests.builders import request
from tests.scheduler.translate.asking import narrowed


@pytest.mark.parametrize(
    ("value", "requester_id", "wanted"),
    [
        ("True", "port", True),
        ("true", "port", True),
        ("False", "port", False),
        (None, "port", False),
        ("True", "", False),
    ],
)
def test_the_trait(value: str | None, requester_id: str, wanted: bool) -> None:
    port = PciRequest(1, ((("remote_managed", value), ("vendor_id", "15b3")),), requester_id=requester_id)
    required = narrowed(request(pci_requests=(PciRequest(1, ((),)), port))).root_required
    assert required == ({"COMPUTE_REMOTE_MANAGED_PORTS"} if wanted else set())
