"""How problems are worded."""

from __future__ import annotations

import pytest

from engine.whatif.scenario.problems import Problem, located, path_text, shown, unknown_key_message


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("fleet", "zone"), "fleet.zone"),
        (("changes", 0, "of"), "changes[0].of"),
        (("flavors", "m1.large"), 'flavors."m1.large"'),
        (("a_b", "c-d", "e f", "é"), 'a_b.c-d."e f"."é"'),
    ],
)
def test_a_path_is_written_as_its_author_would(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (-3, "-3"), (1.5, "1.5"), ("a", "'a'"), ({"a": 1}, "a table"), ([1], "[1]")],
)
def test_a_value_is_shown_as_toml_has_it(value: object, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_cut_short() -> None:
    assert len(shown("x" * 1000)) == 60
    assert shown(10**5000) == "a number of hundreds of digits"


def test_an_unknown_key_is_told_what_is_near_or_where_it_belongs() -> None:
    assert unknown_key_message("zoen", ["zone", "hosts"]) == "is unknown: did you mean zone?"
    assert unknown_key_message("per_hour", ["trace"], ["workload.mix"]) == "is unknown here: it belongs to workload.mix"
    assert unknown_key_message("qqq", ["zone", "hosts"]) == "is unknown; known here: zone, hosts"
    assert unknown_key_message("qqq", []) == "is unknown"


def test_problems_come_by_their_lines() -> None:
    lines = {("b",): 2, ("a",): 10}
    problems = [Problem(("a",), "is bad"), Problem(("b",), "is worse")]
    assert located(problems, lambda path: lines[path], "s.toml") == ["s.toml:2: b: is worse", "s.toml:10: a: is bad"]
