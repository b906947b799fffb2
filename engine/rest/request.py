"""What handlers read of a request: the caller, its id, its version, its body and its links' base."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from engine.rest.access import Access
from engine.rest.errors import BadRequest
from engine.rest.microversion import Microversion

Model = TypeVar("Model", bound=BaseModel)


def access_of(request: Request) -> Access:
    """Return the caller; only for routes that need a token."""
    access: Access = request.scope["berth.access"]
    return access


def request_id_of(request: Request) -> str:
    """Return this request's own id, ``req-<uuid>``."""
    name: str = request.scope["berth.request_id"]
    return name


def global_request_id_of(request: Request) -> str:
    """Return the id the caller gave to all that happens for it, or this request's own."""
    name: str = request.scope["berth.global_request_id"]
    return name


def microversion_of(request: Request) -> Microversion:
    """Return the version the request speaks."""
    version: Microversion = request.scope["berth.microversion"]
    return version


def base_url(request: Request) -> str:
    """Return ``http://host:port`` as the caller named it, for links."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"


async def json_body(request: Request) -> object:
    """Return the body's JSON; raise BadRequest when it is none."""
    try:
        return msgspec.json.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(
            f"The server could not comply with the request: the body is not valid JSON ({error})."
        ) from error


async def body_of(request: Request, model: type[Model]) -> Model:
    """Return the body as ``model`` has it; raise BadRequest that names the field and what was wrong."""
    content = await json_body(request)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise BadRequest(in_words(error)) from error


def in_words(error: ValidationError) -> str:
    """Return one sentence for what a body got wrong first."""
    first = error.errors()[0]
    where = "/".join(str(part) for part in first["loc"])
    given = repr(first["input"])
    shown = given if len(given) <= 100 else given[:97] + "..."
    return f"Invalid input for field/attribute {where}. Value: {shown}. {first['msg']}"
