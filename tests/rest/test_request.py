from __future__ import annotations

from collections.abc import MutableMapping
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from engine.rest.errors import BadRequest
from engine.rest.request import base_url, body_of, in_words, json_body
from tests.rest.serving import run


class Inner(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    size: Annotated[int, Field(ge=0)]


class Outer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    items: list[Inner]


def request_of(body: bytes = b"", *, headers: tuple[tuple[bytes, bytes], ...] = (), scheme: str = "http") -> Request:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/x",
        "query_string": b"",
        "headers": list(headers),
        "server": ("10.0.0.1", 8774),
    }
    return Request(scope, receive)


def test_links_start_where_the_caller_found_us() -> None:
    assert base_url(request_of(headers=((b"host", b"cloud.example:1"),))) == "http://cloud.example:1"
    assert base_url(request_of(scheme="https")) == "https://10.0.0.1:8774"


def test_a_body_becomes_its_model() -> None:
    assert run(lambda: body_of(request_of(b'{"items": [{"size": 3}]}'), Outer)).items[0].size == 3


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\\ud800"', b"1e999", b"[" * 3000])
def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="not valid JSON"):
        run(lambda: json_body(request_of(body)))


@pytest.mark.parametrize(
    ("given", "where", "shown"),
    [
        ({"items": [{"size": 1}, {"size": -5}]}, "items/1/size", "-5"),
        ({"items": [{"size": 1, "more": "x" * 500}]}, "items/0/more", "..."),
        ({}, "items", "{}"),
        ([], "", "[]"),
        ({"items": [{"size": 10**200 * -1}]}, "items/0/size", "-1000"),
    ],
)
def test_a_refusal_names_the_place_and_the_value(given: object, where: str, shown: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(given)
    said = in_words(refused.value)
    assert said.startswith(f"Invalid input for field/attribute {where}. Value: ")
    assert shown in said
    assert len(said) < 300
