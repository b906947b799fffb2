"""The database file: its tables and identity, its creation (whole or not at all), and connections to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from engine.errors import LedgerCorruptError, LedgerError
from engine.ledger.allocation_rows import blocks_of
from engine.ledger.journal import JournalCodec, frame
from engine.ledger.options import LedgerOptions
from engine.ledger.stored_rows import table_journal_entries, table_rows

DATABASE_NAME = "ledger.db"
SCHEMA_VERSION = 3
FIRST_VERSION = 1
"""The oldest version that is still read, and brought up to date when it is opened for writing."""
APPLICATION_ID = 0x42727468
"""``Brth`` in the file's header, so that another program's database is told apart."""

_BLOCKS = """
CREATE TABLE progress (position INTEGER PRIMARY KEY, through INTEGER NOT NULL);
CREATE TABLE allocation_blocks (position INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE assignments (consumer BLOB PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;"""
"""Allocations as rows of ``allocation_rows``, and the journal sequence up to which a block has been brought."""
_TABLES = """
CREATE TABLE journal (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE shapes (code INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE owners (code INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE tokens (token TEXT NOT NULL UNIQUE, created_us INTEGER NOT NULL, record BLOB NOT NULL);
CREATE INDEX tokens_created ON tokens (created_us);
CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE host_segments (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('failed_commits', 0);
"""


def _add_assignments(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE allocations ADD COLUMN assignment BLOB")


def _to_blocks(connection: sqlite3.Connection) -> None:
    """Make blocks of the table of allocations, and a whole of the journal's first row, part of which was in it."""
    codec = JournalCodec()
    entries = list(table_journal_entries(connection, codec))
    connection.execute("DELETE FROM journal")
    for sequence, records in entries:
        if records:
            payload = frame(len(records), b"".join(map(codec.encode, records)))
            connection.execute("INSERT INTO journal VALUES (?, ?)", (sequence, payload))
    rows = table_rows(connection)
    connection.execute("DROP TABLE progress")
    for statement in filter(None, _BLOCKS.split(";")):
        connection.execute(statement)
    for block in blocks_of(rows):
        connection.execute("INSERT INTO allocation_blocks (payload) VALUES (?)", (block.tobytes(),))
    connection.execute(
        "INSERT INTO assignments SELECT consumer, assignment FROM allocations WHERE assignment IS NOT NULL"
    )
    connection.execute("DROP TABLE allocations")


_UPGRADES = {1: _add_assignments, 2: _to_blocks}
"""What makes of each earlier version the one after it."""


def open_for_writing(state_dir: Path, options: LedgerOptions) -> sqlite3.Connection:
    """Return the writing connection (WAL, synchronous=FULL), creating the database where there is none.

    Raises LedgerCorruptError when the file is not a sound ledger of this version, LedgerError when it cannot be
    opened or created.
    """
    path = state_dir / DATABASE_NAME
    if not path.exists():
        if path.with_name(f"{DATABASE_NAME}-wal").exists():
            raise LedgerCorruptError(
                f"{path} is missing but its write-ahead log is there: restore the file from a copy"
            )
        _create(path)
    connection = _connect(path, "rw", options.busy_timeout_s)
    try:
        version = check_identity(connection, path)
        _check_soundness(connection, path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise LedgerError(f"{path} cannot use a write-ahead log: keep the state directory on a local disk")  # noqa: TRY301
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{options.cache_mb * 1024}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {options.checkpoint_pages}")
        if version != SCHEMA_VERSION:
            _upgrade(connection, version)
    except sqlite3.Error as error:
        connection.close()
        raise failure_to_open(path, error) from error
    except LedgerError:
        connection.close()
        raise
    return connection


def open_for_reading(state_dir: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Return a read-only connection, also to an earlier version's file; it needs no lock and holds no writer up.

    Raises LedgerCorruptError or LedgerError as ``open_for_writing`` does, and LedgerError where there is no ledger.
    """
    path = state_dir / DATABASE_NAME
    if not path.exists():
        raise LedgerError(f"there is no ledger in {state_dir}: {DATABASE_NAME} is missing")
    wal = path.with_name(f"{DATABASE_NAME}-wal")
    # A copy on read-only media: SQLite would want to make its shared index beside it, and without a log there is
    # nothing to share.
    mode = "ro" if os.access(state_dir, os.W_OK) or wal.exists() else "ro&immutable=1"
    connection = _connect(path, mode, busy_timeout_s)
    try:
        check_identity(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise failure_to_open(path, error) from error
    except LedgerError:
        connection.close()
        raise
    return connection


def check_identity(connection: sqlite3.Connection, path: Path) -> int:
    """Return the file's ledger version; raise LedgerCorruptError unless it is a ledger that this Berth can read."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise LedgerCorruptError(
            f"{path} is not a Berth ledger: restore it from a copy or give another state directory"
        )
    if not FIRST_VERSION <= version <= SCHEMA_VERSION:
        message = f"{path} has ledger version {version}, this Berth knows {SCHEMA_VERSION}: use the Berth that wrote it"
        raise LedgerCorruptError(message, version=version)
    return int(version)


def failure_to_open(path: Path, error: sqlite3.Error) -> LedgerError:
    """Return the ledger error for SQLite's: corrupt where the content is at fault, otherwise unavailable."""
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return LedgerCorruptError(
            f"{path} is damaged ({error}): restore it from a copy or give another state directory"
        )
    return LedgerError(f"{path} cannot be opened: {error}")


def _connect(path: Path, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise failure_to_open(path, error) from error


def _check_soundness(connection: sqlite3.Connection, path: Path) -> None:
    """Raise LedgerCorruptError when a page is missing or misplaced (about 50 ms for 300 000 allocations)."""
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        message = (
            f"{path} is damaged ({finding.splitlines()[-1]}): restore it from a copy or give another state directory"
        )
        raise LedgerCorruptError(message)


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables from an earlier version to this one, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for earlier in range(version, SCHEMA_VERSION):
            _UPGRADES[earlier](connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except (sqlite3.Error, LedgerError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create(path: Path) -> None:
    """Make the database under another name and move it into place: an empty ledger.db is never a new one."""
    draft = path.with_name(f"{DATABASE_NAME}.new")
    try:
        for leftover in (draft, path.with_name(f"{DATABASE_NAME}.new-journal")):
            leftover.unlink(missing_ok=True)
        connection = _connect(draft, "rwc", 0.0)
        try:
            # Transactional in SQLite: tables, version and identity appear together.
            identity = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
            connection.executescript(f"BEGIN; {_TABLES} {_BLOCKS} {identity} COMMIT")
        finally:
            connection.close()
        draft.rename(path)
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger {path} cannot be created: {error}") from error
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be created: {error.strerror}") from error
