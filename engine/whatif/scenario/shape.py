"""The shape of scenarios: which tables there are under which keys, read off the models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from engine.whatif.scenario.base import Table
from engine.whatif.scenario.model import Scenario

TAG = "do"
"""The key that says which of several tables one is."""


def tables_in(annotation: object) -> tuple[type[Table], ...]:
    """Return the tables that a value of a type is, or is a list of, in the order the type names them."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return (annotation,)
    if get_origin(annotation) in (Union, UnionType, Annotated, tuple):
        return tuple(table for part in get_args(annotation) for table in tables_in(part))
    return ()


def is_list(annotation: object) -> bool:
    """Return whether a value of a type is a list."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return any(is_list(part) for part in get_args(annotation))
    return get_origin(annotation) is tuple


def tag_of(table: type[Table]) -> str:
    """Return what the key ``do`` of a table says, nothing where it has no such key."""
    field = table.model_fields.get(TAG)
    values = get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()
    return str(values[0]) if values else ""


def tables_at(path: Sequence[str | int], document: object) -> tuple[type[Table], ...]:
    """Return the tables that may stand at a path of a document: several where it does not say which."""
    tables: tuple[type[Table], ...] = (Scenario,)
    value: Any = document
    for key in path:
        value = _inside(value, key)
        if isinstance(key, str):
            fields = [table.model_fields[key] for table in tables if key in table.model_fields]
            tables = tuple(dict.fromkeys(found for field in fields for found in tables_in(field.annotation)))
        said = value.get(TAG) if isinstance(value, dict) else None
        if isinstance(said, str) and said in map(tag_of, tables):
            tables = tuple(table for table in tables if tag_of(table) == said)
    return tables


def all_fields() -> Iterator[tuple[tuple[str, ...], type[Table], FieldInfo]]:
    """Yield the path, the table and the field of every key, tables before what is in them."""
    yield from _fields((), Scenario)


def _fields(path: tuple[str, ...], table: type[Table]) -> Iterator[tuple[tuple[str, ...], type[Table], FieldInfo]]:
    for name, field in table.model_fields.items():
        yield (*path, name), table, field
        for inner in tables_in(field.annotation):
            yield from _fields((*path, name), inner)


def _inside(value: object, key: str | int) -> object:
    """Return what is under a key of a table or at a number of a list, None where there is nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return None
