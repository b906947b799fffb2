"""The documentation of every key of a scenario, made from the models, so that it says what they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from engine.scheduler.options import SchedulerOptions
from engine.whatif.answer import Column, ResultTable
from engine.whatif.scenario.base import Duration, Table
from engine.whatif.scenario.model import Scenario
from engine.whatif.scenario.shape import TAG, is_list, tables_in, tag_of

_PLAIN: Final[Mapping[object, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    Any: "any value",
}
_REQUIRED: Final = "required"
_UNSAID: Final = 2**31 - 1
"""Bounds from here on are those of the numbers themselves."""
_SPANS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it takes, ``[]`` for each of a list, and of several kinds of tables what they ``do``.

    ``default`` is empty for none.
    """

    name: str
    type: str
    default: str
    meaning: str


def keys() -> tuple[Key, ...]:
    """Return every key of a scenario, in the order of the models, tables before what is in them.

    What is in a table that stands in several places is told at the first.
    """
    return tuple(_keys("", Scenario, {}))


def chain_keys() -> tuple[Key, ...]:
    """Return the keys of ``[chain]``: nova's scheduler options with nova's defaults."""
    return tuple(
        Key(f"chain.{field.name}", _option_type(field.default), _value_text(field.default), "")
        for field in fields(SchedulerOptions)
    )


def keys_table() -> ResultTable:
    """Return the documentation as a table to read."""
    columns = (Column("key"), Column("takes"), Column("default"), Column("meaning"))
    rows = tuple((key.name, key.type, key.default, key.meaning) for key in keys())
    note = "A duration is a number of seconds or a text such as '90s', '12h' or '30d'."
    return ResultTable("The keys of a scenario", columns, rows, note)


def chain_table() -> ResultTable:
    """Return the options of ``[chain]`` as a table to read."""
    rows = tuple((key.name, key.type, key.default) for key in chain_keys())
    note = "By nova's names and with nova's defaults; a live service's own count where the scenario says nothing."
    return ResultTable("The options of the chain", (Column("key"), Column("takes"), Column("default")), rows, note)


def keys_markdown() -> str:
    """Return the documentation as Markdown."""
    parts = []
    for table in (keys_table(), chain_table()):
        heads = [column.name for column in table.columns]
        lines = [f"## {table.title}", "", table.note, "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        lines += [f"| {' | '.join(_cell(place, str(cell)) for place, cell in enumerate(row))} |" for row in table.rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cell(place: int, text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if escaped and place in (0, 2) and text != _REQUIRED else escaped


def _keys(before: str, table: type[Table], told: dict[type[Table], str]) -> Iterator[Key]:
    for name, field in sorted(table.model_fields.items(), key=lambda item: item[0] != TAG):
        path = f"{before}.{name}" if before else name
        meaning = field.description or ""
        inner = tables_in(field.annotation)
        if name == TAG:
            yield Key(path, f"'{tag_of(table)}'", _REQUIRED, meaning)
            continue
        listed = is_list(field.annotation)
        where = told.get(inner[0], "") if len(inner) == 1 else ""
        if where:
            yield Key(path, f"table, as {where}", _default(field), meaning)
            continue
        yield Key(path, _field_type(field), _default(field), meaning)
        for each in inner:
            told[each] = path
            several = f"do={tag_of(each)}" if tag_of(each) else ""
            yield from _keys(f"{path}[{several}]" if listed else path, each, told)


def _field_type(field: FieldInfo) -> str:
    if _is_duration(field):
        return "duration"
    return _type(field.annotation) + _bounds(field.metadata)


def _type(annotation: Any) -> str:
    """Return what a type takes in words."""
    if tables_in(annotation):
        return "tables" if is_list(annotation) else "table"
    if annotation is Duration:
        return "duration"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [item for part in inner[1:] for item in getattr(part, "metadata", [part])]
        return _type(inner[0]) + _bounds(bounds)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in inner if part is not NoneType))
    if origin is Literal and inner == ("",):
        return "text"
    if origin is Literal:
        return ", ".join(f"'{value}'" for value in inner)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    assert origin is dict
    return f"table of {_type(inner[1])}"


def _bounds(metadata: list[Any]) -> str:
    """Return what bounds a number, such as `` from 1 to 8``, nothing where it is none or only that of its type."""
    said = {
        name: value
        for item in metadata
        for name in ("gt", "ge", "lt", "le")
        if (value := getattr(item, name, None)) is not None and abs(value) < _UNSAID
    }
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}
    return "".join(f" {words[name]} {_value_text(value)}" for name, value in said.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return _REQUIRED
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, Table) or value in ("", (), {}):
        return ""
    if _is_duration(field) and value:
        unit, span = next((unit, span) for unit, span in _SPANS if value % span == 0)
        return f"'{value / span:g}{unit}'"
    return _value_text(value)


def _is_duration(field: FieldInfo) -> bool:
    return any(item in get_args(Duration) for item in field.metadata)


def _option_type(default: object) -> str:
    return "list of text" if isinstance(default, tuple) else _PLAIN.get(type(default), "text")


def _value_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value_text, value))}]"
    return f"'{value}'" if isinstance(value, str) else f"{value:.15g}" if isinstance(value, float) else str(value)
