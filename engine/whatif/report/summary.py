"""summary.json: an answer's headline, figures and tables as one JSON document, the same bytes for the same answer."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import __version__
from engine.errors import InvalidRequestError
from engine.whatif.answer import Answer, Column, ResultTable


@dataclass(frozen=True, slots=True)
class About:
    """What was asked: the scenario's text and title, the run's seed, and what the command was told beside them."""

    scenario_text: str
    seed: int
    title: str = ""
    arguments: tuple[str, ...] = ()


def summary_document(answer: Answer, about: About) -> dict[str, Any]:
    """Return an answer as JSON values: what is no finite number is null."""
    return {
        "berth": __version__,
        "question": answer.question,
        "title": about.title,
        "seed": about.seed,
        "scenario_sha256": hashlib.sha256(about.scenario_text.encode()).hexdigest(),
        "headline": answer.headline,
        "figures": json_value(answer.figures),
        "decisions": answer.decisions.num_rows,
        "tables": [_table_document(table) for table in answer.tables],
    }


def summary_text(document: Mapping[str, Any]) -> str:
    """Return a summary's text: keys in their order of letters, a table's row on a line of its own."""
    parts = [f"  {json.dumps(key)}: {_text(key, document[key])}" for key in sorted(document)]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def headline_and_tables(document: Mapping[str, Any]) -> tuple[str, tuple[ResultTable, ...]]:
    """Return what a summary tells people, read back from its document.

    Raises InvalidRequestError for a document that is no summary.
    """
    try:
        tables = tuple(
            ResultTable(
                str(table["title"]),
                tuple(
                    Column(str(column["name"]), str(column["unit"]), int(column["decimals"]))
                    for column in table["columns"]
                ),
                tuple(tuple(row) for row in table["rows"]),
                str(table["note"]),
                bool(table["is_detail"]),
            )
            for table in document["tables"]
        )
        return str(document["headline"]), tables
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequestError(f"this is no summary of an answer: {error!r}") from error


def json_value(value: object) -> Any:
    """Return a value as JSON knows it: mappings by text, lists, and null for what is no finite number.

    Raises TypeError for what is none of these.
    """
    if value is None or isinstance(value, bool | int | str):
        # An enumeration's member is its plain value in JSON.
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic | np.ndarray):
        return json_value(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    raise TypeError(f"a figure is a JSON value, not {type(value).__name__}")


def _table_document(table: ResultTable) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": [{"name": item.name, "unit": item.unit, "decimals": item.decimals} for item in table.columns],
        "rows": json_value(table.rows),
        "note": table.note,
        "is_detail": table.is_detail,
    }


def _text(key: str, value: object) -> str:
    if key == "tables" and isinstance(value, list):
        return "[" + ",".join(f"\n    {_table_text(table)}" for table in value) + ("\n  ]" if value else "]")
    return _dumped(value, indent=2).replace("\n", "\n  ")


def _table_text(table: Mapping[str, Any]) -> str:
    rows = ",".join(f"\n        {_dumped(row)}" for row in table["rows"])
    parts = [
        f'"rows": [{rows}]' if key == "rows" else f"{json.dumps(key)}: {_dumped(table[key])}" for key in sorted(table)
    ]
    return "{" + ", ".join(parts) + "}"


def _dumped(value: object, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=indent)
