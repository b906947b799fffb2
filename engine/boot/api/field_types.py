"""Types of body fields that administrators' resources share, as nova's schemas have them."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

STRICT = ConfigDict(strict=True, extra="forbid")
"""How bodies are read: no conversion of types, no unknown fields."""

MOST = 2**31 - 1
"""The largest number that nova's database holds."""

_DIGITS_MOST = 20
_TRUE = ("1", "true", "on", "yes", "t", "y")
_FALSE = ("0", "false", "off", "no", "f", "n")


def boolean_of(value: object) -> object:
    """Return the truth value that was given as one or as nova's words for it; anything else as it is."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    return value


def _number(value: object) -> object:
    """Return the number that digits, perhaps after a minus, stand for; anything else as it is, to be refused."""
    if isinstance(value, str) and len(value) <= _DIGITS_MOST:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdecimal():
            return int(value)
    return value


def _printable(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("it must be printable text")
    return text


def _name(text: str) -> str:
    if text != text.strip():
        raise ValueError("it must not begin or end with a space")
    return _printable(text)


def _text(text: str) -> str:
    _printable(text.translate({ord(character): None for character in "\n\r\t"}))
    return text


def _zone(text: str) -> str:
    if ":" in text:
        raise ValueError("it must not hold a colon")
    return _name(text)


Flag = Annotated[bool, BeforeValidator(boolean_of)]
"""A truth value, also in nova's words for it."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_name)]
"""A name of 1 to 255 printable characters, without space around it."""

ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_zone)]
"""The name of an availability zone: one without a colon, which parts a zone from a host."""

Text = Annotated[str, StringConstraints(max_length=65_535), AfterValidator(_text)]
"""Printable text that may have several lines."""

ShortText = Annotated[str, StringConstraints(max_length=255), AfterValidator(_text)]
"""Printable text of at most 255 characters."""

Size = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MOST)]
"""A size from 0, also as text."""

PositiveSize = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MOST)]
"""A size from 1, also as text."""

QuotaLimit = Annotated[int, BeforeValidator(_number), Field(ge=-1, le=MOST)]
"""A limit, also as text; -1 is unlimited."""
