"""Mail goes out through a relay that wants tokens, whatever becomes of the tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import text

from gateway import mailbox_tokens
from gateway.app import Gateway, running
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.migrate import migrate
from gateway.seal import seal
from tests.builders import DESK, PATIENCE_SECONDS, a_mail, send
from tests.oauth_provider import OWNER, OAuthProvider, assert_keeps_secrets, keeping_secrets, oauth_provider
from tests.services import GatewayProcess, until
from tests.token_servers import TokenRelay, serving_at


class Story:
    """A provider, a relay that asks it about each token, and the settings of a gateway that uses both."""

    def __init__(self, provider: OAuthProvider, relay: TokenRelay, settings: Settings) -> None:
        self.provider, self.relay, self.settings = provider, relay, settings
        self._sent = 0

    async def log_in(self) -> None:
        """What `helpdesk mailbox login` does at its end."""
        token = self.provider.new_refresh_token()
        nonce = len(self.provider.secrets).to_bytes(12, "big")
        sealed = seal(self.settings.secret_key, token, owner=OWNER, nonce=nonce)
        database = Database(self.settings.database_url, owner=False)
        await database.write(
            lambda connection: mailbox_tokens.store_login(
                connection, account=OWNER, provider="other", sealed=sealed, scope="mail", now=datetime.now(UTC)
            )
        )
        await database.close()

    async def write(self, gateway: Gateway) -> None:
        """A customer opens a ticket, for which a receipt is owed."""
        self._sent += 1
        sender = f"customer{self._sent}@customer.example"
        mail = a_mail(name=f"ant{self._sent}", sender=sender)
        assert (await asyncio.to_thread(send, gateway.smtp_port, mail, sender, DESK))[0] == 250

    async def letter(self, gateway: Gateway, count: int) -> None:
        """Waits for this many letters at the relay; what is to be tried again later is tried again now."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.relay.letters) < count:
                await gateway.database.write(
                    lambda connection: connection.execute(text("UPDATE outbox SET due_at = 0 WHERE state = 'queued'"))
                )
                await asyncio.sleep(0.05)


@pytest.fixture
async def story(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Story]:
    async with oauth_provider() as provider:
        relay = TokenRelay(check=provider.check)
        async with serving_at(relay) as port:
            user = OWNER.replace("@", "%40")
            environment["HELPDESK_RELAY_URL"] = f"smtp://{user}@127.0.0.1:{port}?auth=oauth2"
            environment |= provider.settings
            settings = load_settings(environment, tmp_path)
            database = Database(settings.database_url)
            await migrate(database)
            await database.close()
            with keeping_secrets(provider):
                yield Story(provider, relay, settings)


class Readiness:
    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def says(self, status: int, words: str = "") -> None:
        """Waits until `/ready` answers so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with self._session.get("/ready") as response:
                    text = await response.text()
                if response.status == status and words in text:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def readiness(gateway: Gateway) -> AsyncIterator[Readiness]:
    async with ClientSession(f"http://127.0.0.1:{gateway.http_port}") as session:
        yield Readiness(session)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.token_source._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("gateway.token_source._LONGEST_PAUSE_SECONDS", 0.1)


async def test_letters_go_out_over_the_end_of_tokens_and_of_the_process(story: Story) -> None:
    story.provider.rotates = True
    await story.log_in()
    for start in range(3):
        async with running(story.settings) as gateway:
            await story.write(gateway)
            await story.letter(gateway, 2 * start + 1)
            # The token ends before its time: the relay refuses it, and takes the next one.
            story.provider.expire_all()
            story.relay.hang_up()
            await story.write(gateway)
            await story.letter(gateway, 2 * start + 2)
    assert len(story.relay.letters) == 6
    assert False in story.relay.logins
    assert story.provider.asked["refresh_token"] == len(story.provider.spent) == 6


async def test_what_is_revoked_is_told_and_a_login_mends_it(story: Story) -> None:
    async with running(story.settings) as gateway, readiness(gateway) as ready:
        await ready.says(503, f"{OWNER}: the token is dead, run `helpdesk mailbox login {OWNER}`.")
        await story.log_in()
        await ready.says(200)
        await story.write(gateway)
        await story.letter(gateway, 1)
        story.provider.revoke_all()
        story.relay.hang_up()
        await story.write(gateway)
        await ready.says(503, f"{OWNER}: the token is dead")
        # Nothing is lost meanwhile.
        await story.log_in()
        await story.letter(gateway, 2)
        await ready.says(200)


async def test_a_provider_that_is_down_is_told_as_that_and_all_recovers_by_itself(story: Story) -> None:
    await story.log_in()
    story.provider.trouble = "down"
    async with running(story.settings) as gateway, readiness(gateway) as ready:
        await ready.says(503, f"{OWNER}: the token server is down.")
        await story.write(gateway)
        story.provider.trouble = ""
        await story.letter(gateway, 1)
        await ready.says(200)


@pytest.mark.slow
async def test_what_an_operator_does_and_sees(tmp_path: Path) -> None:
    """Real processes: a login by command while the gateway serves, restarts, the end of the grant; and their log."""
    async with oauth_provider() as provider:
        provider.rotates = True
        relay = TokenRelay(check=provider.check)
        async with serving_at(relay) as port:
            url = f"smtp://{OWNER.replace('@', '%40')}@127.0.0.1:{port}?auth=oauth2"
            settings = {"HELPDESK_RELAY_URL": url, "HELPDESK_SUPPORT_ADDRESS": DESK, **provider.settings}
            gateway = GatewayProcess(tmp_path, settings | {"HELPDESK_RETRY_SECONDS": "1"})
            for start in range(3):
                async with _serving(gateway):
                    if start == 0:
                        detail = await asyncio.to_thread(gateway.call, "GET", "/ready", status=503)
                        assert f"helpdesk mailbox login {OWNER}" in detail["detail"]
                        done = await asyncio.to_thread(gateway.command, "mailbox", "login", OWNER)
                        assert done.returncode == 0, done.stderr
                        assert_keeps_secrets(provider, done.stdout + done.stderr)
                    sender = f"customer{start}@customer.example"
                    mail = a_mail(name=f"ant{start}", sender=sender)
                    await asyncio.to_thread(send, gateway.smtp_port, mail, sender, DESK)
                    await relay.letter(start + 1)
            provider.revoke_all()
            async with _serving(gateway):
                await provider.until_asked("refresh_token", 4)
                await asyncio.to_thread(until, lambda: "token is dead" in _last_start(gateway), "the log to say so")
                done = await asyncio.to_thread(gateway.command, "mailbox", "list")
                assert f"{OWNER}  other" in done.stdout
                assert "dead, invalid_grant" in done.stdout
            assert_keeps_secrets(provider, gateway.log.read_text() + done.stdout)
            assert _last_start(gateway).count("token is dead") == 1


@asynccontextmanager
async def _serving(gateway: GatewayProcess) -> AsyncIterator[None]:
    """The gateway, started and stopped without holding up those of its peers that live in this process."""
    serving = gateway.serving()
    await asyncio.to_thread(serving.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)


def _last_start(gateway: GatewayProcess) -> str:
    return gateway.log.read_text().rpartition("serving http")[2]
