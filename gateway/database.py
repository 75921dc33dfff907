"""The database: one lane that writes, connections that read.

`write(work)` runs one unit of work in one transaction and returns once it is committed and, on SQLite, synced
(WAL with synchronous FULL: NORMAL would make our 250 a lie after a power loss). A unit runs in a task of its own, so
that a door that is cancelled, because its client hung up, never tears it. A unit awaits nothing but its connection,
so it can be run again when PostgreSQL asks for that.

SQLite has one writing connection, which begins IMMEDIATE and alone checkpoints; readers are read-only. The reason
is a fault of SQLite before 3.51.3: two connections that write or checkpoint at the same time can corrupt a WAL.
`owner` tells whether this process is the one that checkpoints; the commands that write beside a serving gateway
(`deliver`, `make-admin`) never do. Not here: tables, statements, decisions.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.errors import SpaceShort

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_READERS = 4
_POSTGRESQL_WRITERS = 8
_POSTGRESQL_TRIES = 5
_BUSY_TIMEOUT_SECONDS = 20.0
_SERIALIZATION_FAILURE, _DEADLOCK, _DISK_FULL = "40001", "40P01", "53100"
CLOSE_SECONDS = 4.0
_log = logging.getLogger("helpdesk.database")


class _Unit:
    """A unit of work on its way to the lane; one that nobody waits for any more when it gets there is not begun."""

    is_wanted = True


class Database:
    """The engine pair and the write lane. `open` makes nothing: connections are made when they are needed."""

    def __init__(self, url: str, *, owner: bool = True) -> None:
        self.is_embedded = url.startswith("sqlite")
        # A hint for the courier that something may be owed now; never the only reason to look.
        self.committed = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        if self.is_embedded:
            if path := make_url(url).database:
                Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer = _sqlite_engine(url, 1, "BEGIN IMMEDIATE", read_only=False, owner=owner)
            self._reader = _sqlite_engine(url, _READERS, "BEGIN", read_only=True, owner=False)
            self._lane = asyncio.Semaphore(1)
        else:
            self._writer = _postgresql_engine(url, _POSTGRESQL_WRITERS, read_only=False)
            self._reader = _postgresql_engine(url, _READERS, read_only=True)
            self._lane = asyncio.Semaphore(_POSTGRESQL_WRITERS)

    @property
    def writer(self) -> AsyncEngine:
        """The engine that writes, for migrations and for tests that make it fail."""
        return self._writer

    async def write(self, work: Work[T], *, must_run: bool = False) -> T:
        """Run `work` in one transaction. When this returns, everything it did is committed and durable.

        Raises what `work` raises, or what the database does; then nothing of it is stored. If the caller is
        cancelled, a unit that was begun goes on to its end, committed or not; one that was not begun is begun only if
        it `must_run`, because it writes down what has happened already.
        """
        unit = _Unit()
        task = asyncio.create_task(self._write(work, unit))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            unit.is_wanted = must_run
            raise

    async def _write(self, work: Work[T], unit: _Unit) -> T:
        async with self._lane:
            if not unit.is_wanted:
                raise asyncio.CancelledError
            for tries_left in range(_POSTGRESQL_TRIES, -1, -1):
                try:
                    async with self._writer.begin() as connection:
                        result = await work(connection)
                    self.committed.set()
                    return result
                except DBAPIError as error:
                    state = getattr(error.orig, "sqlstate", None)
                    if state == _DISK_FULL or "disk is full" in str(error.orig):
                        raise SpaceShort from error
                    if not tries_left or state not in {_SERIALIZATION_FAILURE, _DEADLOCK}:
                        raise
                # Who waited for whom must not meet again at once.
                await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311 - no secret
            raise AssertionError("unreachable")

    async def read(self, work: Work[T]) -> T:
        """Run `work`, which only reads, and sees one consistent picture of the database."""
        async with self._reader.connect() as connection:
            return await work(connection)

    async def close(self) -> None:
        """Let every unit that was begun end, then close; the writer last, so that its checkpoint is the last.

        What has not ended after CLOSE_SECONDS is rolled back: a database that is stuck must not keep the process.
        """
        if self._running:
            _, stuck = await asyncio.wait(self._running, timeout=CLOSE_SECONDS)
            for task in stuck:
                _log.warning("a unit of work was rolled back, because the database did not answer before the end")
                task.cancel()
            if stuck:
                await asyncio.wait(stuck, timeout=1)
        await self._reader.dispose()
        await self._writer.dispose()


def _postgresql_engine(url: str, size: int, *, read_only: bool) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_BUSY_TIMEOUT_SECONDS,
        # A server that was restarted costs the first to come a look, not an error.
        pool_pre_ping=True,
        # What is stored is nothing for a log.
        hide_parameters=True,
        isolation_level="REPEATABLE READ" if read_only else "READ COMMITTED",
        connect_args={"server_settings": {"default_transaction_read_only": "on" if read_only else "off"}},
    )


def _sqlite_engine(url: str, size: int, begin: str, *, read_only: bool, owner: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_BUSY_TIMEOUT_SECONDS,
        hide_parameters=True,
        # The driver's own idea of when a transaction begins is switched off; the event below begins it.
        connect_args={"isolation_level": None, "timeout": _BUSY_TIMEOUT_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(dbapi_connection: Any, _record: Any) -> None:
        cursor = dbapi_connection.cursor()
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        if not owner:
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
