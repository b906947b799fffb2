"""How the header that tells of a token's check is read."""

from __future__ import annotations

import pytest

from engine.boot.openstack.trace import CallTrace, CloudCall, TokenCheck, token_check_of


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('keystone;dur=1.234;desc="validated"', TokenCheck(1234, "validated")),
        ("db;dur=3, keystone;desc=cached;dur=0.5", TokenCheck(500, "cached")),
        ("keystone", TokenCheck(0, "")),
        ("keystone;dur=x", TokenCheck(0, "")),
        ("keystone;dur=99999999999999999999999", TokenCheck(999999999000, "")),
        ("db;dur=3", None),
        ("", None),
    ],
)
def test_server_timing(header: str, expected: TokenCheck | None) -> None:
    assert token_check_of(header) == expected


def test_a_check_that_asked_keystone_says_more_than_a_cached_one() -> None:
    def call(name: str, how: str) -> CloudCall:
        return CloudCall("network", "GET", name, 200, 1, 2, TokenCheck(5, how) if how else None)

    trace = CallTrace([call("a", ""), call("b", "cached"), call("c", "validated"), call("d", "validated")])
    told = trace.token_check("network")
    assert told is not None
    assert told[0].url == "c"
    only_cached = CallTrace([call("a", "cached"), call("b", "cached")]).token_check("network")
    assert only_cached is not None
    assert only_cached[0].url == "a"
