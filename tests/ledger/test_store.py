"""The ledger as its service sees it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import LedgerError, LedgerLockedError
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import LedgerReader, read_state
from engine.ledger.records import (
    Claims,
    DocumentsDeleted,
    DocumentsWritten,
    HostsDeleted,
    HostsWritten,
    Owner,
    OwnersAdded,
    Record,
    Releases,
    Shape,
    ShapesAdded,
    TokenAnswered,
    TokensForgotten,
)
from engine.ledger.store import Ledger
from tests.ledger.builders import (
    AT_REST,
    EAGER,
    Notes,
    claims,
    consumer,
    hold_up,
    int32,
    moves,
    numbers_in,
    plain,
    releases,
    state_on_disk,
    wait_for_rows,
)

SHAPES = [Shape("m1.small", 1, 2048, 20, {"VCPU": 1}), Shape("m1.größe", 2, 4096, 40, {"VCPU": 2, "CUSTOM_X": 1})]
OWNERS = [Owner("project", "user", "group"), Owner("project", "other", "")]


@pytest.mark.parametrize("options", [AT_REST, EAGER], ids=["journal", "rows"])
def test_a_restart_restores_everything_exactly(tmp_path: Path, options: LedgerOptions) -> None:
    notes = Notes()
    with Ledger.open(tmp_path, options, notes) as ledger:
        mixed = Claims(b"".join(map(consumer, [1, 2, 3])), int32([-1, 0, 2**31 - 1]), int32([0, 1, -(2**31)]), 2, 10)
        ledger.submit([ShapesAdded(0, SHAPES), OwnersAdded(1, OWNERS), mixed], "first")
        ledger.submit([releases([2], 20), moves([1, 2, 99], 5), TokenAnswered("t\0ö", b"\0f", b"", 30)], "second")
        ledger.submit([claims([2, 4], created_us=2**63 - 1)], "third")
        ledger.submit([DocumentsWritten("flavor", {"a": b"\0", "ö\0": b""}), DocumentsDeleted("flavor", ["b"])], "docs")
        ledger.submit([HostsWritten(b"arrow" * 9), HostsDeleted([3, 1]), HostsWritten(b"", replace=False)], "hosts")
        if options is EAGER:
            wait_for_rows(ledger)
        else:
            ledger.flush()
        before = plain(ledger.load())
    assert notes.done == ["first", "second", "third", "docs", "hosts"]
    assert before["allocations"] == [
        (consumer(1), 5, 0, 2, 10, 0),
        (consumer(3), 2**31 - 1, -(2**31), 2, 10, 0),
        (consumer(2), 7, 1, 0, 2**63 - 1, 0),
        (consumer(4), 7, 1, 0, 2**63 - 1, 0),
    ]
    assert before["shapes"] == dict(enumerate(SHAPES))
    assert before["owners"] == {0: Owner(), 1: OWNERS[0], 2: OWNERS[1]}
    assert before["documents"] == {"flavor": {"a": b"\0", "ö\0": b""}}
    assert before["segments"] == [HostsWritten(b"arrow" * 9), HostsDeleted([3, 1]), HostsWritten(b"")]
    assert before["tokens"] == {"t\0ö": TokenAnswered("t\0ö", b"\0f", b"", 30)}
    with Ledger.open(tmp_path, options, notes) as ledger:
        assert plain(ledger.load()) == before
    assert state_on_disk(tmp_path) == before


def test_a_new_ledger_is_empty_but_for_the_empty_owner(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "made" / "here", AT_REST, Notes()) as ledger:
        state = ledger.load()
    assert state.consumers.shape == (0, 16)
    assert state.consumers.dtype == np.uint8
    assert [state.hosts.dtype, state.shapes.dtype, state.owners.dtype] == [np.int32] * 3
    assert [state.created_us.dtype, state.released_us.dtype] == [np.int64] * 2
    assert plain(state) == {
        "allocations": [],
        "shapes": {},
        "owners": {0: Owner()},
        "segments": [],
        "documents": {},
        "tokens": {},
        "assignments": {},
    }


def test_submissions_that_wait_share_one_commit_and_one_notice(tmp_path: Path) -> None:
    notes = Notes()
    held = threading.Event()
    with Ledger.open(tmp_path, AT_REST, notes) as ledger:
        hold_up(ledger, held)
        for number in range(500):
            ledger.submit([claims([number])], number)
        assert notes.calls == []
        held.set()
        ledger.flush()
        statistics = ledger.statistics()
        assert notes.calls == [(list(range(500)), None)]
        assert (statistics.commits, statistics.submissions, statistics.records) == (1, 500, 500)
        assert 0 < statistics.last_commit_s == statistics.mean_commit_s
        assert statistics.backlog_rows == 500
        assert numbers_in(ledger.load()) == list(range(500))


def test_a_group_is_closed_at_its_size(tmp_path: Path) -> None:
    notes = Notes()
    held = threading.Event()
    with Ledger.open(tmp_path, LedgerOptions(group_bytes=1_000), notes) as ledger:
        hold_up(ledger, held)
        for number in range(4):
            ledger.submit([claims(range(number * 30, number * 30 + 30))], number)
        held.set()
        ledger.flush()
        assert [tickets for tickets, _ in notes.calls] == [[0, 1], [2, 3]]


def test_an_empty_submission_is_notified_in_its_turn(tmp_path: Path) -> None:
    notes = Notes()
    with Ledger.open(tmp_path, AT_REST, notes) as ledger:
        ledger.submit([], "nothing")
        ledger.flush()
    assert notes.calls == [(["nothing"], None)]


def test_close_commits_what_is_queued_and_is_final(tmp_path: Path) -> None:
    notes = Notes()
    ledger = Ledger.open(tmp_path, AT_REST, notes)
    for number in range(50):
        ledger.submit([claims([number])], number)
    ledger.close()
    ledger.close()
    assert notes.done == list(range(50))
    with pytest.raises(LedgerError, match="closed"):
        ledger.submit([claims([51])], 51)
    with pytest.raises(LedgerError, match="closed"):
        ledger.flush()
    assert numbers_in(read_state(tmp_path)) == list(range(50))


def test_a_second_service_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, AT_REST, Notes()):
        with pytest.raises(LedgerLockedError, match=rf"in use by process {os.getpid()}: stop that service") as caught:
            Ledger.open(tmp_path, AT_REST, Notes())
        assert caught.value.details["pid"] == str(os.getpid())
    Ledger.open(tmp_path, AT_REST, Notes()).close()


def test_a_state_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be made"):
        Ledger.open(tmp_path / "file" / "state", AT_REST, Notes())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Claims(b"short", b"", b"", 0, 1),
        lambda: Claims(consumer(1), int32([1, 2]), int32([1]), 0, 1),
        lambda: Claims(consumer(1), int32([1]), b"", 0, 1),
        lambda: claims([1], owner=-1),
        lambda: claims([1], created_us=2**63),
        lambda: releases([1], released_us=0),
        lambda: TokenAnswered(5, b"", b"", 1),  # type: ignore[arg-type]
        lambda: TokenAnswered("\ud800", b"", b"", 1),
        lambda: TokensForgotten(10**30),
        lambda: HostsWritten("text"),  # type: ignore[arg-type]
        lambda: HostsDeleted(["one"]),  # type: ignore[list-item]
        lambda: DocumentsWritten("flavor", {"a": None}),  # type: ignore[dict-item]
        lambda: object(),
    ],
)
def test_a_malformed_record_is_refused_and_takes_nothing_with_it(tmp_path: Path, wrong: object) -> None:
    notes = Notes()
    with Ledger.open(tmp_path, AT_REST, notes) as ledger:
        with pytest.raises((ValueError, TypeError, OverflowError)):
            ledger.submit([claims([1]), wrong()], "wrong")  # type: ignore[operator]
        ledger.submit([claims([2])], "right")
        ledger.flush()
        assert notes.calls == [(["right"], None)]
        assert numbers_in(ledger.load()) == [2]


def test_records_are_copied_when_submitted(tmp_path: Path) -> None:
    documents = {"a": b"1"}
    held = threading.Event()
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        hold_up(ledger, held)
        ledger.submit([DocumentsWritten("flavor", documents)], 1)
        documents["b"] = b"2"
        held.set()
        ledger.flush()
        assert ledger.load().documents == {"flavor": {"a": b"1"}}


def test_a_replacing_segment_drops_the_earlier_ones(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        ledger.submit([HostsWritten(b"1"), HostsDeleted([1])], 1)
        ledger.submit([HostsWritten(b"2" * 5_000_000, replace=True)], 2)
        ledger.submit([HostsDeleted([2]), HostsWritten(b"3")], 3)
        ledger.flush()
        segments = ledger.load().host_segments
    assert segments == [HostsWritten(b"2" * 5_000_000, replace=True), HostsDeleted([2]), HostsWritten(b"3")]
    assert list(read_state(tmp_path).host_segments) == segments


@pytest.mark.parametrize("options", [AT_REST, EAGER], ids=["journal", "rows"])
def test_a_tombstone_stays_until_it_is_forgotten(tmp_path: Path, options: LedgerOptions) -> None:
    def run(*records: Record) -> dict[str, Any]:
        ledger.submit(records, None)
        if options is EAGER:
            wait_for_rows(ledger)
        ledger.flush()
        return plain(ledger.load())

    with Ledger.open(tmp_path, options, Notes()) as ledger:
        old, new = TokenAnswered("old", b"f", b"a", 10), TokenAnswered("new", b"f", b"a", 11)
        run(claims([1, 2, 3]), releases([1], 10), releases([2, 2], 11), releases([1], 99), old, new)
        state = run(moves([1], 8), TokensForgotten(10))
        assert [row[-1] for row in state["allocations"]] == [10, 11, 0]
        assert state["allocations"][0][1] == 7
        state = run(TokensForgotten(11))
        assert state["allocations"] == [(consumer(2), 7, 1, 0, 1, 11), (consumer(3), 7, 1, 0, 1, 0)]
        assert state["tokens"] == {"new": new}
        state = run(claims([2], host=4, created_us=50), Releases(consumer(1), 60))
        assert state["allocations"] == [(consumer(3), 7, 1, 0, 1, 0), (consumer(2), 4, 1, 0, 50, 0)]


def test_a_mark_sees_its_place_in_the_queue_while_writes_go_on(tmp_path: Path) -> None:
    readers: list[tuple[int, LedgerReader]] = []

    def keep(count: int) -> None:
        def marked(reader: LedgerReader | None, error: LedgerError | None) -> None:
            assert error is None
            assert reader is not None
            readers.append((count, reader))

        ledger.mark(marked)

    with Ledger.open(tmp_path, EAGER, Notes()) as ledger:
        for number in range(300):
            ledger.submit([claims([number]), releases([number // 2], 5)], number)
            if number % 60 == 17:
                keep(number + 1)
        wait_for_rows(ledger)
        ledger.submit([claims(range(1_000, 1_100)), TokensForgotten(100)], "after")
        wait_for_rows(ledger)
        assert [count for count, _ in readers] == [18, 78, 138, 198, 258]
        for count, reader in readers:
            state = reader.state()
            assert plain(reader.state()) == plain(state)
            reader.close()
            assert numbers_in(state) == list(range(count))
            assert (state.released_us > 0).sum() == (count + 1) // 2
        assert ledger.load().released_us.max() == 0


def test_a_mark_without_a_reader_says_why(tmp_path: Path) -> None:
    answers: list[object] = []
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
        ledger.mark(lambda reader, error: answers.append((reader, type(error))))
        ledger.flush()
        (tmp_path / "moved.db").rename(tmp_path / "ledger.db")
    assert answers == [(None, LedgerError)]


def test_many_threads_may_submit(tmp_path: Path) -> None:
    notes = Notes()
    with Ledger.open(tmp_path, LedgerOptions(), notes) as ledger:

        def work(base: int) -> None:
            for number in range(base, base + 200):
                ledger.submit([claims([number])], number)

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 1_000, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger.flush()
        assert sorted(notes.done) == list(range(1_000))  # type: ignore[type-var]
        assert sorted(numbers_in(ledger.load())) == list(range(1_000))
        assert ledger.statistics().commits < 1_000
