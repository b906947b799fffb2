"""The check of tokens with keystone: validated once, remembered for a short while, never trusted past their end."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter

from engine.rest.access import Access, access_of_token
from engine.rest.errors import Unauthorized, Unavailable

_KEPT = 10_000
_NO_TOKEN = "The request you have made requires authentication."  # noqa: S105 (a message)
_AWAY = "The Keystone service is temporarily unavailable."
_KNOWN_PATIENCE_S = 2.0
_REST_S = 5.0


@dataclass(frozen=True)
class _Checked:
    access: Access
    checked_at: float


class KeystoneGate:
    """Asks keystone about tokens, through ``identity`` (an adapter with the service's own credentials).

    A token is asked about again after ``fresh_s``, so that a revocation is noticed within that time. While keystone is
    away, or says nothing for ``patience_s`` (a shorter while where it need not), what it said within ``stale_s`` still
    counts, at once for a few seconds then: whoever makes many calls is not held up at each. An expired user token
    passes when a service's token vouches for it and keystone still allows it.
    """

    def __init__(
        self, identity: Adapter, *, fresh_s: float = 5.0, stale_s: float = 300.0, patience_s: float = 10.0
    ) -> None:
        self._identity = identity
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._patience_s = patience_s
        self._known: OrderedDict[tuple[str, bool], _Checked] = OrderedDict()
        self._asking: dict[tuple[str, bool], asyncio.Task[Access]] = {}
        self._resting_until = 0.0

    async def check(self, token: str, service_token: str) -> tuple[Access, str]:
        """Return the caller and ``validated`` or ``cached``; raise Unauthorized or Unavailable."""
        if not token:
            raise Unauthorized(_NO_TOKEN)
        service_roles: frozenset[str] = frozenset()
        if service_token:
            service, _ = await self._access(service_token, allow_expired=False)
            service_roles = service.roles
        access, how = await self._access(token, allow_expired="service" in service_roles)
        return (replace(access, service_roles=service_roles) if service_roles else access), how

    async def _access(self, token: str, *, allow_expired: bool) -> tuple[Access, str]:
        key = (token, allow_expired)
        known = self._known.get(key)
        now = time.time()
        if known is not None and not allow_expired and known.access.expires_at <= now:
            raise Unauthorized(_NO_TOKEN)
        if known is not None and now - known.checked_at < self._fresh_s:
            return known.access, "cached"
        usable = known is not None and now - known.checked_at < self._stale_s
        if known is not None and usable and time.monotonic() < self._resting_until:
            return known.access, "cached"
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._ask, token, allow_expired))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        try:
            access = await self._within_patience(task, known_already=usable)
        except Unauthorized:
            self._known.pop(key, None)
            raise
        except Unavailable:
            self._resting_until = time.monotonic() + _REST_S
            if known is not None and usable:
                return known.access, "cached"
            raise
        self._resting_until = 0.0
        self._known[key] = _Checked(access, now)
        self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return access, "validated"

    async def _within_patience(self, task: asyncio.Task[Access], *, known_already: bool) -> Access:
        """Return what keystone says; whoever else asks about the token goes on waiting for the same answer."""
        patience_s = min(self._patience_s, _KNOWN_PATIENCE_S) if known_already else self._patience_s
        try:
            return await asyncio.wait_for(asyncio.shield(task), patience_s)
        except TimeoutError as error:
            raise Unavailable(_AWAY) from error

    def _answered(self, key: tuple[str, bool], task: asyncio.Task[Access]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            # looked at, lest asyncio reports the failure of an answer that nobody waited for
            task.exception()

    def _ask(self, token: str, allow_expired: bool) -> Access:
        """Ask keystone about one token; runs in a thread."""
        try:
            reply = self._identity.get(
                "/auth/tokens" + ("?allow_expired=1" if allow_expired else ""),
                headers={"X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1"},
            )
            document = reply.json()["token"]
            expires_at = datetime.fromisoformat(document["expires_at"]).timestamp()
            return access_of_token(token, document, expires_at)
        except (ksa.NotFound, ksa.BadRequest) as error:
            raise Unauthorized(_NO_TOKEN) from error
        except (ksa.ClientException, ValueError, KeyError, TypeError) as error:
            raise Unavailable(_AWAY) from error
