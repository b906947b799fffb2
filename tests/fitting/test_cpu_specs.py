"""CPU lists in nova's notation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.cpu_specs import parse_cpu_spec
from engine.fitting.errors import NumaConstraintError


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("", set()),
        (" , ,", set()),
        ("3", {3}),
        ("0-3,^2,6", {0, 1, 3, 6}),
        ("^2,0-3", {0, 1, 3}),
        ("0-7,^1-3", {0, 4, 5, 6, 7}),
        (" 0 - 1 , 4", {0, 1, 4}),
        ("2-2", {2}),
        ("+1,1_0", {1, 10}),
    ],
)
def test_numbers_and_ranges_less_what_carets_exclude(text: str, cpus: set[int]) -> None:
    assert parse_cpu_spec(text, name="mask") == cpus


@pytest.mark.parametrize("text", ["x", "3-1", "-1", "0-", "^", "^x", "1-2-3", "0--1", "1.5", "^^2", "0x2"])
def test_other_elements_are_refused_by_name(text: str) -> None:
    with pytest.raises(NumaConstraintError, match="hw:cpu_dedicated_mask") as raised:
        parse_cpu_spec(text, name="hw:cpu_dedicated_mask")
    assert raised.value.nova_exception == "Invalid"


@pytest.mark.parametrize("text", ["0-99999999999", "1000001", "9" * 5000])
def test_numbers_beyond_any_guest_are_refused_at_once(text: str) -> None:
    with pytest.raises(NumaConstraintError):
        parse_cpu_spec(text, name="mask")


@given(included=st.sets(st.integers(0, 200)), excluded=st.sets(st.integers(0, 200)))
def test_what_is_written_is_read_back(included: set[int], excluded: set[int]) -> None:
    text = ",".join([f"^{cpu}" for cpu in excluded] + [str(cpu) for cpu in included])
    assert parse_cpu_spec(text, name="mask") == included - excluded


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert all(cpu >= 0 for cpu in parse_cpu_spec(text, name="mask"))
    except NumaConstraintError as error:
        assert error.nova_exception == "Invalid"


def test_wide_ranges_named_often_are_read_at_once() -> None:
    # as sets of numbers this would take a minute
    text = ",".join(["0-999999"] * 2000 + ["^1-999999"] * 2000)
    assert parse_cpu_spec(text, name="a list") == {0}
