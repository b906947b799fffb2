"""Pictures of a service at one moment, and from there the snapshot that is sent or handed to a what-if.

A picture is taken on the event loop and costs no copy of the table; all else is made of it in another thread, some
thousands of hosts at a time, so that a million of them are never there twice and placing goes on meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from engine.arrow_chunks import CHUNK_BYTES, batch_chunks
from engine.inventory.export import fleet_rows
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.service.book_picture import BookPicture, allocation_batches
from engine.service.placer import Placer
from engine.v1 import capacity_service_pb2 as pb
from engine.whatif.served.documents import Documents, encode_documents
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA
from engine.whatif.served.snapshot_files import SnapshotPaths

HOST_ROWS: Final = 8_192
"""Hosts made into a batch in one go: some milliseconds, most of them outside Python's lock."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A service at one moment; none of it changes."""

    fleet: Fleet
    book: BookPicture
    documents: Documents

    @property
    def facts(self) -> pb.SnapshotFacts:
        """What comes first of all that is sent."""
        return pb.SnapshotFacts(
            inventory_generation=self.documents.generation,
            time_us=self.documents.time_us,
            hosts=self.fleet.host_count,
            allocations=len(self.book),
        )


def picture_of(placer: Placer) -> Picture:
    """Return the picture of what a placer works on; to be called where it writes, on the event loop."""
    now_us = placer.refresh()
    table, catalog = placer.table, placer.catalog
    documents = Documents(
        placer.selector.chain.options,
        tuple(table.aggregates.values()),
        tuple(catalog.flavors[name] for name in sorted(catalog.flavors)),
        tuple(catalog.groups[uuid] for uuid in sorted(catalog.groups)),
        tuple(table.reported_sharing.values()),
        table.generation,
        now_us,
    )
    return Picture(table.snapshot(), placer.book.picture(), documents)


def host_batches(fleet: Fleet) -> Iterator[pa.RecordBatch]:
    """Yield the hosts as batches in FLEET_SCHEMA, in the order of their rows."""
    rows = fleet.present_rows()
    for start in range(0, len(rows), HOST_ROWS):
        yield from fleet_rows(fleet, rows[start : start + HOST_ROWS]).to_batches()


def held_batches(picture: Picture) -> Iterator[pa.RecordBatch]:
    """Yield what instances hold as batches in ALLOCATION_SCHEMA, oldest first."""
    fleet = picture.fleet
    return allocation_batches(picture.book, fleet.identity.host_ids.arrow(np.arange(fleet.rows)))


def _unhurried(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches as they come, with a rest as long as each took, so that placing has half of the time to itself."""
    while True:
        began = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        time.sleep(time.monotonic() - began)
        yield batch


def snapshot_messages(picture: Picture) -> Iterator[pb.GetSnapshotResponse]:
    """Yield a picture as the messages of a snapshot, none of them much larger than a mebibyte."""
    yield pb.GetSnapshotResponse(facts=picture.facts)
    documents = encode_documents(picture.documents)
    for start in range(0, len(documents), CHUNK_BYTES):
        yield pb.GetSnapshotResponse(documents=documents[start : start + CHUNK_BYTES])
    for piece in batch_chunks(FLEET_SCHEMA, _unhurried(host_batches(picture.fleet))):
        yield pb.GetSnapshotResponse(hosts=piece)
    for piece in batch_chunks(ALLOCATION_SCHEMA, _unhurried(held_batches(picture))):
        yield pb.GetSnapshotResponse(allocations=piece)


class SnapshotMemory:
    """A snapshot in files that are memory alone: they cost the disk, on which placements wait, nothing.

    ``numbers`` are their descriptors, under which a process that is given them finds them at ``paths``. They are gone
    when that process is and ``close`` was called.
    """

    def __init__(self) -> None:
        self.numbers = tuple(os.memfd_create(f"berth-{name}") for name in ("documents", "hosts", "allocations"))

    @property
    def paths(self) -> SnapshotPaths:
        """Where a process finds the files that has them open."""
        return SnapshotPaths(*(f"/proc/self/fd/{number}" for number in self.numbers))

    def write(self, picture: Picture) -> None:
        """Write a picture, as ``engine.whatif.served.snapshot_files`` reads it; raise OSError."""
        paths = self.paths
        Path(paths.documents).write_bytes(encode_documents(picture.documents))
        _write(paths.hosts, FLEET_SCHEMA, host_batches(picture.fleet))
        _write(paths.allocations, ALLOCATION_SCHEMA, held_batches(picture))

    def close(self) -> None:
        """Let go of the files here."""
        for number in self.numbers:
            os.close(number)
        self.numbers = ()


def _write(path: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in _unhurried(batches):
            writer.write_batch(batch)
