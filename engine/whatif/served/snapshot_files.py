"""A snapshot in files: what a service leaves in memory for a what-if of its own, read without copying it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from engine.errors import InvalidFileError
from engine.whatif.served.documents import snapshot_of
from engine.whatif.served.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SnapshotPaths:
    """Where the parts are: the documents as JSON, hosts and allocations as streams of Arrow IPC that are not packed."""

    documents: str
    hosts: str
    allocations: str


def read_snapshot(paths: SnapshotPaths) -> Snapshot:
    """Return the snapshot in files, its tables mapped into memory; raise InvalidFileError where it is not whole."""
    try:
        documents = Path(paths.documents).read_bytes()
        return snapshot_of(documents, _mapped(paths.hosts), _mapped(paths.allocations))
    except (pa.ArrowException, OSError) as error:
        raise InvalidFileError(f"the snapshot cannot be read ({error}): take it anew") from error


def _mapped(path: str) -> pa.Table:
    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()
