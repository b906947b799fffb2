"""What is refused when a ledger is opened, and what is not."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from engine.errors import LedgerCorruptError, LedgerError
from engine.ledger.journal import JournalCodec, frame
from engine.ledger.reader import read_state
from engine.ledger.records import Owner, OwnersAdded, TokensForgotten
from engine.ledger.schema import APPLICATION_ID, SCHEMA_VERSION
from engine.ledger.store import Ledger
from tests.ledger.builders import (
    AT_REST,
    EAGER,
    Notes,
    assignments,
    claims,
    consumer,
    numbers_in,
    plain,
    releases,
    state_on_disk,
    wait_for_rows,
)

VERSION_1 = """
CREATE TABLE journal (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE progress (sequence INTEGER PRIMARY KEY, record INTEGER NOT NULL, done INTEGER NOT NULL);
CREATE TABLE allocations (
  position INTEGER PRIMARY KEY,
  consumer BLOB NOT NULL UNIQUE,
  host INTEGER NOT NULL,
  shape INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  released_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX allocations_released ON allocations (released_us) WHERE released_us > 0;
CREATE TABLE shapes (code INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE owners (code INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE tokens (token TEXT NOT NULL UNIQUE, created_us INTEGER NOT NULL, record BLOB NOT NULL);
CREATE INDEX tokens_created ON tokens (created_us);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE host_segments (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('failed_commits', 0);
"""
"""The tables as the first version made them."""
OWNER_OF_VERSION_1 = b"\x93\xa1p\xa1u\xa0"
"""An owner as the first version wrote it: project p, user u, no group."""


def first_version(state_dir: Path) -> Path:
    """Make a ledger as the first version did, with rows and a journal, and return its file."""
    connection = sqlite3.connect(state_dir / "ledger.db", isolation_level=None)
    identity = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"
    connection.executescript(f"BEGIN; {VERSION_1} {identity} COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO allocations VALUES (1, ?, 7, 1, 1, 1, 0)", (consumer(1),))
    connection.execute("INSERT INTO owners VALUES (1, ?)", (OWNER_OF_VERSION_1,))
    claimed = frame(1, JournalCodec().encode(claims([2])))
    owned = frame(1, b"\x93\xacowners_added\x02\x91" + OWNER_OF_VERSION_1)
    connection.executemany("INSERT INTO journal (payload) VALUES (?)", [(claimed,), (owned,)])
    connection.close()
    return state_dir / "ledger.db"


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


def version_of(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


def test_the_first_version_is_read_as_it_is_and_upgraded_when_opened(tmp_path: Path) -> None:
    path = first_version(tmp_path)
    before = state_on_disk(tmp_path)
    assert [item[0] for item in before["allocations"]] == [consumer(1), consumer(2)]
    assert before["owners"] == {0: Owner(), 1: Owner("p", "u"), 2: Owner("p", "u")}
    assert version_of(path) == 1
    with Ledger.open(tmp_path, EAGER, Notes()) as ledger:
        ledger.submit([assignments([1, 2], b"given"), OwnersAdded(3, [Owner("p", "", "", (("os_type", "linux"),))])], 1)
        wait_for_rows(ledger)
    after = state_on_disk(tmp_path)
    assert version_of(path) == SCHEMA_VERSION
    assert after["allocations"] == before["allocations"]
    assert after["assignments"] == {consumer(1): b"given", consumer(2): b"given"}
    assert after["owners"][3].image_properties == (("os_type", "linux"),)


def second_version(state_dir: Path) -> Path:
    """Make a ledger as the second version did, in the middle of writing a journal row to the tables."""
    path = first_version(state_dir)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE allocations ADD COLUMN assignment BLOB")
        connection.execute("INSERT INTO allocations VALUES (7, ?, -1, 2, 2, 5, 9, NULL)", (consumer(9),))
        connection.execute("INSERT INTO allocations VALUES (8, ?, 3, 1, 0, 6, 0, x'00ff')", (consumer(4),))
        records = [TokensForgotten(10), releases([9], 9), claims([5, 6, 7], host=2), releases([1], 4)]
        payload = frame(len(records), b"".join(map(JournalCodec().encode, records)))
        connection.execute("DELETE FROM journal")
        connection.execute("INSERT INTO journal (sequence, payload) VALUES (12, ?)", (payload,))
        connection.execute("INSERT INTO allocations VALUES (9, ?, 2, 1, 0, 1, 0, NULL)", (consumer(5),))
        connection.execute("INSERT INTO progress VALUES (12, 2, 1)")
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    return path


def test_the_second_version_is_read_as_it_is_and_upgraded_when_opened(tmp_path: Path) -> None:
    """What of the journal had been written is not applied again: it would forget what was released after it."""
    path = second_version(tmp_path)
    before = state_on_disk(tmp_path)
    assert before["allocations"] == [
        (consumer(1), 7, 1, 1, 1, 4),
        (consumer(9), -1, 2, 2, 5, 9),
        (consumer(4), 3, 1, 0, 6, 0),
        (consumer(5), 2, 1, 0, 1, 0),
        (consumer(6), 2, 1, 0, 1, 0),
        (consumer(7), 2, 1, 0, 1, 0),
    ]
    assert before["assignments"] == {consumer(4): b"\x00\xff"}
    assert version_of(path) == 2
    for options in (AT_REST, EAGER):
        with Ledger.open(tmp_path, options, Notes()) as ledger:
            if options is EAGER:
                wait_for_rows(ledger)
            assert plain(ledger.load()) == before
        assert version_of(path) == SCHEMA_VERSION
        assert state_on_disk(tmp_path) == before


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE allocations SET consumer = x'00' WHERE position = 1", "allocation of the wrong size"),
        ("UPDATE journal SET payload = x'c1'", "journal row 12 cannot be read"),
    ],
)
def test_a_second_version_that_is_not_sound_is_refused_and_left_alone(
    tmp_path: Path, statement: str, match: str
) -> None:
    path = second_version(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    refuse(tmp_path, match)
    with pytest.raises(LedgerCorruptError, match=match):
        read_state(tmp_path)
    assert version_of(path) == 2


def test_an_upgrade_that_fails_leaves_the_first_version(tmp_path: Path) -> None:
    path = first_version(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE allocations ADD COLUMN assignment BLOB")
    connection.close()
    refuse(tmp_path, "duplicate column name", LedgerError)
    assert version_of(path) == 1


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
        ("UPDATE allocation_blocks SET payload = substr(payload, 2)", "allocation of the wrong size"),
        ("UPDATE allocation_blocks SET payload = 7", "allocation of the wrong size"),
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
