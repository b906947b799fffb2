"""What is refused when a ledger is opened, and what is not."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from engine.errors import LedgerCorruptError, LedgerError
from engine.ledger.reader import read_state
from engine.ledger.schema import SCHEMA_VERSION
from engine.ledger.store import Ledger
from tests.ledger.builders import AT_REST, EAGER, Notes, claims, numbers_in, wait_for_rows


def filled(state_dir: Path) -> Path:
    """Make a ledger of 3 000 allocations and return its file."""
    with Ledger.open(state_dir, EAGER, Notes()) as ledger:
        ledger.submit([claims(range(3_000))], 1)
        wait_for_rows(ledger)
    return state_dir / "ledger.db"


def refuse(state_dir: Path, match: str, error: type[LedgerError] = LedgerCorruptError) -> None:
    """Assert that neither the service nor an audit opens it, and that the lock is free again."""
    for _ in range(2):
        with pytest.raises(error, match=match) as caught:
            Ledger.open(state_dir, AT_REST, Notes())
        assert type(caught.value) is error


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(os.urandom(20_000))
    refuse(tmp_path, r"ledger\.db is damaged \(file is not a database\): restore it from a copy")
    with pytest.raises(LedgerCorruptError, match="not a database"):
        read_state(tmp_path)


def test_an_empty_file_is_not_taken_for_a_new_ledger(tmp_path: Path) -> None:
    filled(tmp_path).write_bytes(b"")
    refuse(tmp_path, "is not a Berth ledger")
    with pytest.raises(LedgerCorruptError, match="is not a Berth ledger"):
        read_state(tmp_path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = filled(tmp_path)
    os.truncate(path, int(path.stat().st_size * kept))
    refuse(tmp_path, "is damaged")


def test_a_page_of_garbage_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    refuse(tmp_path, "is damaged")


def test_a_missing_file_beside_its_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db-wal").write_bytes(b"")
    refuse(tmp_path, "is missing but its write-ahead log is there")


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("CREATE TABLE things (name TEXT)")
    connection.close()
    refuse(tmp_path, "is not a Berth ledger")


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(filled(tmp_path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    refuse(
        tmp_path, f"ledger version {SCHEMA_VERSION + 1}, this Berth knows {SCHEMA_VERSION}: use the Berth that wrote it"
    )
    with pytest.raises(LedgerCorruptError, match="ledger version"):
        read_state(tmp_path)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\xdd\0\0\0\1", b"\x91\x91\xa7unknown", b"\x91\x96\xa6claims\xc4\1a\xc4\0\xc4\0\0\1"]
)
def test_a_malformed_journal_record_is_refused(tmp_path: Path, payload: bytes) -> None:
    with sqlite3.connect(filled(tmp_path)) as connection:
        connection.execute("INSERT INTO journal (sequence, payload) VALUES (77, ?)", (payload,))
    connection.close()
    refuse(tmp_path, "journal row 77 cannot be read")
    with pytest.raises(LedgerCorruptError, match="journal row 77 cannot be read"):
        read_state(tmp_path)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE allocations SET consumer = x'00' WHERE position = 9", "allocation of the wrong size"),
        ("INSERT INTO shapes VALUES (1, x'c1')", "shapes that cannot be read"),
        ("INSERT INTO tokens VALUES ('t', 1, x'92a1')", "tokens that cannot be read"),
        ("INSERT INTO host_segments VALUES (1, 9, x'')", "host segment of unknown kind 9"),
        ("INSERT INTO host_segments VALUES (1, 2, x'c1')", "host segment that cannot be read"),
        ("DROP TABLE documents", "no such table"),
    ],
)
def test_rows_that_break_the_rules_are_refused_when_loaded(tmp_path: Path, statement: str, match: str) -> None:
    with sqlite3.connect(filled(tmp_path)) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(LedgerError, match=match):
        read_state(tmp_path)
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger, pytest.raises(LedgerError, match=match):
        ledger.load()


def test_what_a_broken_creation_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "ledger.db.new").write_bytes(b"half")
    (tmp_path / "ledger.db.new-journal").write_bytes(b"half")
    with Ledger.open(tmp_path, AT_REST, Notes()) as ledger:
        assert numbers_in(ledger.load()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.db", "ledger.lock"]


def test_a_directory_in_the_files_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    refuse(tmp_path, "cannot be opened", LedgerError)


def test_odd_characters_in_the_path_are_nothing_special(tmp_path: Path) -> None:
    filled(tmp_path / "a ?b#c%20ö")
    assert len(read_state(tmp_path / "a ?b#c%20ö").hosts) == 3_000
