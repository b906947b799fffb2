"""The parts of Berth that run in processes of their own."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """A part that ``berth run`` starts; the scheduler has a command of its own, ``berth serve``."""

    IDENTITY = "identity"
    IMAGE = "image"
    NETWORK = "network"
    VOLUME = "volume"
    CONDUCTOR = "conductor"
    API = "api"
    COMPUTE = "compute"


CLOUD_PARTS = (Part.IDENTITY, Part.IMAGE, Part.NETWORK, Part.VOLUME)
"""The embedded OpenStack services."""

READY = "berth: {part} on {address}"
"""What a process says on standard error once a part answers."""
