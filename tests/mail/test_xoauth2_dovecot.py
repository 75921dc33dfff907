"""The login with a token at a real Dovecot, over TLS, which asks the provider about each token."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import mailbox_tokens
from gateway.config import Settings, load_settings
from gateway.database import Database
from gateway.errors import TokenDead, TokenServerDown
from gateway.mailbox_url import MailboxUrl
from gateway.seal import seal
from gateway.token_source import TokenSources, keeping_tokens
from mail.imap_client import connecting
from mail.xoauth2 import login_imap
from tests.builders import a_mail
from tests.oauth_provider import OWNER, OAuthProvider, assert_keeps_secrets, keeping_secrets, oauth_provider
from tests.services import dovecot_by_token, require

pytestmark = pytest.mark.slow


def _certificate() -> tuple[bytes, bytes]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mailboxes of a test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(place, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Mailboxes:
    """The real server, and a gateway's tokens for it."""

    def __init__(self, provider: OAuthProvider, settings: Settings, database: Database, port: int) -> None:
        self.provider, self.settings, self.database, self.port = provider, settings, database, port

    async def grant(self) -> None:
        token = self.provider.new_refresh_token()
        nonce = len(self.provider.secrets).to_bytes(12, "big")
        sealed = seal(self.settings.secret_key, token, owner=OWNER, nonce=nonce)
        await self.database.write(
            lambda connection: mailbox_tokens.store_login(
                connection, account=OWNER, provider="other", sealed=sealed, scope="mail", now=datetime.now(UTC)
            )
        )

    async def subjects(self, tokens: TokenSources) -> list[str]:
        """Log in on a new connection, and fetch the subject of each mail."""
        mailbox = MailboxUrl(scheme="imaps", host="127.0.0.1", port=self.port, username=OWNER, password="", oauth2=True)
        async with connecting(mailbox) as client:
            await login_imap(client, OWNER, tokens.of(OWNER))
            await client.select("INBOX")
            headers = [await client.fetch_header(uid) for uid in await client.search(1, None)]
        lines = [line.decode().strip() for header in headers for line in header.split(b"\n")]
        return [line for line in lines if line.startswith("Subject")]


@asynccontextmanager
async def _serving(provider: OAuthProvider, folder: Path) -> AsyncIterator[tuple[int, Path, bytes]]:
    """Dovecot, started and stopped without holding up the provider that it asks."""
    pem, key = _certificate()
    server = dovecot_by_token(folder, provider.port, (pem, key))
    port, home = await asyncio.to_thread(server.__enter__)
    try:
        yield port, home, pem
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@pytest.fixture
async def mailboxes(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Mailboxes]:
    require("dovecot")
    async with oauth_provider() as provider, _serving(provider, tmp_path / "dovecot") as (port, home, pem):
        settings = load_settings({"HELPDESK_DATABASE_URL": database_url, **provider.settings}, tmp_path)
        trusted = tmp_path / "trusted.pem"
        trusted.write_bytes(pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with keeping_secrets(provider):
            mailboxes = Mailboxes(provider, settings, database, port)
            await mailboxes.grant()
            async with keeping_tokens(settings, database) as tokens:
                # The first login makes the mailbox.
                await mailboxes.subjects(tokens)
            for name in ("ant", "bee"):
                (home / OWNER / "Maildir" / "new" / name).write_bytes(a_mail(name=name, subject=name))
            provider.asked.clear()
            yield mailboxes
        assert_keeps_secrets(provider, (tmp_path / "dovecot" / "dovecot.log").read_text())


MAILS = ["Subject: ant", "Subject: bee"]


async def test_fetching_goes_on_over_the_end_of_tokens_and_of_the_process(mailboxes: Mailboxes) -> None:
    mailboxes.provider.rotates = True
    for _ in range(3):
        async with keeping_tokens(mailboxes.settings, mailboxes.database) as tokens:
            assert await mailboxes.subjects(tokens) == MAILS
            mailboxes.provider.expire_all()
            assert await mailboxes.subjects(tokens) == MAILS
    assert mailboxes.provider.asked["refresh_token"] == len(mailboxes.provider.spent) == 6
    # Dovecot does ask.
    assert mailboxes.provider.asked["introspect"] >= 6


async def test_tokens_that_live_shortly_are_renewed_before_their_end(mailboxes: Mailboxes) -> None:
    mailboxes.provider.life_seconds = 2
    async with keeping_tokens(mailboxes.settings, mailboxes.database) as tokens:
        for _ in range(3):
            assert await mailboxes.subjects(tokens) == MAILS
            token = await tokens.of(OWNER).access_token()
            async with asyncio.timeout(10):
                while mailboxes.provider.check(token):
                    await asyncio.sleep(0.05)
    assert mailboxes.provider.asked["refresh_token"] >= 3


async def test_what_is_revoked_is_dead_and_lives_again_after_a_login(mailboxes: Mailboxes) -> None:
    async with keeping_tokens(mailboxes.settings, mailboxes.database) as tokens:
        assert await mailboxes.subjects(tokens) == MAILS
        mailboxes.provider.revoke_all()
        for _ in range(2):
            with pytest.raises(TokenDead):
                await mailboxes.subjects(tokens)
        assert OWNER in tokens.troubles()[0]
        await mailboxes.grant()
        assert await mailboxes.subjects(tokens) == MAILS
        assert tokens.troubles() == []


async def test_a_provider_that_is_down_is_down_and_nothing_is_dead(
    mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.token_source._LONGEST_PAUSE_SECONDS", 0)
    async with keeping_tokens(mailboxes.settings, mailboxes.database) as tokens:
        assert await mailboxes.subjects(tokens) == MAILS
        mailboxes.provider.expire_all()
        mailboxes.provider.trouble = "down"
        with pytest.raises(TokenServerDown):
            await mailboxes.subjects(tokens)
        assert "the token server is down" in tokens.troubles()[0]
        mailboxes.provider.trouble = ""
        assert await mailboxes.subjects(tokens) == MAILS
        assert tokens.troubles() == []
