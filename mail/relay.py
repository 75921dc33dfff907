"""Where letters go: an SMTP relay, or a Maildir for development.

An SMTP connection is kept for the next letters and thrown away at the first trouble; where it was closed meanwhile,
because it was idle or had carried enough, the letter goes over a new one at once. With a password or a token TLS is
required and the certificate is checked, without fallback; without one STARTTLS is used where it is offered,
unchecked, as mail servers do among themselves. A letter is refused for good only when the relay says 5xx to this very
letter; anything else, a refused login too, is temporary. How a letter is given is told in `mail.relay_talk`.
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
from mail.relay_talk import RefusedForGood, Talk, TryLater, Unanswered
from mail.xoauth2 import LoginRefused, Tokens, login_smtp

__all__ = ["MaildirSender", "RefusedForGood", "Sender", "SmtpSender", "TryLater", "Unanswered", "open_sender"]
_CONNECT_TIMEOUT_SECONDS = 30
# For name, connection, greeting, TLS and login together, however slowly each of them comes.
_LONGEST_CONNECT_SECONDS = 120


class Sender(Protocol):
    """Something that takes one letter at a time."""

    async def send(self, letter: Letter) -> str:
        """Hand over a letter; returns what the relay said. Raises RefusedForGood, TryLater or Unanswered."""

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
        self._talk: Talk | None = None

    async def send(self, letter: Letter) -> str:
        if self._talk is not None and self._talk.is_usable:
            try:
                return await self._talk.give(letter)
            except TryLater as trouble:
                # What was idle, or has carried enough, is closed by many relays, and nothing was taken.
                if not trouble.unreachable:
                    raise
        await self.close()
        try:
            async with asyncio.timeout(_LONGEST_CONNECT_SECONDS):
                self._talk = await self._connect()
        except (aiosmtplib.SMTPException, OSError, ValueError, TokenTrouble, LoginRefused) as error:
            raise TryLater(_words(error), unreachable=True) from error
        return await self._talk.give(letter)

    async def _connect(self) -> Talk:
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
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await _introduce(client)
            if self._tokens is not None:
                await login_smtp(client, relay.username, self._tokens)
            if client.transport is None:
                raise aiosmtplib.SMTPServerDisconnected("connection lost")
            # From here on the connection is the talk's alone; closing that closes it.
            return Talk(client.transport, frozenset(client.esmtp_extensions))
        except BaseException:
            client.close()
            raise

    async def close(self) -> None:
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.close()


async def _introduce(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


@functools.cache
def _tls_context(*, checked: bool) -> ssl.SSLContext:
    # Made once: reading the system's authorities takes longer than sending a letter.
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
