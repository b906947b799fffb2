"""Host segments are compacted without changing what they say, whatever was written and whenever it is interrupted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger.options import LedgerOptions
from engine.ledger.records import HostsDeleted, HostSegment, HostsWritten
from engine.ledger.store import Ledger
from engine.service import host_segments as sizes
from engine.service import segment_compaction as module
from engine.service.host_segments import all_names, host_segments, live_hosts, survey
from engine.service.segment_compaction import compact, compact_now_and_then, groups_to_rewrite, is_worn, merged
from tests.builders import fleet


@cache
def segment(vcpus: int, *rows: int) -> HostsWritten:
    """Hosts h<row> with so many vcpus at these rows."""
    (made,) = host_segments(fleet([{"host_id": f"h{row}", "vcpus": vcpus} for row in rows]), np.array(rows))
    return made


def said(segments: list[HostSegment]) -> tuple[dict[int, tuple[str, int]], list[str]]:
    """What segments say: name and vcpus by row, and the name of every row there ever was."""
    found = survey(segments)
    hosts = {
        row: (name, vcpus)
        for item in live_hosts(segments, found)
        for row, name, vcpus in zip(
            item.rows.tolist(), item.fleet["host_id"].to_pylist(), item.fleet["vcpus"].to_pylist(), strict=True
        )
    }
    return hosts, all_names(segments, found, ("host_id",))["host_id"].to_pylist() if len(found.writer) else []


def rewritten(segments: list[HostSegment]) -> list[HostSegment]:
    """The segments after a compaction of all that saves anything."""
    found = survey(segments)
    made: dict[int, list[HostSegment]] = {place: [item] for place, item in enumerate(segments)}
    for group in groups_to_rewrite(found):
        made |= {place: [] for place in group}
        made[group[0]] = merged([segments[place] for place in group], group, found)
    return [item for place in sorted(made) for item in made[place]]


ROWS = st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True)
HISTORY = st.lists(st.tuples(st.sampled_from(["write", "write", "delete"]), ROWS), max_size=12)


def history(steps: list[tuple[str, list[int]]]) -> list[HostSegment]:
    return [
        segment(number + 1, *rows) if step == "write" else HostsDeleted(rows)
        for number, (step, rows) in enumerate(steps)
    ]


@given(HISTORY, st.integers(4, 40))
@settings(deadline=None, max_examples=25)
def test_compacted_segments_say_the_same_with_a_row_a_host(steps: list[tuple[str, list[int]]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT_ROWS", most)
        segments = history(steps)
        found = survey(segments)
        after = rewritten(segments)
        assert said(after) == said(segments)
        written = sum(
            len(item) for item, wrote in zip(survey(after).numbers, survey(after).writes, strict=True) if wrote
        )
        assert written == int((found.writer >= 0).sum())
        assert len(after) <= len(segments)


@given(HISTORY, HISTORY, st.integers(0, 3))
@settings(deadline=None, max_examples=15)
def test_what_is_written_meanwhile_and_after_still_has_the_last_word(
    steps: list[tuple[str, list[int]]], later: list[tuple[str, list[int]]], only: int
) -> None:
    segments, following = history(steps), history([*steps, *later])[len(steps) :]
    found = survey(segments)
    after: list[HostSegment] = list(segments)
    # one group alone, as a crash between two of them leaves it
    for group in groups_to_rewrite(found)[only : only + 1]:
        after[group[0] : group[-1] + 1] = merged([segments[place] for place in group], group, found)
    assert said(after + following) == said(segments + following)


def opened(folder: Path) -> Ledger:
    return Ledger.open(folder, LedgerOptions(), lambda tickets, error: None)


def test_a_ledger_is_compacted_while_it_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_ROWS", 10)
    monkeypatch.setattr(module, "SEGMENT_ROWS", 25)
    with opened(tmp_path) as ledger:
        assert compact(ledger) is None
        for turn in range(60):
            ledger.submit([segment(turn + 1, *range(40)), HostsDeleted([turn % 7])], turn)
        ledger.flush()
        before = said(list(ledger.load().host_segments))
        done = compact(ledger)
        assert done is not None
        assert (done.segments_before, done.rows_before) == (120, 60 * 41)
        ledger.submit([segment(99, 3, 50)], "later")
        ledger.flush()
        after = list(ledger.load().host_segments)
        assert len(after) == done.segments_after + 1
        assert sum(map(len, survey(after).numbers)) == done.rows_after + 2
        assert said(after[:-1]) == before
        assert said(after)[0][3] == ("h3", 99)
        assert compact(ledger) is None


def test_segments_that_are_there_no_longer_are_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        first = segment(1, 0)
        ledger.submit([first, segment(2, 0)], 0)
        ledger.flush()
        size = len(first.payload)
        assert not ledger.replace_segments([(1, size), (3, size)], [first])
        assert not ledger.replace_segments([(1, size + 1)], [first])
        assert len(ledger.load().host_segments) == 2
        assert ledger.replace_segments([(1, size)], [])
        assert said(list(ledger.load().host_segments))[0] == {0: ("h0", 2)}


@pytest.mark.parametrize(
    ("segments", "rows", "live", "worn"),
    [(0, 0, 0, False), (20, 1_000_000, 1_000_000, False), (40, 2_100_000, 1_000_000, True), (5_000, 5_000, 10, True)],
)
def test_segments_are_worn_by_rows_said_anew_or_by_their_number(
    segments: int, rows: int, live: int, worn: bool
) -> None:
    assert is_worn(segments, rows, live) == worn
    assert sizes.SEGMENT_ROWS == module.SPARE_ROWS


def test_it_happens_by_itself_once_enough_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE_SEGMENTS", 10)
    asyncio.run(_compacted_by_itself(tmp_path))


async def _compacted_by_itself(tmp_path: Path) -> None:
    written = [0, 0]
    with opened(tmp_path) as ledger:
        task = asyncio.create_task(compact_now_and_then(ledger, False, lambda: (written[0], written[1]), 0.01))
        ledger.submit([segment(number + 1, 0) for number in range(30)], 0)
        ledger.flush()
        await asyncio.sleep(0.05)
        assert len(ledger.load().host_segments) == 30
        written[0] = 30
        deadline = time.monotonic() + 10
        while len(ledger.load().host_segments) > 1:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        task.cancel()
        assert said(list(ledger.load().host_segments))[0] == {0: ("h0", 30)}


_COMPACT_FOR_EVER = """
import sys
from pathlib import Path
from engine.ledger.options import LedgerOptions
from engine.ledger.store import Ledger
from engine.service import segment_compaction as module
from tests.service.test_segment_compaction import segment
module.SEGMENT_ROWS = 4
with Ledger.open(Path(sys.argv[1]), LedgerOptions(checkpoint_idle_s=0.0), lambda tickets, error: None) as ledger:
    print("ready", flush=True)
    turn = 0
    while True:
        turn += 1
        # the same again: compaction alone changes what is stored
        ledger.submit([segment(row + 1, row) for row in range(20)], turn)
        module.compact(ledger, only_worn=False)
"""


def test_killed_in_the_middle_it_has_lost_nothing_and_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        ledger.submit([segment(row + 1, row) for row in range(20)] + [segment(9, 20), HostsDeleted([20])], 0)
        ledger.flush()
    wanted = ({row: (f"h{row}", row + 1) for row in range(20)}, [f"h{row}" for row in range(21)])
    for turn in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _COMPACT_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.15 + 0.07 * turn)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL
        with opened(tmp_path) as ledger:
            assert said(list(ledger.load().host_segments)) == wanted
