"""The committing thread when things go wrong, and when it is pressed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import InvalidSettingError, LedgerError
from engine.ledger.options import LedgerOptions
from engine.ledger.reader import read_state
from engine.ledger.records import Claims, HostsWritten
from engine.ledger.store import Ledger
from tests.ledger.builders import (
    AT_REST,
    EAGER,
    Notes,
    claims,
    hold_up,
    int32,
    numbers_in,
    plain,
    releases,
    wait_for_rows,
)

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

FULL_DISK = """
import json, resource, sys
from pathlib import Path
from engine.ledger.options import LedgerOptions
from engine.ledger.records import DocumentsWritten
from engine.ledger.store import Ledger
from tests.ledger.builders import Notes, claims

state_dir = Path(sys.argv[1])
notes = Notes()
ledger = Ledger.open(state_dir, LedgerOptions(idle_s=0.0 if sys.argv[2] == "rows" else 60.0, retry_s=0.01), notes)
ledger.submit([claims(range(10))], "before")
ledger.flush()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, ((state_dir / "ledger.db-wal").stat().st_size + 9_000, hard))
for attempt in range(3):
    ledger.submit([claims(range(100, 140))], f"small {attempt}")
    ledger.submit([DocumentsWritten("flavor", {"big": bytes(500_000)})], f"large {attempt}")
    ledger.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
ledger.submit([claims(range(200, 220))], "after")
ledger.flush()
loaded = len(ledger.load().hosts)
if sys.argv[3] == "close":
    ledger.close()
messages = sorted({type(error).__name__ + ": " + error.message for _, error in notes.calls if error})
print(json.dumps({"done": notes.done, "failed": notes.failed, "messages": messages, "loaded": loaded}), flush=True)
"""


@pytest.mark.parametrize("rows", ["journal", "rows"])
@pytest.mark.parametrize("end", ["close", "vanish"])
def test_a_full_disk_fails_the_group_whole_and_the_ledger_works_again(tmp_path: Path, rows: str, end: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), rows, end],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=ENVIRONMENT,
    )
    found = json.loads(run.stdout)
    assert {f"large {attempt}" for attempt in range(3)} <= set(found["failed"]), run.stderr
    assert found["done"][0] == "before"
    assert found["done"][-1] == "after"
    assert len(found["done"]) + len(found["failed"]) == 8
    assert all(message.startswith("LedgerError: the ledger could not be written (") for message in found["messages"])
    assert all("nothing of this request was recorded" in message for message in found["messages"])
    state = read_state(tmp_path)
    smalls = [*range(100, 140)] if any(ticket.startswith("small") for ticket in found["done"]) else []
    assert numbers_in(state) == [*range(10), *smalls, *range(200, 220)]
    assert found["loaded"] == len(state.hosts)
    assert state.documents == {}


LATE_SYNC = """
import os, sys
from pathlib import Path
from engine.ledger.options import LedgerOptions
from engine.ledger.store import Ledger
from tests.ledger.builders import Notes, claims

notes = Notes()
ledger = Ledger.open(Path(sys.argv[1]), LedgerOptions(idle_s=60.0), notes)
while not notes.failed:
    ledger.submit([claims([len(notes.done)])], len(notes.done))
    ledger.flush()
