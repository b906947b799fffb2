from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.whatif.workloads.templates import columns_named, filled_in, text_of


def test_columns_are_named_once_in_values_and_keys():
    templates = {"hw:numa_nodes": "{numa}", "trait:CUSTOM_{model}": "required", "note": "{numa} of {model}"}
    assert columns_named(templates) == ("numa", "model")
    assert columns_named({"a": "plain", "b": "{{doubled}}"}) == ()


def test_specs_are_filled_in_and_those_of_nothing_left_out():
    templates = {"hw:numa_nodes": "{numa}", "trait:CUSTOM_{model}": "required", "always": "{{yes}}"}
    assert filled_in(templates, {"numa": "2", "model": "V100"}) == {
        "hw:numa_nodes": "2",
        "trait:CUSTOM_V100": "required",
        "always": "{yes}",
    }
    assert filled_in(templates, {"numa": None, "model": ""}) == {"always": "{yes}"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (float("nan"), None), (2.0, "2"), (2.5, "2.5"), (True, "true"), (7, "7"), ("x", "x"), ("", "")],
)
def test_values_are_written_as_people_do(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize("bad", ["{", "}", "{}", "{numa:>3}", "{numa!r}", "x {", "{a}{"])
def test_braces_that_name_no_column_plainly_are_refused(bad):
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.extra_specs"):
        columns_named({"key": bad})
