"""Files of allocations: what instances hold on the hosts of a fleet file, one row each."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.errors import InvalidFileError
from engine.model.limits import MAX_AMOUNT
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA

_REQUIRED: Final = 6
_NAMES: Final = 3
"""How many of the first columns are texts: instance, host_id, flavor."""
_AMOUNTS: Final = ("vcpus", "memory_mb", "disk_gb", "requested_vcpus", "requested_memory_mb", "requested_disk_gb")


def read_allocations(path: Path) -> pa.Table:
    """Return the allocations of a Parquet file in ALLOCATION_SCHEMA; raise InvalidFileError.

    All columns but the first six may be absent, and are null then.
    """
    name = str(path)
    try:
        table = pq.read_table(path)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).partition("\n")[0] or type(error).__name__
        raise InvalidFileError(f"{name}: cannot be read as Parquet ({said}): check the path and the file") from error
    return checked_allocations(table, name)


def checked_allocations(table: pa.Table, name: str) -> pa.Table:
    """Return a table of allocations in ALLOCATION_SCHEMA, every row of it sound; errors call it ``name``."""
    columns = []
    for place, column in enumerate(ALLOCATION_SCHEMA):
        if column.name in table.column_names:
            columns.append(_cast(table[column.name], column, name))
        elif place < _REQUIRED:
            near = get_close_matches(column.name, table.column_names, n=1)
            advice = f"rename {near[0]!r} if that is what is meant" if near else "add it"
            raise InvalidFileError(f"{name}: there is no column {column.name}; {advice}")
        else:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, column.type)], column.type))
    made = pa.Table.from_arrays(columns, schema=ALLOCATION_SCHEMA)
    for column in ALLOCATION_SCHEMA.names[:_REQUIRED]:
        _refuse(made, pc.is_null(made[column]), column, "is missing", name)
    for column in _AMOUNTS:
        _refuse(made, pc.less(made[column], 0), column, "is negative", name)
        _refuse(made, pc.greater(made[column], MAX_AMOUNT), column, f"is more than {MAX_AMOUNT}", name)
    sizes = pc.add(pc.add(made["vcpus"], made["memory_mb"]), made["disk_gb"])
    _refuse(made, pc.equal(sizes, 0), "vcpus", "is 0, as are memory_mb and disk_gb", name)
    instances = made["instance"]
    if pc.count_distinct(instances).as_py() != len(instances):
        counts = instances.value_counts()
        twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")[0].as_py()
        raise InvalidFileError(f"{name}: instance {twice!r} is there twice: an instance holds something on one host")
    return made


def _cast(values: pa.ChunkedArray, column: pa.Field, name: str) -> pa.ChunkedArray:
    """Return a column in its canonical type; a text is no number here, nor a number a text, but in names."""
    kind, wanted = values.type, column.type
    while pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    is_name = column.name in ALLOCATION_SCHEMA.names[:_NAMES]
    try:
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.nulls(len(values), wanted)], wanted)
        if pa.types.is_integer(wanted) and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return values.cast(wanted)
        if pa.types.is_binary(wanted) and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return values.cast(wanted)
        wants_text = not pa.types.is_integer(wanted) and not pa.types.is_binary(wanted)
        if wants_text and (is_text or (is_name and pa.types.is_integer(kind))):
            texts = values.cast(pa.string())
            return texts.dictionary_encode() if pa.types.is_dictionary(wanted) else texts
    except pa.ArrowInvalid as error:
        said = str(error).partition("\n")[0]
        raise InvalidFileError(f"{name}: column {column.name} holds what it may not ({said})") from error
    raise InvalidFileError(f"{name}: column {column.name} holds {kind}, not {wanted}: convert it")


def _refuse(table: pa.Table, wrong: pa.ChunkedArray, column: str, problem: str, name: str) -> None:
    row = pc.index(wrong, value=pa.scalar(True)).as_py()
    if row >= 0:
        instance = table["instance"][row].as_py()
        raise InvalidFileError(f"{name}: column {column}, row {row + 1} (instance {instance}): it {problem}")
