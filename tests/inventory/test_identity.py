"""What names hosts is small, found by name, and shared by snapshots until it changes."""

from __future__ import annotations

import numpy as np

from engine.inventory.generate import generate_fleet
from engine.inventory.identity import Identity
from engine.inventory.ingest import identity_texts
from engine.inventory.table import HostTable
from tests.builders import fleet

HOSTS = 20_000


def test_a_host_takes_less_than_a_hundred_bytes() -> None:
    generated = generate_fleet(HOSTS, 7)
    identity = Identity()
    identity.resize(HOSTS)
    assert identity.write(np.arange(HOSTS), identity_texts(generated)) == HOSTS
    assert identity.nbytes < 100 * HOSTS
    assert identity.nodenames.shared_bytes(identity.host_ids) == identity.host_ids.nbytes
    assert list(identity.row_of) == generated["host_id"].to_pylist()
    assert identity.uuids == generated["uuid"].to_pylist()


def test_a_copy_shares_everything_that_neither_changes() -> None:
    identity = Identity()
    identity.resize(HOSTS)
    identity.write(np.arange(HOSTS), identity_texts(generate_fleet(HOSTS, 7)))
    other = identity.copy()
    assert other.host_ids.shared_bytes(identity.host_ids) == identity.host_ids.nbytes
    other.write(np.array([3]), identity_texts(fleet([{"host_id": "new", "host_ip": "::1"}])))
    assert (other.row_of["new"], other.host_ids[3], other.host_ips[3]) == (3, "new", "::1")
    assert "new" not in identity.row_of
    assert identity.host_ids[3] != "new"
    assert other.host_ids.shared_bytes(identity.host_ids) > 0.9 * identity.host_ids.nbytes


def test_hosts_that_say_the_same_again_change_no_text() -> None:
    table = HostTable()
    generated = generate_fleet(3000, 7)
    table.upsert(generated)
    before = table.snapshot().identity
    table.upsert(generated)
    after = table.identity
    assert after is not before
    assert after.host_ids.shared_bytes(before.host_ids) == before.host_ids.nbytes
    assert after.uuids.shared_bytes(before.uuids) == before.uuids.nbytes
