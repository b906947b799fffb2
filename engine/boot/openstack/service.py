"""The calls to one OpenStack service: where it is, the tokens, repetition of what may be repeated, and its errors."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
import requests
from requests.exceptions import ChunkedEncodingError, ConnectTimeout
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_random,
)
from urllib3.exceptions import MaxRetryError, NewConnectionError

from engine.boot.messages import Caller
from engine.boot.openstack.bodies import error_body_of
from engine.boot.openstack.endpoints import Endpoints
from engine.boot.openstack.errors import CloudError, CloudNotFound, CloudUnreachable, error_class_of
from engine.boot.openstack.http import Http
from engine.boot.openstack.tokens import CallHeaders, Tokens
from engine.boot.openstack.trace import CallTrace, CloudCall, token_check_of
from engine.boot.openstack.workers import Workers

Filter: TypeAlias = str | int | bool | Sequence[str] | Mapping[str, str] | None
_Result = TypeVar("_Result")

_CHUNK_BYTES = 1 << 20
_MAX_PAGES = 10_000
_LONG_S = 20.0
_FIRST_PAUSE_S = 0.1
_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_PASSING_STATUSES = frozenset({0, 502, 503, 504})
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class Transport:
    """What all services share. ``attempts``: how often a call is tried that may be repeated.

    ``streams`` are the threads for downloads, so that long ones keep no short call waiting.
    """

    http: Http
    tokens: Tokens
    endpoints: Endpoints
    workers: Workers
    streams: Workers
    attempts: int = 6


@dataclass(frozen=True)
class Call:
    """One call: ``who`` None is the service user itself; ``repeatable`` None goes by the method."""

    who: Caller | None
    method: str
    path: str
    params: Mapping[str, Filter] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    repeatable: bool | None = None
    trace: CallTrace | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether trying again after an unknown outcome does no harm."""
        return self.method in _REPEATABLE if self.repeatable is None else self.repeatable


class Service:
    """One service, ``image``, ``network`` or ``block-storage``; ``headers`` go with every call."""

    def __init__(self, name: str, transport: Transport, headers: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._transport = transport
        self._headers = dict(headers or {})

    async def json(self, call: Call) -> Any:
        """Return the JSON of the answer, None for one without a body; raises CloudError."""

        def read(reply: requests.Response) -> object:
            return msgspec.json.decode(reply.content) if reply.content else None

        work = self._transport.workers
        return await self._repeated(
            call,
            lambda: work.run(lambda: self._send(call, read, stream=False), has_effect=call.method != "GET"),
            within_s=_LONG_S,
        )

    async def stream(self, call: Call, consume: Callable[[Iterator[bytes]], _Result]) -> _Result:
        """Return what ``consume`` makes of the answer's bytes, in a thread; begun anew when the connection breaks.

        ``consume`` sees to it itself that it ends when the task that awaits is cancelled.
        """

        def read(reply: requests.Response) -> _Result:
            return consume(reply.iter_content(_CHUNK_BYTES))

        work = self._transport.streams
        return await self._repeated(
            call, lambda: work.run(lambda: self._send(call, read, stream=True), has_effect=True)
        )

    async def all_of(self, call: Call, key: str) -> list[dict[str, Any]]:
        """Return the items of a list, of all its pages."""
        found: list[dict[str, Any]] = []
        async with aclosing(self._pages(call)) as pages:
            async for page in pages:
                found += _within(page, key, list, self.name)
        return found

    async def one_of(self, call: Call, key: str) -> dict[str, Any]:
        """Return the object that an answer holds under ``key``."""
        found: dict[str, Any] = _within(await self.json(call), key, dict, self.name)
        return found

    async def _pages(self, call: Call) -> AsyncGenerator[Any, None]:
        seen: set[str] = set()
        for _ in range(_MAX_PAGES):
            page = await self.json(call)
            yield page
            following = _next_page(page)
            if not following or following in seen:
                return
            seen.add(following)
            # only the query is taken over: the service may know itself under an address that is not ours
            query: dict[str, list[str]] = {}
            for name, value in parse_qsl(urlsplit(following).query):
                query.setdefault(name, []).append(value)
            call = Call(call.who, call.method, call.path, query, request_id=call.request_id, trace=call.trace)

    async def _repeated(
        self, call: Call, attempt_once: Callable[[], Awaitable[_Result]], *, within_s: float = math.inf
    ) -> _Result:
        """Return what an attempt returns, tried again while the service is away and that can do no harm.

        No attempt begins after ``within_s``: a service that takes calls and never answers is not waited for time and
        again.
        """
        began = time.monotonic()
        try:
            return await attempt_once()
        except CloudError as error:
            lasting = self._transport.attempts < 2 or time.monotonic() - began >= within_s
            if lasting or not _passes(error, call.may_repeat):
                raise
        await asyncio.sleep(_FIRST_PAUSE_S)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._transport.attempts - 1) | stop_after_delay(within_s),
            wait=wait_exponential(multiplier=0.1, max=2.0) + wait_random(0, 0.1),
            retry=retry_if_exception(lambda error: _passes(error, call.may_repeat)),
            sleep=asyncio.sleep,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await attempt_once()
        raise AssertionError("tenacity ends by returning or raising")

    def _send(self, call: Call, read: Callable[[requests.Response], _Result], *, stream: bool) -> _Result:
        """Make the call; runs in a thread."""
        tokens = self._transport.tokens
        headers = tokens.headers(call.who)
        base = self._transport.endpoints.url(self.name, call.who.project_id if call.who else "")
        path = call.path + query_of(call.params)
        reply = self._exchange(call, base, path, headers, stream=stream)
        if reply.status_code == 401 and tokens.renew(headers):
            reply.close()
            reply = self._exchange(call, base, path, tokens.headers(call.who), stream=stream)
        with reply:
            if reply.status_code >= 300:
                raise self._error(call, reply)
            try:
                return read(reply)
            except (ChunkedEncodingError, requests.ConnectionError) as error:
                raise self._unreachable(call, f"broke off its answer: {error}", sent=True) from error
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise CloudError(
                    f"The {self.name} service answered {call.method} {call.path} with something that is not JSON.",
                    service=self.name,
                    status=reply.status_code,
                    as_user=call.who is not None,
                ) from error

    def _exchange(self, call: Call, base: str, path: str, headers: CallHeaders, *, stream: bool) -> requests.Response:
        """Return the answer to one request, whatever its status, and note it in the trace."""
        sent = {**self._headers, **call.headers, **headers.headers}
        if call.request_id:
            sent["X-OpenStack-Request-ID"] = call.request_id
        data = None
        if call.body is not None:
            sent["Content-Type"] = "application/json"
            data = _ENCODER.encode(call.body)
        started = time.time_ns() // 1000
        status, timing = 0, ""
        try:
            reply = self._transport.http.request(call.method, base, path, sent, data, stream=stream)
            status, timing = reply.status_code, reply.headers.get("Server-Timing", "")
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL) as error:
            # its words hold what was to be sent, and that may be a token
            raise CloudError(
                f"The call to the {self.name} service cannot be sent: {type(error).__name__}.",
                service=self.name,
                as_user=call.who is not None,
                sent=False,
            ) from None
        except requests.RequestException as error:
            began = not _never_sent(error)
            if not began:
                # it may have moved: the catalog is looked at again
                self._transport.endpoints.forget(self.name)
            raise self._unreachable(call, f"cannot be reached: {_in_short(error)}", sent=began) from error
        finally:
            if call.trace is not None:
                finished = time.time_ns() // 1000
                call.trace.calls.append(
                    CloudCall(self.name, call.method, base + path, status, started, finished, token_check_of(timing))
                )
        return reply

    def _error(self, call: Call, reply: requests.Response) -> CloudError:
        """Return the error that an answer stands for."""
        status = reply.status_code
        try:
            content = reply.content
        except requests.RequestException:
            content = b""
        body = error_body_of(content, reply.headers.get("Content-Type", ""), status=status)
        return error_class_of(status, body.kind, body.message)(
            body.message,
            service=self.name,
            status=status,
            kind=body.kind,
            request_id=reply.headers.get("X-OpenStack-Request-ID", ""),
            as_user=call.who is not None,
            # services answer 503 before they begin
            sent=status != 503,
        )

    def _unreachable(self, call: Call, what: str, *, sent: bool) -> CloudUnreachable:
        return CloudUnreachable(
            f"The {self.name} service {what}", service=self.name, as_user=call.who is not None, sent=sent
        )


