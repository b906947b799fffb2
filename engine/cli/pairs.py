"""Options of the form KEY=VALUE."""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InvalidRequestError


def pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """Returns KEY=VALUE texts as a dict; raises InvalidRequestError for a text without = or a key given twice."""
    result: dict[str, str] = {}
    for key, value in _split(option, texts):
        if key in result:
            raise InvalidRequestError(f"{option} gives {key!r} twice: give it once")
        result[key] = value
    return result


def pair_lists(option: str, texts: Iterable[str]) -> dict[str, list[str]]:
    """Returns KEY=VALUE texts as the values of each key, in order; raises InvalidRequestError for a text without =."""
    result: dict[str, list[str]] = {}
    for key, value in _split(option, texts):
        result.setdefault(key, []).append(value)
    return result


def _split(option: str, texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidRequestError(f"{option} {text!r} is not of the form KEY=VALUE")
        yield key, value
