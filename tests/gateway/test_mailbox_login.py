"""`helpdesk mailbox`: how an owner grants us a mailbox, by each way there is, and takes it back."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from gateway import mailbox_tokens
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.errors import ClientRefused, NotFound, SettingsWrong, TokenServerDown
from gateway.mailbox_login import LoginFailed, list_accounts, log_in, log_out
from gateway.seal import unseal
from tests.gateway.test_commands import environment as environment_of_a_process
from tests.gateway.test_commands import run
from tests.oauth_provider import OWNER, OAuthProvider, assert_keeps_secrets, keeping_secrets, oauth_provider

__all__ = ["environment_of_a_process"]


@pytest.fixture
async def provider() -> AsyncIterator[OAuthProvider]:
    async with oauth_provider() as provider:
        with keeping_secrets(provider):
            yield provider


@pytest.fixture
def settings(provider: OAuthProvider, database_url: str, tmp_path: Path) -> Settings:
    return load_settings({"HELPDESK_DATABASE_URL": database_url, **provider.settings}, tmp_path)


@pytest.fixture
def keyboard() -> Iterator[tuple[int, int]]:
    """Where the command reads, and where somebody types."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


class Screen:
    """What the command says, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._said = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._said.set()

    async def shows(self, pattern: str) -> str:
        async with asyncio.timeout(10):
            while not (found := re.search(pattern, "\n".join(self.lines))):
                self._said.clear()
                await self._said.wait()
        return found[0]


async def _stored(settings: Settings, database: Database) -> str:
    token = await database.read(lambda connection: mailbox_tokens.find_token(connection, OWNER))
    assert token
    assert (token.state, token.scope) == ("ok", "mail offline_access")
    return unseal(settings.secret_key, token.sealed, owner=OWNER)


async def test_a_device_code_is_shown_and_waited_for(
    settings: Settings, database: Database, provider: OAuthProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mailbox_login._SLOWER_SECONDS", 0.01)
    provider.device_words = ["authorization_pending", "slow_down", "authorization_pending", "yes"]
    screen = Screen()
    await log_in(settings, database, OWNER.title(), say=screen, keyboard=-1)
    assert f"Open {provider.base_url}/enter in a browser" in screen.lines[0]
    assert "ABCD-EFGH" in screen.lines[0]
    assert await _stored(settings, database) in provider.refresh_tokens
    assert_keeps_secrets(provider, "\n".join(screen.lines))


@pytest.mark.parametrize("word", ["access_denied", "expired_token"])
async def test_an_owner_who_says_no_is_heard(
    settings: Settings, database: Database, provider: OAuthProvider, word: str
) -> None:
    provider.device_words = ["authorization_pending", word]
    with pytest.raises(LoginFailed, match=word):
        await log_in(settings, database, OWNER, say=Screen(), keyboard=-1)
    assert await database.read(mailbox_tokens.list_tokens) == []


async def test_where_there_is_no_device_code_a_browser_brings_one(
    settings: Settings, database: Database, provider: OAuthProvider
) -> None:
    provider.has_device = False
    screen = Screen()
    running = asyncio.create_task(log_in(settings, database, OWNER, say=screen, keyboard=-1))
    url = await screen.shows(r"http://\S+/consent\S+")
    async with ClientSession() as browser:
        # Somebody else's page may call our port too, and learns nothing.
        port = re.search(r"127\.0\.0\.1%3A(\d+)", url)
        assert port
        for path, status in (("/?code=x&state=guessed", 200), ("/favicon.ico", 404)):
            async with browser.get(f"http://127.0.0.1:{port[1]}{path}") as response:
                assert response.status == status
        async with browser.get(url) as response:
            assert "close this page" in await response.text()
    await running
    assert await _stored(settings, database) in provider.refresh_tokens
    assert "That is not the address" in "\n".join(screen.lines)
    assert_keeps_secrets(provider, "\n".join(screen.lines))


async def test_the_address_may_be_pasted_from_another_machine(
    settings: Settings, database: Database, provider: OAuthProvider, keyboard: tuple[int, int]
) -> None:
    provider.has_device = False
    screen = Screen()
    running = asyncio.create_task(log_in(settings, database, OWNER, say=screen, keyboard=keyboard[0]))
    url = await screen.shows(r"http://\S+/consent\S+")
    async with ClientSession() as browser, browser.get(url, allow_redirects=False) as response:
        address = response.headers["Location"]
    os.write(keyboard[1], b"what?\n\n" + address[:50].encode())
    await screen.shows("That is not the address")
    os.write(keyboard[1], address[50:].encode() + b"\r\n")
    await running
    assert await _stored(settings, database) in provider.refresh_tokens


async def test_a_refusal_in_the_browser_is_heard(
    settings: Settings, database: Database, provider: OAuthProvider, keyboard: tuple[int, int]
) -> None:
    provider.has_device = False
    screen = Screen()
    running = asyncio.create_task(log_in(settings, database, OWNER, say=screen, keyboard=keyboard[0]))
    url = await screen.shows(r"http://\S+/consent\S+")
    state = re.search(r"[?&]state=([\w-]+)", url)
    assert state
    os.write(keyboard[1], f"http://127.0.0.1/?error=access_denied&state={state[1]}\n".encode())
    with pytest.raises(LoginFailed, match="access_denied"):
        await running


async def test_google_is_asked_for_a_token_that_lasts_and_for_no_device_code(
    database: Database, provider: OAuthProvider, database_url: str, tmp_path: Path
) -> None:
    settings = load_settings(
        {"HELPDESK_DATABASE_URL": database_url, **provider.settings, "HELPDESK_OAUTH_PROVIDER": "google"}, tmp_path
    )
    screen = Screen()
    running = asyncio.create_task(log_in(settings, database, OWNER, say=screen, keyboard=-1))
    url = await screen.shows(r"http://\S+/consent\S+")
    assert "access_type=offline&prompt=consent" in url
    assert "code_challenge_method=S256" in url
    assert "login_hint=support%40desk.example" in url
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_logging_out_forgets_here_and_ends_it_there(
    settings: Settings, database: Database, provider: OAuthProvider
) -> None:
    await log_in(settings, database, OWNER, say=Screen(), keyboard=-1)
    screen = Screen()
    await list_accounts(database, say=screen)
    assert re.fullmatch(rf"{OWNER}  other  since \S+ \S+ UTC  ok", screen.lines[0])
    await log_out(settings, database, OWNER, say=screen)
    assert screen.lines[1] == f"{OWNER}: logged out."
    assert provider.asked["revoke"] == 1
    assert not provider.refresh_tokens
    with pytest.raises(NotFound):
        await log_out(settings, database, OWNER, say=screen)


async def test_trouble_with_the_provider_is_told_as_what_it_is(
    settings: Settings, database: Database, provider: OAuthProvider
) -> None:
    provider.has_device = False
    provider.client_secret = "another"
    screen = Screen()
    running = asyncio.create_task(log_in(settings, database, OWNER, say=screen, keyboard=-1))
    url = await screen.shows(r"http://\S+/consent\S+")
    async with ClientSession() as browser, browser.get(url):
        pass
    with pytest.raises(ClientRefused):
        await running


async def test_without_a_client_or_a_provider_there_is_no_login(
    database: Database, database_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    environment = {"HELPDESK_DATABASE_URL": database_url}
    with pytest.raises(SettingsWrong, match="HELPDESK_OAUTH_CLIENT_ID"):
        await log_in(load_settings(environment, tmp_path), database, OWNER, say=Screen(), keyboard=-1)
    environment |= {
        "HELPDESK_OAUTH_CLIENT_ID": "x",
        "HELPDESK_OAUTH_ENDPOINT": f"http://127.0.0.1:{unused_tcp_port}",
    }
    with pytest.raises(TokenServerDown):
        await log_in(load_settings(environment, tmp_path), database, OWNER, say=Screen(), keyboard=-1)


@pytest.mark.slow
async def test_the_commands(provider: OAuthProvider, environment_of_a_process: dict[str, str]) -> None:
    environment = environment_of_a_process | provider.settings
    code, output, errors = await run(environment, "mailbox", "login", OWNER)
    assert (code, errors) == (0, "")
    assert "ABCD-EFGH" in output
    assert f"{OWNER}: logged in." in output
    assert await run(environment, "mailbox", "logout", "another") == (1, "", "another: is not logged in.\n")
    assert_keeps_secrets(provider, output)
