"""What bodies may hold, as nova's schemas have it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from engine.boot.api.field_types import Flag, Name, PositiveSize, QuotaLimit, ShortText, Size, Text, ZoneName

GOOD = [
    (Flag, "True", True),
    (Flag, "off", False),
    (Flag, False, False),
    (Size, "0", 0),
    (PositiveSize, 2**31 - 1, 2**31 - 1),
    (QuotaLimit, "-1", -1),
    (Name, "a b 😀", "a b 😀"),
    (ZoneName, "az1", "az1"),
    (ShortText, "two\nlines", "two\nlines"),
    (Text, "", ""),
]
BAD = [
    (Flag, "perhaps"),
    (Flag, 1),
    (Flag, None),
    (Size, "-1"),
    (Size, "²"),
    (Size, "--1"),
    (Size, "1.0"),
    (Size, 1.0),
    (Size, True),
    (Size, "9" * 10_000),
    (PositiveSize, 0),
    (PositiveSize, 2**31),
    (QuotaLimit, -2),
    (QuotaLimit, "-"),
    (Name, ""),
    (Name, " a"),
    (Name, "a\tb"),
    (Name, "a\u2028b"),
    (Name, "\ud800"),
    (Name, b"a"),
    (ZoneName, "a:b"),
    (ShortText, "t" * 256),
    (ShortText, "a\x1bb"),
    (Text, "t" * 65_536),
]


def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@pytest.mark.parametrize(("kind", "given", "read"), GOOD)
def test_good_values_are_read(kind: Any, given: object, read: object) -> None:
    assert adapter(kind).validate_python(given, strict=True) == read


@pytest.mark.parametrize(("kind", "given"), BAD)
def test_bad_values_are_refused(kind: Any, given: object) -> None:
    with pytest.raises(ValidationError):
        adapter(kind).validate_python(given, strict=True)
