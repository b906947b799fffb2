"""The golden cases: small ones of every family with the real nova's answers, held to without nova."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.differential.filter_families import ALL_FILTERS
from tests.differential.generate import ALL_FAMILIES
from tests.differential.write_golden import choosy
from tests.oracle.cases import Case, find_cases
from tests.oracle.report import as_text
from tests.oracle.runner import run_case

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {case.name: case for case in find_cases(GOLDEN) if case.kind == "select"}


def test_every_family_has_golden_cases_and_every_filter_turns_a_host_away_in_one() -> None:
    assert {case.family for case in CASES.values()} >= set(ALL_FAMILIES)
    turning_away = set().union(*(choosy(case.content) for case in CASES.values()))
    assert set(ALL_FILTERS) - turning_away == {"AllHostsFilter"}


@pytest.mark.parametrize("name", sorted(CASES))
def test_berth_answers_as_nova_did(name: str) -> None:
    outcome = run_case(CASES[name])
    assert not outcome.differences, as_text([outcome], 1)
    assert outcome.supported, outcome.reasons


def test_an_answer_changed_by_hand_is_noticed() -> None:
    original = CASES["basic-00"]
    content = copy.deepcopy(original.content)
    content["expected"]["selected"] = [(content["expected"]["selected"][0] + 1) % len(content["hosts"])]
    outcome = run_case(Case(original.name, original.kind, original.family, content))
    assert "selected" in {difference.what for difference in outcome.differences}
