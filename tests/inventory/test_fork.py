from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, NoValidHostError
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from tests.builders import fleet, host_table, request
from tests.devices import cell, devices, numa, pci, pool

CHAIN = Chain.from_options(SchedulerOptions())
AMOUNTS = Selector(host_table([{}]), CHAIN, random.Random(0)).demand(request(vcpus=2)).amounts


def state(table: HostTable) -> dict[str, object]:
    """All that is to be seen of a table."""
    return {
        "columns": {name: values[: table.rows].tolist() for name, values in table.columns.items()},
        "hosts": [table.host(int(row)) for row in table.present_rows()],
        "aggregates": dict(table.aggregates),
        "sharing": dict(table.sharing),
        "generation": table.generation,
        "zones": table.zones,
        "members": {uuid: table.aggregate_host_rows(uuid).tolist() for uuid in table.aggregates},
    }


def equipped() -> HostTable:
    table = host_table(
        [
            {"availability_zone": "a", "aggregates": ["rack-1"], **numa(cell(0), cell(1))},
            {"availability_zone": "b", **pci(pool(2))},
            {"availability_zone": "b", "aggregates": ["rack-1"], "metrics": '{"cpu.percent": 3}'},
        ]
    )
    table.set_sharing([Provider("5a1e0000-0000-4000-8000-000000000001", "shared")])
    return table


CHANGES = {
    "claim": lambda table: table.apply(0, 1, AMOUNTS),
    "claims": lambda table: table.apply_many(np.array([1, 1]), 1, np.array([AMOUNTS, AMOUNTS], dtype=np.int64)),
    "host": lambda table: table.upsert(
        fleet([{}, {}, {"vcpus": 3, "availability_zone": "new", "traits": ["CUSTOM_X"]}])
    ),
    "more hosts": lambda table: table.upsert(fleet([{"availability_zone": "c"}] * 300)),
    "delete": lambda table: table.delete(["h1"]),
    "aggregate": lambda table: table.set_aggregate(
        Aggregate("a9900000-0000-4000-8000-000000000001", "fresh", frozenset(["h0"]), {"availability_zone": "z"})
    ),
    "no aggregate": lambda table: table.delete_aggregate(next(iter(table.aggregates), "")),
    "devices": lambda table: Selector(table, CHAIN, random.Random(0)).select(request(pci_requests=(devices(),))),
    "sharing": lambda table: table.set_sharing([Provider("5a1e0000-0000-4000-8000-000000000002", "another")]),
    "metrics": lambda table: table.set_metrics(np.array([0]), {0: {"mem.percent": 7}}),
    "services": lambda table: (table.heartbeat(np.array([2]), np.array([5])), table.refresh_services(2**50, 1)),
    "heartbeat": lambda table: table.heartbeat(np.array([2]), np.array([5])),
    "numbers": lambda table: table.set_numbers(np.array([0]), "num_io_ops", np.array([4])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_fork_does_not_show_in_the_table(name: str) -> None:
    table = equipped()
    fork = table.fork()
    before = state(table)
    assert state(fork) == before
    CHANGES[name](fork)
    assert state(table) == before
    assert state(fork) != before


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_table_does_not_show_in_its_fork(name: str) -> None:
    table = equipped()
    fork = table.fork()
    before = state(fork)
    CHANGES[name](table)
    assert state(fork) == before
    assert state(table) != before


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(sorted(CHANGES))), max_size=8),
    st.integers(0, 3),
)
def test_a_fork_and_its_table_place_as_tables_that_never_met(
    operations: list[tuple[bool, str]], forked_at: int
) -> None:
    apart = [equipped(), equipped()]
    table = equipped()
    selector = Selector(table, CHAIN, random.Random(0))
    selector.select(request(vcpus=1), claim=False)
    done = operations[:forked_at]
    for _, name in done:
        for each in (table, *apart):
            _try(name, each)
    together = [table, table.fork()]
    for which, name in operations[forked_at:]:
        _try(name, together[which])
        _try(name, apart[which])
    for mine, other in zip(together, apart, strict=True):
        assert _answer(mine) == _answer(other)


def _answer(table: HostTable) -> object:
    """Where an instance of zone b goes, what it weighs there, and the alternates."""
    try:
        return Selector(table, CHAIN, random.Random(0)).select(request(vcpus=1, availability_zone="b"))
    except NoValidHostError as error:
        return error.rejections


def _try(name: str, table: HostTable) -> None:
    """Change the table, unless an earlier change stands in the way."""
    with contextlib.suppress(EngineError):
        CHANGES[name](table)
