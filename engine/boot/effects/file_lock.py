"""A lock on a file's name that holds among tasks and among processes, and dies with its process."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

_PAUSE_S = 0.2


class FileLocks:
    """Locks by name, on files in ``directory``; they are removed with ``discard``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._holders: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Hold the lock of a name; waits while another task or process has it."""
        lock, users = self._holders.get(name, (asyncio.Lock(), 0))
        self._holders[name] = (lock, users + 1)
        try:
            async with lock:
                handle = await self._acquired(name)
                try:
                    yield
                finally:
                    os.close(handle)
        finally:
            lock, users = self._holders[name]
            if users == 1:
                del self._holders[name]
            else:
                self._holders[name] = (lock, users - 1)

    @contextmanager
    def held_if_free(self, name: str) -> Iterator[bool]:
        """Hold the lock of a name when nobody has it; yields whether that is so."""
        handle = None if name in self._holders else self._tried(name)
        try:
            yield handle is not None
        finally:
            if handle is not None:
                os.close(handle)

    def discard(self, name: str) -> None:
        """Remove the file of a lock that the caller holds."""
        self._path(name).unlink(missing_ok=True)

    async def _acquired(self, name: str) -> int:
        # other processes tell of nothing, so they are asked
        while (handle := self._tried(name)) is None:
            await asyncio.sleep(_PAUSE_S)
        return handle

    def _tried(self, name: str) -> int | None:
        """Return the handle that holds the lock, or None when another process holds it."""
        handle = os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the file that was opened may have been removed by its last holder meanwhile
            if os.fstat(handle).st_ino == self._path(name).stat().st_ino:
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(handle)
        return None

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.lock"
