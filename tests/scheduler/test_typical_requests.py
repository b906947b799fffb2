"""Typical requests are texts of four numbers, and a wrong one is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSettingError
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.typical_requests import TypicalRequest, typical_requests


def test_each_entry_says_what_is_asked_for_and_how_often() -> None:
    assert typical_requests(("8000:460:1:0.25", "1000:0:0:3")) == (
        TypicalRequest(8000, 460, 1, 0.25),
        TypicalRequest(1000, 0, 0, 3.0),
    )
    assert typical_requests(()) == ()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "is not vcpus:amount:count:weight"),
        ("1:2:3", "is not vcpus"),
        ("1:2:3:4:5", "is not vcpus"),
        ("1.5:2:3:4", "is not vcpus"),
        ("many:2:3:4", "is not vcpus"),
        ("-1:2:3:4", "vcpus of '-1:2:3:4' must be from 0 to"),
        ("1:2000000001:1:1", "amount of"),
        ("1:1:1025:1", "count of"),
        ("1:0:1:1", "gives one of amount and count"),
        ("1:500:0:1", "gives one of amount and count"),
        ("1:1:1:0", "must be above 0"),
        ("1:1:1:-1", "must be above 0"),
        ("1:1:1:nan", "must be above 0"),
        ("1:1:1:inf", "and finite"),
    ],
)
def test_a_wrong_entry_is_named(entry: str, said: str) -> None:
    with pytest.raises(InvalidSettingError, match=said) as caught:
        SchedulerOptions(gpu_typical_requests=("1:1:1:1", entry))
    assert caught.value.details["setting"] == "gpu_typical_requests"


@given(entry=st.text(max_size=30))
def test_any_text_is_read_or_refused(entry: str) -> None:
    try:
        (found,) = typical_requests((entry,))
    except InvalidSettingError as error:
        assert repr(entry) in error.message
    else:
        assert bool(found.amount) == bool(found.count)


def test_the_weigher_that_needs_typical_requests_asks_for_them() -> None:
    with pytest.raises(InvalidSettingError, match="GpuFragmentationWeigher needs gpu_typical_requests"):
        SchedulerOptions(weight_classes=("GpuFragmentationWeigher",))
