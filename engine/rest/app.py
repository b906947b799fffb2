"""The ASGI application around a service's routes: request ids, tokens, microversions, faults in the service's words."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Sequence
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.faults import FaultPlan
from engine.rest.access import Access
from engine.rest.errors import FaultFormat, RestError, TooLarge, title_of
from engine.rest.microversion import MicroversionRange
from engine.rest.replies import json_reply

_LOG = logging.getLogger("berth.rest")
_REQUEST_ID = re.compile(r"req-[0-9a-fA-F-]{36}")
MAX_BODY_BYTES = 16 * 1024 * 1024


class Gate(Protocol):
    """Turns the tokens of a request into its caller."""

    async def check(self, token: str, service_token: str) -> tuple[Access, str]:
        """Return the caller, and how that was found: ``validated`` or ``cached``.

        Raises Unauthorized, or Unavailable when identity cannot be asked.
        """
        ...


class RestApp:
    """A service: ``routes`` behind a token ``gate``, except under ``open_paths`` (exact paths).

    ``faults``: rules by which tests make requests fail. ``body_limit_exempt``: path suffixes with streamed bodies.
    """

    def __init__(
        self,
        service: str,
        routes: Sequence[BaseRoute],
        fault_format: FaultFormat,
        *,
        gate: Gate | None,
        open_paths: frozenset[str] = frozenset(),
        microversions: MicroversionRange | None = None,
        unauthorized_headers: dict[str, str] | None = None,
        body_limit_exempt: tuple[str, ...] = (),
        max_body_bytes: int = MAX_BODY_BYTES,
        faults: FaultPlan | None = None,
    ) -> None:
        self.service = service
        self._router: ASGIApp = Router(routes, redirect_slashes=False)
        self._fault_format = fault_format
        self._gate = gate
        self._open_paths = open_paths
        self._microversions = microversions
        self._unauthorized_headers = unauthorized_headers or {}
        self._body_limit_exempt = body_limit_exempt
        self._max_body_bytes = max_body_bytes
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        # what makes the router raise for a path or method it does not have, instead of answering in its own words
        scope["app"] = self
        headers = Headers(scope=scope)
        request_id = f"req-{uuid.uuid4()}"
        scope["berth.arrived_us"] = time.time_ns() // 1000
        given = headers.get("x-openstack-request-id", "")
        scope["berth.request_id"] = request_id
        scope["berth.global_request_id"] = given if _REQUEST_ID.fullmatch(given) else request_id
        extra = {"X-Openstack-Request-Id": request_id, "X-Compute-Request-Id": request_id}
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                told = MutableHeaders(raw=message["headers"])
                for name, value in extra.items():
                    told[name] = value
            await send(message)

        try:
            await self._answer(scope, self._limited(scope, headers, receive), send_with_headers, headers, extra)
        except ClientDisconnect:
            _LOG.info("%s %s %s: the caller went away", request_id, scope["method"], scope["path"])
        except (RestError, HTTPException) as error:
            if begun:
                raise
            fault = error if isinstance(error, RestError) else _as_rest_error(error)
            if fault.status == TooLarge.status:
                # what is left of the body is not read: the connection cannot carry another request
                fault.headers["Connection"] = "close"
            if fault.status == 401:
                fault.headers |= self._unauthorized_headers
            await json_reply(self._fault_format(fault), fault.status, fault.headers)(scope, receive, send_with_headers)
        except Exception:
            _LOG.exception("%s %s %s failed", request_id, scope["method"], scope["path"])
            if begun:
                raise
            unexpected = RestError(
                f"Unexpected API Error: {self.service} failed to handle the request; its log has the cause "
                f"under {request_id}."
            )
            await json_reply(self._fault_format(unexpected), 500)(scope, receive, send_with_headers)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, extra: dict[str, str]
    ) -> None:
        """Check what stands before the handler, then let it answer; ``extra`` gathers headers of the answer."""
        if self._microversions is not None:
            legacy = self._microversions.legacy_header
            version = self._microversions.asked(
                headers.get("openstack-api-version", ""), headers.get(legacy, "") if legacy else ""
            )
            scope["berth.microversion"] = version
            extra |= self._microversions.headers(version)
        if self._faults is not None:
            await _apply_fault(self._faults, self.service, f"{scope['method']} {scope['path']}")
        if self._gate is not None and scope["path"] not in self._open_paths:
            started = time.perf_counter()
            started_us = time.time_ns() // 1000
            access, how = await self._gate.check(headers.get("x-auth-token", ""), headers.get("x-service-token", ""))
            scope["berth.access"] = access
            scope["berth.token_check"] = (started_us, time.time_ns() // 1000, how)
            # a standard header that tells a caller what the check of its token took
            extra["Server-Timing"] = f'keystone;dur={(time.perf_counter() - started) * 1e3:.3f};desc="{how}"'
        await self._router(scope, receive, send)

    def _limited(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """Return ``receive`` that refuses a body larger than the service takes."""
        if scope["path"].endswith(self._body_limit_exempt) and self._body_limit_exempt:
            return receive
        declared = headers.get("content-length", "0")
        refusal = f"The request body is larger than the {self._max_body_bytes} bytes this service takes."
        total = 0

        async def limited() -> Message:
            nonlocal total
            if declared.isdecimal() and int(declared[:20]) > self._max_body_bytes:
                raise TooLarge(refusal)
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._max_body_bytes:
                raise TooLarge(refusal)
            return message

        return limited


def _as_rest_error(error: HTTPException) -> RestError:
    """Return the router's own refusal (no such path, no such method) as one of ours."""
    return RestError(error.detail or title_of(error.status_code), status=error.status_code, headers=error.headers)


async def _apply_fault(plan: FaultPlan, service: str, point: str) -> None:
    """Apply the rule for a request, if any: wait, then raise the answer it asks for."""
    rule = plan.rule(service, point)
    if rule is None:
        return
    if rule.delay_s:
        await asyncio.sleep(rule.delay_s)
    if rule.status:
        raise RestError(rule.message, status=rule.status)
