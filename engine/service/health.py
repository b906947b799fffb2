"""The health service, whose watches end with the service instead of holding up its stop."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health

_LAST_WORD_S = 0.1


class Health(health.aio.HealthServicer):  # type: ignore[misc]
    """The standard health service; ``end_watches`` lets every watcher hear the last state and go."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = asyncio.Event()

    async def Watch(self, request: Any, context: grpc.aio.ServicerContext) -> None:  # noqa: N802
        """Send the state of a service now and at each change, until the service stops."""
        watching = asyncio.ensure_future(super().Watch(request, context))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not watching.done():
                await asyncio.wait({watching}, timeout=_LAST_WORD_S)
            if watching.done():
                watching.result()
        finally:
            watching.cancel()
            ended.cancel()

    def end_watches(self) -> None:
        """End every watch, after it had the time to say that the service stops."""
        self._ended.set()