def path_of(*parts: str, service: str) -> str:
    """Return ``/part/part``, quoted; raise CloudNotFound for a part that could never be an id."""
    for part in parts:
        if part in ("", ".", "..") or len(part) > 255:
            raise CloudNotFound(f"{part!r} could not be found.", service=service, status=404)
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def query_of(params: Mapping[str, Filter]) -> str:
    """Return filters as a query with its ``?``: lists repeat, booleans are as Python writes them, None is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            # cinder reads a dictionary as Python writes it
            pairs.append((name, repr(dict(value))))
        elif isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs += [(name, item) for item in value]
    return "?" + urlencode(pairs) if pairs else ""


def _next_page(page: Any) -> str:
    """Return the address of the next page as glance (``next``) or neutron and cinder (``..._links``) give it."""
    if not isinstance(page, dict):
        return ""
    if isinstance(page.get("next"), str):
        return str(page["next"])
    links = next((value for name, value in page.items() if name.endswith("_links") and isinstance(value, list)), [])
    return next((str(link.get("href", "")) for link in links if link.get("rel") == "next"), "")


def _within(content: Any, key: str, kind: type[Any], service: str) -> Any:
    """Return what an answer has under ``key``; raise CloudError when it is not of ``kind``."""
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, kind):
        raise CloudError(f"The {service} service answered without {key!r}.", service=service)
    return found


def _passes(error: BaseException, may_repeat: bool) -> bool:
    """Whether trying again may help and does no harm."""
    return isinstance(error, CloudUnreachable) and error.status in _PASSING_STATUSES and (may_repeat or not error.sent)


def _never_sent(error: requests.RequestException) -> bool:
    """Whether the connection was not even made."""
    if isinstance(error, ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)


def _in_short(error: requests.RequestException) -> str:
    """Return the cause without the address and objects that requests puts around it."""
    inner = error.args[0] if error.args else error
    if isinstance(inner, MaxRetryError) and inner.reason is not None:
        inner = inner.reason
    return str(inner).rpartition(": ")[2] or type(error).__name__
