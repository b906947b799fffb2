"""Clients that boot and delete instances over REST, as fast as they are let."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

_VERSION = {"OpenStack-API-Version": "compute 2.96"}
_GIVE_UP_S = 300.0


@dataclass(frozen=True)
class Target:
    """Where nova-api is, and what each boot asks for."""

    url: str
    token: str
    flavor_id: str
    image_id: str
    network_id: str


@dataclass(frozen=True)
class Boot:
    """One boot as its client saw it: the answer to the POST, then ACTIVE; seconds."""

    uuid: str
    accepted_s: float
    active_s: float


class Clients:
    """A number of clients at once, on connections that are kept."""

    def __init__(self, target: Target, clients: int, *, poll_s: float) -> None:
        self._target = target
        self._clients = clients
        self._poll_s = poll_s
        self._headers = _VERSION | {"X-Auth-Token": target.token}

    async def boot(self, names: Sequence[str]) -> list[Boot]:
        """Boot an instance for each name; raise AssertionError for one that does not become ACTIVE."""
        waiting = list(reversed(names))
        done: list[Boot] = []
        async with self._session() as session:

            async def one() -> None:
                while waiting:
                    done.append(await self._boot(session, waiting.pop()))

            await asyncio.gather(*(one() for _ in range(self._clients)))
        return done

    async def delete(self, uuids: Sequence[str]) -> None:
        """Delete instances and wait until each is gone."""
        waiting = list(uuids)
        async with self._session() as session:

            async def one() -> None:
                while waiting:
                    await self._delete(session, waiting.pop())

            await asyncio.gather(*(one() for _ in range(self._clients)))

    async def churn(self, names: Sequence[str]) -> None:
        """Boot and delete an instance for each name, each client one after the other."""
        waiting = list(reversed(names))
        async with self._session() as session:

            async def one() -> None:
                while waiting:
                    boot = await self._boot(session, waiting.pop())
                    await self._delete(session, boot.uuid)

            await asyncio.gather(*(one() for _ in range(self._clients)))

    async def get(self, paths: Sequence[str]) -> list[Any]:
        """Return what nova-api answers to some GETs."""
        async with self._session() as session:
            answers = []
            for path in paths:
                async with session.get(f"{self._target.url}{path}") as reply:
                    assert reply.status == 200, (path, reply.status, await reply.text())
                    answers.append(await reply.json())
            return answers

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=self._headers, connector=aiohttp.TCPConnector(limit=self._clients))

    async def _boot(self, session: aiohttp.ClientSession, name: str) -> Boot:
        target = self._target
        server = {"name": name, "flavorRef": target.flavor_id, "imageRef": target.image_id}
        started = time.perf_counter()
        body = {"server": server | {"networks": [{"uuid": target.network_id}]}}
        async with session.post(f"{target.url}/servers", json=body) as reply:
            assert reply.status == 202, (reply.status, await reply.text())
            uuid = (await reply.json())["server"]["id"]
        accepted = time.perf_counter()
        while True:
            await asyncio.sleep(self._poll_s)
            async with session.get(f"{target.url}/servers/{uuid}") as reply:
                found = (await reply.json())["server"]
            if found["status"] == "ACTIVE":
                return Boot(uuid, accepted - started, time.perf_counter() - started)
            assert found["status"] == "BUILD", found
            assert time.perf_counter() - started < _GIVE_UP_S, found

    async def _delete(self, session: aiohttp.ClientSession, uuid: str) -> None:
        started = time.perf_counter()
        async with session.delete(f"{self._target.url}/servers/{uuid}") as reply:
            assert reply.status == 204, (reply.status, await reply.text())
        while True:
            await asyncio.sleep(self._poll_s)
            async with session.get(f"{self._target.url}/servers/{uuid}") as reply:
                if reply.status == 404:
                    return
            assert time.perf_counter() - started < _GIVE_UP_S, f"{uuid} is not gone"
