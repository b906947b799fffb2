"""The columns of a trace, checked: every complaint names the file, the column and the row, and says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import InvalidFileError


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns read of a file: ``names`` are all that it has, ``rows`` the file's number of each row."""

    file: Path
    table: pa.Table
    names: tuple[str, ...]
    rows: NDArray[np.int64]

    def fault(self, problem: str, *, column: str = "", row: int | None = None) -> InvalidFileError:
        """Returns the error to raise; ``row`` is the table's, shown as the file's, counted from 1, with its VM."""
        details: dict[str, object] = {"file": self.file}
        place = ""
        if column:
            details["column"] = column
            place = f" column {column}"
        if row is not None:
            details["row"] = number = int(self.rows[row]) + 1
            place += f"{',' if column else ''} row {number}"
            if "vm_id" in self.table.column_names and column != "vm_id":
                place += f" (vm_id {self.table['vm_id'][row].as_py()})"
        return InvalidFileError(f"{self.file}:{place}{':' if place else ''} {problem}", **details)

    def name_of(self, names: Sequence[str]) -> str:
        """Returns the first of ``names`` that the table has; raises InvalidFileError that suggests what was meant."""
        for name in names:
            if name in self.names:
                return name
        near = get_close_matches(names[0], self.names, n=1, cutoff=0.6)
        meant = (
            f"rename {near[0]!r} if that is what is meant" if near else f"add it to {', '.join(self.names) or 'none'}"
        )
        raise self.fault(f"there is no column {' or '.join(names)}; {meant}")

    def has_optional(self, name: str) -> bool:
        """Returns whether the table has a column that may be left out; raises InvalidFileError where it is misspelt."""
        near = get_close_matches(name, self.names, n=1, cutoff=0.8)
        if near and near[0] != name:
            raise self.fault(f"is it {name}? rename it, or to something quite different", column=near[0])
        return bool(near)

    def whole(self, name: str, low: int, high: int) -> NDArray[np.int64]:
        """Returns a column of whole numbers in [low, high], without nulls."""
        values = self.numbers(name, nullable=False)
        if values.dtype != np.int64:
            self._refuse(name, np.flatnonzero(values % 1 != 0), values, "is not a whole number")
        self._refuse(name, np.flatnonzero(values < low), values, f"is less than {low}")
        self._refuse(name, np.flatnonzero(values > high), values, f"is more than {high}")
        return values.astype(np.int64, copy=False)

    def numbers(self, name: str, *, nullable: bool) -> NDArray[np.int64] | NDArray[np.float64]:
        """Returns a column of finite numbers, int64 or float64; where ``nullable``, nulls and NaNs stay as NaN."""
        column = self.table[name]
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise self.fault(f"holds {kind}, not numbers: convert it", column=name)
        if column.null_count and not nullable:
            row = pc.index(pc.is_null(column), value=pa.scalar(True)).as_py()
            raise self.fault("is missing: fill it in or leave the row out", column=name, row=row)
        if pa.types.is_integer(kind) and not column.null_count:
            return self._cast(name, column, pa.int64())
        values = self._cast(name, column, pa.float64())
        unfit = np.isinf(values) if nullable else ~np.isfinite(values)
        self._refuse(name, np.flatnonzero(unfit), values, "is not a finite number")
        return values

    def _cast(self, name: str, column: pa.ChunkedArray, kind: pa.DataType) -> NDArray[np.int64] | NDArray[np.float64]:
        try:
            values: NDArray[np.int64] | NDArray[np.float64] = pc.cast(column, kind).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as failure:
            raise self.fault(f"holds a number that is too large ({failure})", column=name) from failure
        return values

    def _refuse(self, name: str, rows: NDArray[np.intp], values: Iterable[object], problem: str) -> None:
        """Raises InvalidFileError for the first of ``rows``, if there is any."""
        if len(rows):
            row = int(rows[0])
            more = f" (and so in {len(rows) - 1} more rows)" if len(rows) > 1 else ""
            raise self.fault(f"{np.asarray(values)[row]} {problem}{more}", column=name, row=row)
