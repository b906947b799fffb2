"""What errors say, in every form in which services say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boot.openstack.bodies import error_body_of
from engine.boot.openstack.errors import (
    CloudBadRequest,
    CloudConflict,
    CloudError,
    CloudOverQuota,
    CloudUnreachable,
    error_class_of,
)
from tests.boot.openstack.stage import recorded


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        ({"NeutronError": {"type": "PortNotFound", "message": "Port x.", "detail": ""}}, "Port x.", "PortNotFound"),
        ({"NeutronError": "plain"}, "plain", ""),
        (
            {"itemNotFound": {"code": 404, "message": "Volume v could not be found."}},
            "Volume v could not be found.",
            "",
        ),
        ({"error": {"code": 401, "title": "Unauthorized", "message": "The request"}}, "The request", ""),
        ({"message": "No image", "code": "404 Not Found", "title": "Not Found"}, "No image", ""),
        ({"errors": [{"status": 400, "title": "Bad", "detail": "what"}]}, "what", ""),
        ({}, "the service answered with status 418", ""),
        ({"a": 5}, "the service answered with status 418", ""),
        ({"a": {"message": {"deep": [1]}}}, "{'deep': [1]}", ""),
    ],
)
def test_json_errors(body: object, message: str, kind: str) -> None:
    found = error_body_of(json.dumps(body).encode(), "application/json", status=418)
    assert (found.message, found.kind) == (message, kind)


def test_glances_page_becomes_its_sentence() -> None:
    page = next(found.reply for found in recorded() if found.path == "/v2/images/recimg")
    assert error_body_of(page.encode(), "text/html; charset=UTF-8", status=404).message == (
        "No image found with ID recimg"
    )


def test_every_recorded_refusal_is_understood() -> None:
    refusals = [found for found in recorded() if found.status >= 400]
    assert len(refusals) >= 4
    for found in refusals:
        raw = found.reply if isinstance(found.reply, str) else json.dumps(found.reply)
        body = error_body_of(raw.encode(), found.headers.get("Content-Type", ""), status=found.status)
        assert "could not be found" in body.message or "No image found" in body.message


@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/html", "text/plain", ""]))
def test_any_bytes_become_a_short_sentence(content: bytes, kind: str) -> None:
    message = error_body_of(content, kind, status=500).message
    assert message
    assert len(message) <= 2000
    assert "\n" not in message


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (409, "OverQuota", "Quota exceeded for resources: ['port'].", CloudOverQuota),
        (409, "IpAddressGenerationFailure", "No more", CloudConflict),
        (413, "", "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded", CloudOverQuota),
        (403, "", "VolumeSizeExceedsAvailableQuota: Requested volume", CloudOverQuota),
        (400, "", "x", CloudBadRequest),
        (500, "", "x", CloudUnreachable),
        (503, "", "x", CloudUnreachable),
        (418, "", "x", CloudError),
        (302, "", "x", CloudError),
    ],
)
def test_classes(status: int, kind: str, message: str, expected: type[CloudError]) -> None:
    assert error_class_of(status, kind, message) is expected
