"""The fixtures: a desk that runs for real, on a database and sockets of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from passlib.hash import argon2

from gateway import passwords
from gateway.app import catching, running
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.migrate import migrate
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
def environment(relay: Relay, tmp_path: Path) -> dict[str, str]:
    """The environment of the gateway under test; a test adds what it needs before it asks for `desk`."""
    return {
        "HELPDESK_DATA_DIR": str(tmp_path / "desk"),
        "HELPDESK_HTTP_LISTEN": "127.0.0.1:0",
        "HELPDESK_SMTP_LISTEN": "127.0.0.1:0",
        "HELPDESK_SUPPORT_ADDRESS": DESK,
        "HELPDESK_RELAY_URL": f"smtp://127.0.0.1:{relay.port}",
    }


@pytest.fixture
def settings(environment: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings from the environment, and from the marks `@pytest.mark.settings(HELPDESK_…="…")` of the test."""
    for mark in request.node.iter_markers("settings"):
        environment.update(mark.kwargs)
    return load_settings(environment, tmp_path)


@pytest.fixture
async def desk(settings: Settings, relay: Relay) -> AsyncIterator[Desk]:
    async with (
        running(settings) as gateway,
        ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session,
    ):
        yield Desk(gateway, relay, session)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with the newest schema."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/helpdesk.db")
    await migrate(database)
    yield database
    await database.close()
