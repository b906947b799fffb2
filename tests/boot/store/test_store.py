"""The database: one writer whose changes are committed in groups, readers beside it, and its absences."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.boot.store.instances import find_instances, get_instance
from engine.boot.store.schema import instances, schema_versions
from engine.boot.store.store import Store
from engine.errors import InvalidSettingError, ServiceUnavailableError
from tests.boot.store.databases import add, opened


def count(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(instances)).scalar_one()


def test_what_is_written_is_read(store: Store) -> None:
    async def test() -> None:
        uuid = await store.write(lambda c: add(c, display_name="näme\x00'".replace("\x00", ""), metadata={"k": "v"}))
        row = await store.read(lambda c: get_instance(c, uuid))
        assert row is not None
        assert (row.display_name, row.metadata, row.tags) == ("näme'", {"k": "v"}, [])

    asyncio.run(test())


def test_a_failure_undoes_its_own_changes_and_no_others(store: Store) -> None:
    class RefusedError(Exception):
        pass

    def failing(connection: sa.Connection) -> None:
        add(connection)
        raise RefusedError

    def broken(connection: sa.Connection) -> None:
        add(connection)
        connection.execute(instances.insert().values(uuid=None))

    async def test() -> None:
        works = [add, failing, add, broken, add] * 20
        outcomes = await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds.count(str) == 60
        assert kinds.count(RefusedError) == 20
        assert sum(isinstance(outcome, sa.exc.IntegrityError) for outcome in outcomes) == 20
        assert await store.read(count) == 60
        assert {row.uuid for row in await store.read(find_instances)} == {o for o in outcomes if isinstance(o, str)}

    asyncio.run(test())


def test_a_caller_that_goes_away_harms_nobody(store: Store) -> None:
    async def test() -> None:
        held = threading.Event()
        slow = asyncio.create_task(store.write(lambda c: held.wait(5)))
        await asyncio.sleep(0.05)
        given_up = asyncio.create_task(store.write(add))
        await asyncio.sleep(0.05)
        given_up.cancel()
        following = asyncio.create_task(store.write(add))
        held.set()
        await slow
        assert await following
        with pytest.raises(asyncio.CancelledError):
            await given_up

    asyncio.run(test())


def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    async def test() -> None:
        await store.write(add)
        held, reached = threading.Event(), threading.Event()

        def slow(connection: sa.Connection) -> None:
            add(connection)
            reached.set()
            held.wait(5)

        writing = asyncio.create_task(store.write(slow))
        await asyncio.to_thread(reached.wait, 5)
        began = time.monotonic()
        assert await store.read(count) == 1
        assert time.monotonic() - began < 1
        held.set()
        await writing
        assert await store.read(count) == 2

    asyncio.run(test())


def test_reading_changes_nothing(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        await store.read(add)
        assert await store.read(count) == 0

    with opened("sqlite", tmp_path) as store:
        asyncio.run(test(store))


def test_the_database_may_be_locked_for_a_while(tmp_path: Path) -> None:
    script = (
        "import sqlite3,sys,time\n"
        "c=sqlite3.connect(sys.argv[1],isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "print('held',flush=True)\n"
        "time.sleep(1)\n"
        "c.execute('COMMIT')\n"
    )

    async def test(store: Store) -> None:
        holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "boot.db")], stdout=subprocess.PIPE)
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == b"held"
            began = time.monotonic()
            await asyncio.gather(store.write(add), store.write(add))
            assert time.monotonic() - began > 0.5
            assert await store.read(count) == 2
        finally:
            holder.wait(10)
            holder.stdout.close()

    with opened("sqlite", tmp_path) as store:
        asyncio.run(test(store))


def test_a_database_that_stays_locked_is_said_to_be_away(tmp_path: Path) -> None:
    async def test(store: Store) -> None:
        other = sqlite3.connect(tmp_path / "boot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(ServiceUnavailableError, match="locked"):
                await store.write(add)
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert await store.write(add)

    with opened("sqlite", tmp_path, patience_s=0.3) as store:
        # the driver's own patience would be 20 s
        sa.event.listen(store._engine, "checkout", lambda dbapi, *_: dbapi.execute("PRAGMA busy_timeout=100"))
        asyncio.run(test(store))


def test_two_processes_share_a_database(store: Store, tmp_path: Path) -> None:
    async def test() -> None:
        other = Store(store.url, durable=False)
        try:
            await asyncio.gather(*(one.write(add) for one in (store, other) * 50))
            assert await store.read(count) == await other.read(count) == 100
        finally:
            other.close()

    asyncio.run(test())


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    with opened("sqlite", tmp_path) as store:
        asyncio.run(store.write(lambda c: c.execute(schema_versions.update().values(version=99))))
    with pytest.raises(InvalidSettingError, match="schema 99"), opened("sqlite", tmp_path):
        pass


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/db", "sqlite:////nowhere/at/all/boot.db"])
def test_a_database_that_cannot_be_opened_is_explained(url: str) -> None:
    with pytest.raises((InvalidSettingError, ServiceUnavailableError), match="database"):
        Store(url, durable=False)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "boot.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(ServiceUnavailableError, match="not a database"), opened("sqlite", tmp_path):
        pass


def test_what_waits_at_the_end_is_written_and_what_comes_later_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=True)
        writes = [asyncio.create_task(store.write(add)) for _ in range(300)]
        await asyncio.sleep(0)
        await asyncio.to_thread(store.close)
        assert len(await asyncio.gather(*writes)) == 300
        with pytest.raises(ServiceUnavailableError):
            await store.write(add)

    asyncio.run(test())
    with opened("sqlite", tmp_path) as again:
        assert asyncio.run(again.read(count)) == 300


def test_the_writer_outlives_what_nobody_foresaw(tmp_path: Path) -> None:
    def rude(connection: sa.Connection) -> None:
        connection.invalidate()
        raise ValueError("after that nothing works on this connection")

    async def test(store: Store) -> None:
        outcomes = await asyncio.gather(store.write(rude), return_exceptions=True)
        assert isinstance(outcomes[0], Exception)
        assert await asyncio.wait_for(store.write(add), 10)

    with opened("sqlite", tmp_path, patience_s=1.0) as store:
        asyncio.run(test(store))
