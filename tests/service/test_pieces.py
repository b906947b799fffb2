"""Bytes in pieces read as those put together."""

from __future__ import annotations

from collections import deque

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.service.pieces import Pieces


@given(st.lists(st.binary(max_size=9)), st.lists(st.integers(0, 12)))
def test_they_read_as_one_file(pieces: list[bytes], sizes: list[int]) -> None:
    kept = deque(pieces)
    file, whole = Pieces(kept), b"".join(pieces)
    for size in sizes:
        assert file.read(size) == whole[:size]
        whole = whole[size:]
    assert file.read() == whole
    assert file.read(5) == b""
    assert not kept


def test_an_arrow_stream_in_pieces_of_any_size_is_read_and_given_up() -> None:
    table = pa.table({"host_id": [f"h{number}" for number in range(5000)]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table, max_chunksize=700)
    data = sink.getvalue().to_pybytes()
    for size in (1, 7, 4096, len(data)):
        pieces = deque(data[start : start + size] for start in range(0, len(data), size))
        with pa.PythonFile(Pieces(pieces), mode="r") as file, pa.ipc.open_stream(file) as reader:
            assert reader.read_all() == table
        assert not pieces


def test_a_stream_that_ends_too_soon_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid), pa.PythonFile(Pieces(deque([b"abc"])), mode="r") as file:
        pa.ipc.open_stream(file)
