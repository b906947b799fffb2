"""Records by the uuid or the name that a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import uuid4

from engine.errors import ConflictError, NotFoundError


class Named(Protocol):
    """A record with a uuid and a name."""

    uuid: str
    name: str


Record = TypeVar("Record", bound=Named)


def find(records: Sequence[Record], wanted: str, unknown: type[NotFoundError], what: str) -> Record:
    """Returns the record of this uuid, or else of this name.

    Raises ``unknown`` where there is none, ConflictError for a name that several have.
    """
    by_uuid = [record for record in records if record.uuid == wanted]
    found = by_uuid or [record for record in records if record.name == wanted]
    if not found:
        raise unknown(f"there is no {what} {wanted!r}")
    if len(found) > 1:
        uuids = ", ".join(record.uuid for record in found)
        raise ConflictError(f"{len(found)} {what}s are called {wanted!r}: name one by its uuid ({uuids})")
    return found[0]


def uuid_for(records: Sequence[Named], name: str, what: str) -> str:
    """Returns the uuid of the record of this name, or a new one; raises ConflictError for a name that several have."""
    found = [record.uuid for record in records if record.name == name]
    if len(found) > 1:
        raise ConflictError(f"{len(found)} {what}s are called {name!r}: say which with --uuid ({', '.join(found)})")
    return found[0] if found else str(uuid4())
