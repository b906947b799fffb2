"""JSON patches of an image, as glance takes them: add, replace and remove of one attribute or property at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from engine.cloud.image.bodies import ATTRIBUTES, may_be_set
from engine.rest.errors import BadRequest, Conflict, Forbidden, RestError
from engine.rest.request import in_words

MEDIA_TYPES = ("application/openstack-images-v2.1-json-patch", "application/openstack-images-v2.0-json-patch")
_POINTER = re.compile(r"/([^/]+)")


class _Change(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    op: Literal["add", "replace", "remove"]
    path: str
    value: Any = None


_CHANGES = TypeAdapter(list[_Change])


def patched(current: Mapping[str, Any], content: object, media_type: str) -> dict[str, Any]:
    """Return ``current`` (attributes and properties) with the changes of a patch.

    Raises RestError: 415 for another media type, 400 for what is no such patch, 403 for what may not be changed, and
    409 where a property to replace or remove is not there.
    """
    if media_type.partition(";")[0].strip() not in MEDIA_TYPES:
        raise RestError(f"Supported media types of an update are {', '.join(MEDIA_TYPES)}.", status=415)
    try:
        changes = _CHANGES.validate_python(content)
    except ValidationError as error:
        raise BadRequest(in_words(error)) from error
    result = dict(current)
    for change in changes:
        match = _POINTER.fullmatch(change.path)
        if match is None:
            raise BadRequest(f"Invalid path {change.path[:100]!r}: it must name one attribute or property.")
        name = match[1].replace("~1", "/").replace("~0", "~")
        may_be_set(name)
        if name == "id":
            raise Forbidden("Attribute 'id' is read-only.")
        if change.op != "remove":
            if change.op == "replace" and name not in ATTRIBUTES and name not in result:
                raise Conflict(f"Property {name} does not exist.")
            result[name] = change.value
        elif name in ATTRIBUTES:
            raise Forbidden(f"Property {name} may not be removed.")
        elif name not in result:
            raise Conflict(f"Property {name} does not exist.")
        else:
            del result[name]
    return result
