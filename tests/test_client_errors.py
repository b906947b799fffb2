from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from engine.client_errors import engine_error
from engine.errors import (
    ConflictError,
    EngineError,
    InvalidRequestError,
    LimitExceededError,
    NotFoundError,
    NoValidHostError,
    ServiceUnavailableError,
)
from engine.v1.selection_pb2 import FilterRejection, RejectionSummary


def family(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from family(child)


def status_of(*details, message="what happened"):
    status = Status(code=3, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def error_of(code, text="", status=None, timeout_s=5.0):
    return engine_error(code, text, status, target="here:1", timeout_s=timeout_s)


@pytest.mark.parametrize("kind", [kind for kind in family(EngineError) if kind.__module__ == "engine.errors"])
def test_every_reason_comes_back_as_its_class(kind):
    info = ErrorInfo(
        domain="berth", reason=kind.reason, metadata={"host": "alpha", "message": "a key named like an argument"}
    )
    error = error_of("INVALID_ARGUMENT", "text", status_of(info))
    assert type(error) is kind
    assert error.message == "what happened"
    assert error.details == {"host": "alpha", "message": "a key named like an argument"}


def test_no_valid_host_brings_its_rejections_in_order():
    summary = RejectionSummary(
        hosts_total=10,
        rejections=[
            FilterRejection(filter="ZoneFilter", hosts_removed=4, hosts_left=6),
            FilterRejection(filter="AFilter", hosts_removed=6, hosts_left=0),
        ],
        instances_placed=2,
    )
    error = error_of("FAILED_PRECONDITION", "", status_of(summary, ErrorInfo(domain="berth", reason="NO_VALID_HOST")))
    assert isinstance(error, NoValidHostError)
    assert list(error.rejections.items()) == [("ZoneFilter", 4), ("AFilter", 6)]
    assert (error.hosts_total, error.placed) == (10, 2)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", InvalidRequestError),
        ("RESOURCE_EXHAUSTED", LimitExceededError),
        ("NOT_FOUND", NotFoundError),
        ("FAILED_PRECONDITION", ConflictError),
        ("ABORTED", ConflictError),
        ("UNAVAILABLE", ServiceUnavailableError),
        ("DEADLINE_EXCEEDED", ServiceUnavailableError),
        ("CANCELLED", ServiceUnavailableError),
        ("UNIMPLEMENTED", EngineError),
        ("UNKNOWN", EngineError),
    ],
)
@pytest.mark.parametrize("domain", ["", "elsewhere"])
def test_a_status_without_a_reason_of_ours_goes_by_its_code(code, kind, domain):
    status = status_of(ErrorInfo(domain=domain, reason="UNKNOWN_HOST")) if domain else None
    error = error_of(code, "as said", status)
    assert type(error) is kind
    assert error.message


def test_a_reason_of_a_newer_service_goes_by_its_code():
    error = error_of("NOT_FOUND", "as said", status_of(ErrorInfo(domain="berth", reason="UNKNOWN_MOON")))
    assert type(error) is NotFoundError
    assert error.message == "as said"


def test_who_did_not_answer_and_how_long_is_said():
    assert "here:1" in error_of("UNAVAILABLE", "refused").message
    assert "within 5 s" in error_of("DEADLINE_EXCEEDED").message
    assert "in time" in error_of("DEADLINE_EXCEEDED", timeout_s=None).message
