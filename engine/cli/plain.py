"""Protobuf messages as plain data for JSON: field names as in the proto files, whole numbers as numbers."""

from __future__ import annotations

import math
from typing import Any

from google.protobuf.message import Message


def plain(message: Message) -> dict[str, Any]:
    """Returns a message as a dict: every field without presence, and those with presence that are set.

    Unlike in protobuf's own JSON form, 64-bit numbers stay numbers: none here comes near 2**53, where readers round.
    """
    fields = (field for field in message.DESCRIPTOR.fields if not field.has_presence or message.HasField(field.name))
    return {field.name: _value(field, getattr(message, field.name)) for field in fields}


def _value(field: Any, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        item = kind.fields_by_name["value"]
        return {str(key): _single(item, value[key]) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, item) for item in value]
    return _single(field, value)


def _single(field: Any, value: Any) -> Any:
    if isinstance(value, Message):
        return plain(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
