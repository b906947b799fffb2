"""decisions.parquet: a table's bytes by what it says alone, however it was put together."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ROW_GROUP = 1 << 20
_ZSTD_LEVEL = 3


def parquet_bytes(table: pa.Table) -> pa.Buffer:
    """Return a table as a Parquet file: equal tables give equal bytes, whatever their chunks and dictionaries."""
    plain = pa.table(
        [_same_however_made(column) for column in table.columns],
        schema=table.schema.remove_metadata(),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(
        plain,
        sink,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        version="2.6",
        use_dictionary=True,
        write_statistics=True,
    )
    return sink.getvalue()


def _same_however_made(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece, a dictionary's values in the order in which they first come."""
    kind = column.type
    if not pa.types.is_dictionary(kind):
        whole = column.combine_chunks()
        return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    whole = pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], kind.value_type)
    encoded = pc.dictionary_encode(whole).combine_chunks()
    return encoded.cast(kind)
