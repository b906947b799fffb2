"""Documents: scenarios as plain tables, lists and values, before they are checked, and dotted keys set in them."""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from engine.whatif.scenario.lines import KeyPath
from engine.whatif.scenario.problems import Problem

_MAX_DEPTH: Final = 32
_MAX_BITS: Final = 1024
_MARK: Final = 7_313_057
"""What a dotted key is given, to see that nothing but a key is there."""
_DATES = (datetime.datetime, datetime.date, datetime.time)


def document_problems(document: Mapping[str, Any]) -> list[Problem]:
    """Return what no scenario may have anywhere: dates, numbers that are not finite, tables too deep, other objects."""
    problems: list[Problem] = []
    waiting: list[tuple[KeyPath, object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping | list | tuple):
            if len(path) > _MAX_DEPTH:
                problems.append(Problem(path[:3], "has tables or lists too deep inside each other"))
                continue
            inside = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += [((*path, key), item) for key, item in inside]
        elif message := _value_problem(value):
            problems.append(Problem(path, message))
    return problems[::-1]


def _value_problem(value: object) -> str:
    if isinstance(value, _DATES):
        return "is a date or a time of day: a run's times are seconds from its start, or texts such as '12h'"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number (given: {value})"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "is a number that is too large"
    if value is not None and not isinstance(value, str | int | float):
        return f"is a {type(value).__name__}: give text, a number, true or false, a list or a table"
    return ""


def set_value(document: dict[str, Any], key: str, value: object) -> Problem | None:
    """Set a dotted key of a document, None takes it away; return what is wrong with the key, None where nothing is.

    Tables on the way that are not there are made. The document is changed in place, its parts not shared with others.
    """
    path = key_path(key)
    if path is None:
        return Problem((key,), "is no dotted key: write one such as chain.cpu_weight_multiplier")
    inside: Any = document
    for index, part in enumerate(path):
        is_last = index == len(path) - 1
        if isinstance(inside, list):
            place = _place_in(inside, part)
            if place is None:
                names = [
                    item["name"] for item in inside if isinstance(item, dict) and isinstance(item.get("name"), str)
                ]
                said = f"a name of {', '.join(names[:10])} or " if names else ""
                return Problem(path, f"says {part!r} of a list of {len(inside)}: give {said}a number from 0")
            if is_last and value is None:
                del inside[place]
            elif is_last:
                inside[place] = value
            else:
                inside = inside[place]
        elif isinstance(inside, dict):
            if is_last and value is None:
                inside.pop(part, None)
            elif is_last:
                inside[part] = value
            else:
                inside = inside.setdefault(part, {})
        else:
            return Problem(path, f"goes on after {'.'.join(path[:index])}, which is no table")
    return None


def key_path(key: str) -> tuple[str, ...] | None:
    """Return the parts of a dotted key, quotes around parts with dots in them as in TOML; None where it is none."""
    try:
        # a header could stand before a line break
        value: Any = tomllib.loads(f"{key} = {_MARK}") if "\n" not in key else {}
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    path: list[str] = []
    while isinstance(value, dict) and len(value) == 1:
        ((part, value),) = value.items()
        path.append(part)
    return tuple(path) if value == _MARK and len(path) <= _MAX_DEPTH else None


def _place_in(items: list[Any], part: str) -> int | None:
    """Return the place in a list that a part of a key means, by name before number."""
    for place, item in enumerate(items):
        if isinstance(item, dict) and item.get("name") == part:
            return place
    return int(part) if part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(items) else None
