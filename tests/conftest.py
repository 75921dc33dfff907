"""The fixtures: a desk that runs for real, on a database and sockets of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from passlib.hash import argon2

from gateway import passwords
from gateway.app import catching, running
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.migrate import migrate
from tests import services
from tests.builders import DESK, Desk, Relay


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """Hash with the least work: what is tested here is never the strength of Argon2."""
    passwords.hasher = argon2.using(rounds=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    relay = Relay()
    settings = load_settings({"HELPDESK_DATA_DIR": str(tmp_path / "relay")}, tmp_path)
    async with catching(settings, relay.catch) as port:
        relay.port = port
        yield relay


@pytest.fixture
def environment(relay: Relay, database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the gateway under test; a test adds what it needs before it asks for `desk`."""
    return {
        "HELPDESK_DATA_DIR": str(tmp_path / "desk"),
        "HELPDESK_DATABASE_URL": database_url,
        "HELPDESK_HTTP_LISTEN": "127.0.0.1:0",
        "HELPDESK_SMTP_LISTEN": "127.0.0.1:0",
        "HELPDESK_SUPPORT_ADDRESS": DESK,
        "HELPDESK_RELAY_URL": f"smtp://127.0.0.1:{relay.port}",
    }


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The PostgreSQL server that the tests are to use; empty where they use SQLite, which they do unless
    HELPDESK_TEST_DATABASE is `postgresql`."""
    if os.environ.get("HELPDESK_TEST_DATABASE", "sqlite") == "sqlite":
        yield ""
        return
    services.require("postgresql")
    with services.postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest schema and nothing in it, to be copied: quicker than migrating for each test."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"

    async def make() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        await migrate(database)
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def database_url(server_url: str, request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> str:
    """An empty database with the newest schema."""
    if server_url and request.node.get_closest_marker("sqlite"):
        pytest.skip("is about SQLite")
    if not server_url:
        shutil.copy(empty_file, tmp_path / "helpdesk.db")
        return f"sqlite+aiosqlite:///{tmp_path}/helpdesk.db"
    url = await asyncio.to_thread(services.new_database, server_url)
    database = Database(url)
    await migrate(database)
    await database.close()
    return url


@pytest.fixture
def settings(environment: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings from the environment, and from the marks `@pytest.mark.settings(HELPDESK_…="…")` of the test."""
    for mark in request.node.iter_markers("settings"):
        environment.update(mark.kwargs)
    if "HELPDESK_TEMPLATE_DIR" in environment:
        (tmp_path / environment["HELPDESK_TEMPLATE_DIR"]).mkdir()
    return load_settings(environment, tmp_path)


@pytest.fixture
async def desk(settings: Settings, relay: Relay) -> AsyncIterator[Desk]:
    async with (
        running(settings) as gateway,
        ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session,
    ):
        yield Desk(gateway, relay, session)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with the newest schema, opened."""
    database = Database(database_url)
    await migrate(database)
    yield database
    await database.close()
