"""The database: one writer at a time, whose changes are committed in groups, and readers beside it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from engine.boot.store.schema import METADATA, SCHEMA_VERSION, schema_versions
from engine.errors import InvalidSettingError, ServiceUnavailableError

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]

_GROUP = 128
_READERS = 4
_RETRY_S = 0.2
_SQLITE_AWAY = ("locked", "busy", "unable to open", "disk")
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A change that somebody waits for: what to do, and where to tell the outcome."""

    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class Store:
    """The boot's database at a SQLAlchemy URL (``sqlite:///FILE`` or ``postgresql+psycopg://...``).

    ``write`` runs a function inside a transaction; functions that wait at the same time share one commit, each in a
    savepoint of its own, so that one's failure undoes only its own changes. ``durable``: a write has reached the disk
    when it returns; otherwise it outlives the process, and an end of the power may take the last ones back, all or
    none of a commit. While the database is away, calls wait for up to ``patience_s``, then raise
    ServiceUnavailableError.
    """

    def __init__(self, url: str, *, durable: bool, patience_s: float = 30.0) -> None:
        self.url = url
        self._patience_s = patience_s
        self._engine = _engine(url, durable=durable)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-read")
        self._closed = False
        self._prepare()
        self._writer = threading.Thread(target=self._write_groups, name="store-write", daemon=True)
        self._writer.start()

    async def write(self, work: Work[Result]) -> Result:
        """Return what ``work`` returns, once its changes are committed; what it raises is raised here, undone."""
        if self._closed:
            raise ServiceUnavailableError("the boot database is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Waiting(work, loop, done))
        return await done

    async def read(self, work: Work[Result]) -> Result:
        """Return what ``work`` returns; it sees one state of the database and changes nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def look_up(self, work: Work[Result]) -> Result:
        """Return what ``work`` returns, as ``read`` does, for work that reads a few rows by their keys.

        SQLite answers that sooner than another thread would begin, and its readers wait for nobody.
        """
        if self._engine.dialect.name == "sqlite":
            with contextlib.suppress(OperationalError):
                return self._read_once(work)
        return await self.read(work)

    def close(self) -> None:
        """Finish what waits, then close every connection; what comes later is refused."""
        self._closed = True
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._engine.dispose()

    def _prepare(self) -> None:
        """Make the tables where they are missing; refuse a database of another version."""
        try:
            with self._engine.begin() as connection:
                METADATA.create_all(connection)
                found = connection.execute(sa.select(schema_versions.c.version)).scalar()
                if found is None:
                    connection.execute(schema_versions.insert().values(version=SCHEMA_VERSION))
        except SQLAlchemyError as error:
            raise ServiceUnavailableError(f"the boot database cannot be opened: {_cause(error)}") from error
        if found not in (None, SCHEMA_VERSION):
            raise InvalidSettingError(
                f"the boot database has schema {found}, this version reads {SCHEMA_VERSION}: "
                "use the version that wrote it"
            )

    def _read(self, work: Work[Result]) -> Result:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self._read_once(work)
            except DBAPIError as error:
                if not _is_away(error):
                    raise
                self._wait_or_raise(error, deadline)

    def _read_once(self, work: Work[Result]) -> Result:
        with self._engine.connect() as connection:
            return work(connection.execution_options(berth_read_only=True))

    def _write_groups(self) -> None:
        """Take what waits, group by group, until told to end."""
        while True:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            ending = False
            while len(group) < _GROUP:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ending = True
                    break
                group.append(following)
            self._commit(group)
            if ending:
                return

    def _commit(self, group: list[_Waiting]) -> None:
        """Run and commit a group; while the database is away, again from the start."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                outcomes = self._try_commit(group)
                break
            except DBAPIError as error:
                try:
                    self._wait_or_raise(error, deadline)
                except ServiceUnavailableError as unavailable:
                    outcomes = [(None, unavailable)] * len(group)
                    break
            except Exception as unforeseen:
                # whatever it is, the next group must not wait for ever
                outcomes = [(None, unforeseen)] * len(group)
                break
        told: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, BaseException | None]]] = {}
        for waiting, (result, failure) in zip(group, outcomes, strict=True):
            told.setdefault(waiting.loop, []).append((waiting.done, result, failure))
        for loop, answers in told.items():
            # a loop that is closed has nobody left who waits
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_tell, answers)

    def _try_commit(self, group: list[_Waiting]) -> list[tuple[Any, BaseException | None]]:
        outcomes: list[tuple[Any, BaseException | None]] = []
        with self._engine.connect() as connection:
            transaction = connection.begin()
            for waiting in group:
                # alone, a change needs no savepoint: its failure undoes the transaction
                part = connection.begin_nested() if len(group) > 1 else transaction
                try:
                    result = waiting.work(connection)
                    part.commit()
                    outcomes.append((result, None))
                except Exception as failure:
                    if isinstance(failure, DBAPIError) and _is_away(failure):
                        raise
                    part.rollback()
                    outcomes.append((None, failure))
            if transaction.is_active:
                transaction.commit()
        return outcomes

    def _wait_or_raise(self, error: DBAPIError, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise ServiceUnavailableError(f"the boot database cannot be used: {_cause(error)}") from error
        time.sleep(_RETRY_S)


def _tell(answers: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    """Give those who wait their outcomes; one that was cancelled meanwhile wants none."""
    for done, result, failure in answers:
        if done.done():
            continue
        if failure is None:
            done.set_result(result)
        else:
            done.set_exception(failure)


def _engine(url: str, *, durable: bool) -> sa.Engine:
    """Return the engine; SQLite is set up for one writer beside readers."""
    try:
        engine = sa.create_engine(
            url,
            json_serializer=lambda value: _ENCODER.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
            pool_pre_ping=not url.startswith("sqlite"),
        )
    except (sa.exc.ArgumentError, ImportError) as error:
        raise InvalidSettingError(f"boot.database_url: {error}", setting="boot.database_url") from error
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: object) -> None:
            # the driver would begin transactions by itself, and late: BEGIN is sent below instead
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", f"synchronous={'FULL' if durable else 'NORMAL'}", "busy_timeout=20000"):
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            read_only = connection.get_execution_options().get("berth_read_only", False)
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _is_away(error: DBAPIError) -> bool:
    """Whether the database could not be reached or was busy, as opposed to a statement it refused."""
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError):
        return False
    # SQLite reports mistakes in statements by the same class as a locked file
    said = _cause(error)
    return not type(error.orig).__module__.startswith("sqlite3") or any(word in said for word in _SQLITE_AWAY)


def _cause(error: BaseException) -> str:
    """Return what the database itself said."""
    return str(getattr(error, "orig", None) or error).strip()
