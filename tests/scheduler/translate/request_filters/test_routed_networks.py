"""With query_placement_for_routed_network_aggregates the host is in an aggregate of a segment of each network."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from tests.builders import request
from tests.scheduler.translate.asking import A, B, C, narrowed


def test_each_network_adds_its_aggregates() -> None:
    spec = request(network_aggregates=(frozenset({A}), frozenset({B, C}), frozenset({A})), member_of=(frozenset({C}),))
    assert narrowed(spec).member_of == (frozenset({C}),)
    on = narrowed(spec, query_placement_for_routed_network_aggregates=True)
    assert on.member_of == (frozenset({C}), frozenset({A}), frozenset({B, C}))


def test_a_network_without_aggregates_has_no_host() -> None:
    spec = request(network_aggregates=(frozenset({A}), frozenset()))
    with pytest.raises(NoValidHostError, match="no aggregates"):
        narrowed(spec, query_placement_for_routed_network_aggregates=True)
    assert narrowed(spec).member_of == ()
