"""The schema's way to its newest version, by alembic, on either database.

`migrate` brings a database up in one transaction: all of it or nothing. Two processes that migrate at the same time
wait for each other. Going back is not offered: a backup is the way back.
"""

from __future__ import annotations

import functools
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.database import Database
from gateway.errors import SchemaOutdated

_ADVISORY_LOCK = 0x48454C50


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


@functools.cache
def newest_version() -> str:
    """The version of the schema that this code works on."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def migrate(database: Database) -> tuple[str, str]:
    """Bring the database to the newest version.

    Returns the version before ("" for an empty database) and after. Committed when it returns.
    """
    async with database.writer.begin() as connection:
        return await connection.run_sync(_upgrade)


async def check_version(database: Database) -> None:
    """Raise SchemaOutdated unless the database is at the newest version."""
    if await current_version(database) != newest_version():
        raise SchemaOutdated


async def current_version(database: Database) -> str:
    """The version that the database is at; "" for an empty one."""
    async with database.writer.connect() as connection:
        return await connection.run_sync(_current)


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _upgrade(connection: Connection) -> tuple[str, str]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    before = _current(connection)
    if before == newest_version():
        return before, before
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, _current(connection)
