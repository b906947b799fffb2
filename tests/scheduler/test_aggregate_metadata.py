"""What aggregates' metadata say together: raw values, values split at commas, the least number."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from engine.scheduler.aggregate_metadata import finite, least_number, raw_values, split_metadata

AGGREGATES = (
    Aggregate("a", "a", metadata={"rack": "1, 2", "tier": "gold"}),
    Aggregate("b", "b", metadata={"rack": " 2 ", "empty": ""}),
)


def test_raw_values_are_as_they_are_in_the_aggregates_order() -> None:
    assert raw_values(AGGREGATES, "rack") == ["1, 2", " 2 "]
    assert raw_values(AGGREGATES, "Rack") == []
    assert raw_values((), "rack") == []


def test_split_values_are_stripped_and_an_empty_one_is_a_value() -> None:
    assert split_metadata(AGGREGATES) == {"rack": ["1", "2", "2"], "tier": ["gold"], "empty": [""]}
    assert split_metadata(()) == {}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 9.0),
        (["2"], 2.0),
        (["2", " 1.5 "], 1.5),
        (["-1", "3"], -1.0),
        (["1e2"], 100.0),
        (["2", "two"], 9.0),
        (["1,2"], 9.0),
        ([""], 9.0),
    ],
)
def test_the_least_number_counts_and_one_that_is_none_spoils_all(values: list[str], expected: float) -> None:
    assert least_number(values, 9.0, float) == expected


@pytest.mark.parametrize(("values", "expected"), [([" 9 ", "12"], 9), (["3.5"], 7), (["1", "1e2"], 7), (["-2"], -2)])
def test_a_whole_number_has_no_point(values: list[str], expected: int) -> None:
    assert least_number(values, 7, int) == expected


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "", "x", "1,2", "0x10", "٤,"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"finite|convert"):
        finite(text)
    assert least_number([text, "3"], 9.0, finite) == 9.0


@pytest.mark.parametrize(("text", "number"), [(" 4 ", 4.0), ("-1e2", -100.0), ("1_000", 1000.0), ("٤", 4.0)])
def test_whatever_else_python_reads_as_a_number_is_one(text: str, number: float) -> None:
    assert finite(text) == number
