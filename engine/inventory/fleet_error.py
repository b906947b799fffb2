"""The one shape of every complaint about a fleet: where it is, what is wrong, what to do."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidFileError


@dataclass(frozen=True, slots=True)
class FleetSource:
    """Where a fleet came from: the name shown to the user, and the list separator where all values are text (CSV)."""

    name: str
    list_separator: str = ""

    @property
    def is_text(self) -> bool:
        """Whether every value is text that is yet to be parsed."""
        return bool(self.list_separator)

    def fault(self, problem: str, advice: str, *, column: str = "", row: int | None = None) -> InvalidFileError:
        """Return the error to raise; ``row`` counts from 0 and is shown counting from 1, a CSV's header not counted."""
        place = [f"column {column}"] if column else []
        details = {"file": self.name}
        if column:
            details["column"] = column
        if row is not None:
            place.append(f"row {row + 1}")
            details["row"] = str(row + 1)
        where = f" {', '.join(place)}:" if place else ""
        return InvalidFileError(f"{self.name}:{where} {problem}; {advice}", **details)


def first_true(mask: pa.ChunkedArray | pa.Array) -> int | None:
    """Return the first row where a boolean column is true, None where there is none; nulls are not true."""
    row: int = pc.index(mask, value=pa.scalar(True)).as_py()
    return None if row < 0 else row
