from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.decisions import DECISION_SCHEMA
from engine.whatif.report.decisions_file import parquet_bytes


def read(content: pa.Buffer) -> pa.Table:
    return pq.read_table(pa.BufferReader(content))


@given(st.lists(st.sampled_from(["m1.small", "m1.large", "<b>", ""]) | st.none(), max_size=30), st.integers(0, 30))
def test_equal_tables_are_equal_bytes_whatever_their_chunks_and_dictionaries(texts: list[str | None], cut: int) -> None:
    kind = pa.dictionary(pa.int32(), pa.string())
    whole = pa.array(texts, pa.string()).dictionary_encode()
    unused = ["never", *reversed(["m1.small", "m1.large", "<b>", ""])]
    codes = pa.array([None if text is None else unused.index(text) for text in texts], pa.int32())
    other = pa.DictionaryArray.from_arrays(codes, pa.array(unused, pa.string()))
    parts = [pa.array(part, pa.string()).dictionary_encode() for part in (texts[:cut], texts[cut:])]
    tables = [pa.table({"flavor": pa.chunked_array(chunks, kind)}) for chunks in ([whole], [other], parts, [])]
    files = [parquet_bytes(table) for table in (tables if not texts else tables[:3])]
    assert all(file == files[0] for file in files)
    assert read(files[0])["flavor"].to_pylist() == texts


def test_types_survive_and_metadata_does_not() -> None:
    table = DECISION_SCHEMA.empty_table().replace_schema_metadata({"pandas": "{}", "made": "on a machine"})
    found = read(parquet_bytes(table))
    assert found.schema.equals(DECISION_SCHEMA)
    assert not found.schema.metadata


def test_further_columns_in_front_are_kept() -> None:
    table = DECISION_SCHEMA.empty_table()
    table = table.add_column(0, "variant", pa.array([], pa.string()))
    assert read(parquet_bytes(table)).column_names == ["variant", *DECISION_SCHEMA.names]
