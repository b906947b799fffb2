"""A trace of VMs as it stands in its file: when each comes and goes, and its shape in whole sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.errors import InvalidFileError
from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.whatif.workloads.columns import VM_ID, Columns
from engine.whatif.workloads.distinct import distinct_rows
from engine.whatif.workloads.events import Times

DELETE_NAMES = ("t_delete", "t_delete_est")
_COLUMNS = (VM_ID, "t_create", *DELETE_NAMES, "vcpus", "memory_mb", "disk_gb", "split")


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that make a flavor."""

    vcpus: int
    memory_mb: int
    disk_gb: int

    @property
    def name(self) -> str:
        """The flavor's name: the same sizes have the same name in every replay."""
        return f"replay-{self.vcpus}c-{self.memory_mb}m-{self.disk_gb}g"


@dataclass(frozen=True, slots=True)
class Trace:
    """VMs in columns, one entry a VM.

    ``rows`` int64: its row in the file; ``ranks`` int64: its place among the vm_ids; ``created``, ``deleted``: times of
    one unit; ``ends`` bool: whether it is ever deleted; ``shape_codes`` uint32: an index into ``shapes``.
    """

    rows: NDArray[np.int64]
    ranks: NDArray[np.int64]
    created: Times
    deleted: Times
    ends: NDArray[np.bool_]
    shape_codes: NDArray[np.uint32]
    shapes: tuple[Shape, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, vms: NDArray[np.intp]) -> Trace:
        """Returns a trace of these entries."""
        return Trace(
            self.rows[vms],
            self.ranks[vms],
            self.created[vms],
            self.deleted[vms],
            self.ends[vms],
            self.shape_codes[vms],
            self.shapes,
        )


def read_trace(file: Path, *, split: str = "", limit: int = 0) -> Trace:
    """Returns the trace in a Parquet file.

    ``split`` keeps the VMs whose column ``split`` says so, ``limit`` the first so many to be created (0: all). A delete
    time that is null or NaN means never. Raises InvalidFileError.
    """
    table, names = read_columns(file, _COLUMNS)
    columns = Columns(file, table, names, np.arange(table.num_rows))
    if split:
        columns = columns.of_split(split)
    ranks = columns.unique_ranks(columns.name_of((VM_ID,)))
    created = columns.numbers(columns.name_of(("t_create",)), nullable=False)
    deleted, ends = end_times(columns, created)
    shape_codes, shapes = _shapes(columns)
    trace = Trace(columns.rows, ranks, created, deleted, ends, shape_codes, shapes)
    if limit and limit < len(trace):
        trace = trace.take(np.sort(np.lexsort((ranks, created))[:limit]))
    return trace


def read_columns(file: Path, wanted: tuple[str, ...]) -> tuple[pa.Table, tuple[str, ...]]:
    """Returns those of the ``wanted`` columns that a Parquet file has, and the names of all that it has.

    Raises InvalidFileError where there is no such file or it is not whole.
    """
    if not file.is_file():
        raise InvalidFileError(f"{file}: there is no such file; check the path", file=file)
    try:
        source = pq.ParquetFile(file)
        names = tuple(source.schema_arrow.names)
        table = source.read(columns=[name for name in names if name in wanted])
    except (pa.ArrowException, OSError) as failure:
        reason = str(failure).partition("\n")[0]
        raise InvalidFileError(
            f"{file}: cannot be read as Parquet ({reason}); check that it is whole", file=file
        ) from failure
    return table, names


def end_times(columns: Columns, created: Times) -> tuple[Times, NDArray[np.bool_]]:
    """Returns when each row's VM goes, in the file's unit, and which go at all; none goes before it came."""
    name = columns.name_of(DELETE_NAMES)
    deleted = columns.numbers(name, nullable=True)
    ends = ~np.isnan(deleted)
    early = np.flatnonzero(ends & (deleted < created))
    if len(early):
        row = int(early[0])
        raise columns.fault(f"{deleted[row]:g} is before t_create {created[row]:g}", column=name, row=row)
    return deleted, ends


def _shapes(columns: Columns) -> tuple[NDArray[np.uint32], tuple[Shape, ...]]:
    """Returns the code of each VM's shape, and the shapes in the order of their sizes."""
    vcpus = columns.whole(columns.name_of(("vcpus",)), 0, MAX_VCPUS)
    memory_mb = columns.whole(columns.name_of(("memory_mb",)), 0, MAX_MEMORY_MB)
    has_disk = columns.has_optional("disk_gb")
    disk_gb = columns.whole("disk_gb", 0, MAX_DISK_GB) if has_disk else np.zeros_like(vcpus)
    nothing = np.flatnonzero((vcpus == 0) & (memory_mb == 0) & (disk_gb == 0))
    if len(nothing):
        raise columns.fault("asks for nothing: give it vcpus, memory_mb or disk_gb", row=int(nothing[0]))
    first, shape_codes = distinct_rows((vcpus, memory_mb, disk_gb))
    sizes = zip(vcpus[first].tolist(), memory_mb[first].tolist(), disk_gb[first].tolist(), strict=True)
    return shape_codes.astype(np.uint32), tuple(Shape(*triple) for triple in sizes)
