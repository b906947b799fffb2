"""Key pairs: a user's public keys, imported or, below version 2.92, made here."""

from __future__ import annotations

import string
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, StringConstraints
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.boot.api.deps import Deps
from engine.boot.api.field_types import STRICT, Name
from engine.boot.api.links import PREFIX, linked_page
from engine.boot.api.public_keys import MadeKey, make_ssh_key, make_x509_key, ssh_fingerprint, x509_fingerprint
from engine.boot.api.times import micro_text
from engine.boot.api.versioned import check_query, minor_of
from engine.boot.store.key_pairs import (
    KeyPairRow,
    add_key_pair,
    count_key_pairs,
    get_key_pair,
    list_key_pairs,
    remove_key_pair,
)
from engine.boot.store.quotas import limits_of
from engine.rest.errors import BadRequest, Conflict, Forbidden, NotFound
from engine.rest.replies import empty_reply, json_reply
from engine.rest.request import access_of, body_of

_TYPE_SINCE = 2
_USER_SINCE = 10
_PAGES_SINCE = 35
_IMPORT_ONLY_SINCE = 92
_SAFE = string.ascii_letters + string.digits + "_- "
_SAFE_SINCE_2_92 = _SAFE + "@."


class _KeyPair(BaseModel):
    model_config = STRICT

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    public_key: Annotated[str, StringConstraints(min_length=1, max_length=65_535)] | None = None
    type: Literal["ssh", "x509"] | None = None
    user_id: Name | None = None


class _Create(BaseModel):
    model_config = STRICT

    keypair: _KeyPair


def _owner(request: Request, asked: str | None, rule: str) -> str:
    """Return the user whose keys are meant: the caller, or for administrators from 2.10 the user asked for."""
    access = access_of(request)
    if asked is None or minor_of(request) < _USER_SINCE or asked == access.user_id:
        return access.user_id
    access.require_admin(f"os_compute_api:os-keypairs:{rule}")
    return asked


def _view(request: Request, key: KeyPairRow) -> dict[str, Any]:
    view = {"name": key.name, "public_key": key.public_key, "fingerprint": key.fingerprint}
    return view | ({"type": key.type} if minor_of(request) >= _TYPE_SINCE else {})


def _full_view(request: Request, key: KeyPairRow) -> dict[str, Any]:
    return _view(request, key) | {
        "user_id": key.user_id,
        "created_at": micro_text(key.created_at),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }


def _checked(request: Request, given: _KeyPair) -> None:
    """Raise BadRequest for what the version does not take."""
    minor = minor_of(request)
    newer = {"type": _TYPE_SINCE, "user_id": _USER_SINCE}
    for name, since in newer.items():
        if name in given.model_fields_set and minor < since:
            raise BadRequest(f"Additional properties are not allowed ({name!r} was unexpected)")
    if given.public_key is None and minor >= _IMPORT_ONLY_SINCE:
        raise BadRequest("Invalid input for field/attribute keypair. 'public_key' is a required property")
    safe = _SAFE_SINCE_2_92 if minor >= _IMPORT_ONLY_SINCE else _SAFE
    # as a part of a path the last two mean something else: such a key pair could never be deleted
    if not set(given.name) <= set(safe) or given.name in (".", ".."):
        raise BadRequest("Keypair data is invalid: Keypair name contains unsafe characters")


def routes(deps: Deps) -> list[Route]:
    """Return the routes of key pairs."""

    async def index(request: Request) -> Response:
        paged = minor_of(request) >= _PAGES_SINCE
        check_query(request, ("user_id", "limit", "marker"))
        owner = _owner(request, request.query_params.get("user_id"), "index")
        keys = await deps.store.read(lambda connection: list_key_pairs(connection, owner))
        page, links = linked_page(request, keys, lambda key: key.name, "keypairs") if paged else (keys, {})
        return json_reply({"keypairs": [{"keypair": _view(request, key)} for key in page]} | links)

    async def show(request: Request) -> Response:
        check_query(request, ("user_id",))
        owner = _owner(request, request.query_params.get("user_id"), "show")
        name = request.path_params["name"]
        key = await deps.store.read(lambda connection: get_key_pair(connection, owner, name))
        if key is None:
            raise _unknown(owner, name)
        return json_reply({"keypair": _full_view(request, key)})

    async def create(request: Request) -> Response:
        access_of(request).require_writer()
        given = (await body_of(request, _Create)).keypair
        _checked(request, given)
        owner = _owner(request, given.user_id, "create")
        kind = given.type or "ssh"
        made: MadeKey | None = None
        if given.public_key is None:
            made = await (
                deps.in_thread(make_ssh_key) if kind == "ssh" else deps.in_thread(make_x509_key, owner, deps.clock())
            )
            public_key, fingerprint = made.public_key, made.fingerprint
        else:
            public_key = given.public_key
            fingerprint = ssh_fingerprint(public_key) if kind == "ssh" else x509_fingerprint(public_key)
        key = KeyPairRow(owner, given.name, kind, fingerprint, public_key, deps.clock())
        await _store(key, access_of(request).project_id)
        view = _view(request, key) | {"user_id": owner}
        if made is not None:
            view["private_key"] = made.private_key
        return json_reply({"keypair": view}, 201 if minor_of(request) >= _TYPE_SINCE else 200)

    async def _store(key: KeyPairRow, project_id: str) -> None:
        def store(connection: sa.Connection) -> None:
            limit = limits_of(connection, project_id, deps.settings.boot.quotas)["key_pairs"]
            if get_key_pair(connection, key.user_id, key.name) is not None:
                raise _used(key.name)
            if 0 <= limit <= count_key_pairs(connection, key.user_id):
                raise Forbidden("Quota exceeded, too many key pairs.")
            add_key_pair(connection, key)

        try:
            await deps.store.write(store)
        except IntegrityError as error:
            raise _used(key.name) from error

    async def delete(request: Request) -> Response:
        access_of(request).require_writer()
        check_query(request, ("user_id",))
        owner = _owner(request, request.query_params.get("user_id"), "delete")
        name = request.path_params["name"]
        if not await deps.store.write(lambda connection: remove_key_pair(connection, owner, name)):
            raise _unknown(owner, name)
        return empty_reply(204 if minor_of(request) >= _TYPE_SINCE else 202)

    place = f"{PREFIX}/os-keypairs"
    return [
        Route(place, index, methods=["GET"]),
        Route(place, create, methods=["POST"]),
        Route(f"{place}/{{name}}", show, methods=["GET"]),
        Route(f"{place}/{{name}}", delete, methods=["DELETE"]),
    ]


def _unknown(user_id: str, name: str) -> NotFound:
    return NotFound(f"Keypair {name} not found for user {user_id}")


def _used(name: str) -> Conflict:
    return Conflict(f"Key pair '{name}' already exists.")
