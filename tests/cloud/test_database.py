"""A cloud service's SQLite file: transactions that commit whole or not at all, and files that are refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import JSON, Column, ForeignKey, Integer, MetaData, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.cloud.database import Database
from engine.errors import InvalidFileError

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("id", Integer, primary_key=True), Column("content", JSON))
PARTS = Table("parts", METADATA, Column("thing", ForeignKey("things.id"), primary_key=True))


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalars(select(func.count()).select_from(THINGS)).one())


def test_what_is_written_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.sqlite"
    database = Database(path, METADATA)
    with database.write() as connection:
        connection.execute(insert(THINGS).values(id=1, content={"a": [1, None, "ü"]}))
    database.close()
    database = Database(path, METADATA)
    with database.read() as connection:
        assert connection.scalars(select(THINGS.c.content)).one() == {"a": [1, None, "ü"]}
    database.close()


def test_an_exception_takes_everything_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", METADATA)
    with pytest.raises(KeyError), database.write() as connection:
        connection.execute(insert(THINGS).values(id=1))
        raise KeyError
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(PARTS).values(thing=5))
    assert count(database) == 0
    database.close()


def test_a_reader_keeps_its_view_while_others_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", METADATA)
    total = select(func.count()).select_from(THINGS)
    with database.read() as reader:
        before = reader.scalars(total).one()
        with database.write() as writer:
            writer.execute(insert(THINGS).values(id=1))
        assert reader.scalars(total).one() == before
    assert count(database) == before + 1
    database.close()


def test_writers_of_several_threads_take_turns(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite", METADATA)
    with database.write() as connection:
        connection.execute(insert(THINGS).values(id=1, content=0))

    def add() -> None:
        for _ in range(25):
            with database.write() as connection:
                number = connection.scalars(select(THINGS.c.content)).one()
                connection.execute(update(THINGS).values(content=number + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.scalars(select(THINGS.c.content)).one() == 100
    database.close()


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"no database at all" * 1000)
    with pytest.raises(InvalidFileError, match="cannot be used as a database"):
        Database(garbage, METADATA)
    Database(tmp_path / "newer", METADATA, version=2).close()
    with pytest.raises(InvalidFileError, match="schema version 2"):
        Database(tmp_path / "newer", METADATA)
    with pytest.raises(InvalidFileError):
        Database(garbage / "below" / "file", METADATA)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidFileError):
        Database(tmp_path / "folder", METADATA)
