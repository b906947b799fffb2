from __future__ import annotations

import random

import pyarrow as pa
import pytest

from engine.arrow_chunks import BATCH_ROWS, CHUNK_BYTES, arrow_chunks


@pytest.mark.parametrize("rows", [0, 1, BATCH_ROWS, 3 * BATCH_ROWS + 5])
def test_the_chunks_are_one_stream_of_the_same_rows(rows):
    table = pa.table(
        {"host_id": [f"host-{number:06d}" for number in range(rows)], "vcpus": pa.array(range(rows), pa.int64())}
    )
    chunks = list(arrow_chunks(table))
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    read = pa.ipc.open_stream(b"".join(chunks))
    batches = list(read)
    assert all(batch.num_rows <= BATCH_ROWS for batch in batches)
    assert pa.Table.from_batches(batches, table.schema) == table


def test_large_batches_are_cut():
    table = pa.table({"text": [random.Random(number).randbytes(500).hex() for number in range(50)]})
    chunks = list(arrow_chunks(table, chunk_bytes=4096))
    assert max(map(len, chunks)) == 4096
    assert pa.ipc.open_stream(b"".join(chunks)).read_all() == table


def test_texts_that_repeat_are_packed():
    table = pa.table({"text": ["x" * 1000] * 5000})
    assert sum(map(len, arrow_chunks(table))) < table.nbytes / 20
