"""A snapshot's documents come back as they were, and what is none says so."""

from __future__ import annotations

import pyarrow as pa
import pytest

from engine.errors import InvalidFileError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.resources import ResourceInventory
from engine.model.server_group import ServerGroup
from engine.scheduler.options import SchedulerOptions
from engine.whatif.served.documents import Documents, encode_documents, snapshot_of
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA

DOCUMENTS = Documents(
    SchedulerOptions(
        cpu_weight_multiplier=-0.1, pci_alias=('{"name": "é", "vendor_id": "10de", "product_id": "20b5"}',)
    ),
    (Aggregate("u", "rack", metadata={"b": "1", "a": "2"}),),
    (Flavor("m1", 1, 2, 3, 4, 5, {"hw:x": "y"}),),
    (ServerGroup("g", "name", "anti-affinity", {"max_server_per_host": 2}, frozenset({"c", "a", "b"})),),
    (
        Provider(
            "p",
            "disk",
            "",
            (("DISK_GB", ResourceInventory(5, 1, 1.5, 1, 2, 3)),),
            frozenset({"T2", "T1"}),
            frozenset({"u"}),
        ),
    ),
    17,
    1_800_000_000_000_000,
)
HOSTS, HELD = FLEET_SCHEMA.empty_table(), ALLOCATION_SCHEMA.empty_table()


def test_documents_come_back_as_they_were() -> None:
    made = snapshot_of(encode_documents(DOCUMENTS), HOSTS, HELD)
    assert made.options == DOCUMENTS.options
    assert (made.aggregates, made.flavors) == (DOCUMENTS.aggregates, DOCUMENTS.flavors)
    assert (made.groups, made.sharing) == (DOCUMENTS.groups, DOCUMENTS.sharing)
    assert (made.generation, made.time_us) == (17, 1_800_000_000_000_000)
    assert (made.hosts, made.allocations) == (HOSTS, HELD)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff", encode_documents(DOCUMENTS)[:-1], b'{"options": 3}', b"[" * 10_000],
)
def test_what_are_no_documents_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidFileError, match="cannot be read"):
        snapshot_of(payload, HOSTS, HELD)


def test_options_that_cannot_be_are_refused() -> None:
    payload = encode_documents(DOCUMENTS).replace(b'"max_attempts":3', b'"max_attempts":0')
    with pytest.raises(InvalidFileError, match="max_attempts"):
        snapshot_of(payload, pa.table({}), HELD)
