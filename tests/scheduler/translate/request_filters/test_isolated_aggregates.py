"""With enable_isolated_aggregate_filtering aggregates keep their hosts for guests that require their traits."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.aggregate import Aggregate
from engine.model.candidates import RequestGroup
from tests.builders import request
from tests.scheduler.translate.asking import A, B, C, narrowed

AGGREGATES = (
    Aggregate(A, "windows", metadata={"trait:CUSTOM_WINDOWS": "required", "availability_zone": "az1"}),
    Aggregate(B, "both", metadata={"Trait:CUSTOM_GOLD": "required", "trait:CUSTOM_WINDOWS": "required"}),
    Aggregate(C, "open", metadata={"trait:CUSTOM_WINDOWS": "allowed", "CUSTOM_GOLD": "required"}),
)


@pytest.mark.parametrize(
    ("spec", "forbidden"),
    [
        ({}, {A, B}),
        ({"extra_specs": {"trait:CUSTOM_WINDOWS": "required"}}, {B}),
        ({"extra_specs": {"trait:CUSTOM_WINDOWS": "forbidden"}}, {A, B}),
        ({"extra_specs": {"trait1:CUSTOM_WINDOWS": "required"}}, {B}),
        ({"properties": {"trait:CUSTOM_WINDOWS": "required"}}, {B}),
        ({"required_traits": frozenset({"CUSTOM_WINDOWS"})}, {B}),
        ({"root_required": frozenset({"CUSTOM_WINDOWS"})}, {A, B}),
        (
            {
                "requested_resources": (
                    RequestGroup("port", (("SRIOV_NET_VF", 1),), required=frozenset({"CUSTOM_WINDOWS"})),
                )
            },
            {B},
        ),
    ],
)
def test_aggregates_whose_traits_nobody_requires_are_forbidden(spec: dict[str, Any], forbidden: set[str]) -> None:
    asking = request(**spec)
    on = narrowed(asking, aggregates=AGGREGATES, enable_isolated_aggregate_filtering=True)
    assert on.forbidden_aggregates == forbidden
    assert narrowed(asking, aggregates=AGGREGATES).forbidden_aggregates == set()


def test_a_feature_s_trait_opens_its_aggregate() -> None:
    boot = Aggregate(A, "secure", metadata={"trait:COMPUTE_SECURITY_UEFI_SECURE_BOOT": "required"})
    spec = request(extra_specs={"os:secure_boot": "required"})
    assert not narrowed(spec, aggregates=[boot], enable_isolated_aggregate_filtering=True).forbidden_aggregates
    assert narrowed(request(), aggregates=[boot], enable_isolated_aggregate_filtering=True).forbidden_aggregates == {A}
