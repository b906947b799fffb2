"""The stats column: a JSON object of text for each host, and where columns that have no place of their own go."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.inventory.fleet_error import FleetSource
from engine.inventory.fleet_schema import TEXT

_STATS = "stats"


def merge_stats(
    stats: pa.ChunkedArray | None, extra: Mapping[str, pa.ChunkedArray], rows: int, source: FleetSource
) -> pa.ChunkedArray | None:
    """Return the stats column, ``rows`` long, with the extra columns folded in; None where there is neither.

    Every value becomes text as Python's ``str`` writes it, which is what nova's filters compare
    (nova.objects.compute_node); whole floats lose their ``.0``, nulls are left out. The JSON is built once per distinct
    combination, so its cost follows the number of kinds of host.
    """
    if stats is None and not extra:
        return None
    for name, values in extra.items():
        if pa.types.is_nested(values.type) or pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
            raise source.fault(
                f"is not a known column, and {values.type} values cannot go to stats", "remove it", column=name
            )
    columns = {} if stats is None else {_STATS: stats}
    columns.update(extra)
    dictionaries: list[list[object]] = []
    codes: list[npt.NDArray[np.int64]] = []
    for values in columns.values():
        coded = _encoded(values)
        dictionaries.append(coded.dictionary.to_pylist())
        codes.append(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))
    kinds, kind_of, first_row = _distinct(codes, dictionaries, rows)
    texts = [
        _stats_text(
            dict(
                zip(
                    columns, (_pick(values, code) for values, code in zip(dictionaries, kind, strict=True)), strict=True
                )
            ),
            row,
            source,
        )
        for kind, row in zip(kinds, first_row, strict=True)
    ]
    return pa.chunked_array([pa.array(texts, TEXT).take(pa.array(kind_of))], TEXT)


def _encoded(values: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return the column as one dictionary-encoded array."""
    if pa.types.is_null(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(TEXT)
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    return coded.unify_dictionaries().combine_chunks()


def _distinct(
    codes: list[npt.NDArray[np.int64]], dictionaries: list[list[object]], rows: int
) -> tuple[list[list[int]], npt.NDArray[np.int64], list[int]]:
    """Return the distinct combinations of codes, which of them each row has, and the first row of each."""
    kind_of = np.zeros(rows, dtype=np.int64)
    for column, dictionary in zip(codes, dictionaries, strict=True):
        # renumbered after every column, so that the product of the dictionaries' sizes never has to fit an integer
        _, kind_of = np.unique(kind_of * (len(dictionary) + 1) + column + 1, return_inverse=True)
    _, first = np.unique(kind_of, return_index=True)
    return [[int(column[row]) for column in codes] for row in first], kind_of, [int(row) for row in first]


def _pick(values: list[object], code: int) -> object:
    return None if code < 0 else values[code]


def _stats_text(facts: dict[str, object], row: int, source: FleetSource) -> str:
    """Return one host's stats as sorted JSON text."""
    given = facts.pop(_STATS, None)
    result = _parse(given, row, source) if given else {}
    for name, value in facts.items():
        if value is None:
            continue
        if name in result:
            raise source.fault(f"is a column and a key of {_STATS} too", "keep one of them", column=name, row=row)
        result[name] = _fact_text(value)
    encoded = json.dumps(result, sort_keys=True, ensure_ascii=False)
    if not encoded.isascii():
        _refuse_lone_surrogates(encoded, row, source)
    return encoded


def _parse(text: object, row: int, source: FleetSource) -> dict[str, str]:
    """Return the JSON object of text that one cell holds."""
    try:
        parsed = json.loads(str(text))
    except (ValueError, RecursionError) as error:
        raise source.fault(
            f"is not JSON ({error})", "write a JSON object such as {}", column=_STATS, row=row
        ) from error
    if not isinstance(parsed, dict):
        raise source.fault(
            f"is JSON, but no object: {str(text)[:60]}", "write a JSON object such as {}", column=_STATS, row=row
        )
    for name, value in parsed.items():
        if isinstance(value, (dict, list)):
            raise source.fault(f"the value of {name!r} is nested", "write a text or a number", column=_STATS, row=row)
    return {name: _fact_text(value) for name, value in parsed.items() if value is not None}


def _refuse_lone_surrogates(text: str, row: int, source: FleetSource) -> None:
    """Raise InvalidFileError for an escape such as \\ud800 that stands for no character: no message could carry it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise source.fault("holds an escape that is no character", "remove it", column=_STATS, row=row) from error


def _fact_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
