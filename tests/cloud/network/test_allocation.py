from __future__ import annotations

import ipaddress
import random
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from engine.cloud.database import Database
from engine.cloud.network.allocation import (
    Subnet,
    give_back,
    is_used,
    lay_out,
    parsed_address,
    subnet_of,
    take_given,
    take_next,
)
from engine.cloud.network.schema import METADATA, free_ranges, networks, ports, subnets
from engine.rest.errors import BadRequest, Conflict

POOLS = [{"start": "10.0.0.2", "end": "10.0.0.9"}, {"start": "10.0.0.20", "end": "10.0.0.22"}]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "n.sqlite", METADATA)


def prepared(connection: Connection, cidr: str, pools: list[dict[str, str]]) -> Subnet:
    version = ipaddress.ip_network(cidr).version
    connection.execute(networks.insert().values(id="net", mtu=1500))
    connection.execute(
        subnets.insert().values(id="sub", network_id="net", ip_version=version, cidr=cidr, allocation_pools=pools)
    )
    connection.execute(ports.insert().values(id="port", network_id="net", mac_address="fa:16:3e:00:00:01"))
    subnet = subnet_of(connection, "sub")
    lay_out(connection, subnet)
    return subnet


def test_addresses_come_lowest_first_until_none_is_left(database: Database) -> None:
    with database.write() as connection:
        subnet = prepared(connection, "10.0.0.0/24", POOLS)
        taken = [take_next(connection, subnet, "port") for _ in range(11)]
        assert taken == [f"10.0.0.{last}" for last in (*range(2, 10), 20, 21, 22)]
        assert take_next(connection, subnet, "port") is None
        assert is_used(connection, "sub")


def test_a_random_history_leaves_exactly_what_is_not_held_in_fewest_ranges(database: Database) -> None:
    chance = random.Random(7)
    pooled = {*range(2, 10), 20, 21, 22}
    held: set[int] = set()
    with database.write() as connection:
        subnet = prepared(connection, "10.0.0.0/24", POOLS)
        for _ in range(600):
            choice = chance.random()
            if choice < 0.4:
                got = take_next(connection, subnet, "port")
                expected = min(pooled - held, default=None)
                assert got == (None if expected is None else f"10.0.0.{expected}")
                held |= set() if expected is None else {expected}
            elif choice < 0.6:
                number = chance.randint(2, 24)
                if number in held:
                    with pytest.raises(Conflict, match="already allocated"):
                        take_given(connection, subnet, 0x0A000000 + number, "port")
                else:
                    assert take_given(connection, subnet, 0x0A000000 + number, "port") == f"10.0.0.{number}"
                    held.add(number)
            elif held:
                number = chance.choice(sorted(held))
                give_back(connection, subnet, f"10.0.0.{number}")
                held.remove(number)
            rows = connection.execute(select(free_ranges.c.first, free_ranges.c.last).order_by(free_ranges.c.first))
            ranges = [(row.first[3], row.last[3]) for row in rows]
            assert {number for first, last in ranges for number in range(first, last + 1)} == pooled - held
            assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


def test_new_pools_spare_what_is_held(database: Database) -> None:
    with database.write() as connection:
        subnet = prepared(connection, "10.0.0.0/24", POOLS)
        assert take_next(connection, subnet, "port") == "10.0.0.2"
        wider = Subnet(subnet.id, 4, subnet.cidr_text, [{"start": "10.0.0.1", "end": "10.0.0.4"}], None)
        lay_out(connection, wider)
        assert [take_next(connection, wider, "port") for _ in range(4)] == ["10.0.0.1", "10.0.0.3", "10.0.0.4", None]


def test_the_last_address_of_all_can_be_given_back(database: Database) -> None:
    with database.write() as connection:
        last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        subnet = prepared(connection, "ffff:ffff:ffff:ffff::/64", [{"start": last, "end": last}])
        assert take_next(connection, subnet, "port") == last
        give_back(connection, subnet, last)
        assert take_next(connection, subnet, "port") == last


def test_a_large_subnet_is_one_row_however_much_of_it_is_taken_in_order(database: Database) -> None:
    with database.write() as connection:
        subnet = prepared(connection, "2001:db8::/64", [{"start": "2001:db8::2", "end": "2001:db8::ffff:ffff"}])
        for _ in range(50):
            take_next(connection, subnet, "port")
        assert connection.execute(select(func.count()).select_from(free_ranges)).scalar() == 1


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "fe80::1%eth0", "10.0.0.1/24", "x" * 5000, "\uff11\uff10.0.0.1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parsed_address(text)
