"""From the ledger's content to the table: rows and names stay, whatever came and went before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from engine.errors import LedgerCorruptError
from engine.inventory.check import check_invariants
from engine.inventory.generate import generate_fleet
from engine.inventory.table import HostTable
from engine.ledger.records import DocumentsWritten, HostsDeleted, HostsWritten, Owner, Shape
from engine.ledger.state import LedgerState
from engine.service import host_segments as module
from engine.service.host_segments import all_names, host_segments, live_hosts, survey
from engine.service.restore import restore, starts_kept, starts_record
from tests.builders import fleet

EMPTY = LedgerState(
    consumers=np.empty((0, 16), np.uint8),
    hosts=np.empty(0, np.int32),
    shapes=np.empty(0, np.int32),
    owners=np.empty(0, np.int32),
    created_us=np.empty(0, np.int64),
    released_us=np.empty(0, np.int64),
    shape_table={},
    owner_table={0: Owner()},
    host_segments=[],
    documents={},
    tokens={},
)


def written(hosts: list[dict[str, object]], rows: list[int]) -> list[HostsWritten]:
    return list(host_segments(fleet(hosts), np.array(rows)))


def claimed(*places: tuple[int, int, int]) -> LedgerState:
    """A state with these allocations: (host number, shape code, released_us)."""
    many = len(places)
    hosts, shapes, released = np.array(places, dtype=np.int64).reshape(-1, 3).T
    return replace(
        EMPTY,
        consumers=np.arange(1, 16 * many + 1, dtype=np.uint8).reshape(-1, 16),
        hosts=hosts.astype(np.int32),
        shapes=shapes.astype(np.int32),
        owners=np.zeros(many, np.int32),
        created_us=np.ones(many, np.int64),
        released_us=released,
        shape_table={0: Shape("small", 1, 512, 0, {"VCPU": 1, "MEMORY_MB": 512})},
    )


def test_an_empty_ledger_is_an_empty_service():
    restored = restore(EMPTY)
    assert (restored.table.host_count, len(restored.book), restored.catalog.flavors) == (0, 0, {})


def test_the_last_version_of_a_host_counts_and_removed_ones_keep_their_row_and_name():
    segments = [
        *written([{"host_id": "a"}, {"host_id": "b", "vcpus": 8}, {"host_id": "c"}], [0, 1, 2]),
        HostsDeleted([0]),
        *written([{"host_id": "d"}, {"host_id": "b", "vcpus": 32}], [3, 1]),
        HostsDeleted([3, 99]),
        *written([{"host_id": "a", "vcpus": 2}], [4]),
    ]
    found = survey(segments)
    hosts = list(live_hosts(segments, found))
    assert (found.live, found.rows_read) == (3, 9)
    assert [item.rows.tolist() for item in hosts] == [[2], [1], [4]]
    assert [item.fleet["host_id"].to_pylist() for item in hosts] == [["c"], ["b"], ["a"]]
    named = live_hosts(segments, found, ("host_id",))
    assert [item.fleet.to_pydict() for item in named] == [{"host_id": [name]} for name in "cba"]
    assert all_names(segments, found, ("host_id",)).to_pydict() == {"host_id": ["a", "b", "c", "d", "a"]}
    table = restore(replace(EMPTY, host_segments=segments)).table
    assert not check_invariants(table.snapshot())
    assert table.identity.row_of == {"b": 1, "c": 2, "a": 4}
    assert table.identity.host_ids == ["a", "b", "c", "d", "a"]
    assert table.columns["vcpu_total"][[1, 4]].tolist() == [32, 2]
    # rows of removed hosts are not used again
    assert table.rows_for(["new"]).tolist() == [5]


def test_a_host_removed_and_put_back_under_its_row_is_there():
    segments = [*written([{"host_id": "a"}], [0]), HostsDeleted([0]), *written([{"host_id": "a"}], [0])]
    found = survey(segments)
    assert ([item.rows.tolist() for item in live_hosts(segments, found)], found.live) == ([[0]], 1)
    assert restore(replace(EMPTY, host_segments=segments)).table.identity.row_of == {"a": 0}


def test_removing_every_host_leaves_only_names():
    segments = [*written([{"host_id": "a"}, {"host_id": "b"}], [0, 1]), HostsDeleted([1, 0])]
    table = restore(replace(EMPTY, host_segments=segments)).table
    assert (table.host_count, table.rows, table.identity.host_ids) == (0, 2, ["a", "b"])
    assert not check_invariants(table.snapshot())


def test_a_fleet_is_cut_into_segments_and_comes_back_whole(monkeypatch):
    monkeypatch.setattr(module, "SEGMENT_ROWS", 300)
    generated = generate_fleet(1000, 7)
    segments = list(host_segments(generated, np.arange(1000)))
    assert len(segments) == 4
    table, direct = restore(replace(EMPTY, host_segments=segments)).table, HostTable()
    direct.upsert(generated)
    for name, values in direct.columns.items():
        if name not in ("generation", "profile", "units", "membership"):
            assert np.array_equal(values, table.columns[name]), name
    assert [table.host(row) for row in range(0, 1000, 37)] == [direct.host(row) for row in range(0, 1000, 37)]


def test_segments_of_long_texts_stay_small(monkeypatch):
    monkeypatch.setattr(module, "SEGMENT_BYTES", 50_000)
    hosts: list[dict[str, object]] = [{"host_ip": "x" * 250, "nodename": f"{n}" * 80} for n in range(300)]
    segments = written(hosts, list(range(300)))
    assert len(segments) > 2
    assert sum(item.fleet.num_rows for item in live_hosts(segments, survey(segments))) == 300


def test_a_segment_has_the_texts_of_its_own_hosts_only(monkeypatch):
    monkeypatch.setattr(module, "SEGMENT_ROWS", 200)
    rng = np.random.default_rng(1)
    texts = [rng.bytes(250).hex() for _ in range(2000)]
    whole = fleet([{"cpu_info": text} for text in texts])
    # as an import brings it: in pieces, each with the texts of all
    index = whole.column_names.index("cpu_info")
    pieces = [whole.slice(start, 500) for start in range(0, 2000, 500)]
    coded = pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(pa.array(np.arange(s, s + 500), pa.int32()), texts)
            for s in (0, 500, 1000, 1500)
        ]
    )
    segments = list(host_segments(pa.concat_tables(pieces).set_column(index, "cpu_info", coded), np.arange(2000)))
    assert len(segments) == 10
    assert sum(len(segment.payload) for segment in segments) < 2 * sum(map(len, texts))
    parts = [item.fleet["cpu_info"].cast(pa.string()) for item in live_hosts(segments, survey(segments))]
    assert [text for part in parts for text in part.to_pylist()] == texts


def test_usage_is_what_the_held_allocations_take():
    segments = written([{}, {}], [0, 1])
    state = replace(claimed((0, 0, 0), (1, 0, 50), (1, 0, 0), (1, 0, 0)), host_segments=segments)
    restored = restore(state)
    assert restored.table.columns["vcpu_used"][:2].tolist() == [1, 2]
    assert restored.table.columns["num_instances"][:2].tolist() == [1, 2]
    assert len(restored.book) == 3
    assert not check_invariants(restored.table.snapshot())


def test_a_released_allocation_may_be_on_a_host_that_is_gone():
    segments = [*written([{}, {}], [0, 1]), HostsDeleted([0])]
    restored = restore(replace(claimed((0, 0, 50)), host_segments=segments))
    assert len(restored.book) == 0
    assert restored.table.identity.host_ids[0] == "h0"


BROKEN = {
    "a host that never was": replace(claimed((7, 0, 0)), host_segments=written([{}], [0])),
    "a host that is gone": replace(claimed((0, 0, 0)), host_segments=[*written([{}], [0]), HostsDeleted([0])]),
    "a host below zero": replace(claimed((-1, 0, 0)), host_segments=written([{}], [0])),
    "a shape that never was": replace(claimed((0, 5, 0)), host_segments=written([{}], [0])),
    "a shape below zero": replace(claimed((0, -1, 0)), host_segments=written([{}], [0])),
    "hosts that are no Arrow": replace(EMPTY, host_segments=[HostsWritten(b"noise")]),
    "hosts cut short": replace(EMPTY, host_segments=[HostsWritten(written([{}], [0])[0].payload[:900])]),
    "a flavor that is no document": replace(EMPTY, documents={"flavor": {"f": b"{"}}),
    "a flavor that breaks the rules": replace(EMPTY, documents={"flavor": {"f": b'{"name":"f","vcpus":-1}'}}),
    "a group that is no document": replace(EMPTY, documents={"server_group": {"g": b"[]"}}),
    "aggregates of one name": replace(
        EMPTY,
        documents={"aggregate": {key: b'{"uuid":"%s","name":"n"}' % key.encode() for key in ("a", "b")}},
    ),
    "a count of starts that is none": replace(EMPTY, documents={"service": {"starts": b"many"}}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_ledger_that_contradicts_itself_is_not_served(name):
    with pytest.raises(LedgerCorruptError):
        starts_kept(restore(BROKEN[name]).documents)


def test_the_number_of_starts_is_kept():
    record = starts_record(3)
    assert isinstance(record, DocumentsWritten)
    assert starts_kept({record.kind: record.documents}) == 3
    assert starts_kept({}) == 0


def test_hosts_written_before_a_column_was_known_have_its_default():
    (segment,) = written([{"host_id": "a", "pci_devices": 9}], [0])
    old = pa.ipc.open_stream(segment.payload).read_all().drop_columns(["pci_devices", "metrics"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, old.schema) as writer:
        writer.write_table(old)
    segments = [HostsWritten(sink.getvalue().to_pybytes()), *written([{"host_id": "b", "pci_devices": 4}], [1])]
    table = restore(replace(EMPTY, host_segments=segments)).table
    assert [table.host(row).pci_devices for row in range(2)] == [0, 4]
    assert not check_invariants(table.snapshot())
