"""With limit_tenants_to_placement_aggregate a project stays in its own aggregates."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.model.aggregate import Aggregate
from tests.builders import request
from tests.scheduler.translate.asking import A, B, C, narrowed

AGGREGATES = (
    Aggregate(A, "mine", metadata={"filter_tenant_id": "p1"}),
    Aggregate(B, "also mine", metadata={"filter_tenant_id3": "p1", "filter_tenant_id4": "p2"}),
    Aggregate(C, "not mine", metadata={"owner": "p1", "availability_zone": "p3"}),
)


@pytest.mark.parametrize(("project", "wanted"), [("p1", {A, B}), ("p2", {B}), ("P1", None), ("p3", None), ("", None)])
def test_a_project_s_aggregates(project: str, wanted: set[str] | None) -> None:
    spec = request(project_id=project)
    expected = () if wanted is None else (wanted,)
    assert narrowed(spec, aggregates=AGGREGATES, limit_tenants_to_placement_aggregate=True).member_of == expected
    assert narrowed(spec, aggregates=AGGREGATES).member_of == ()


def test_any_value_of_an_aggregate_with_such_a_key_counts() -> None:
    odd = Aggregate(A, "odd", metadata={"filter_tenant_id": "p2", "owner": "p1"})
    found = narrowed(request(project_id="p1"), aggregates=[odd], limit_tenants_to_placement_aggregate=True)
    assert found.member_of == ({A},)


def test_a_project_without_may_have_to_have_one() -> None:
    options = {"limit_tenants_to_placement_aggregate": True, "placement_aggregate_required_for_tenants": True}
    with pytest.raises(NoValidHostError, match="'p9' has no aggregate") as error:
        narrowed(request(project_id="p9"), aggregates=AGGREGATES, **options)
    assert error.value.hosts_total == 3
    off = narrowed(request(project_id="p9"), placement_aggregate_required_for_tenants=True)
    assert off.member_of == ()
