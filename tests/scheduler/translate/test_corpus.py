"""The queries that nova itself sent to placement in the end-to-end cases come out the same, character by character."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.placement.query_text import query_text
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import filtered, translated
from tests.oracle.build import build_request, build_table
from tests.oracle.cases import Case, find_cases

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus" / "e2e"
OPTIONS = (
    "limit_tenants_to_placement_aggregate",
    "placement_aggregate_required_for_tenants",
    "query_placement_for_image_type_support",
    "enable_isolated_aggregate_filtering",
    "image_metadata_prefilter",
    "max_placement_results",
)
CASES = list(find_cases(CORPUS)) if CORPUS.is_dir() else []


@pytest.mark.skipif(not CASES, reason=f"no end-to-end cases in {CORPUS.name}")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_queries_are_nova_s(case: Case) -> None:
    content = case.content
    given = content["config"].get("scheduler", {})
    options = SchedulerOptions(owner_nova=True, **{name: given[name] for name in OPTIONS if name in given})
    table = build_table(content)
    request = filtered(build_request(content), table, options)
    found = translated(request, table, options)
    assert [query_text(query, found.limit) for query in found.queries] == content["expected"]["placement_queries"]
