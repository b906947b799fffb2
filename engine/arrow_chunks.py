"""Arrow tables and batches as the pieces of one IPC stream, small enough to send as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_BYTES = 1 << 20
BATCH_ROWS = 16_384


class _Pieces:
    """A file to write to that hands out what was written so far."""

    def __init__(self) -> None:
        self.closed = False
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        """Keeps the bytes; returns how many."""
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Does nothing: there is nothing below this file."""

    def close(self) -> None:
        """Marks the file as closed."""
        self.closed = True

    def take(self) -> bytes:
        """Returns what was written since the last call."""
        written = bytes(self._written)
        self._written.clear()
        return written


def arrow_chunks(table: pa.Table, *, chunk_bytes: int = CHUNK_BYTES, batch_rows: int = BATCH_ROWS) -> Iterator[bytes]:
    """Yields ``table`` as one Arrow IPC stream in pieces of at most ``chunk_bytes``.

    Its batches have at most ``batch_rows`` rows, and only one of them is encoded at a time: a fleet of a million
    hosts is never held twice.
    """
    return batch_chunks(table.schema, table.to_batches(max_chunksize=batch_rows), chunk_bytes=chunk_bytes)


def batch_chunks(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[bytes]:
    """Yields batches of one schema as one Arrow IPC stream in pieces of at most ``chunk_bytes``, each as it comes."""
    import pyarrow as pa

    pieces = _Pieces()
    # texts that repeat make most of a fleet, and packing them takes less time than sending them
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(pa.PythonFile(pieces, mode="w"), schema, options=options) as writer:
        yield from _cut(pieces.take(), chunk_bytes)
        for batch in batches:
            writer.write_batch(batch)
            yield from _cut(pieces.take(), chunk_bytes)
    yield from _cut(pieces.take(), chunk_bytes)


def _cut(data: bytes, chunk_bytes: int) -> Iterator[bytes]:
    return (data[start : start + chunk_bytes] for start in range(0, len(data), chunk_bytes))
