"""Fills in what a fleet's file left out: columns that are absent and values that are missing."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.fleet_error import FleetSource, first_true
from engine.inventory.fleet_schema import COLUMNS, SIZES, TEXT_LIST, FleetColumn
from engine.inventory.host_uuid import uuids_of_hosts

_HYPERVISORS = ("kvm", "qemu")


def fill_defaults(given: Mapping[str, pa.ChunkedArray], rows: int, source: FleetSource) -> dict[str, pa.ChunkedArray]:
    """Return every column, ``rows`` long, nulls in nullable ones only; raise InvalidFileError for other gaps.

    ``given`` are the columns that came, in their canonical types, null where a value is missing.
    """
    columns = {column.name: given.get(column.name, _nulls(column.type, rows)) for column in COLUMNS}
    for column in COLUMNS:
        values = columns[column.name]
        if not values.null_count or column.nullable:
            continue
        if column.required:
            row = first_true(values.is_null())
            raise source.fault("is missing", "every host needs one", column=column.name, row=row)
        if not column.rule:
            columns[column.name] = values.fill_null(_constant(column))
    columns["nodename"] = pc.coalesce(columns["nodename"], columns["host_id"])
    columns["uuid"] = _fill_uuids(columns["uuid"], columns["host_id"])
    columns["supported_instances"] = _fill_supported_instances(columns["supported_instances"], columns["arch"])
    for size in SIZES:
        columns[size.max_unit] = pc.coalesce(columns[size.max_unit], columns[size.total])
    return columns


def with_new_columns(table: pa.Table) -> pa.Table:
    """Return a table that an earlier version wrote, with the columns since added to the schema, at their defaults.

    Only columns with a constant default are ever added.
    """
    for column in COLUMNS:
        if column.name not in table.column_names and not column.rule and not column.required:
            table = table.append_column(column.name, pa.repeat(_constant(column), len(table)))
    return table


def _nulls(type_: pa.DataType, rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(rows, type_)], type_)


def _constant(column: FleetColumn) -> pa.Scalar:
    """Return the column's constant default."""
    value = list(column.default) if isinstance(column.default, tuple) else column.default
    return pa.scalar(value, column.type)


def _fill_uuids(uuids: pa.ChunkedArray, host_ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the uuids in lower case, as nova writes them, made from the host's name where they are missing."""
    uuids = pc.utf8_lower(uuids)
    if not uuids.null_count:
        return uuids
    missing = uuids.is_null()
    made = uuids_of_hosts(host_ids.filter(missing).to_pylist())
    return pc.replace_with_mask(uuids.combine_chunks(), missing.combine_chunks(), made)


def _fill_supported_instances(values: pa.ChunkedArray, arch: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return what each host supports; where it is not said, kvm and qemu guests of its own architecture."""
    if not values.null_count:
        return values
    coded = arch.combine_chunks().dictionary_encode()
    defaults = pa.array(
        [[f"{name}/{kind}/hvm" for kind in _HYPERVISORS] for name in coded.dictionary.to_pylist()], TEXT_LIST
    )
    return pc.coalesce(values, defaults.take(coded.indices))
