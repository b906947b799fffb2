"""The comparison with placement, on answers that are Berth's own: equal as they are, different once changed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import InvalidRequestError
from engine.placement.candidates import candidates
from engine.placement.deployment import deployment_of
from engine.placement.query_text import query_of
from tests.differential.placement_compare import compare, random_case
from tests.oracle.placement_case import answer_to, books_of, provider_of, version_of, written

CASES = 6


def own_answers(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what Berth answers, as placement's program would."""
    whole = deployment_of(map(provider_of, case["providers"]))
    books = books_of(case["providers"])
    answers = []
    for query in case["queries"]:
        if "put_allocations" in query:
            books, answer = written(books, query)
        else:
            microversion = version_of(query["microversion"])
            try:
                asked = query_of(query["params"], microversion)
            except InvalidRequestError:
                answer = {"status": 400}
            else:
                found = list(candidates(whole, asked, quirks=True, microversion=microversion))
                answer = answer_to(whole, found, microversion)
        answers.append(answer)
    return answers


@pytest.fixture(scope="module")
def answered() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    cases = [random_case(random.Random(number)) for number in range(CASES)]
    return [(case, own_answers(case)) for case in cases]


def test_cases_are_the_same_for_the_same_seed_and_ask_for_much(answered) -> None:  # type: ignore[no-untyped-def]
    assert random_case(random.Random(0)) == answered[0][0]
    found = [answer for _, answers in answered for answer in answers if answer.get("allocation_requests")]
    assert len(found) > 50
    assert any(len(answer["allocation_requests"]) > 3 for answer in found)


def test_equal_answers_are_counted_as_equal(answered, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    for case, answers in answered:
        counted = compare(case, answers, "own")
        assert not [what for what in counted if "DIFFERENT" in what or "own:" in what]
        assert sum(count for what, count in counted.items() if what.startswith("equal")) == len(answers)
    assert capsys.readouterr().out == ""


def lose_a_candidate(answer: dict[str, Any]) -> None:
    answer["allocation_requests"].pop()


def repeat_a_candidate(answer: dict[str, Any]) -> None:
    answer["allocation_requests"].append(answer["allocation_requests"][0])


def change_an_amount(answer: dict[str, Any]) -> None:
    taken = next(iter(answer["allocation_requests"][0]["allocations"].values()))
    taken[next(iter(taken))] += 1


def change_a_summary(answer: dict[str, Any]) -> None:
    next(iter(answer["provider_summaries"].values()))["traits"].append("CUSTOM_OTHER")


def refuse(answer: dict[str, Any]) -> None:
    answer["status"] = 400


@pytest.mark.parametrize("change", [lose_a_candidate, repeat_a_candidate, change_an_amount, change_a_summary, refuse])
def test_a_changed_answer_is_a_difference_and_printed(  # type: ignore[no-untyped-def]
    answered, change: Callable[[dict[str, Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    case, answers = next((c, a) for c, a in answered if c["kind"] == "flat" and a[0].get("allocation_requests"))
    theirs = copy.deepcopy(answers)
    change(theirs[0])
    counted = compare(case, theirs, "changed")
    assert sum(count for what, count in counted.items() if what.startswith("DIFFERENT")) == 1
    printed = capsys.readouterr().out
    assert "in changed" in printed
    assert "placement: " in printed


def test_a_changed_outcome_of_a_write_is_a_difference(answered) -> None:  # type: ignore[no-untyped-def]
    case, answers = answered[0]
    theirs = copy.deepcopy(answers)
    theirs[-1]["status"] = 500
    assert compare(case, theirs, "changed")["DIFFERENT write"] == 1
