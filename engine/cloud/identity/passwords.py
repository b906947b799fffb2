"""Passwords and secrets: Argon2id hashes, made and checked off the event loop, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.rest.errors import Unavailable

Result = TypeVar("Result")

_WORKERS = 2
_MOST_WAITING = 512
# the least that OWASP's password storage cheat sheet allows: 20 to 30 ms and 19 MiB for each login
_PASSES = 2
_MEMORY_KIB = 19 * 1024


class Passwords:
    """Makes and checks hashes in threads of its own; more than it can work off soon is refused as Unavailable."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="password")
        self._waiting = 0
        self._nobodys = self._hasher.hash("nobody has this password")

    async def hash(self, secret: str) -> str:
        """Return the hash to keep for a secret."""
        return await self._run(lambda: self._hasher.hash(secret))

    async def matches(self, kept: str | None, secret: str) -> bool:
        """Whether a secret is the one kept; as slow for an unknown user (``kept`` is None) as for any other."""
        return await self._run(lambda: self._matches(kept, secret))

    def close(self) -> None:
        """End the threads once what is under way is done."""
        self._threads.shutdown(cancel_futures=True)

    def _matches(self, kept: str | None, secret: str) -> bool:
        try:
            return self._hasher.verify(kept or self._nobodys, secret) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many logins are under way. Try again in a moment.", headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
