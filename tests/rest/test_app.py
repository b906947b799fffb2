from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
import requests
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.faults import FaultPlan
from engine.rest.access import Access
from engine.rest.app import RestApp
from engine.rest.errors import Conflict, Unauthorized, neutron_fault, nova_fault
from engine.rest.microversion import Microversion, MicroversionRange
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of, global_request_id_of, microversion_of, request_id_of
from tests.rest.serving import serving

LIMIT = 10_000
REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Thing(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    name: Annotated[str, Field(max_length=10)]
    size: int = Field(default=1, ge=0, le=100)


class Gate:
    """Lets the token ``good`` in."""

    async def check(self, token: str, service_token: str) -> tuple[Access, str]:
        if token != "good":
            raise Unauthorized("no")
        roles = frozenset({"service"} if service_token else ())
        return Access(token, "u", "anna", "p", "shop", frozenset({"member"}), 2e9, roles), "validated"


async def echo(request: Request) -> Response:
    thing = await body_of(request, Thing)
    access = access_of(request)
    return json_reply(
        {
            "thing": thing.model_dump(),
            "user": access.user_name,
            "service": access.is_service,
            "request_id": request_id_of(request),
            "global_request_id": global_request_id_of(request),
            "version": str(microversion_of(request)),
        },
        201,
    )


async def fail(_: Request) -> Response:
    raise RuntimeError("a secret of the inside")


async def conflict(_: Request) -> Response:
    raise Conflict("It is in use.", headers={"X-Why": "use"})


async def streamed(request: Request) -> Response:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
    return json_reply({"bytes": total})


async def nothing(_: Request) -> Response:
    return empty_reply()


async def open_page(_: Request) -> Response:
    return json_reply({"open": True})


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults") / "rules.json"


@pytest.fixture(scope="module")
def url(rules: Path) -> Iterator[str]:
    app = RestApp(
        "compute",
        [
            Route("/things", echo, methods=["POST"]),
            Route("/things/file", streamed, methods=["PUT"]),
            Route("/stream", streamed, methods=["PUT"]),
            Route("/fail", fail, methods=["GET"]),
            Route("/conflict", conflict, methods=["GET"]),
            Route("/nothing", nothing, methods=["DELETE"]),
            Route("/open", open_page, methods=["GET"]),
        ],
        nova_fault,
        gate=Gate(),
        open_paths=frozenset({"/open"}),
        microversions=MicroversionRange(
            "compute", Microversion(2, 1), Microversion(2, 96), "X-OpenStack-Nova-API-Version"
        ),
        unauthorized_headers={"WWW-Authenticate": 'Keystone uri="http://ks:5000"'},
        body_limit_exempt=("/file",),
        max_body_bytes=LIMIT,
        faults=FaultPlan(rules),
    )
    with serving(app) as address:
        yield address


def call(url: str, method: str, path: str, token: str = "good", **more: object) -> requests.Response:
    headers = {"X-Auth-Token": token, **more.pop("headers", {})}  # type: ignore[dict-item]
    return requests.request(method, url + path, headers=headers, timeout=20, **more)  # type: ignore[arg-type]


def test_a_handler_knows_caller_version_and_body(url: str) -> None:
    given = "req-01234567-89ab-cdef-0123-456789abcdef"
    headers = {"X-OpenStack-Request-Id": given, "X-Service-Token": "s", "OpenStack-API-Version": "compute 2.42"}
    reply = call(url, "POST", "/things", json={"name": "a"}, headers=headers)
    assert reply.status_code == 201
    assert reply.headers["Content-Type"] == "application/json"
    said = reply.json()
    assert (said["thing"], said["user"], said["service"]) == ({"name": "a", "size": 1}, "anna", True)
    assert (said["version"], said["global_request_id"]) == ("2.42", given)
    assert REQUEST_ID.fullmatch(said["request_id"])
    assert said["request_id"] != given
    assert reply.headers["X-Openstack-Request-Id"] == reply.headers["X-Compute-Request-Id"] == said["request_id"]
    assert reply.headers["OpenStack-API-Version"] == "compute 2.42"
    assert reply.headers["X-OpenStack-Nova-API-Version"] == "2.42"
    assert reply.headers["Vary"] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
    assert re.fullmatch(r'keystone;dur=[\d.]+;desc="validated"', reply.headers["Server-Timing"])


@pytest.mark.parametrize("given", ["", "x", "req-1", "req-" + "g" * 36, "req-" + "0" * 36 + "0"])
def test_a_global_id_that_is_none_is_not_taken(url: str, given: str) -> None:
    said = call(url, "POST", "/things", json={"name": "a"}, headers={"X-OpenStack-Request-Id": given}).json()
    assert said["global_request_id"] == said["request_id"]


@pytest.mark.parametrize("token", ["", "bad"])
def test_without_a_token_the_answer_is_401_and_says_where_to_get_one(url: str, token: str) -> None:
    reply = call(url, "POST", "/things", token, json={})
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == 'Keystone uri="http://ks:5000"'
    assert reply.json() == {"unauthorized": {"code": 401, "message": "no"}}
    assert REQUEST_ID.fullmatch(reply.headers["X-Openstack-Request-Id"])


def test_open_paths_need_no_token_exactly(url: str) -> None:
    assert call(url, "GET", "/open", "").json() == {"open": True}
    assert call(url, "GET", "/open/", "").status_code == 401
    assert call(url, "GET", "/open?x=1", "bad").status_code == 200


def test_the_router_refuses_in_the_services_words(url: str) -> None:
    reply = call(url, "GET", "/no/such")
    assert (reply.status_code, reply.json()) == (404, {"itemNotFound": {"code": 404, "message": "Not Found"}})
    reply = call(url, "GET", "/things")
    assert (reply.status_code, reply.json()["badMethod"]["code"], reply.headers["Allow"]) == (405, 405, "POST")


def test_a_handlers_refusal_keeps_its_headers(url: str) -> None:
    reply = call(url, "GET", "/conflict")
    assert (reply.status_code, reply.headers["X-Why"]) == (409, "use")
    assert reply.json() == {"conflictingRequest": {"code": 409, "message": "It is in use."}}


def test_an_unexpected_failure_tells_nothing_of_the_inside(url: str, caplog: pytest.LogCaptureFixture) -> None:
    reply = call(url, "GET", "/fail")
    assert reply.status_code == 500
    assert "secret" not in reply.text
    request_id = reply.headers["X-Openstack-Request-Id"]
    assert request_id in reply.json()["computeFault"]["message"]
    assert request_id in caplog.text
    assert "a secret of the inside" in caplog.text


def test_204_has_no_body(url: str) -> None:
    reply = call(url, "DELETE", "/nothing")
    assert (reply.status_code, reply.content) == (204, b"")
    assert "Content-Length" not in reply.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b"[" * 5000,
        b'{"name": "a", "other": 1}',
        b'{"name": 1}',
        b'{"name": "abcdefghijk"}',
        b'{"name": "a", "size": "1"}',
        b'{"name": "a", "size": -1}',
        b'{"name": "a", "size": 1e300}',
        b'{"name": "a", "size": 1e999}',
        b'{"name": "a", "size": true}',
        b'{"name": "a", "size": ' + b"9" * 100 + b"}",
        b'{"name": "a", "size": ' + b"9" * 6000 + b"}",
        b'{"name": "\\ud800"}',
        b'{"name": "a", "size": NaN}',
    ],
)
def test_a_body_that_is_wrong_is_refused(url: str, body: bytes) -> None:
    reply = call(url, "POST", "/things", data=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["badRequest"]["message"]


def test_a_refusal_names_the_field_and_shows_a_little_of_what_was_given(url: str) -> None:
    said = call(url, "POST", "/things", json={"name": "x" * 5000}).json()["badRequest"]["message"]
    assert said.startswith("Invalid input for field/attribute name. Value: 'xxx")
    assert len(said) < 250


def test_a_declared_body_that_is_too_large_is_refused_unread(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(b"PUT /stream HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nContent-Length: 99999999999\r\n\r\nabc")
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_an_undeclared_body_that_is_too_large_is_refused(url: str) -> None:
    reply = call(url, "PUT", "/stream", data=iter([b"x" * LIMIT, b"y"]))
    assert (reply.status_code, reply.json()["overLimit"]["code"]) == (413, 413)
    assert call(url, "PUT", "/stream", data=iter([b"x" * (LIMIT // 2)] * 2)).json() == {"bytes": LIMIT}


def test_streamed_bodies_may_be_larger(url: str) -> None:
    reply = call(url, "PUT", "/things/file", data=iter([b"x" * 65536] * 10))
    assert reply.json() == {"bytes": 655360}


@pytest.mark.parametrize(
    ("asked", "status"), [("compute 2.97", 406), ("compute 3.0", 406), ("compute two", 400), ("compute 2", 400)]
)
def test_versions_there_are_not_are_refused(url: str, asked: str, status: int) -> None:
    assert call(url, "GET", "/open", headers={"OpenStack-API-Version": asked}).status_code == status


def test_a_caller_that_goes_away_leaves_the_service_answering(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    for request in (
        b"POST /things HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nContent-Length: 100\r\n\r\n{",
        b"PUT /things/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: good\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"\x16\x03\x01\x02\x00nonsense\r\n\r\n",
        b"GET /open HTTP/1.1\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            raw.sendall(request)
    assert call(url, "GET", "/open").status_code == 200


def test_a_fault_rule_answers_for_the_handler(url: str, rules: Path) -> None:
    rules.write_text(
        json.dumps([{"part": "compute", "point": "POST /things", "status": 503, "message": "drill", "times": 1}])
    )
    reply = call(url, "POST", "/things", "bad", json={})
    assert (reply.status_code, reply.json()) == (503, {"serviceUnavailable": {"code": 503, "message": "drill"}})
    assert call(url, "POST", "/things", json={"name": "a"}).status_code == 201
    rules.write_text(json.dumps([{"part": "compute", "point": "GET /open", "status": 599, "delay_s": 0.05}]))
    reply = call(url, "GET", "/open")
    assert reply.status_code == 599
    assert reply.elapsed.total_seconds() >= 0.05
    rules.unlink()


def test_a_service_speaks_its_own_words(url: str) -> None:
    app = RestApp("network", [], neutron_fault, gate=None)
    with serving(app) as address:
        reply = requests.get(f"{address}/v2.0/ports", timeout=20)
    assert reply.status_code == 404
    assert reply.json() == {"NeutronError": {"type": "HTTPNotFound", "message": "Not Found", "detail": ""}}
    assert "OpenStack-API-Version" not in reply.headers
