"""A trace: when each VM comes and goes, and its shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.cli.replay.columns import Columns
from engine.errors import InvalidFileError
from engine.model.limits import MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS

SPLIT = "split"
_COLUMNS = ("vm_id", "t_create", "t_delete", "t_delete_est", "vcpus", "memory_mb", "disk_gb", SPLIT)

Times = NDArray[np.int64] | NDArray[np.float64]


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
    columns = _read(file)
    if split:
        columns = _of_split(columns, split)
    ranks = _ranks(columns)
    created = columns.numbers(columns.name_of(("t_create",)), nullable=False)
    delete_name = columns.name_of(("t_delete", "t_delete_est"))
    deleted = columns.numbers(delete_name, nullable=True)
    ends = ~np.isnan(deleted)
    early = np.flatnonzero(ends & (deleted < created))
    if len(early):
        row = int(early[0])
        raise columns.fault(f"{deleted[row]:g} is before t_create {created[row]:g}", column=delete_name, row=row)
    shape_codes, shapes = _shapes(columns)
    trace = Trace(columns.rows, ranks, created, deleted, ends, shape_codes, shapes)
    if limit and limit < len(trace):
        trace = trace.take(np.sort(np.lexsort((ranks, created))[:limit]))
    return trace


def _read(file: Path) -> Columns:
    """Returns those of the file's columns that a trace has."""
    if not file.is_file():
        raise InvalidFileError(f"{file}: there is no such file; check the path", file=file)
    try:
        source = pq.ParquetFile(file)
        names = tuple(source.schema_arrow.names)
        table = source.read(columns=[name for name in names if name in _COLUMNS])
    except (pa.ArrowException, OSError) as failure:
        reason = str(failure).partition("\n")[0]
        raise InvalidFileError(
            f"{file}: cannot be read as Parquet ({reason}); check that it is whole", file=file
        ) from failure
    return Columns(file, table, names, np.arange(table.num_rows))


def _of_split(columns: Columns, split: str) -> Columns:
    """Returns the rows of one split; raises InvalidFileError that names the splits there are."""
    column = columns.table[columns.name_of((SPLIT,))].cast(pa.string())
    kept = np.flatnonzero(pc.fill_null(pc.equal(column, split), fill_value=False).to_numpy())
    if not len(kept):
        known = ", ".join(sorted(str(value) for value in pc.unique(column).to_pylist()))
        raise columns.fault(f"no row is of the split {split!r}; there are {known or 'none'}", column=SPLIT)
    return Columns(columns.file, columns.table.take(kept), columns.names, columns.rows[kept])


def _ranks(columns: Columns) -> NDArray[np.int64]:
    """Returns the place of each vm_id in their order (texts: by code point); refuses nulls and doubles."""
    column = columns.table[columns.name_of(("vm_id",))]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (
        pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        raise columns.fault(f"holds {column.type}: a VM is named by a whole number or a text", column="vm_id")
    if column.null_count:
        row = pc.index(pc.is_null(column), value=pa.scalar(True)).as_py()
        raise columns.fault("is missing: fill it in or leave the row out", column="vm_id", row=row)
    ranks: NDArray[np.int64] = pc.rank(column, tiebreaker="first").to_numpy().astype(np.int64)
    in_order = column.take(np.argsort(ranks))
    doubled = pc.index(pc.equal(in_order[1:], in_order[:-1]), value=pa.scalar(True)).as_py() if len(column) > 1 else -1
    if doubled >= 0:
        row = int(np.flatnonzero(ranks == doubled + 2)[0])
        raise columns.fault(f"{column[row].as_py()} was there before: a VM comes once", column="vm_id", row=row)
    return ranks


def _shapes(columns: Columns) -> tuple[NDArray[np.uint32], tuple[Shape, ...]]:
    """Returns the code of each VM's shape, and the shapes in the order of their sizes."""
    vcpus = columns.whole(columns.name_of(("vcpus",)), 0, MAX_VCPUS)
    memory_mb = columns.whole(columns.name_of(("memory_mb",)), 0, MAX_MEMORY_MB)
    has_disk = columns.has_optional("disk_gb")
    disk_gb = columns.whole("disk_gb", 0, MAX_DISK_GB) if has_disk else np.zeros_like(vcpus)
    nothing = np.flatnonzero((vcpus == 0) & (memory_mb == 0) & (disk_gb == 0))
    if len(nothing):
        raise columns.fault("asks for nothing: give it vcpus, memory_mb or disk_gb", row=int(nothing[0]))
    values, codes = zip(*(np.unique(sizes, return_inverse=True) for sizes in (vcpus, memory_mb, disk_gb)), strict=True)
    # Each size as a digit. A column has at most as many values as rows: a million rows of which no two agree in any
    # size still give 10**18, within 64 bits.
    combined = (codes[0] * len(values[1]) + codes[1]) * len(values[2]) + codes[2]
    first, shape_codes = np.unique(combined, return_index=True, return_inverse=True)[1:]
    sizes = zip(vcpus[first].tolist(), memory_mb[first].tolist(), disk_gb[first].tolist(), strict=True)
    return shape_codes.astype(np.uint32), tuple(Shape(*triple) for triple in sizes)
