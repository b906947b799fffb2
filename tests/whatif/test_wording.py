from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.wording import DASH, THIN_SPACE, cell_text, duration_text, figure_text, number_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0"),
        (0.25, "0.25 s"),
        (12, "12 s"),
        (59.6, "1 min"),
        (3_900, "1 h 5 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
        (86_400 + 59, "1 d"),
        (-90, "-1 min 30 s"),
        (400_000 * 86_400, "400 000 d"),
        (math.nan, DASH),
        (math.inf, DASH),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds).replace(THIN_SPACE, " ") == text


@given(st.floats(min_value=0, max_value=1e10))
def test_a_duration_says_at_most_two_units_and_never_a_larger_one_after_a_smaller(seconds: float) -> None:
    units = [part.split(THIN_SPACE)[-1] for part in duration_text(seconds).split(" ") if part != "0"]
    order = ["d", "h", "min", "s"]
    assert len(units) <= 2
    assert [order.index(unit) for unit in units] == sorted({order.index(unit) for unit in units})


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1_234_567, 0, "1 234 567"),
        (1_234.567, 1, "1 234.6"),
        (-0.001, 2, "0.00"),
        (-1_000, 0, "-1 000"),
        (math.nan, 3, DASH),
        (1, -4, "1"),
    ],
)
def test_numbers(value: float, decimals: int, text: str) -> None:
    assert number_text(value, decimals).replace(THIN_SPACE, " ") == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, DASH), ("", DASH), ("a,b", "a,b"), (True, "yes"), (3, "3"), (3.14159, "3.14"), (math.inf, DASH)],
)
def test_cells(cell: str | int | float | None, text: str) -> None:
    assert cell_text(cell, 2) == text


@pytest.mark.parametrize(
    ("name", "value", "label", "text"),
    [
        ("requests", 259_200, "Requests", "259 200"),
        ("refused_percent", 0.8484, "Refused", "0.848 %"),
        ("peak_memory_share", 0.991, "Peak memory", "99.1 %"),
        ("memory_stranded_gib", 12_345.6, "Memory stranded", "12.1 TiB"),
        ("free_memory_mb", 174_850_048, "Free memory", "167 TiB"),
        ("free_disk_gb", 0, "Free disk", "0 MiB"),
        ("free_disk_gb", math.inf, "Free disk", DASH),
        ("first_refusal_s", 273_600.0, "First refusal", "3 d 4 h"),
        ("first_refusal_s", None, "First refusal", DASH),
        ("absorbed", True, "Absorbed", "yes"),
        ("gpus", math.nan, "GPUs", DASH),
        ("reason", "memory_mb", "Reason", "memory_mb"),
        ("", 1, "", "1"),
        ("__", 1, "__", "1"),
    ],
)
def test_figures_are_called_and_said_by_the_unit_in_their_name(name: str, value: object, label: str, text: str) -> None:
    said_label, said = figure_text(name, value)
    assert (said_label, said.replace(THIN_SPACE, " ")) == (label, text)


@given(st.text(max_size=40), st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20))
def test_every_figure_has_a_text(name: str, value: object) -> None:
    label, text = figure_text(name, value)
    assert isinstance(label, str)
    assert text or value == ""
