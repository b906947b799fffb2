"""One lock for each instance that something is being done with, and none for any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class _Slot:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class InstanceLocks:
    """Locks by instance; who comes first gets it first, and the last one to go takes the lock away.

    ``taken``: how often a lock has been asked for, by which one sees whether anything was done meanwhile.
    """

    def __init__(self) -> None:
        self._slots: dict[str, _Slot] = {}
        self.taken = 0

    def __len__(self) -> int:
        return len(self._slots)

    def busy(self, uuid: str) -> bool:
        """Whether something is being done with an instance."""
        return uuid in self._slots

    @asynccontextmanager
    async def held(self, uuid: str) -> AsyncIterator[None]:
        """Hold an instance's lock within the block."""
        slot = self._slots.setdefault(uuid, _Slot())
        slot.users += 1
        self.taken += 1
        try:
            async with slot.lock:
                yield
        finally:
            slot.users -= 1
            if not slot.users:
                del self._slots[uuid]
