"""Assignments between memory, the ledger and messages: what an instance was given of a host's parts."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.errors import LedgerCorruptError
from engine.ledger.records import AssignmentsWritten
from engine.model.assignment import Assignment
from engine.model.numa import GuestCell
from engine.service.numa_messages import guest_cell_message
from engine.service.pci_messages import pool_message
from engine.v1 import assignment_pb2

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Assignment)


def encoded(assignment: Assignment) -> bytes:
    """Return an assignment as the ledger keeps it."""
    return _encoder.encode(assignment)


def decoded(payload: bytes) -> Assignment:
    """Return the assignment that the ledger keeps; raise LedgerCorruptError where it is none."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, TypeError) as error:
        raise LedgerCorruptError(
            f"the ledger holds an assignment that cannot be read ({error}): restore it from a copy"
        ) from error


def assignments_record(given: Iterable[tuple[bytes, Assignment]]) -> AssignmentsWritten | None:
    """Return the ledger's record of what consumers were given, None for nobody."""
    pairs = list(given)
    if not pairs:
        return None
    return AssignmentsWritten(
        b"".join(consumer for consumer, _ in pairs), [encoded(assignment) for _, assignment in pairs]
    )


def assignment_message(assignment: Assignment) -> assignment_pb2.Assignment:
    """Return an assignment's message."""
    numa, candidate = assignment.numa, assignment.candidate
    return assignment_pb2.Assignment(
        cells=[_fitted_cell_message(cell) for cell in numa.cells] if numa else (),
        emulator_threads_policy=(numa.emulator_threads_policy or "") if numa else "",
        pci_devices=[
            assignment_pb2.PciDevices(pool=pool_message(item.pool), count=item.count, request_id=item.request_id)
            for item in assignment.pci
        ],
        amounts=[
            assignment_pb2.ProviderAmounts(provider_uuid=uuid, resources=dict(amounts))
            for uuid, amounts in (candidate.allocations if candidate else ())
        ],
        mappings=[
            assignment_pb2.ProviderMapping(suffix=suffix, provider_uuids=uuids)
            for suffix, uuids in (candidate.mappings if candidate else ())
        ],
    )


def _fitted_cell_message(cell: GuestCell) -> assignment_pb2.FittedCell:
    return assignment_pb2.FittedCell(
        cell=guest_cell_message(cell),
        host_cell=cell.host_cell or 0,
        pinning=[assignment_pb2.CpuPin(vcpu=vcpu, host_cpu=cpu) for vcpu, cpu in cell.pinning],
        emulator_cpus=sorted(cell.reserved_cpus),
    )


def total_resources(assignment: Assignment) -> dict[str, int]:
    """Return what an assignment's candidate takes by resource class, over all providers; empty without one."""
    totals: dict[str, int] = {}
    for _, amounts in assignment.candidate.allocations if assignment.candidate else ():
        for name, amount in amounts:
            totals[name] = totals.get(name, 0) + amount
    return totals
