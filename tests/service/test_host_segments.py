"""Host segments say who has the last word, and refuse what no service can have written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.errors import LedgerCorruptError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.ledger.records import HostsDeleted, HostSegment, HostsWritten
from engine.model.limits import MAX_HOSTS
from engine.service import host_segments as module
from engine.service.host_segments import all_names, host_segments, live_hosts, read_segment, survey
from tests.builders import fleet


def written(names: list[str], rows: list[int]) -> HostsWritten:
    (segment,) = host_segments(fleet([{"host_id": name} for name in names]), np.array(rows))
    return segment


def test_rows_that_never_were_have_no_names_and_removed_ones_keep_theirs() -> None:
    segments: list[HostSegment] = [written(["a", "b"], [4, 1]), HostsDeleted([4]), written(["c"], [2])]
    found = survey(segments)
    assert all_names(segments, found, ("host_id",))["host_id"].to_pylist() == ["", "b", "c", "", "a"]
    assert [item.rows.tolist() for item in live_hosts(segments, found)] == [[1], [2]]
    assert found.still_said(1).tolist() == [True]


@pytest.mark.parametrize("removed", [[], [7], [2**40], [0, 0]])
def test_a_removal_of_what_never_was_or_twice_changes_nothing_else(removed: list[int]) -> None:
    segments: list[HostSegment] = [written(["a"], [0]), HostsDeleted(removed)]
    found = survey(segments)
    assert (found.live, len(found.writer)) == (0 if 0 in removed else 1, 1)
    assert survey([]).live == 0
    assert survey([HostsDeleted(removed)]).live == 0


@pytest.mark.parametrize("number", [-1, -(2**31), MAX_HOSTS, 2**31 - 1])
def test_a_number_that_no_host_can_have_is_refused_before_anything_is_made_of_it(number: int) -> None:
    with pytest.raises(LedgerCorruptError, match="numbers a host"):
        survey([written(["a"], [number])])


def test_a_removal_below_zero_is_refused() -> None:
    with pytest.raises(LedgerCorruptError, match="-3"):
        survey([written(["a"], [0]), HostsDeleted([-3])])


@pytest.mark.parametrize("payload", [b"", b"noise", b"\xff\xff\xff\xff\x00\x00\x00\x00"])
def test_what_is_no_segment_is_no_segment(payload: bytes) -> None:
    with pytest.raises((pa.ArrowException, LookupError, IndexError, ValueError)):
        survey([HostsWritten(payload)])


def test_only_the_columns_named_are_read_and_none_is_missing_of_the_whole() -> None:
    segment = written(["a", "b"], [0, 1])
    assert read_segment(segment, ("uuid", "host_id")).column_names == ["uuid", "host_id"]
    assert read_segment(segment).column_names == FLEET_SCHEMA.names


def test_a_part_whose_texts_are_long_is_cut_further_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_ROWS", 40)
    monkeypatch.setattr(module, "SEGMENT_BYTES", 20_000)
    hosts = fleet([{"host_id": f"h{number}", "cpu_info": f"{number}" * 1000} for number in range(100)])
    segments = list(host_segments(hosts, np.arange(100)))
    assert len(segments) > 3
    parts = [item.fleet.cast(FLEET_SCHEMA) for item in live_hosts(segments, survey(segments))]
    assert pa.concat_tables(parts).equals(hosts.cast(FLEET_SCHEMA))
