"""A snapshot in a folder is read as it was written, and one that is not whole is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import InvalidFileError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.scheduler.options import SchedulerOptions
from engine.whatif.served.documents import Documents, encode_documents
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA
from engine.whatif.served.snapshot_files import SnapshotPaths, read_snapshot
from tests.builders import fleet

HOSTS = fleet([{"host_id": "a"}, {"host_id": "b"}]).cast(FLEET_SCHEMA)


def written(folder: Path) -> SnapshotPaths:
    paths = SnapshotPaths(*(str(folder / name) for name in ("documents", "hosts", "allocations")))
    documents = Documents(SchedulerOptions(), (), (), (), (), 1, 2)
    Path(paths.documents).write_bytes(encode_documents(documents))
    for path, table in ((paths.hosts, HOSTS), (paths.allocations, ALLOCATION_SCHEMA.empty_table())):
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    return paths


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = read_snapshot(written(tmp_path))
    assert found.hosts.equals(HOSTS)
    assert found.allocations.num_rows == 0
    assert (found.generation, found.time_us) == (1, 2)


def test_its_tables_take_no_memory_of_their_own(tmp_path: Path) -> None:
    before = pa.total_allocated_bytes()
    found = read_snapshot(written(tmp_path))
    assert found.hosts.nbytes > 0
    assert pa.total_allocated_bytes() - before < found.hosts.nbytes


@pytest.mark.parametrize("name", ["documents", "hosts", "allocations"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_one_that_is_not_whole_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    paths = written(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidFileError, match="cannot be read"):
        read_snapshot(paths)
