"""What an instance left in the network and volume services, taken back with the service's own credentials."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from engine.errors import EngineError
from engine.v1.instance_pb2 import Instance

Undo: TypeAlias = Callable[[Instance, bool], Awaitable[list[str]]]
"""Takes back ports, attachments and volumes of an instance, and those made for a failed build; returns what is left."""

_TRIES = 3
_PAUSE_S = 0.2
_PATIENCE_S = 5.0
_LOG = logging.getLogger("berth.conductor")


async def undo_patiently(undo: Undo, instance: Instance, *, failed_build: bool) -> list[str]:
    """Return what is left after a few tries: nothing, most of the time.

    A service that does not answer is not waited for long: what is left is recorded, and tried again by the recovery.
    """
    left: list[str] = []
    deadline = time.monotonic() + _PATIENCE_S
    for number in range(_TRIES):
        if number:
            await asyncio.sleep(_PAUSE_S * 2**number)
            if time.monotonic() >= deadline:
                break
        try:
            left = await undo(instance, failed_build)
        except EngineError as error:
            left = [error.message]
        if not left:
            return []
        _LOG.warning("instance %s: not taken back yet: %s", instance.uuid, "; ".join(left))
    return left
