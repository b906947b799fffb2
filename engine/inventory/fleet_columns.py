"""Finds out which column of an incoming table is which, by name, alias and near-miss."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

import pyarrow as pa

from engine.inventory.fleet_error import FleetSource
from engine.inventory.fleet_schema import CANONICAL_NAMES, COLUMNS

NEAR_MISS = 0.8
"""A name this similar to a known one (difflib's ratio) is taken for a slip, not for a fact of the user's own."""


@dataclass(frozen=True, slots=True)
class MatchedColumns:
    """An incoming table's columns, told apart: known ones by canonical name, the others by their own."""

    known: dict[str, pa.ChunkedArray]
    extra: dict[str, pa.ChunkedArray]


def match_columns(table: pa.Table, source: FleetSource) -> MatchedColumns:
    """Return the table's columns by what they mean; raise InvalidFileError for misspelt, repeated or missing ones."""
    given: dict[str, str] = {}
    known: dict[str, pa.ChunkedArray] = {}
    extra: dict[str, pa.ChunkedArray] = {}
    for position, name in enumerate(table.column_names):
        canonical = CANONICAL_NAMES.get(name)
        if canonical is None:
            if name in extra:
                raise source.fault("the table has two columns of this name", "keep one of them", column=name)
            extra[name] = table.column(position)
        elif canonical in known:
            both = (
                "two columns of this name"
                if name == given[canonical]
                else f"both {given[canonical]} and {name}, which mean the same"
            )
            raise source.fault(f"the table has {both}", "keep one of them", column=canonical)
        else:
            given[canonical] = name
            known[canonical] = table.column(position)
    for name in extra:
        near = nearest_name(name)
        if near is not None:
            raise source.fault(f"is not a known column; did you mean {near!r}?", "rename it, or remove it", column=name)
    missing = [column.name for column in COLUMNS if column.required and column.name not in known]
    if missing:
        found = ", ".join(table.column_names) or "none"
        raise source.fault(
            f"lacks {', '.join(missing)}, which every fleet needs",
            f"add what is missing; the columns found are {found}",
        )
    return MatchedColumns(known, extra)


def nearest_name(name: str) -> str | None:
    """Return the known name that ``name`` was likely meant to be, None where none is near."""
    lowered = name.strip().lower()
    ratio, best = max((SequenceMatcher(None, lowered, known).ratio(), known) for known in CANONICAL_NAMES)
    return best if ratio > NEAR_MISS else None
