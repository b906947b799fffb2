"""The oracle cases, where there are any: beside the checkout, or in the directory that BERTH_CORPUS names."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from tests.oracle.cases import KINDS, find_cases
from tests.oracle.report import as_text, summary
from tests.oracle.runner import Outcome, run_cases

CORPUS = Path(os.environ.get("BERTH_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no oracle cases: set BERTH_CORPUS to their directory")


@cache
def outcomes() -> list[Outcome]:
    return list(run_cases(find_cases(CORPUS)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_supported_case_comes_out_as_nova_and_placement_answered(kind: str) -> None:
    mine = [outcome for outcome in outcomes() if outcome.case.kind == kind]
    if not mine:
        pytest.skip(f"no {kind} cases in {CORPUS}")
    assert not any(outcome.differences for outcome in mine), as_text(mine, 5)
    assert summary(mine)["all"]["supported"] > 0
