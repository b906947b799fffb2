"""A column's values as codes and texts: what is done for each value is not done for each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.whatif.workloads.columns import Columns
from engine.whatif.workloads.templates import text_of


@dataclass(frozen=True, slots=True)
class ColumnTexts:
    """``codes`` int64: of each row's value, 0 for a null; ``texts``: each code's value as text, None for a null."""

    codes: NDArray[np.int64]
    texts: tuple[str | None, ...]


def column_texts(columns: Columns, name: str) -> ColumnTexts:
    """Return the values of the column that the file calls so."""
    column = columns.table[name].combine_chunks()
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False) + 1
    return ColumnTexts(codes, (None, *(text_of(value) for value in encoded.dictionary.to_pylist())))


def says_yes(columns: Columns, name: str) -> NDArray[np.bool_]:
    """Return in which rows a column holds something: not null, false, 0 or an empty text."""
    values = column_texts(columns, name)
    yes = np.array([bool(text) and text not in ("false", "0") for text in values.texts], dtype=np.bool_)
    return np.asarray(yes[values.codes])
