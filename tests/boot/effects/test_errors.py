"""Which failure of which service ends a build, and which sends it to another host."""

from __future__ import annotations

from typing import Any

import pytest

from engine.boot.effects.errors import BuildAbort, BuildFailure, Reschedule, Stage, failure_of
from engine.boot.openstack import (
    CloudBadRequest,
    CloudConflict,
    CloudError,
    CloudForbidden,
    CloudNotFound,
    CloudOverQuota,
    CloudUnauthorized,
    CloudUnreachable,
)


@pytest.mark.parametrize(
    ("stage", "kind", "fields", "expected"),
    [
        ("image", CloudUnreachable, {}, Reschedule),
        ("network", CloudUnreachable, {"status": 500}, Reschedule),
        ("volume", CloudUnreachable, {}, BuildAbort),
        ("image", CloudUnauthorized, {"as_user": True}, BuildAbort),
        ("network", CloudUnauthorized, {"as_user": True}, BuildAbort),
        ("volume", CloudUnauthorized, {"as_user": True}, BuildAbort),
        ("image", CloudUnauthorized, {}, Reschedule),
        ("network", CloudUnauthorized, {}, Reschedule),
        ("volume", CloudUnauthorized, {}, BuildAbort),
        ("network", CloudOverQuota, {}, Reschedule),
        ("volume", CloudOverQuota, {}, BuildAbort),
        ("image", CloudNotFound, {}, BuildAbort),
        ("image", CloudForbidden, {}, BuildAbort),
        ("network", CloudNotFound, {}, BuildAbort),
        ("network", CloudConflict, {"kind": "IpAddressAlreadyAllocated"}, BuildAbort),
        ("network", CloudBadRequest, {}, BuildAbort),
        ("volume", CloudConflict, {}, BuildAbort),
        ("image", CloudError, {}, BuildAbort),
    ],
)
def test_the_table(stage: Stage, kind: type[CloudError], fields: dict[str, Any], expected: type[BuildFailure]) -> None:
    failure = failure_of(stage, kind("it said no.", service="network", request_id="req-1", **fields))
    assert type(failure) is expected
    assert failure.message
    assert "req-1" in failure.explanation
    assert "it said no." in failure.explanation
