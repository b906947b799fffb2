"""Reading a ledger without its lock."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from engine.errors import LedgerError
from engine.ledger.reader import LedgerReader, read_state
from engine.ledger.store import Ledger
from tests.ledger.builders import AT_REST, EAGER, Notes, claims, numbers_in, plain, releases, wait_for_rows


def test_a_running_services_ledger_can_be_read_beside_it(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        ledger.submit([claims([1, 2])], 1)
        ledger.flush()
        assert numbers_in(read_state(tmp_path)) == [1, 2]
        ledger.submit([claims([3])], 2)
        ledger.flush()
        assert plain(read_state(tmp_path)) == plain(ledger.load())


def test_reading_changes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        ledger.submit([claims([1, 2])], 1)
    before = (tmp_path / "ledger.db").read_bytes()
    assert numbers_in(read_state(tmp_path)) == [1, 2]
    assert (tmp_path / "ledger.db").read_bytes() == before
    with LedgerReader(tmp_path, 1.0) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM journal")


def test_no_ledger_is_an_error_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no ledger in .*: ledger\.db is missing"):
        read_state(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_more_rows_than_one_query_returns_come_in_claim_order(tmp_path: Path) -> None:
    numbers = [number * 7_919 % 20_011 for number in range(20_000)]
    with Ledger.open(tmp_path, EAGER, Notes()) as ledger:
        ledger.submit([claims(numbers)], 1)
        ledger.submit([claims(numbers[:5], host=9), releases(numbers[10:20], 4)], 1)
        wait_for_rows(ledger)
        state = ledger.load()
    assert numbers_in(state) == numbers[5:] + numbers[:5]
    assert state.released_us.nonzero()[0].tolist() == list(range(5, 15))
    assert state.hosts[-5:].tolist() == [9] * 5


def test_a_copy_that_may_not_be_written_can_be_read() -> None:
    # Not pytest's own directory, which only its owner may enter.
    with tempfile.TemporaryDirectory() as directory:
        state_dir = Path(directory)
        with Ledger.open(state_dir, AT_REST, Notes()) as ledger:
            ledger.submit([claims([1, 2])], 1)
        (state_dir / "ledger.db").chmod(0o444)
        state_dir.chmod(0o555)
        try:
            pid = os.fork()
            if pid == 0:
                _exit_without_privilege(state_dir)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        finally:
            state_dir.chmod(0o755)


def _exit_without_privilege(state_dir: Path) -> None:
    """In a child process: read as a user who may not write there."""
    code = 1
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        assert not os.access(state_dir, os.W_OK)
        code = 0 if numbers_in(read_state(state_dir)) == [1, 2] else 2
    finally:
        os._exit(code)