print(len(notes.done), flush=True)
os._exit(0)
"""


def test_a_group_whose_sync_failed_does_not_come_back_after_a_crash(tmp_path: Path) -> None:
    """The whole group is in the log's file by then, and only the write that follows takes it out again."""
    # The committer's first syncs belong to the log's header and directory; its sixth is that of a later group.
    inject = ["strace", "-f", "-o", os.devnull, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=6"]
    if shutil.which("strace") is None or subprocess.run([*inject, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace, which makes the sync fail, cannot be used here")
    command = [*inject, sys.executable, "-c", LATE_SYNC, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=ENVIRONMENT)
    done = int(run.stdout)
    assert done > 0
    assert "disk I/O error" in run.stderr
    assert numbers_in(read_state(tmp_path)) == list(range(done))


def test_every_commit_is_synced_also_after_rows_were_written(tmp_path: Path) -> None:
    modes: list[int] = []

    def notify(tickets: object, error: LedgerError | None) -> None:
        modes.append(ledger._connection.execute("PRAGMA synchronous").fetchone()[0])

    with Ledger.open(tmp_path, EAGER, notify) as ledger:
        for number in range(5):
            ledger.submit([claims([number])], number)
            wait_for_rows(ledger)
    full = 2
    assert modes == [full] * 5


@contextmanager
def locked_database(state_dir: Path) -> Iterator[None]:
    """Hold the database's write lock as an operator's shell might."""
    connection = sqlite3.connect(state_dir / "ledger.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def test_a_failed_group_takes_all_its_submissions_and_no_others(tmp_path: Path) -> None:
    notes = Notes()
    held = threading.Event()
    with Ledger.open(tmp_path, LedgerOptions(busy_timeout_s=0.0, idle_s=60.0), notes) as ledger:
        ledger.submit([claims([1])], "before")
        ledger.flush()
        hold_up(ledger, held)
        ledger.submit([claims([2])], "one")
        ledger.submit([claims([3]), HostsWritten(b"arrow", replace=True)], "two")
        with locked_database(tmp_path):
            held.set()
            ledger.flush()
        ledger.submit([claims([4])], "after")
        ledger.flush()
        assert [tickets for tickets, _ in notes.calls] == [["before"], ["one", "two"], ["after"]]
        error = notes.calls[1][1]
        assert type(error) is LedgerError
        assert error.reason == "LEDGER_UNAVAILABLE"
        assert isinstance(error.__cause__, sqlite3.OperationalError)
        assert numbers_in(ledger.load()) == [1, 4]
        assert list(ledger.load().host_segments) == []
        statistics = ledger.statistics()
        assert (statistics.commits, statistics.failed_commits, statistics.submissions) == (2, 1, 2)
        assert statistics.backlog_rows == 2


def test_rows_that_cannot_be_written_stay_in_the_journal_and_are_tried_again(tmp_path: Path) -> None:
    options = LedgerOptions(busy_timeout_s=0.0, idle_s=0.0, retry_s=0.005, slice_rows=2)
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        ledger.submit([claims(range(20)), releases([3], 9)], 1)
        ledger.flush()
        before = plain(ledger.load())
    connection = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON allocation_blocks BEGIN SELECT raise(ABORT, 'no room'); END"
    )
    with Ledger.open(tmp_path, options, Notes()) as ledger:
        while ledger.statistics().row_failures < 3:
            time.sleep(0.001)
        ledger.submit([claims([30])], 2)
        ledger.flush()
        assert ledger.statistics().backlog_rows == 22
        connection.execute("DROP TRIGGER full")
        wait_for_rows(ledger)
        assert plain(ledger.load())["allocations"][:-1] == before["allocations"]
        assert numbers_in(ledger.load())[-1] == 30
    connection.close()


def test_what_notify_and_marks_raise_does_not_stop_the_ledger(tmp_path: Path) -> None:
    seen: list[object] = []

    def notify(tickets: object, error: LedgerError | None) -> None:
        seen.append(tickets)
        raise RuntimeError("the caller's own fault")

    def marked(reader: object, error: LedgerError | None) -> None:
        raise RuntimeError("the caller's own fault")

    with Ledger.open(tmp_path, AT_REST, notify) as ledger:
        ledger.submit([claims([1])], 1)
        ledger.mark(marked)
        ledger.submit([claims([2])], 2)
        ledger.flush()
        assert seen == [[1], [2]]
        assert numbers_in(ledger.load()) == [1, 2]


def test_the_backlog_stays_within_twice_its_bound_or_what_there_is(tmp_path: Path) -> None:
    options = LedgerOptions(backlog_rows=500, pressed_slice_rows=100, idle_s=60.0)
    with Ledger.open(tmp_path, options, Notes()) as ledger:
        for base in range(0, 8_000, 400):
            ledger.submit([claims(range(base, base + 400))], base)
            ledger.flush()
            assert ledger.statistics().backlog_rows <= max(1_000, base)
        statistics = ledger.statistics()
        assert statistics.rows_written + statistics.backlog_rows == 8_000
        assert numbers_in(ledger.load()) == list(range(8_000))


def test_a_busy_interpreter_does_not_starve_the_rows(tmp_path: Path) -> None:
    """One statement per row would write some 800 rows a second here, and this would take a minute."""
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1_000))

    total = 50 * 1_024
    zeros = int32([0] * 1_024)
    with Ledger.open(tmp_path, LedgerOptions(), Notes()) as ledger:
        spinner = threading.Thread(target=spin)
        spinner.start()
        try:
            for created_us in range(50):
                ledger.submit([Claims(os.urandom(16 * 1_024), zeros, zeros, 0, created_us)], created_us)
            wait_for_rows(ledger, deadline_s=20.0)
        finally:
            stop.set()
            spinner.join()
        assert len(ledger.load().hosts) == total


def test_the_log_is_copied_and_used_again_when_the_ledger_rests(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, EAGER, Notes()) as ledger:
        sizes = []
        for base in range(0, 30_000, 3_000):
            ledger.submit([HostsWritten(bytes(400_000), replace=True)], base)
            wait_for_rows(ledger)
            time.sleep(0.02)
            sizes.append((tmp_path / "ledger.db-wal").stat().st_size)
        assert sizes[-1] < 1_500_000


@pytest.mark.parametrize(
    ("name", "value"),
    [("backlog_rows", -1), ("slice_rows", 0), ("group_bytes", 0), ("idle_s", -0.1), ("retry_s", float("nan"))],
)
def test_a_setting_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidSettingError, match=f"ledger {name} must be at least") as caught:
        LedgerOptions(**{name: value})  # type: ignore[arg-type]
    assert caught.value.details["field"] == name
