"""Turns one column as it came into its canonical type, or says which value stands in the way."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.fleet_error import FleetSource, first_true
from engine.inventory.fleet_schema import FLAG, FLOAT, INT, MAX_TEXT_LENGTH, TEXT, TEXT_LIST, FleetColumn

_TRUE_TEXTS = pa.array(["true", "1"])
_FLAG_TEXTS = pa.array(["true", "false", "1", "0"])
_LONG_TEXTS = frozenset(
    {
        "cpu_info",
        "stats",
        "metrics",
        "disabled_reason",
        "numa_topology",
        "pci_device_pools",
        "resource_providers",
    }
)


def convert_column(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    """Return ``values`` in ``column.type``, missing ones still null; raise InvalidFileError that names a wrong one."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_null(values.type):
        return values.cast(column.type)
    if column.type == TEXT:
        return _text(values, column, source)
    if column.type == TEXT_LIST:
        return _text_list(values, column, source)
    if source.is_text and _is_text(values.type):
        values = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    if column.type == FLAG:
        return _flag(values, column, source)
    return _number(values, column, source)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _wrong_type(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource, wanted: str) -> Exception:
    """Return the error for a column whose type cannot hold what it should."""
    row = first_true(values.is_valid())
    example = "" if row is None else f", the first being {values[row].as_py()!r}"
    return source.fault(f"holds {values.type} values{example}", f"store {wanted} in it", column=column.name, row=row)


def _text(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    if pa.types.is_integer(values.type):
        values = values.cast(TEXT)
    if not _is_text(values.type):
        raise _wrong_type(values, column, source, "text")
    values = values.cast(TEXT)
    if column.name not in _LONG_TEXTS:
        row = first_true(pc.greater(pc.utf8_length(values), MAX_TEXT_LENGTH))
        if row is not None:
            length = len(values[row].as_py())
            raise source.fault(
                f"is {length} characters long, at most {MAX_TEXT_LENGTH} are allowed",
                "shorten it",
                column=column.name,
                row=row,
            )
    if column.empty_is_missing:
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, TEXT), values)
    return values


def _text_list(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    if _is_text(values.type):
        values = values.cast(TEXT)
        if source.list_separator:
            return pa.chunked_array([_split(chunk, source.list_separator) for chunk in values.chunks], TEXT_LIST)
        return pa.chunked_array([_one_element_lists(chunk) for chunk in values.chunks], TEXT_LIST)
    is_list = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
    if is_list and pa.types.is_null(values.type.value_type):
        values = values.cast(TEXT_LIST)
    if not is_list or not _is_text(values.type.value_type):
        raise _wrong_type(values, column, source, "a list of text")
    values = values.cast(TEXT_LIST)
    inner = pa.chunked_array([chunk.flatten() for chunk in values.chunks], TEXT)
    if inner.null_count or first_true(pc.equal(inner, "")) is not None:
        row = next(row for row, items in enumerate(values.to_pylist()) if items and not all(items))
        raise source.fault("the list has an empty element", "remove it from the list", column=column.name, row=row)
    return values


def _split(texts: pa.Array, separator: str) -> pa.Array:
    """Return a list of the trimmed, non-empty parts of each text; null stays null."""
    coded = texts.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    parts = [[part.strip() for part in text.split(separator) if part.strip()] for text in distinct]
    return pa.array(parts, TEXT_LIST).take(coded.indices)


def _one_element_lists(texts: pa.Array) -> pa.Array:
    """Return each text as a list of it alone; an empty text as an empty list, null as null."""
    coded = texts.dictionary_encode()
    return pa.array([[text] if text else [] for text in coded.dictionary.to_pylist()], TEXT_LIST).take(coded.indices)


def _flag(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    if source.is_text and _is_text(values.type):
        lowered = pc.utf8_lower(values.cast(TEXT))
        row = first_true(pc.and_(values.is_valid(), pc.invert(pc.is_in(lowered, value_set=_FLAG_TEXTS))))
        if row is not None:
            raise source.fault(
                f"must be true or false, not {values[row].as_py()!r}", "correct it", column=column.name, row=row
            )
        return pc.if_else(lowered.is_valid(), pc.is_in(lowered, value_set=_TRUE_TEXTS), pa.scalar(None, FLAG))
    if not pa.types.is_boolean(values.type):
        raise _wrong_type(values, column, source, "true or false")
    return values


def _number(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    wanted = "whole numbers" if column.type == INT else "numbers"
    if source.is_text and _is_text(values.type):
        values = _parse_numbers(values, column, source)
    if pa.types.is_integer(values.type):
        if column.type == INT:
            return _bounded(values, column, source).cast(INT)
        values = values.cast(FLOAT, safe=False)
    if not pa.types.is_floating(values.type):
        raise _wrong_type(values, column, source, wanted)
    values = values.cast(FLOAT)
    row = first_true(pc.invert(pc.is_finite(values)))
    if row is not None:
        raise source.fault(f"must be a number, not {values[row].as_py()!r}", "correct it", column=column.name, row=row)
    if column.type == FLOAT:
        row = first_true(pc.less_equal(values, 0.0))
        if row is not None:
            raise source.fault(
                f"must be greater than 0, not {values[row].as_py()!r}", "correct it", column=column.name, row=row
            )
        return values
    whole = pc.floor(values)
    row = None if column.rounds_down else first_true(pc.not_equal(whole, values))
    if row is not None:
        raise source.fault(
            f"must be a whole number, not {values[row].as_py()!r}", "round it", column=column.name, row=row
        )
    return _bounded(whole, column, source).cast(INT)


def _bounded(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    """Return ``values``, all within the column's bounds; raise InvalidFileError otherwise."""
    extremes = pc.min_max(values).as_py()
    if extremes["min"] is None or (column.low <= extremes["min"] and extremes["max"] <= column.high):
        return values
    wrong = extremes["min"] if extremes["min"] < column.low else extremes["max"]
    row = pc.index(values, value=pa.scalar(wrong, values.type)).as_py()
    raise source.fault(
        f"must be between {column.low} and {column.high}, not {int(wrong)}", "correct it", column=column.name, row=row
    )


def _parse_numbers(values: pa.ChunkedArray, column: FleetColumn, source: FleetSource) -> pa.ChunkedArray:
    """Return CSV text as numbers: whole ones where all are, so that large ones stay exact, floats otherwise."""
    for type_ in (INT, FLOAT):
        try:
            return values.cast(type_)
        except pa.ArrowInvalid:
            continue
    wanted = "a whole number" if column.type == INT else "a number"
    wrong = next(text for text in values.unique().to_pylist() if text is not None and not _is_number(text))
    row = pc.index(values, value=pa.scalar(wrong, values.type)).as_py()
    raise source.fault(f"must be {wanted}, not {wrong!r}", "correct it", column=column.name, row=row)


def _is_number(text: str) -> bool:
    """Whether pyarrow reads ``text`` as a number, so that the value blamed is the one that stopped it."""
    try:
        pa.scalar(text).cast(FLOAT)
    except pa.ArrowInvalid:
        return False
    return True
