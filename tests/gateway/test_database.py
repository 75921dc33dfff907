from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import Database
from gateway.errors import SchemaOutdated
from gateway.migrate import check_version, migrate, newest_version
from gateway.schema import metadata


async def _count(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT count(*) FROM people"))).scalar_one())


async def _add(connection: AsyncConnection, name: str = "ant") -> None:
    await connection.execute(
        text(
            "INSERT INTO people (username, username_key, email, email_key, is_account, owns_address, is_active,"
            " is_staff, is_admin, created_at) VALUES (:n, :n, :n, :n, false, true, true, false, false, 0)"
        ),
        {"n": name},
    )


@pytest.mark.sqlite
async def test_sqlite_is_set_up_to_keep_its_promises(database: Database) -> None:
    async def pragmas(connection: AsyncConnection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "query_only")
        return [(await connection.execute(text(f"PRAGMA {name}"))).scalar_one() for name in names]

    assert await database.write(pragmas) == ["wal", 2, 1, 0]
    assert await database.read(pragmas) == ["wal", 2, 1, 1]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        await database.read(_add)
    assert await database.read(_count) == 0


async def test_a_unit_that_raises_leaves_nothing(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await _add(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(work)
    assert await database.read(_count) == 0


async def test_a_cancelled_caller_does_not_tear_its_unit(database: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        await _add(connection, "ant")
        begun.set()
        await go_on.wait()
        await _add(connection, "bee")

    caller = asyncio.create_task(database.write(work))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await database.write(_add_cat)
    assert await database.read(_count) == 3


async def _add_cat(connection: AsyncConnection) -> None:
    await _add(connection, "cat")


async def test_a_commit_wakes_who_waits(database: Database) -> None:
    database.committed.clear()
    await database.write(_add)
    assert database.committed.is_set()


@pytest.mark.sqlite
async def test_two_processes_write_to_one_file(database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite+aiosqlite:///{tmp_path}/helpdesk.db", owner=False)
    try:
        await asyncio.gather(
            *(database.write(lambda c, n=n: _add(c, f"ant{n}")) for n in range(20)),
            *(other.write(lambda c, n=n: _add(c, f"bee{n}")) for n in range(20)),
        )
        assert await other.read(_count) == 40
    finally:
        await other.close()


async def test_migrations_lead_to_the_schema_that_the_code_works_on(database: Database) -> None:
    async with database.writer.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert differences == []


@pytest.mark.sqlite
async def test_migrating_twice_does_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/fresh.db")
    try:
        with pytest.raises(SchemaOutdated, match="helpdesk migrate"):
            await check_version(database)
        assert await migrate(database) == ("", newest_version())
        assert await migrate(database) == (newest_version(), newest_version())
        await check_version(database)
    finally:
        await database.close()
