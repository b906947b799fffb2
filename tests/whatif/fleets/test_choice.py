"""Which rows a choice of hosts means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.whatif.fleets.choice import rows_of, zone_names
from engine.whatif.scenario.hosts import HostChoice
from tests.builders import host_table


def table_of_six() -> HostTable:
    hosts = [
        {"availability_zone": "az1" if index < 3 else "az2", "aggregates": [f"rack{index % 2}"]} for index in range(6)
    ]
    return host_table(
        hosts, aggregates=[Aggregate("zone-3", "third", frozenset({"h0", "h5"}), {"availability_zone": "az3"})]
    )


def chosen(
    choice: HostChoice, table: HostTable | None = None, seed: int = 0, blocked: tuple[int, ...] = ()
) -> list[int]:
    fleet = table_of_six() if table is None else table
    return rows_of(choice, fleet, np.random.default_rng(seed), blocked=blocked).tolist()


@pytest.mark.parametrize(
    ("choice", "rows"),
    [
        (HostChoice(every=True), [0, 1, 2, 3, 4, 5]),
        (HostChoice(hosts=("h4", "h1", "h4")), [1, 4]),
        (HostChoice(zone="az2"), [3, 4, 5]),
        (HostChoice(zone="az3"), [0, 5]),
        (HostChoice(aggregate="rack1"), [1, 3, 5]),
        (HostChoice(aggregate="rack1", zone="az2"), [3, 5]),
        (HostChoice(aggregate="rack1", zone="az2", hosts=("h5", "h0")), [5]),
        (HostChoice(zone="az1", hosts=("h5",)), []),
        (HostChoice(every=True, first=2), [0, 1]),
        (HostChoice(zone="az2", first=100), [3, 4, 5]),
    ],
)
def test_what_is_said_must_all_hold(choice: HostChoice, rows: list[int]) -> None:
    assert chosen(choice) == rows


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (HostChoice(zone="az9"), "there is no availability zone 'az9'; did you mean 'az3' or 'az2' or 'az1'?"),
        (HostChoice(zone="qq"), "there is no availability zone 'qq'; there are: az1, az2, az3"),
        (HostChoice(aggregate="rack-1"), "there is no aggregate 'rack-1'; did you mean 'rack1'"),
        (HostChoice(hosts=("h1", "h55")), "there is no host 'h55'; did you mean 'h5'?"),
    ],
)
def test_what_there_is_not_is_told_with_what_is_near(choice: HostChoice, told: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        chosen(choice)
    assert told in caught.value.message


def test_removed_hosts_are_not_meant_and_hidden_ones_are() -> None:
    table = table_of_six()
    table.delete(["h3"])
    table.own(["present"])[0][4] = 0
    assert chosen(HostChoice(zone="az2"), table) == [5]
    assert chosen(HostChoice(zone="az2"), table, blocked=(4,)) == [4, 5]


def test_an_empty_fleet_has_no_hosts() -> None:
    table = host_table([])
    assert chosen(HostChoice(every=True), table) == []
    assert zone_names(table) == frozenset()
    with pytest.raises(InvalidRequestError, match="there is none at all"):
        chosen(HostChoice(zone="az1"), table)
    table.set_aggregate(Aggregate("a", "a", metadata={"availability_zone": "az1"}))
    assert chosen(HostChoice(zone="az1"), table) == []


@given(st.floats(0.001, 1.0), st.integers(1, 6), st.integers(0, 2**32))
def test_a_share_is_rounded_up_drawn_by_the_seed_and_in_order(share: float, first: int, seed: int) -> None:
    choice = HostChoice(every=True, first=first, share=share)
    rows = chosen(choice, seed=seed)
    assert len(rows) == int(np.ceil(share * first - 1e-9)) or (len(rows) == 1 and share * first < 1)
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(first))
    assert chosen(choice, seed=seed) == rows


def test_every_host_is_in_some_share() -> None:
    drawn = {row for seed in range(60) for row in chosen(HostChoice(every=True, share=0.2), seed=seed)}
    assert drawn == set(range(6))
