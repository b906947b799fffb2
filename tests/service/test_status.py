"""Every error has a status, and the client makes the same error of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2

from engine.client_errors import engine_error
from engine.errors import (
    AllocationExistsError,
    ConflictError,
    EngineError,
    GenerationConflictError,
    HostInUseError,
    InvalidRequestError,
    LedgerCorruptError,
    LedgerError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
    ShuttingDownError,
    TokenReusedError,
    UnknownHostError,
)
from engine.fitting.errors import FittingFault, NumaConstraintError
from engine.fitting.pci_errors import PciRequestError
from engine.scheduler.faults import FilterFault
from engine.service.status import status_of
from engine.v1.error_reason_pb2 import ErrorReason
from engine.v1.selection_pb2 import RejectionSummary

NOVAS = (NumaConstraintError, PciRequestError, FittingFault)
"""Errors that name the exception nova raises."""


def family(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    yield kind
    for child in kind.__subclasses__():
        # those of the boot never travel over the scheduler's wire
        if not child.__module__.startswith("engine.boot."):
            yield from family(child)


def made(kind: type[EngineError]) -> EngineError:
    if kind is NoValidHostError:
        return NoValidHostError("none", rejections={"A": 3, "B": 2}, hosts_total=5, placed=1, zone="z")
    if kind is FilterFault:
        return FilterFault("no number", nova_exception="ValueError", key="k")
    if kind in NOVAS:
        return kind("it is wrong", nova_exception="ValueError", host_id="h0")
    return kind("it is wrong", host_id="h0", number=3)


FAMILY = sorted(
    {kind for kind in family(EngineError) if kind.__module__.startswith("engine.")}, key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_a_code_a_reason_and_its_details(kind):
    error = made(kind)
    status = status_of(error, {})
    assert status.code != code_pb2.OK
    assert (status.code == code_pb2.INTERNAL) == (kind is EngineError)
    assert status.message == error.message
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == (error.reason, "berth", dict(error.details))
    assert f"ERROR_REASON_{error.reason}" in ErrorReason.keys()  # noqa: SIM118 - an enum wrapper, not a dict


@pytest.mark.parametrize("kind", FAMILY)
def test_the_client_raises_what_the_service_raised(kind):
    error = made(kind)
    back = engine_error("ANY", "", status_of(error, {}), target="t", timeout_s=1.0)
    assert type(back) is (InvalidRequestError if kind is FilterFault or kind in NOVAS else kind)
    assert (back.message, dict(back.details)) == (error.message, dict(error.details))


CODES = {
    InvalidRequestError: code_pb2.INVALID_ARGUMENT,
    FilterFault: code_pb2.INVALID_ARGUMENT,
    **dict.fromkeys(NOVAS, code_pb2.INVALID_ARGUMENT),
    NotFoundError: code_pb2.NOT_FOUND,
    UnknownHostError: code_pb2.NOT_FOUND,
    NoValidHostError: code_pb2.FAILED_PRECONDITION,
    ConflictError: code_pb2.FAILED_PRECONDITION,
    HostInUseError: code_pb2.FAILED_PRECONDITION,
    TokenReusedError: code_pb2.ALREADY_EXISTS,
    AllocationExistsError: code_pb2.ALREADY_EXISTS,
    GenerationConflictError: code_pb2.ABORTED,
    LedgerError: code_pb2.UNAVAILABLE,
    LedgerCorruptError: code_pb2.DATA_LOSS,
    ShuttingDownError: code_pb2.UNAVAILABLE,
    ServiceUnavailableError: code_pb2.UNAVAILABLE,
}


@pytest.mark.parametrize("kind", CODES)
def test_codes_are_those_that_the_wire_promises(kind):
    assert status_of(made(kind), {}).code == CODES[kind]


def test_a_rejection_summary_counts_down_and_gives_reasons():
    status = status_of(made(NoValidHostError), {"A": "is down"})
    summary = RejectionSummary()
    assert status.details[1].Unpack(summary)
    assert (summary.hosts_total, summary.instances_placed) == (5, 1)
    assert [(item.filter, item.hosts_removed, item.hosts_left, item.reason) for item in summary.rejections] == [
        ("A", 3, 2, "is down"),
        ("B", 2, 0, ""),
    ]


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600"])
def test_a_status_fits_into_headers_whatever_it_says(letter):
    error = InvalidRequestError(f"start {letter * 50_000} end", first=letter * 9000, second="short")
    status = status_of(error, {})
    assert status.ByteSize() < 3000
    assert status.message.startswith("start")
    assert status.message.endswith("end")
    info = error_details_pb2.ErrorInfo()
    detail = Any()
    detail.CopyFrom(status.details[0])
    assert detail.Unpack(info)
    assert info.metadata["second"] == "short"
