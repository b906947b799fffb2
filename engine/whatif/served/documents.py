"""Documents: what a snapshot says beside hosts and allocations, as one JSON text between a service and a what-if."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from engine.errors import EngineError, InvalidFileError
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.server_group import ServerGroup
from engine.scheduler.options import SchedulerOptions
from engine.whatif.served.snapshot import Snapshot


class Documents(msgspec.Struct, frozen=True):
    """A snapshot's small parts, as in ``Snapshot``."""

    options: SchedulerOptions
    aggregates: tuple[Aggregate, ...]
    flavors: tuple[Flavor, ...]
    groups: tuple[ServerGroup, ...]
    sharing: tuple[Provider, ...]
    generation: int
    time_us: int


def encode_documents(documents: Documents) -> bytes:
    """Return the JSON of documents; its texts are in an order of their own, so that equal ones are equal bytes."""
    return msgspec.json.encode(documents, order="deterministic")


def snapshot_of(documents: bytes, hosts: pa.Table, allocations: pa.Table) -> Snapshot:
    """Return the snapshot that a service sent in these parts; raise InvalidFileError for documents that are none."""
    try:
        said = msgspec.json.decode(documents, type=Documents)
    except (EngineError, msgspec.MsgspecError, TypeError, ValueError) as error:
        raise InvalidFileError(
            f"the snapshot's documents cannot be read ({error}): is it of another version?"
        ) from error
    return Snapshot(
        hosts,
        allocations,
        said.options,
        said.aggregates,
        said.flavors,
        said.sharing,
        said.generation,
        said.groups,
        said.time_us,
    )
