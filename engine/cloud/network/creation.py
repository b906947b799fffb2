"""What the making of any resource shares: bodies of one or of many, quotas, and the attributes all resources have."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import Connection, Table, bindparam, select
from starlette.requests import Request

from engine.cloud.network.schema import quotas, usages
from engine.rest.errors import BadRequest, Conflict
from engine.rest.request import in_words, json_body

Model = TypeVar("Model", bound="Attributes")
Name = Annotated[str, StringConstraints(max_length=255)]
ProjectId = Annotated[str, StringConstraints(max_length=255)]

MOST_IN_BULK = 250

_LIMIT = select(quotas.c.limit).where(
    quotas.c.project_id == bindparam("project"), quotas.c.resource == bindparam("resource")
)
_USED = select(usages.c.used).where(
    usages.c.project_id == bindparam("project"), usages.c.resource == bindparam("resource")
)


class Attributes(BaseModel):
    """The attributes that a body may give: nothing unknown, nothing of another type."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=False)

    def given(self, *left_out: str) -> dict[str, Any]:
        """Return the attributes that the body has, by their names in Python."""
        return self.model_dump(exclude_unset=True, exclude=set(left_out))


class Owned(Attributes):
    """What may be said of any resource when it is made."""

    name: Name = ""
    description: Name = ""
    project_id: ProjectId | None = None
    tenant_id: ProjectId | None = None


class Described(Attributes):
    """What may be changed of any resource."""

    name: Name = Field(default="")
    description: Name = Field(default="")


async def bodies_of(request: Request, singular: str, plural: str, model: type[Model]) -> tuple[list[Model], bool]:
    """Return the resources that a body describes and whether it was written as a list; raise BadRequest."""
    content = await json_body(request)
    if isinstance(content, dict) and len(content) == 1:
        if singular in content:
            return [_parsed(singular, content[singular], model)], False
        many = content.get(plural)
        if isinstance(many, list) and 0 < len(many) <= MOST_IN_BULK:
            return [_parsed(plural, one, model) for one in many], True
    raise BadRequest(f"Bad {singular} request: the body must hold {singular!r}, an object, and nothing else.")


async def body_of(request: Request, singular: str, model: type[Model]) -> Model:
    """Return the attributes that a body gives for one resource; raise BadRequest."""
    content = await json_body(request)
    if not isinstance(content, dict) or set(content) != {singular}:
        raise BadRequest(f"Bad {singular} request: the body must hold {singular!r}, an object, and nothing else.")
    return _parsed(singular, content[singular], model)


def _parsed(name: str, content: object, model: type[Model]) -> Model:
    if isinstance(content, dict) and (unknown := set(content) - _names_of(model)):
        raise BadRequest(f"Unrecognized attribute(s) '{', '.join(sorted(str(one)[:100] for one in unknown))}'")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise BadRequest(f"{name}: {in_words(error)}") from error


def _names_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def now_text() -> str:
    """Return the time as neutron prints it: ISO 8601 UTC in seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def standard_values(project_id: str) -> dict[str, Any]:
    """Return the values of a new resource that its maker does not choose, under a new id."""
    now = now_text()
    return {
        "id": str(uuid.uuid4()),
        "project_id": project_id,
        "tags": [],
        "created_at": now,
        "updated_at": now,
        "revision_number": 0,
    }


def changed_values(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an update with those that say that there was one."""
    return {**values, "updated_at": now_text(), "revision_number": table.c.revision_number + 1}


def check_quota(connection: Connection, resource: str, project_id: str, defaults: Mapping[str, int]) -> None:
    """Raise Conflict (OverQuota) when a project may not have one more of a resource."""
    key = {"project": project_id, "resource": resource}
    own = connection.execute(_LIMIT, key).scalar()
    limit = defaults[resource] if own is None else own
    if limit >= 0 and used_of(connection, resource, project_id) >= limit:
        raise Conflict(f"Quota exceeded for resources: ['{resource}'].", kind="OverQuota")


def used_of(connection: Connection, resource: str, project_id: str) -> int:
    """Return how many of a resource a project has."""
    return connection.execute(_USED, {"project": project_id, "resource": resource}).scalar() or 0
