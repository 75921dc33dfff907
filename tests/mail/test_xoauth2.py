"""Logging in with a token, at servers that behave like Google's and Microsoft's, and at such as do not behave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import aiosmtplib
import pytest

from gateway.errors import TokenDead
from gateway.mailbox_url import MailboxUrl
from mail import imap_client
from mail.imap_client import ImapClient, ServerFault, connecting
from mail.imap_client import LoginRefused as MailboxRefused
from mail.xoauth2 import LoginRefused, challenge_words, login_imap, login_smtp, sasl_string
from tests.oauth_provider import OWNER, OAuthProvider, keeping_secrets
from tests.token_servers import CHALLENGE, TokenMailboxes, TokenRelay, serving_at

SHORT, LONG = "ya29.short", "EwB." + "x" * 3000


@dataclass
class Given:
    """Tokens in this order; after the last the grant is dead."""

    tokens: list[str]
    were_refused: list[str] = field(default_factory=list)

    async def access_token(self) -> str:
        if not self.tokens:
            raise TokenDead("revoked")
        return self.tokens[0]

    def refused(self, token: str) -> None:
        self.were_refused.append(token)
        self.tokens.remove(token)


@pytest.fixture(autouse=True)
def _secret() -> Iterator[None]:
    """No library writes a token into its log, at any level."""
    with keeping_secrets(OAuthProvider(secrets={SHORT, LONG, "the-old-one"})):
        yield


@asynccontextmanager
async def smtp(relay: TokenRelay) -> AsyncIterator[aiosmtplib.SMTP]:
    async with serving_at(relay) as port:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=5)
        await client.connect()
        await client.ehlo()
        yield client
        client.close()


@asynccontextmanager
async def imap(server: TokenMailboxes) -> AsyncIterator[ImapClient]:
    async with serving_at(server) as port:
        mailbox = MailboxUrl(scheme="imap", host="127.0.0.1", port=port, username=OWNER, password="", oauth2=True)
        async with connecting(mailbox) as client:
            yield client


@contextmanager
def quickly() -> Iterator[None]:
    """Nothing here has to wait for a deadline."""
    before = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - before < 3


@pytest.mark.parametrize("token", [SHORT, LONG])
async def test_smtp_lets_in_whoever_has_a_token(token: str) -> None:
    relay = TokenRelay(check=lambda given: given == token)
    async with smtp(relay) as client:
        await login_smtp(client, OWNER, Given([token]))
    assert relay.logins == [True]
    # What does not fit on one line of SMTP follows by itself.
    assert ("AUTH XOAUTH2" in relay.lines) == (token == LONG)


async def test_smtp_takes_another_token_for_one_that_is_refused() -> None:
    relay = TokenRelay(check=lambda given: given == SHORT)
    tokens = Given(["the-old-one", SHORT])
    async with smtp(relay) as client:
        await login_smtp(client, OWNER, tokens)
    assert relay.logins == [False, True]
    assert tokens.were_refused == ["the-old-one"]


async def test_smtp_that_refuses_every_token_is_asked_twice() -> None:
    relay = TokenRelay(check=lambda _: False)
    async with smtp(relay) as client:
        with pytest.raises(LoginRefused, match=r"535 5\.7\.8 .* 400"):
            await login_smtp(client, OWNER, Given([SHORT, LONG, "third"]))
    assert len(relay.logins) == 2


async def test_smtp_with_a_dead_grant_says_that_it_is_dead() -> None:
    async with smtp(TokenRelay(check=lambda _: False)) as client:
        with pytest.raises(TokenDead):
            await login_smtp(client, OWNER, Given([SHORT]))


async def test_smtp_in_trouble_of_its_own_says_nothing_about_the_token() -> None:
    tokens = Given([SHORT])
    async with smtp(TokenRelay(check=lambda _: False, refusal="454 4.7.0 Temporary authentication failure")) as client:
        with pytest.raises(LoginRefused, match="454"):
            await login_smtp(client, OWNER, tokens)
    assert tokens.were_refused == []


async def test_smtp_that_offers_no_xoauth2_sees_no_token() -> None:
    relay = TokenRelay(check=lambda _: True, offers="AUTH PLAIN LOGIN")
    async with smtp(relay) as client:
        with pytest.raises(LoginRefused, match="does not offer"):
            await login_smtp(client, OWNER, Given([SHORT]))
    assert not [line for line in relay.lines if "AUTH" in line]


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR AUTH=XOAUTH2", "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2"])
@pytest.mark.parametrize("token", [SHORT, LONG])
async def test_imap_lets_in_whoever_has_a_token(capabilities: str, token: str) -> None:
    server = TokenMailboxes(check=lambda given: given == token, capabilities=capabilities)
    async with imap(server) as client:
        with quickly():
            await login_imap(client, OWNER, Given([token]))
        # What it offers is read anew: some servers tell strangers less.
        assert await client.has("MOVE")
    assert server.with_initial == ["SASL-IR" in capabilities]


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR AUTH=XOAUTH2", "IMAP4rev1 AUTH=XOAUTH2"])
async def test_imap_takes_another_token_for_one_that_is_refused(capabilities: str) -> None:
    server = TokenMailboxes(check=lambda given: given == SHORT, capabilities=capabilities)
    tokens = Given(["the-old-one", SHORT])
    async with imap(server) as client:
        with quickly():
            await login_imap(client, OWNER, tokens)
    assert server.logins == [False, True]
    assert tokens.were_refused == ["the-old-one"]


async def test_imap_that_refuses_every_token_is_asked_twice() -> None:
    server = TokenMailboxes(check=lambda _: False)
    async with imap(server) as client:
        with quickly(), pytest.raises(MailboxRefused, match="Invalid credentials"):
            await login_imap(client, OWNER, Given([SHORT, LONG, "third"]))
    assert len(server.logins) == 2


async def test_imap_with_a_dead_grant_says_that_it_is_dead() -> None:
    async with imap(TokenMailboxes(check=lambda _: False)) as client:
        with quickly(), pytest.raises(TokenDead):
            await login_imap(client, OWNER, Given([SHORT]))


async def test_imap_in_trouble_of_its_own_says_nothing_about_the_token() -> None:
    tokens = Given([SHORT])
    async with imap(TokenMailboxes(check=lambda _: False, refusal="NO [UNAVAILABLE] later")) as client:
        with pytest.raises(MailboxRefused, match="UNAVAILABLE"):
            await login_imap(client, OWNER, tokens)
    assert tokens.were_refused == []


@pytest.mark.parametrize("fault", ["hang up", "challenges"])
async def test_imap_that_breaks_off_or_asks_without_end_holds_nobody_up(fault: str) -> None:
    async with imap(TokenMailboxes(check=lambda _: True, fault=fault)) as client:
        with quickly(), pytest.raises(ServerFault):
            await login_imap(client, OWNER, Given([SHORT]))


async def test_imap_that_says_nothing_meets_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_client, "LOGIN_SECONDS", 0.1)
    async with imap(TokenMailboxes(check=lambda _: True, fault="silence")) as client:
        with quickly(), pytest.raises(ServerFault, match="does not answer"):
            await login_imap(client, OWNER, Given([SHORT]))


async def test_imap_that_offers_no_xoauth2_sees_no_token() -> None:
    server = TokenMailboxes(check=lambda _: True, capabilities="IMAP4rev1 AUTH=PLAIN")
    async with imap(server) as client:
        with pytest.raises(MailboxRefused, match="does not offer"):
            await login_imap(client, OWNER, Given([SHORT]))
    assert server.with_initial == []


async def test_no_token_goes_to_another_machine_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    # There is no other machine here: the tests' own is taken for one.
    monkeypatch.setattr("mail.xoauth2.is_loopback", lambda _: False)
    relay = TokenRelay(check=lambda _: True)
    async with smtp(relay) as client:
        with pytest.raises(LoginRefused, match="not encrypted"):
            await login_smtp(client, OWNER, Given([SHORT]))
    assert relay.logins == []
    # A mailbox's connection is under TLS before anybody logs in, or there is none.
    monkeypatch.setattr(MailboxUrl, "may_be_clear", False)
    mailboxes = TokenMailboxes(check=lambda _: True)
    with pytest.raises(ServerFault, match="STARTTLS"):
        async with imap(mailboxes) as mailbox:
            await login_imap(mailbox, OWNER, Given([SHORT]))
    assert mailboxes.with_initial == []


@pytest.mark.parametrize(("user", "token"), [("a\x01auth=Bearer x", SHORT), (OWNER, "x\x01host=evil")])
def test_nobody_can_say_more_than_his_name(user: str, token: str) -> None:
    with pytest.raises(LoginRefused):
        sasl_string(user, token)


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        (CHALLENGE, "400"),
        ("", ""),
        ("not base64!", "not base64!"),
        ("W1tbW1tb", "[[[[[["),
        ("e30=", ""),
        (b"\xff\xfe", "��"),
    ],
)
def test_whatever_a_challenge_holds_becomes_a_line(challenge: bytes | str, words: str) -> None:
    assert challenge_words(challenge) == words
