"""The rules that hold between the columns and rows of a fleet, each checked for all rows at once."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.device_columns import check_device_texts
from engine.inventory.fleet_error import FleetSource, first_true
from engine.inventory.fleet_metrics import check_metrics
from engine.inventory.fleet_schema import MAX_TEXT_LENGTH, SIZES, SizeColumns
from engine.model.limits import MAX_AMOUNT, MAX_HOSTS

_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_TRAIT = re.compile(r"[A-Z0-9_]{1,255}")
_SHOWN = 3


def check_row_count(rows: int, source: FleetSource) -> None:
    """Raise InvalidFileError for more hosts than Berth accepts."""
    if rows > MAX_HOSTS:
        raise source.fault(f"has {rows} hosts, at most {MAX_HOSTS} are allowed", "split the fleet")


def check_fleet(table: pa.Table, source: FleetSource) -> None:
    """Raise InvalidFileError for the first rule that a table in the canonical schema breaks."""
    _check_names(table, source)
    _check_unique(table, "host_id", source)
    row = first_true(pc.invert(pc.match_substring_regex(table["uuid"], _UUID)))
    if row is not None:
        uuid = table["uuid"][row].as_py()
        raise source.fault(
            f"{uuid!r} is no uuid", "correct it, or leave it empty to have one made", column="uuid", row=row
        )
    _check_unique(table, "uuid", source)
    for size in SIZES:
        _check_size(table, size, source)
    _check_traits(table, source)
    _check_supported_instances(table, source)
    check_metrics(table["metrics"], source)
    check_device_texts(table, source)
    _check_elements(
        table, "aggregates", _is_name, "is no name", f"use 1 to {MAX_TEXT_LENGTH} printable characters", source
    )


def _is_name(text: str) -> bool:
    return text.isprintable() and len(text) <= MAX_TEXT_LENGTH


def _check_names(table: pa.Table, source: FleetSource) -> None:
    blank = pc.equal(pc.utf8_trim_whitespace(table["host_id"]), "")
    row = first_true(blank)
    if row is not None:
        raise source.fault("is empty", "give every host a name", column="host_id", row=row)


def _check_unique(table: pa.Table, column: str, source: FleetSource) -> None:
    values = table[column]
    if pc.count_distinct(values).as_py() == len(values):
        return
    counts = values.value_counts()
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    names = ", ".join(repr(name.as_py()) for name in repeated[:_SHOWN])
    more = f" and {len(repeated) - _SHOWN} more" if len(repeated) > _SHOWN else ""
    row = int(np.flatnonzero(pc.equal(values, repeated[0]).to_numpy())[1])
    raise source.fault(
        f"must be unique, but {names}{more} come more than once", "rename or remove the repeats", column=column, row=row
    )


def _check_size(table: pa.Table, size: SizeColumns, source: FleetSource) -> None:
    """Raise InvalidFileError where one resource class's inventory contradicts itself."""
    total = table[size.total].to_numpy()
    reserved = table[size.reserved].to_numpy()
    ratio = table[size.allocation_ratio].to_numpy()
    low, high, step = (table[name].to_numpy() for name in (size.min_unit, size.max_unit, size.step_size))

    def refuse(
        wrong: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], column: str, problem: str, *against: str
    ) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            shown = [table[name][row].as_py() for name in (column, *against)]
            raise source.fault(
                problem.format(*shown), "correct one of them" if against else "correct it", column=column, row=row
            )

    refuse(reserved > total, size.reserved, f"{{}} are reserved of a {size.total} of {{}}", size.total)
    has_any = total > 0
    for name, units in ((size.min_unit, low), (size.max_unit, high), (size.step_size, step)):
        refuse(has_any & (units < 1), name, "must be at least 1, not {}")
    refuse(has_any & (low > high), size.min_unit, f"{{}} is more than the {size.max_unit} of {{}}", size.max_unit)
    refuse(
        (total - reserved) * ratio > MAX_AMOUNT,
        size.allocation_ratio,
        f"a ratio of {{}} on a {size.total} of {{}} sells more than {MAX_AMOUNT}",
        size.total,
    )


def _check_traits(table: pa.Table, source: FleetSource) -> None:
    """Raise InvalidFileError for a name that placement takes for no trait: it could never be asked for."""
    _check_elements(
        table,
        "traits",
        lambda name: _TRAIT.fullmatch(name) is not None,
        "is no trait name",
        "use A-Z, 0-9 and _ only",
        source,
    )


def _check_supported_instances(table: pa.Table, source: FleetSource) -> None:
    def valid(text: str) -> bool:
        parts = text.split("/")
        return len(parts) == 3 and all(parts) and _is_name(text)

    _check_elements(
        table, "supported_instances", valid, "is not arch/hypervisor_type/vm_mode", "write it as x86_64/kvm/hvm", source
    )


def _check_elements(
    table: pa.Table, column: str, valid: Callable[[str], bool], problem: str, advice: str, source: FleetSource
) -> None:
    """Raise InvalidFileError for the first distinct element of a list column that is not ``valid``."""
    values = table[column]
    elements = pa.chunked_array([chunk.flatten() for chunk in values.chunks], pa.string())
    wrong = next((text for text in elements.unique().to_pylist() if not valid(text)), None)
    if wrong is None:
        return
    place = pc.index(elements, value=pa.scalar(wrong)).as_py()
    ends = np.cumsum(pc.list_value_length(values).to_numpy())
    row = int(np.searchsorted(ends, place, side="right"))
    raise source.fault(f"{wrong!r} {problem}", advice, column=column, row=row)
