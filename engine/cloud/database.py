"""One SQLite file of a cloud service, through SQLAlchemy Core: opened, checked, and used inside transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError

from engine.errors import InvalidFileError

_BUSY_S = 30
_READING = "berth_reading"


def _as_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


class Database:
    """A SQLite file in WAL mode that one process writes.

    Commits are not synced one by one (``synchronous=NORMAL``): a killed process loses nothing, a crashed machine at
    most the last moments. A transaction is short, so handlers use it on the event loop; never await inside one. Columns
    of SQLAlchemy's ``JSON`` type hold what msgspec encodes.
    """

    def __init__(self, path: Path, metadata: MetaData, *, version: int = 1) -> None:
        """Open or create the file with the tables of ``metadata``.

        ``version``: of the schema; a file of another one is refused. Raises InvalidFileError when the file is not ours
        or cannot be used.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise InvalidFileError(f"cannot make the directory of {path}: {error.strerror}", path=path) from error
        self._engine = _engine_of(path)
        self._reading = self._engine.execution_options(**{_READING: True})
        try:
            with self.write() as connection:
                found: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                if found not in (0, version):
                    raise InvalidFileError(
                        f"{path} has schema version {found}, this program writes {version}: use the program that wrote "
                        "it, or another state directory",
                        path=path,
                    )
                metadata.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {version}")
        except DatabaseError as error:
            self._engine.dispose()
            raise InvalidFileError(f"{path} cannot be used as a database: {error.orig}", path=path) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading, with one view of the data for its duration."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection that alone may write; committed at the end, rolled back when an exception leaves it."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _engine_of(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": _BUSY_S, "check_same_thread": False},
        json_serializer=_as_text,
        json_deserializer=msgspec.json.decode,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # transactions begin where SQLAlchemy says so, not where the sqlite3 module guesses
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a writer takes the lock at once: one that starts as a reader could find itself unable to go on
        reading = connection.get_execution_options().get(_READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
