"""Fleet files: reads a fleet from Parquet, Arrow or CSV into the canonical table, and writes it back."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as pa_ipc

from engine.inventory.fleet_checks import check_fleet, check_row_count
from engine.inventory.fleet_columns import match_columns
from engine.inventory.fleet_defaults import fill_defaults
from engine.inventory.fleet_error import FleetSource, first_true
from engine.inventory.fleet_schema import COLUMNS, FLEET_SCHEMA, TEXT, TEXT_LIST
from engine.inventory.fleet_stats import merge_stats
from engine.inventory.fleet_values import convert_column

_T = TypeVar("_T")

LIST_SEPARATOR = ";"
"""Separates the elements of a list in a CSV cell."""

_IPC_FILE_MAGIC = b"ARROW1"
_ARROW_ENDINGS = (".arrow", ".feather", ".ipc")
_KNOWN_ENDINGS = ".parquet, .arrow, .feather, .ipc or .csv"


def read_fleet(path: Path) -> pa.Table:
    """Return the fleet in a file, whose ending says the format, as a table in FLEET_SCHEMA; raise InvalidFileError."""
    source = FleetSource(str(path), LIST_SEPARATOR if path.suffix.lower() == ".csv" else "")
    read = _by_ending(path, source, _read_parquet, _read_arrow, _read_csv)
    try:
        if not path.exists():
            raise source.fault("there is no such file", "check the path")
        if not path.is_file():
            raise source.fault("is not a file", "name one file")
        table = read(path, source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise source.fault(
            f"cannot be read ({_first_line(error)})", "check that it is whole and of the format its name says"
        ) from error
    return _normalise(table, source)


def write_fleet(table: pa.Table, path: Path) -> None:
    """Write a fleet to a file whose ending says the format, whole or not at all; raise InvalidFileError."""
    source = FleetSource(str(path))
    write = _by_ending(path, source, _write_parquet, _write_arrow, _write_csv)
    if table.schema != FLEET_SCHEMA:
        table = normalise_fleet(table, source="the table to write")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        write(table, part)
        part.replace(path)
    except (pa.ArrowException, OSError) as error:
        raise source.fault(
            f"cannot be written ({_first_line(error)})", "check the directory and the space left in it"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def normalise_fleet(table: pa.Table, *, source: str) -> pa.Table:
    """Return a table of hosts in FLEET_SCHEMA, defaults filled in and every rule checked; raise InvalidFileError.

    ``source`` is what error messages call the table. Row order stays. A text in a list column becomes a list of one,
    and columns that are not known go to ``stats``.
    """
    return _normalise(table, FleetSource(source))


def _normalise(table: pa.Table, source: FleetSource) -> pa.Table:
    check_row_count(table.num_rows, source)
    try:
        # damaged bytes can hold offsets that point outside them, and text or names that are not UTF-8: stop them here
        table.validate(full=True)
        matched = match_columns(table, source)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise source.fault(f"is damaged ({_first_line(error)})", "send or write it again") from error
    given = {
        column.name: convert_column(matched.known[column.name], column, source)
        for column in COLUMNS
        if column.name in matched.known
    }
    stats = merge_stats(given.get("stats"), matched.extra, table.num_rows, source)
    if stats is not None:
        given["stats"] = stats
    columns = fill_defaults(given, table.num_rows, source)
    result = pa.Table.from_arrays([columns[column.name] for column in COLUMNS], schema=FLEET_SCHEMA)
    check_fleet(result, source)
    return result


def _by_ending(path: Path, source: FleetSource, parquet: _T, arrow: _T, csv: _T) -> _T:
    """Return the one of three functions that deals with a file of this name."""
    ending = path.suffix.lower()
    if ending == ".parquet":
        return parquet
    if ending in _ARROW_ENDINGS:
        return arrow
    if ending == ".csv":
        return csv
    raise source.fault(f"the ending {ending!r} says no format that Berth knows", f"use {_KNOWN_ENDINGS}")


def _read_parquet(path: Path, source: FleetSource) -> pa.Table:
    # here, because it brings libraries that a service never needs
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        # before reading: a few kilobytes of Parquet can unpack to any number of rows
        check_row_count(file.metadata.num_rows, source)
        return file.read()


def _read_arrow(path: Path, source: FleetSource) -> pa.Table:
    with path.open("rb") as file:
        is_file_format = file.read(len(_IPC_FILE_MAGIC)) == _IPC_FILE_MAGIC
    opened = pa_ipc.open_file(pa.OSFile(str(path))) if is_file_format else pa_ipc.open_stream(pa.OSFile(str(path)))
    with opened as reader:
        return reader.read_all()


def _read_csv(path: Path, source: FleetSource) -> pa.Table:
    """Return every column as text: a host called 007 keeps its name, and an error shows a wrong number as written."""
    import pyarrow.csv as pa_csv

    with path.open("rb") as file:
        header = pa_csv.open_csv(file, parse_options=pa_csv.ParseOptions()).schema.names if path.stat().st_size else []
    types = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(header, TEXT),
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=False,
    )
    return pa_csv.read_csv(path, convert_options=types)


def _write_parquet(table: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _write_arrow(table: pa.Table, path: Path) -> None:
    with pa_ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def _write_csv(table: pa.Table, path: Path) -> None:
    import pyarrow.csv as pa_csv

    for number, column in enumerate(COLUMNS):
        if column.type == TEXT_LIST:
            table = table.set_column(
                number, column.name, _joined(table[column.name], column.name, FleetSource(str(path)))
            )
    pa_csv.write_csv(table, path)


def _joined(values: pa.ChunkedArray, column: str, source: FleetSource) -> pa.ChunkedArray:
    """Return each list as one text; raise InvalidFileError for an element that holds the separator."""
    for chunk in values.chunks:
        if first_true(pc.match_substring(chunk.flatten(), LIST_SEPARATOR)) is not None:
            raise source.fault(
                f"an element holds {LIST_SEPARATOR!r}, which separates elements in CSV", "write Parquet", column=column
            )
    return pc.binary_join(values, LIST_SEPARATOR)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
