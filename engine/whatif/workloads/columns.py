"""The columns of a trace, checked: every complaint names the file, the column and the row, and says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import InvalidFileError

VM_ID = "vm_id"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns read of a file: ``names`` are all that it has, ``rows`` the file's number of each row.

    ``called`` says what the file calls a column, where that is not the trace's own name for it.
    """

    file: Path
    table: pa.Table
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    called: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, kept: NDArray[np.intp]) -> Columns:
        """Returns the columns of these rows."""
        return replace(self, table=self.table.take(kept), rows=self.rows[kept])

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
            vm_id = self.called.get(VM_ID, VM_ID)
            if vm_id in self.table.column_names and column != vm_id:
                place += f" (vm_id {self.table[vm_id][row].as_py()})"
        return InvalidFileError(f"{self.file}:{place}{':' if place else ''} {problem}", **details)

    def name_of(self, names: Sequence[str]) -> str:
        """Returns the first of ``names`` that the table has, as the file calls it.

        Raises InvalidFileError that suggests what was meant.
        """
        for name in names:
            if self.called.get(name, name) in self.names:
                return self.called.get(name, name)
        sought = next((self.called[name] for name in names if name in self.called), names[0])
        near = get_close_matches(sought, self.names, n=1, cutoff=0.6)
        if near:
            meant = f"rename {near[0]!r} if that is what is meant"
        elif sought != names[0]:
            meant = f"there are {', '.join(self.names) or 'none'}"
        else:
            meant = f"add it to {', '.join(self.names) or 'none'}"
        asked = " or ".join(names) if sought == names[0] else f"{sought} for {names[0]}"
        raise self.fault(f"there is no column {asked}; {meant}")

    def has_optional(self, name: str) -> bool:
        """Returns whether the table has a column that may be left out; raises InvalidFileError where it is misspelt."""
        if name in self.called:
            return bool(self.name_of((name,)))
        near = get_close_matches(name, self.names, n=1, cutoff=0.8)
        if near and near[0] != name and near[0] not in self.called.values():
            raise self.fault(f"is it {name}? rename it, or to something quite different", column=near[0])
        return name in self.names

    def whole(self, name: str, low: int, high: int) -> NDArray[np.int64]:
        """Returns a column of whole numbers in [low, high], without nulls."""
        values = self.numbers(name, nullable=False)
        if values.dtype != np.int64:
            self._refuse(name, np.flatnonzero(values % 1 != 0), values, "is not a whole number")
        return self.within(name, values, low, high)

    def within(
        self, name: str, values: NDArray[np.int64] | NDArray[np.float64], low: int, high: int
    ) -> NDArray[np.int64]:
        """Returns the whole numbers ``values`` of a column once all are in [low, high]."""
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

    def ranks(self, name: str) -> NDArray[np.int64]:
        """Returns the place of each VM's name in their order, equal ones in that of the rows (texts: by code point).

        Raises InvalidFileError where one is missing, or is neither a whole number nor a text.
        """
        column = self.named(name)
        if pa.types.is_integer(column.type):
            values: NDArray[np.int64] = column.to_numpy()
            if np.all(values[1:] > values[:-1]):
                return np.arange(1, len(values) + 1)
        ranks: NDArray[np.int64] = pc.rank(column, tiebreaker="first").to_numpy().astype(np.int64)
        return ranks

    def named(self, name: str) -> pa.ChunkedArray:
        """Returns the VMs' names, whole numbers or texts; raises InvalidFileError where one is missing or neither."""
        column = self.table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not (
            pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        ):
            raise self.fault(f"holds {column.type}: a VM is named by a whole number or a text", column=name)
        if column.null_count:
            row = pc.index(pc.is_null(column), value=pa.scalar(True)).as_py()
            raise self.fault("is missing: fill it in or leave the row out", column=name, row=row)
        return column

    def unique_ranks(self, name: str) -> NDArray[np.int64]:
        """Returns the ranks of names no two of which are the same."""
        ranks = self.ranks(name)
        column = self.named(name)
        in_order = column if np.all(ranks[1:] > ranks[:-1]) else column.take(np.argsort(ranks))
        doubled = (
            pc.index(pc.equal(in_order[1:], in_order[:-1]), value=pa.scalar(True)).as_py() if len(self) > 1 else -1
        )
        if doubled >= 0:
            row = int(np.flatnonzero(ranks == doubled + 2)[0])
            raise self.fault(f"{column[row].as_py()} was there before: a VM comes once", column=name, row=row)
        return ranks

    def of_split(self, split: str) -> Columns:
        """Returns the rows of which the column split says so; raises InvalidFileError naming the splits there are."""
        name = self.name_of(("split",))
        column = self.table[name].cast(pa.string())
        kept = np.flatnonzero(pc.fill_null(pc.equal(column, split), fill_value=False).to_numpy())
        if not len(kept):
            known = ", ".join(sorted(str(value) for value in pc.unique(column).to_pylist()))
            raise self.fault(f"no row is of the split {split!r}; there are {known or 'none'}", column=name)
        return self.take(kept)

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
