"""A stage on which one small HTTP server plays keystone and every other service, with answers the test lays down."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.boot.messages import Caller
from engine.boot.openstack import Clouds
from engine.boot.options import BootOptions, IdentityOptions
from engine.rest.server import listening_socket, serve

RECORDED = Path(__file__).with_name("recorded.json")
PROJECT = "b0c346bf62e348c2896ec571a61990d8"
SERVICE_PROJECT = "e4bed7f96bff4971b6870753304eb8df"
USER = Caller(
    token="user-token", user_id="u1", project_id=PROJECT, request_id="req-" + "1" * 8 + "-2222" * 3 + "-" + "3" * 12
)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Answer:
    """What is answered: ``body`` as JSON unless it is bytes; ``times`` None: always."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    delay_s: float = 0.0
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Exchange:
    """A recorded exchange of real services."""

    service: str
    method: str
    path: str
    request_headers: Mapping[str, str]
    request: Any
    status: int
    headers: Mapping[str, str]
    reply: Any


def recorded() -> list[Exchange]:
    return [Exchange(**row) for row in json.loads(RECORDED.read_text())]


def exchange(method: str, path: str, status: int = 0) -> Exchange:
    """The recorded exchange of a request; ``status`` where it was answered in two ways."""
    return next(
        found for found in recorded() if (found.method, found.path) == (method, path) and status in (0, found.status)
    )


class Stage:
    """The server's script and what it saw. Paths are as asked for, with their query."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Seen] = []
        self.logins = 0
        self.valid_service_tokens: set[str] = set()
        self.keystone_status = 201
        self.catalog_types = {"image": "", "network": "", "block-storage": "/v3"}
        self._answers: dict[tuple[str, str], list[Answer]] = {}

    def answer(self, method: str, path: str, status: int, body: Any = None, **options: Any) -> None:
        """Lay down an answer; those with ``times`` are used up before later ones of the same request count."""
        self._answers.setdefault((method, path), []).append(Answer(status, body, **options))

    def play(self, found: Exchange) -> None:
        """Answer a request as the real service did."""
        body = found.reply.encode() if isinstance(found.reply, str) else found.reply
        headers = {name: value for name, value in found.headers.items() if name.lower() != "content-length"}
        self.answer(found.method, found.path, found.status, body, headers=headers)

    def of(self, method: str, path: str) -> list[Seen]:
        """The requests that came for a path, with or without its query."""
        return [
            seen for seen in self.requests if seen.method == method and path in (seen.path, seen.path.partition("?")[0])
        ]

    def options(self, **overrides: Any) -> BootOptions:
        identity = IdentityOptions(auth_url=f"{self.url}/identity/v3", username="nova", password="secret")
        return BootOptions(identity=identity, **overrides)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        content = await request.body()
        path = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        if path.startswith("/identity"):
            await self._keystone(request, path)(scope, receive, send)
            return
        self.requests.append(
            Seen(request.method, path, dict(request.headers), json.loads(content) if content else None)
        )
        laid = self._answers.get((request.method, path)) or self._answers.get((request.method, path.partition("?")[0]))
        found = next((answer for answer in laid or () if answer.times is None or answer.times > 0), None)
        if found is None:
            await Response(f"nothing is laid down for {request.method} {path}", 418)(scope, receive, send)
            return
        if found.times is not None:
            found.times -= 1
        if found.delay_s:
            await asyncio.sleep(found.delay_s)
        if found.then is not None:
            found.then()
        is_raw = isinstance(found.body, bytes)
        body = found.body if is_raw else b"" if found.body is None else json.dumps(found.body).encode()
        media = {} if is_raw or found.body is None else {"Content-Type": "application/json"}
        await Response(body, found.status, {**media, **found.headers})(scope, receive, send)

    def _keystone(self, request: Request, path: str) -> Response:
        if request.method == "GET":
            link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
            return _json({"version": {"id": "v3.14", "status": "stable", "links": [link]}}, 200)
        self.logins += 1
        if self.keystone_status != 201:
            return _json(
                {"error": {"code": self.keystone_status, "message": "no", "title": "no"}}, self.keystone_status
            )
        token = f"service-token-{self.logins}"
        self.valid_service_tokens.add(token)
        document = exchange("POST", "/v3/auth/tokens").reply
        document["token"]["expires_at"] = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        document["token"]["catalog"] = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "id": kind,
                        "interface": "public",
                        "region": "RegionOne",
                        "region_id": "RegionOne",
                        "url": self.url + suffix,
                    }
                ],
            }
            for kind, suffix in self.catalog_types.items()
        ]
        return _json(document, 201, {"X-Subject-Token": token})


def _json(content: Any, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content), status, headers, media_type="application/json")


class _Theatre:
    """One server for all stages of a test process, each under a path of its own; it ends with the process."""

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}
        self._numbers = count()
        listener = listening_socket("127.0.0.1", 0)
        self._url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(
            target=lambda: asyncio.run(serve(self, listener, asyncio.Event())), name="stage", daemon=True
        ).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix, _, rest = scope["raw_path"].decode().removeprefix("/").partition("/")
        found = self._stages.get(prefix)
        if found is None:
            await Response("this stage is closed", 410)(scope, receive, send)
        else:
            await found({**scope, "raw_path": f"/{rest}".encode(), "path": f"/{rest}"}, receive, send)

    @contextmanager
    def open(self) -> Iterator[Stage]:
        name = f"stage{next(self._numbers)}"
        self._stages[name] = play = Stage()
        play.url = f"{self._url}/{name}"
        try:
            yield play
        finally:
            del self._stages[name]


@cache
def _theatre() -> _Theatre:
    return _Theatre()


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage that is open for requests."""
    with _theatre().open() as play:
        yield play


def run(work: Callable[[Clouds], Coroutine[Any, Any, Result]], options: BootOptions, **connect: Any) -> Result:
    """Run a test's coroutine with clouds of its own, in at most 20 s."""

    async def inner() -> Result:
        clouds = Clouds.connect(options, **connect)
        try:
            return await asyncio.wait_for(work(clouds), 20)
        finally:
            clouds.close()

    return asyncio.run(inner())
