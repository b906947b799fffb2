"""Verdicts of state filters are kept by row and by state, and never outlive what they depend on."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inventory.table import HostTable
from engine.model.candidates import Candidate, Provider
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.demand import demand_of
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts
from tests.builders import fleet, host_table, only, request, selector
from tests.devices import cell, child, inventory, numa, pinned, tree

NUMA = only(filters=["NUMATopologyFilter"])
ALL = Chain.from_options(SchedulerOptions())


def ask(chain: Chain, table: HostTable, spec: RequestSpec, verdicts: StateVerdicts) -> list[int]:
    """The rows that pass the chain's last state filter."""
    inquiry = make_inquiry(chain, table, demand_of(spec, table, chain.options), SelectionContext(table), verdicts)
    rows = table.present_rows()
    return [int(row) for row in rows[verdicts.passes(inquiry.fit, inquiry.fit.filters[-1], rows)]]


def test_hosts_of_one_state_are_fitted_once_and_not_again() -> None:
    table = host_table([numa(cell(0, 4))] * 30 + [numa(cell(0, 1))] * 30)
    verdicts = StateVerdicts(table)
    assert ask(NUMA, table, pinned(2), verdicts) == list(range(30))
    assert verdicts.evaluated == 2
    assert ask(NUMA, table, pinned(2), verdicts) == list(range(30))
    assert verdicts.evaluated == 2
    assert ask(NUMA, table, pinned(1), verdicts) == list(range(60))
    assert verdicts.evaluated == 4


def test_a_claim_and_a_report_are_seen_by_their_row_alone() -> None:
    table = host_table([numa(cell(0, 4))] * 3)
    of = selector(table, NUMA)
    verdicts = StateVerdicts(table)
    assert ask(NUMA, table, pinned(4), verdicts) == [0, 1, 2]
    (taken,) = of.select(pinned(4))
    assert ask(NUMA, table, pinned(4), verdicts) == [row for row in range(3) if row != taken.row]
    table.upsert(fleet([{"host_id": "h2", **numa(cell(0, 2))}]))
    assert 2 not in ask(NUMA, table, pinned(4), verdicts)
    table.apply(taken.row, -1, of.demand(pinned(4)).amounts, taken.assignment)
    assert taken.row in ask(NUMA, table, pinned(4), verdicts)


def test_renumbered_states_are_not_taken_for_each_other() -> None:
    table = host_table([numa(cell(0, 4)), numa(cell(0, 1))])
    verdicts = StateVerdicts(table)
    assert ask(NUMA, table, pinned(2), verdicts) == [0]
    for number in range(3000):
        table.upsert(fleet([{"host_id": "h0", **numa(cell(0, 1 + number % 2, 1024 + number))}]))
    # the last report was of two CPUs
    assert ask(NUMA, table, pinned(2), verdicts) == [0]
    assert len(table.devices.numas) < 2100


def test_candidates_follow_sharing_providers_and_columns() -> None:
    table = host_table([{"disk_gb": 1, "aggregates": ["a"]}, {"disk_gb": 1}])
    uuid = next(iter(table.aggregates))
    disk = Provider("nfs", inventories=(("DISK_GB", inventory(10)),), aggregates=frozenset({uuid}))
    table.set_sharing([disk])
    verdicts = StateVerdicts(table)
    spec = request(root_gb=8)
    assert ask(ALL, table, spec, verdicts) == [0, 1]
    table.set_sharing(
        [Provider("nfs", inventories=disk.inventories, aggregates=disk.aggregates, used=(("DISK_GB", 5),))]
    )
    assert ask(ALL, table, spec, verdicts) == [1]
    table.delete_sharing(["nfs"])
    nested = request(extra_specs={"resources:VGPU": "1"})
    assert ask(ALL, table, nested, verdicts) == []
    table.upsert(fleet([{"host_id": "h1", **tree(child("a", {"VGPU": 1}))}]))
    assert ask(ALL, table, nested, verdicts) == [1]


def test_a_small_budget_only_costs_time() -> None:
    table = host_table([numa(cell(0, 4)), numa(cell(0, 2))])
    verdicts = StateVerdicts(table, budget_bytes=1)
    for _ in range(3):
        assert [ask(NUMA, table, pinned(vcpus), verdicts) for vcpus in (1, 2, 3, 4, 5)] == [
            [0, 1],
            [0, 1],
            [0],
            [0],
            [],
        ]


@pytest.mark.parametrize(("offered", "rows"), [((), [1]), ((Candidate(()),), [0, 1])])
def test_candidates_known_beforehand_decide(offered: tuple[Candidate, ...], rows: list[int]) -> None:
    table = host_table([numa(cell(0, 4))] * 2)
    context = SelectionContext(table, offers={0: offered})
    verdicts = StateVerdicts(table)
    inquiry: Inquiry = make_inquiry(NUMA, table, demand_of(pinned(2), table, NUMA.options), context, verdicts)
    passes = verdicts.passes(inquiry.fit, inquiry.fit.filters[0], np.arange(2))
    assert np.flatnonzero(passes).tolist() == rows
    assert (inquiry.fit.assign(0) is not None) is (0 in rows)
