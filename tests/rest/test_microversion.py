from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rest.errors import BadRequest, NotAcceptable
from engine.rest.microversion import Microversion, MicroversionRange

COMPUTE = MicroversionRange("compute", Microversion(2, 1), Microversion(2, 96), "X-OpenStack-Nova-API-Version")
VOLUME = MicroversionRange("volume", Microversion(3, 0), Microversion(3, 71))


@pytest.mark.parametrize(
    ("header", "legacy", "version"),
    [
        ("", "", "2.1"),
        ("compute 2.42", "", "2.42"),
        ("Compute  2.42 ", "", "2.42"),
        ("volume 3.44, compute 2.42", "", "2.42"),
        ("volume 3.44", "", "2.1"),
        ("", "2.60", "2.60"),
        ("compute 2.42", "2.60", "2.42"),
        ("compute latest", "", "2.96"),
        ("", "latest", "2.96"),
        ("compute 2.9", "", "2.9"),
        ("compute", "", "2.1"),
    ],
)
def test_what_headers_ask_for(header: str, legacy: str, version: str) -> None:
    assert str(COMPUTE.asked(header, legacy)) == version


@pytest.mark.parametrize("asked", ["2.97", "2.0", "1.99", "3.1", "0.0", "2.999999999"])
def test_a_version_outside_the_range_is_not_acceptable(asked: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        COMPUTE.asked(f"compute {asked}", "")
    assert refused.value.message == (
        f"Version {asked} is not supported by the API. Minimum is 2.1 and maximum is 2.96."
    )


@pytest.mark.parametrize(
    "asked", ["2", "2.x", "two", "2.1.1", "-2.1", "2.", ".1", "2 .1", "2." + "9" * 6000, "2.\u0661"]
)
def test_what_is_no_version_is_a_bad_request(asked: str) -> None:
    with pytest.raises(BadRequest):
        COMPUTE.asked(f"compute {asked}", "")


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_headers_mean_a_version_or_a_refusal(header: str, legacy: str) -> None:
    with contextlib.suppress(BadRequest, NotAcceptable):
        assert COMPUTE.minimum <= COMPUTE.asked(header, legacy) <= COMPUTE.maximum


def test_the_answer_tells_the_version() -> None:
    assert COMPUTE.headers(Microversion(2, 42)) == {
        "OpenStack-API-Version": "compute 2.42",
        "X-OpenStack-Nova-API-Version": "2.42",
        "Vary": "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
    }
    assert VOLUME.headers(Microversion(3, 44)) == {
        "OpenStack-API-Version": "volume 3.44",
        "Vary": "OpenStack-API-Version",
    }


def test_versions_compare_by_number() -> None:
    assert Microversion(2, 9) < Microversion(2, 10) < Microversion(3, 0)
