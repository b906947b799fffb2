"""Values that no kernel computes come from the weighers themselves, in the order that the kernel expects them."""

from __future__ import annotations

import numpy as np

from engine.model.request_spec import RequestedDestination
from engine.scheduler.chain import multiplier_overrides
from engine.scheduler.extra import extra_values
from engine.scheduler.sparse import GroupState, SelectionContext
from tests.builders import host_table, only, request, selector

CHAIN = only(
    weighers=["CrossCellWeigher", "RAMWeigher", "ServerGroupSoftAffinityWeigher", "MetricsWeigher"],
    metrics_weight_setting=("load=2",),
)
HOSTS = [{"cell": cell, "metrics": f'{{"load": {load}}}'} for cell, load in (("a", 1), ("b", 2), ("a", 3))]
MOVE = request(requested_destination=RequestedDestination(cell="a", allow_cross_cell_move=True))


def extra(spec=MOVE, rows=(0, 1, 2), group=None):
    table = host_table(HOSTS)
    context = SelectionContext(table, group)
    found = extra_values(CHAIN, spec, context, np.array(rows, dtype=np.int64), multiplier_overrides(CHAIN, table))
    assert found.shape == (3, len(table.columns["present"]))
    assert not found[:, 3:].any()
    return found[:, :3].tolist()


def test_each_weigher_has_a_row_in_the_chains_order():
    group = GroupState("soft-affinity", member_counts={1: 2})
    assert extra(group=group) == [[1.0, -1.0, 1.0], [0.0, 2.0, 0.0], [2.0, 4.0, 6.0]]


def test_a_weigher_that_the_request_does_not_concern_says_nothing():
    assert extra(request()) == [[0.0] * 3, [0.0] * 3, [2.0, 4.0, 6.0]]


def test_only_hosts_that_passed_are_asked_about_and_a_lone_one_is_not():
    assert extra(rows=(1, 2)) == [[0.0, -1.0, 1.0], [0.0] * 3, [0.0, 4.0, 6.0]]
    assert extra(rows=(1,)) == [[0.0] * 3] * 3
    assert extra(rows=()) == [[0.0] * 3] * 3


def test_a_class_view_answers_only_what_no_array_weigher_concerns():
    chooser = selector(host_table(HOSTS), only(weighers=["CrossCellWeigher", "RAMWeigher"]))
    assert chooser.uses_view(request(), None)
    assert not chooser.uses_view(MOVE, None)
    assert not chooser.uses_view(request(requested_destination=RequestedDestination(cell="a")), None)
    assert not selector(host_table(HOSTS), CHAIN).uses_view(request(), None)


def test_values_given_for_one_request_do_not_stay_for_the_next():
    chooser = selector(host_table(HOSTS), only(weighers=["CrossCellWeigher"]))
    assert chooser.select(MOVE, claim=False)[0].weight == 1_000_000.0
    assert chooser.select(request(num_instances=2), claim=False)[0].weight == 0.0
