"""Records: what can be written to the ledger, a tagged union of frozen structs, checked again when read back.

Byte columns hold one entry per allocation: a consumer is its uuid's 16 bytes; host numbers and shape codes are
little-endian int32. Shape and owner codes are the caller's; a Claims record must come after (or with) the records
that add its codes.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

CONSUMER_BYTES = 16
NUMBER_BYTES = 4

Code: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Instant: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Microseconds since 1970 UTC."""
LaterInstant: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""An instant that is not zero, where zero means that it has not happened."""


class Shape(Struct, frozen=True, array_like=True):
    """What a claim takes: the flavor's own sizes (vcpus, MiB, GiB) and placement's amounts by resource class."""

    flavor: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    resources: dict[str, int]


class Owner(Struct, frozen=True, array_like=True):
    """Whose an allocation is, and of what image: its (name, value) properties, sorted.

    All empty for owner 0, which always exists.
    """

    project_id: str = ""
    user_id: str = ""
    instance_group: str = ""
    image_properties: tuple[tuple[str, str], ...] = ()


class ShapesAdded(Struct, frozen=True, array_like=True, tag="shapes_added"):
    """Shapes with the codes ``first``, ``first`` + 1 and so on; a code written again is replaced."""

    first: Code
    shapes: list[Shape]


class OwnersAdded(Struct, frozen=True, array_like=True, tag="owners_added"):
    """Owners with the codes ``first``, ``first`` + 1 and so on; a code written again is replaced."""

    first: Code
    owners: list[Owner]


class Claims(Struct, frozen=True, array_like=True, tag="claims"):
    """Allocations made at ``created_us`` for one owner; a known consumer's earlier one is replaced."""

    consumers: bytes
    hosts: bytes
    shapes: bytes
    owner: Code
    created_us: Instant

    def __post_init__(self) -> None:
        count = _count(self.consumers)
        _check_numbers("hosts", self.hosts, count)
        _check_numbers("shapes", self.shapes, count)


class Releases(Struct, frozen=True, array_like=True, tag="releases"):
    """Held allocations given back at ``released_us``; unknown and released consumers are left as they are."""

    consumers: bytes
    released_us: LaterInstant

    def __post_init__(self) -> None:
        _count(self.consumers)


class AssignmentsWritten(Struct, frozen=True, array_like=True, tag="assignments_written"):
    """What held allocations were given beyond their shapes, opaque to the ledger: a payload a consumer.

    It comes after the Claims it belongs to, since an assignment ends when its consumer is claimed again, moved or
    released; unknown and released consumers are left as they are.
    """

    consumers: bytes
    payloads: list[bytes]

    def __post_init__(self) -> None:
        count = _count(self.consumers)
        if len(self.payloads) != count:
            raise ValueError(f"payloads must be one for each of {count} consumers, not {len(self.payloads)}")


class Moves(Struct, frozen=True, array_like=True, tag="moves"):
    """Held allocations that are now on other hosts; unknown and released consumers are left as they are."""

    consumers: bytes
    hosts: bytes

    def __post_init__(self) -> None:
        _check_numbers("hosts", self.hosts, _count(self.consumers))


class TokenAnswered(Struct, frozen=True, array_like=True, tag="token_answered"):
    """The answer to a client token and its request's fingerprint; a token written again is replaced."""

    token: str
    fingerprint: bytes
    answer: bytes
    created_us: Instant


class TokensForgotten(Struct, frozen=True, array_like=True, tag="tokens_forgotten"):
    """Token answers created, and allocations released, before ``before_us`` are dropped."""

    before_us: Instant


class DocumentsWritten(Struct, frozen=True, array_like=True, tag="documents_written"):
    """Documents of one kind (flavors, aggregates, server groups) by key, opaque to the ledger."""

    kind: str
    documents: dict[str, bytes]


class DocumentsDeleted(Struct, frozen=True, array_like=True, tag="documents_deleted"):
    """Keys of one kind whose documents are dropped; unknown keys are left as they are."""

    kind: str
    keys: list[str]


class HostsWritten(Struct, frozen=True, array_like=True, tag="hosts_written"):
    """One Arrow IPC segment of hosts, kept as it is; ``replace`` drops every earlier segment first."""

    payload: bytes
    replace: bool = False


class HostsDeleted(Struct, frozen=True, array_like=True, tag="hosts_deleted"):
    """Host numbers that were deleted, kept in order with the segments written before and after."""

    numbers: list[int]


JournalRecord: TypeAlias = (
    ShapesAdded
    | OwnersAdded
    | Claims
    | Releases
    | Moves
    | AssignmentsWritten
    | TokenAnswered
    | TokensForgotten
    | DocumentsWritten
    | DocumentsDeleted
)
"""Records that go through the journal; the rest are stored as host segments by the commit itself."""
HostSegment: TypeAlias = HostsWritten | HostsDeleted
Record: TypeAlias = JournalRecord | HostSegment
AllocationRecord: TypeAlias = Claims | Releases | Moves | AssignmentsWritten
"""Records about allocations; the other journal records are about what has a key."""
KeyedRecord: TypeAlias = (
    ShapesAdded | OwnersAdded | TokenAnswered | TokensForgotten | DocumentsWritten | DocumentsDeleted
)


def row_count(record: JournalRecord) -> int:
    """Return how many table rows the record stands for, at least 1."""
    match record:
        case Claims() | Releases() | Moves() | AssignmentsWritten():
            rows = len(record.consumers) // CONSUMER_BYTES
        case ShapesAdded():
            rows = len(record.shapes)
        case OwnersAdded():
            rows = len(record.owners)
        case DocumentsWritten():
            rows = len(record.documents)
        case DocumentsDeleted():
            rows = len(record.keys)
        case _:
            rows = 1
    return max(rows, 1)


def without_rows(record: JournalRecord, done: int) -> JournalRecord:
    """Return the column record without its first ``done`` rows; any other record as it is."""
    match record:
        case Claims():
            column = done * NUMBER_BYTES
            consumers = record.consumers[done * CONSUMER_BYTES :]
            return Claims(consumers, record.hosts[column:], record.shapes[column:], record.owner, record.created_us)
        case Releases():
            return Releases(record.consumers[done * CONSUMER_BYTES :], record.released_us)
        case Moves():
            return Moves(record.consumers[done * CONSUMER_BYTES :], record.hosts[done * NUMBER_BYTES :])
        case _:
            return record


def _count(consumers: bytes) -> int:
    if len(consumers) % CONSUMER_BYTES:
        raise ValueError(f"consumers must be whole {CONSUMER_BYTES}-byte uuids, not {len(consumers)} bytes")
    return len(consumers) // CONSUMER_BYTES


def _check_numbers(name: str, column: bytes, count: int) -> None:
    if len(column) != NUMBER_BYTES * count:
        raise ValueError(f"{name} must be {NUMBER_BYTES} bytes for each of {count} consumers, not {len(column)} bytes")
