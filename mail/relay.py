"""Where letters go: an SMTP relay, or a Maildir for development.

An SMTP connection is kept for the next letters and thrown away at the first trouble. With a password or a token TLS is
required and the certificate is checked, without fallback; without one STARTTLS is used where it is offered, unchecked,
as mail servers do among themselves. A letter is refused for good only when the relay says 5xx to this very letter;
anything else, a refused login too, is temporary.
"""

from __future__ import annotations

import asyncio
import functools
import mailbox
import ssl
from typing import Protocol

import aiosmtplib

from gateway.errors import TokenTrouble
from gateway.providers import is_loopback
from gateway.values import Relay
from mail.compose import Letter
from mail.xoauth2 import LoginRefused, Tokens, login_smtp

_CONNECT_TIMEOUT_SECONDS = 30
_REPLY_TIMEOUT_SECONDS = 300


class RefusedForGood(Exception):
    """The relay refused this letter, and will again."""


class TryLater(Exception):
    """The letter was not taken now. `unreachable` tells that it is the relay's trouble and not this letter's."""

    def __init__(self, message: str, *, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class Sender(Protocol):
    """Something that takes one letter at a time."""

    async def send(self, letter: Letter) -> str:
        """Hand over a letter; returns what the relay said. Raises RefusedForGood or TryLater."""

    async def close(self) -> None:
        """Let go of the connection, if there is one."""


def open_sender(relay: Relay, hostname: str, tokens: Tokens | None = None) -> Sender:
    """A sender to this relay; `hostname` is how we introduce ourselves, `tokens` whence an access token comes."""
    return MaildirSender(relay) if relay.scheme == "maildir" else SmtpSender(relay, hostname, tokens)


class MaildirSender:
    """Writes each letter as a file into a Maildir, synced."""

    def __init__(self, relay: Relay) -> None:
        self._path = relay.path

    async def send(self, letter: Letter) -> str:
        try:
            return await asyncio.to_thread(self._deliver, letter)
        except OSError as error:
            raise TryLater(f"maildir: {error.strerror}", unreachable=True) from error

    def _deliver(self, letter: Letter) -> str:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = mailbox.Maildir(self._path, create=True).add(letter.content.replace(b"\r\n", b"\n"))
        return f"250 stored as {key}"

    async def close(self) -> None:
        """Nothing is held open."""


class SmtpSender:
    """Sends letters over one SMTP connection, made when it is needed."""

    def __init__(self, relay: Relay, hostname: str, tokens: Tokens | None = None) -> None:
        self._relay = relay
        self._hostname = hostname
        self._tokens = tokens
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, letter: Letter) -> str:
        try:
            client = await self._connect()
        except (aiosmtplib.SMTPException, OSError, ValueError, TokenTrouble, LoginRefused) as error:
            await self.close()
            raise TryLater(_words(error), unreachable=True) from error
        try:
            options = [] if letter.recipient.isascii() else ["SMTPUTF8"]
            _, reply = await client.sendmail(
                letter.envelope_from, [letter.recipient], letter.content, mail_options=options
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            await self._reset(refusal.code)
            raise _verdict(refusal.code, refusal.message) from error
        except aiosmtplib.SMTPResponseException as error:
            await self._reset(error.code)
            raise _verdict(error.code, error.message) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, OSError) as error:
            await self.close()
            raise TryLater(_words(error), unreachable=True) from error
        except (aiosmtplib.SMTPException, ValueError) as error:
            await self.close()
            raise TryLater(_words(error), unreachable=False) from error
        return f"250 {reply}"

    async def _connect(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        relay = self._relay
        direct = relay.scheme == "smtps"
        # Within this machine a token may go in clear text; `login_smtp` sees to it that it goes so nowhere else.
        is_secret = bool(relay.password) or (relay.oauth2 and not is_loopback(relay.host))
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            port=relay.port,
            local_hostname=self._hostname,
            use_tls=direct,
            start_tls=False if direct else True if is_secret else None,
            tls_context=_tls_context(checked=direct or is_secret),
            username=None if relay.oauth2 else relay.username or None,
            password=relay.password or None,
            timeout=_CONNECT_TIMEOUT_SECONDS,
        )
        await client.connect()
        if self._tokens is not None:
            try:
                await client.ehlo()
                await login_smtp(client, relay.username, self._tokens)
            except BaseException:
                client.close()
                raise
        client.timeout = _REPLY_TIMEOUT_SECONDS
        self._client = client
        return client

    async def _reset(self, code: int) -> None:
        """Make the connection ready for the next letter, or give it up."""
        try:
            if code == 421 or self._client is None:
                await self.close()
            else:
                await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            await self.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


@functools.cache
def _tls_context(*, checked: bool) -> ssl.SSLContext:
    # Made once: reading the system's authorities takes longer than sending a letter.
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _verdict(code: int, words: str) -> RefusedForGood | TryLater:
    said = f"{code} {words}"
    return RefusedForGood(said) if 500 <= code < 600 else TryLater(said, unreachable=code == 421)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
