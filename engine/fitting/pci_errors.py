"""PciRequestError: a flavor or an image asks for PCI devices in a way that no host can answer."""

from __future__ import annotations

from engine.errors import InvalidRequestError


class PciRequestError(InvalidRequestError):
    """What a flavor or an image says of PCI devices is wrong; ``nova_exception`` is the class that nova raises."""

    def __init__(self, message: str, *, nova_exception: str, **details: object) -> None:
        super().__init__(message, nova_exception=nova_exception, **details)
        self.nova_exception = nova_exception
