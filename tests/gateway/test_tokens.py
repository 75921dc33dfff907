"""Access tokens of mailboxes, against a provider that expires, rotates, revokes and falls over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from gateway import mailbox_tokens
from gateway.database import Database
from gateway.errors import ClientRefused, TokenDead, TokenServerDown
from gateway.oauth import speaking
from gateway.providers import OAuthClient, guess_provider, may_carry_secrets
from gateway.seal import SealBroken, seal, unseal
from gateway.token_source import TokenSource, TokenSources
from tests.oauth_provider import CLIENT_ID, CLIENT_SECRET, OWNER, OAuthProvider, keeping_secrets, oauth_provider

KEY = b"k" * 32


class World:
    """A database with one login, a provider, and a clock that the test sets."""

    def __init__(self, database: Database, provider: OAuthProvider, stack: AsyncExitStack) -> None:
        self.database, self.provider, self._stack = database, provider, stack
        self.now = 1000.0

    async def log_in(self) -> str:
        token = self.provider.new_refresh_token()
        sealed = seal(KEY, token, owner=OWNER, nonce=len(self.provider.secrets).to_bytes(12, "big"))
        await self.database.write(
            lambda connection: mailbox_tokens.store_login(
                connection, account=OWNER, provider="other", sealed=sealed, scope="mail", now=datetime.now(UTC)
            )
        )
        return token

    async def source(self, key: bytes = KEY) -> TokenSource:
        """As after a start: nothing in memory."""
        client = OAuthClient(
            name="other",
            base_url=self.provider.base_url,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            scope="mail offline_access",
        )
        speaker = await self._stack.enter_async_context(speaking(client))
        return TokenSource(OWNER, provider=speaker, database=self.database, key=key, ticks=lambda: self.now)

    async def stored(self) -> mailbox_tokens.MailboxToken:
        found = await self.database.read(lambda connection: mailbox_tokens.find_token(connection, OWNER))
        assert found
        return found

    async def stored_token(self) -> str:
        return unseal(KEY, (await self.stored()).sealed, owner=OWNER)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with oauth_provider() as provider, AsyncExitStack() as stack:
        with keeping_secrets(provider):
            world = World(database, provider, stack)
            await world.log_in()
            yield world


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """What the log says of tokens."""
    lines: list[tuple[str, str]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append((record.levelname, record.getMessage()))  # type: ignore[method-assign]
    logging.getLogger("helpdesk.tokens").addHandler(handler)
    yield lines
    logging.getLogger("helpdesk.tokens").removeHandler(handler)


async def test_a_token_is_kept_and_renewed_five_minutes_before_its_end(world: World) -> None:
    source = await world.source()
    first = await source.access_token()
    world.now += 3299
    assert await source.access_token() == first
    world.now += 2
    second = await source.access_token()
    assert second != first
    assert world.provider.asked["refresh_token"] == 2


async def test_many_who_ask_at_once_make_one_renewal(world: World) -> None:
    source = await world.source()
    tokens = await asyncio.gather(*(source.access_token() for _ in range(20)))
    assert len(set(tokens)) == 1
    assert world.provider.asked["refresh_token"] == 1


async def test_who_goes_away_does_not_take_the_renewal_with_him(world: World) -> None:
    world.provider.rotates = True
    source = await world.source()
    impatient = asyncio.create_task(source.access_token())
    await world.provider.until_asked("refresh_token", 1)
    impatient.cancel()
    token = await source.access_token()
    assert world.provider.check(token)
    assert world.provider.asked["refresh_token"] == 1


async def test_a_rotated_token_survives_restarts(world: World) -> None:
    world.provider.rotates = True
    given = [await world.stored_token()]
    for _ in range(3):
        await (await world.source()).access_token()
        given.append(await world.stored_token())
    assert len(set(given)) == 4
    assert (await world.stored()).state == "ok"


async def test_gateways_that_share_a_database_do_not_spend_one_token_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The provider ends the grant when that happens. On SQLite there is but one gateway: here it does not know.
    monkeypatch.setattr(world.database, "is_embedded", False)
    monkeypatch.setattr("gateway.token_source._CLAIM_PAUSE_SECONDS", 0.01)
    world.provider.rotates = True
    sources = [await world.source() for _ in range(4)]
    for token in await asyncio.gather(*(source.access_token() for source in sources)):
        assert world.provider.check(token)
    assert len(world.provider.spent) == 4
    assert (await world.stored()).state == "ok"


async def test_the_lease_of_a_gateway_that_died_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.token_source._CLAIM_PAUSE_SECONDS", 0.01)
    for is_alone in (True, False):
        monkeypatch.setattr(world.database, "is_embedded", is_alone)
        now, lease = datetime.now(UTC), timedelta(hours=1) if is_alone else timedelta(seconds=0.2)
        await world.database.write(
            lambda connection, now=now, lease=lease: mailbox_tokens.claim_token(
                connection, account=OWNER, now=now, lease=lease, alone=True
            )
        )
        assert await (await world.source()).access_token()


async def test_a_logout_is_seen_by_who_waits_for_the_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.database, "is_embedded", False)
    now, lease = datetime.now(UTC), timedelta(hours=1)
    await world.database.write(
        lambda connection: mailbox_tokens.claim_token(connection, account=OWNER, now=now, lease=lease, alone=True)
    )
    asking = asyncio.create_task((await world.source()).access_token())
    await world.database.write(lambda connection: mailbox_tokens.forget_token(connection, OWNER))
    with pytest.raises(TokenDead, match="nobody"):
        await asking


async def test_what_is_revoked_is_dead_told_once_and_asked_no_more(world: World, told: list[tuple[str, str]]) -> None:
    source = await world.source()
    token = await source.access_token()
    world.provider.revoke_all()
    source.refused(token)
    for _ in range(5):
        with pytest.raises(TokenDead):
            await source.access_token()
    assert world.provider.asked["refresh_token"] == 2
    assert (await world.stored()).state == "dead"
    assert [level for level, _ in told] == ["ERROR"]
    assert OWNER in source.trouble
    assert "helpdesk mailbox login" in source.trouble
    # Neither a restart nor waiting makes it better, and a login does.
    restarted = await world.source()
    with pytest.raises(TokenDead, match="revoked"):
        await restarted.access_token()
    await world.log_in()
    for each in (source, restarted):
        assert world.provider.check(await each.access_token())
        assert each.trouble == ""


@pytest.mark.parametrize("error", ["interaction_required", "consent_required", "login_required"])
async def test_microsofts_words_for_it_are_understood(world: World, error: str) -> None:
    world.provider.trouble, world.provider.trouble_words = error, "AADSTS50076: use multi-factor\r\nTrace ID: 1"
    with pytest.raises(TokenDead, match="AADSTS50076: use multi-factor Trace ID"):
        await (await world.source()).access_token()


async def test_without_a_login_it_says_so(world: World) -> None:
    await world.database.write(lambda connection: mailbox_tokens.forget_token(connection, OWNER))
    with pytest.raises(TokenDead, match="nobody has logged in"):
        await (await world.source()).access_token()
    assert world.provider.asked["refresh_token"] == 0


@pytest.mark.parametrize("trouble", ["down", "nonsense", "endless", "temporarily_unavailable"])
async def test_a_provider_that_is_down_is_no_dead_token(
    world: World, told: list[tuple[str, str]], trouble: str
) -> None:
    source = await world.source()
    world.provider.trouble = trouble
    for _ in range(5):
        with pytest.raises(TokenServerDown):
            await source.access_token()
    # Asked once: the others came within the pause.
    assert world.provider.asked["refresh_token"] == 1
    assert (await world.stored()).state == "ok"
    assert source.trouble == f"{OWNER}: the token server is down"
    world.provider.trouble = ""
    world.now += 1.1
    assert world.provider.check(await source.access_token())
    assert source.trouble == ""
    assert [level for level, _ in told] == ["WARNING", "INFO"]


async def test_pauses_grow_to_five_minutes_and_no_further(world: World) -> None:
    source = await world.source()
    world.provider.trouble = "down"
    for _ in range(12):
        with pytest.raises(TokenServerDown):
            await source.access_token()
        world.now += 301
    assert world.provider.asked["refresh_token"] == 12
    with pytest.raises(TokenServerDown):
        await source.access_token()
    world.now += 149
    with pytest.raises(TokenServerDown):
        await source.access_token()
    assert world.provider.asked["refresh_token"] == 13


async def test_while_the_provider_is_down_the_old_token_serves_to_its_end(world: World) -> None:
    source = await world.source()
    token = await source.access_token()
    world.provider.trouble = "down"
    world.now += 3400
    assert await source.access_token() == token
    assert source.trouble == ""
    world.now += 201
    with pytest.raises(TokenServerDown):
        await source.access_token()
    assert source.trouble


async def test_a_wrong_client_is_the_operators_trouble_and_not_the_tokens_death(world: World) -> None:
    world.provider.client_secret = "another one since"
    source = await world.source()
    with pytest.raises(ClientRefused):
        await source.access_token()
    assert "HELPDESK_OAUTH_CLIENT_SECRET" in source.trouble
    assert (await world.stored()).state == "ok"
    world.provider.client_secret = CLIENT_SECRET
    assert await (await world.source()).access_token()


async def test_a_provider_that_hangs_is_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.oauth.CALL_SECONDS", 0.2)
    world.provider.trouble = "hang"
    with pytest.raises(TokenServerDown):
        await (await world.source()).access_token()


async def test_a_login_during_a_refusal_is_not_declared_dead(world: World) -> None:
    source = await world.source()
    await source.access_token()
    world.provider.revoke_all()
    before = await world.stored()
    await world.log_in()
    now = datetime.now(UTC)
    is_dead = await world.database.write(
        lambda connection: mailbox_tokens.mark_dead(connection, before, reason="revoked", now=now)
    )
    assert not is_dead
    assert world.provider.check(await source.access_token())


async def test_a_rotated_token_waits_for_a_database_in_trouble(
    world: World, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.token_source._STORE_PAUSE_SECONDS", 0.01)
    world.provider.rotates = True
    source = await world.source()
    failures = [0]

    def fail(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # What claims the token sets nothing but a lease; what stores it sets the token.
        if statement.startswith("UPDATE mailbox_tokens SET refresh_token") and failures[0] < 3:
            failures[0] += 1
            raise OperationalError(statement, {}, Exception("disk I/O error"))

    event.listen(world.database.writer.sync_engine, "before_cursor_execute", fail)
    token = await source.access_token()
    assert failures == [3]
    assert world.provider.check(token)
    assert await world.stored_token() in world.provider.refresh_tokens
    assert [level for level, _ in told] == ["ERROR"]


async def test_stopping_stores_what_the_provider_has_just_given(world: World) -> None:
    world.provider.rotates = True
    source = await world.source()
    asking = asyncio.create_task(source.access_token())
    await world.provider.until_asked("refresh_token", 1)
    asking.cancel()
    await source.stop()
    assert await world.stored_token() in world.provider.refresh_tokens


async def test_with_another_key_it_cannot_be_opened_and_is_not_spoilt(world: World) -> None:
    source = await world.source(key=b"x" * 32)
    with pytest.raises(TokenDead, match="HELPDESK_SECRET_KEY"):
        await source.access_token()
    assert await (await world.source()).access_token()


async def test_nothing_in_the_database_shows_a_token(world: World) -> None:
    world.provider.rotates = True
    await (await world.source()).access_token()
    async with world.database.writer.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM mailbox_tokens"))).all()
    assert rows
    shown = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in rows[0])
    assert not [secret for secret in world.provider.secrets if secret.encode() in shown]


async def test_sources_are_one_for_each_account_and_look_after_themselves(world: World) -> None:
    source = await world.source()
    sources = TokenSources(source._provider, world.database, KEY)
    assert sources.of(OWNER) is sources.of(OWNER.upper())
    sources.of("nobody@desk.example")
    running = asyncio.create_task(sources.run())
    async with asyncio.timeout(10):
        while not sources.troubles() or not world.provider.valid:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sources.troubles() == [
        "nobody@desk.example: the token is dead, run `helpdesk mailbox login nobody@desk.example`."
    ]


def test_a_seal_opens_only_for_its_owner_with_its_key_and_whole() -> None:
    sealed = seal(KEY, "secret", owner=OWNER, nonce=b"n" * 12)
    assert unseal(KEY, sealed, owner=OWNER) == "secret"
    assert b"secret" not in sealed
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, body, owner in (
        (b"x" * 32, sealed, OWNER),
        (KEY, sealed, "other@desk.example"),
        (KEY, damaged, OWNER),
        (KEY, b"\x02" + sealed[1:], OWNER),
        (KEY, b"", OWNER),
        (KEY, b"\x01", OWNER),
    ):
        with pytest.raises(SealBroken):
            unseal(key, body, owner=owner)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("imap.gmail.com", "google"),
        ("smtp-relay.GMAIL.com", "google"),
        ("outlook.office365.com", "microsoft"),
        ("smtp.office365.com", "microsoft"),
        ("gmail.com.evil.example", ""),
        ("notgmail.com", ""),
        ("127.0.0.1", ""),
    ],
)
def test_the_provider_is_told_from_the_mail_servers_name(host: str, name: str) -> None:
    assert guess_provider(host) == name


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://login.example/token", True),
        ("http://127.0.0.1:80/token", True),
        ("http://[::1]/token", True),
        ("http://login.example/token", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("http://[bad", False),
    ],
)
def test_secrets_go_by_tls_or_stay_here(url: str, may: bool) -> None:
    assert may_carry_secrets(url) is may
