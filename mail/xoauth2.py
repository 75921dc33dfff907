"""Logging in to an IMAP or SMTP server with an access token: the SASL mechanism XOAUTH2 of Google and Microsoft.

The client says user and token in one string; a server that refuses them first sends a challenge that holds the reason
as JSON, and goes on only when that has been answered with an empty line. A token that a server refuses may have ended
before its time: it is renewed and tried once more, on the same connection. Whether the grant itself is dead only the
provider can tell, which it does when the token is renewed (TokenDead); a server that refuses a token that it has just
given is LoginRefused, and temporary. Tokens go by TLS or within this machine, and into no log: the libraries' own
ways to send a command write it down, so that here the bytes go past them.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Protocol

from gateway.providers import is_loopback
from mail.imap_client import ImapClient
from mail.imap_client import LoginRefused as MailboxRefused

_TRIES = 2
# RFC 4954 section 4: a longer line must not be sent, the token then follows by itself.
_LONGEST_LINE_BYTES = 512
_MOST_WORDS = 200
_CONTINUE, _LOGGED_IN = 334, 235


class LoginRefused(Exception):
    """The server lets us in with no token; says why."""


class Tokens(Protocol):
    """Where the access tokens of one account come from."""

    async def access_token(self) -> str:
        """One that holds for minutes yet. Raises TokenDead or another TokenTrouble."""

    def refused(self, token: str) -> None:
        """The server did not take it: the next one has to be another."""


class SmtpReply(Protocol):
    @property
    def code(self) -> int: ...
    @property
    def message(self) -> str: ...


class SmtpClient(Protocol):
    """What is needed of an SMTP client that is connected and has said EHLO."""

    @property
    def server_auth_methods(self) -> list[str]: ...
    def get_transport_info(self, key: str) -> Any: ...
    async def execute_command(self, *args: bytes) -> SmtpReply: ...


def sasl_string(user: str, token: str) -> bytes:
    """What XOAUTH2 says first, in base64."""
    return base64.b64encode(_words(user, token))


def _words(user: str, token: str) -> bytes:
    """Neither part may hold the mark that ends it."""
    if "\x01" in user or "\x01" in token:
        raise LoginRefused("The user's name cannot be sent.")
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def challenge_words(challenge: bytes | str) -> str:
    """What the server's challenge says, as one short line."""
    text = challenge if isinstance(challenge, bytes) else challenge.encode("utf-8", "replace")
    try:
        text = base64.b64decode(text, validate=True)
        said = json.loads(text)
        if isinstance(said, dict):
            text = " ".join(str(said[key]) for key in ("status", "error", "error_description") if key in said).encode()
    except (ValueError, RecursionError, binascii.Error):
        pass
    return _line(text.decode("utf-8", "replace"))


async def login_smtp(client: SmtpClient, user: str, tokens: Tokens) -> None:
    """AUTH XOAUTH2. Raises TokenTrouble, LoginRefused, or what the client raises when the connection dies."""
    is_encrypted = client.get_transport_info("sslcontext") is not None
    if not is_encrypted and not is_loopback(_host(client.get_transport_info("peername"))):
        raise LoginRefused("The connection is not encrypted: no token is sent.")
    if "xoauth2" not in client.server_auth_methods:
        raise LoginRefused("The relay does not offer XOAUTH2.")
    words = ""
    for _ in range(_TRIES):
        token = await tokens.access_token()
        first = sasl_string(user, token)
        if len(b"AUTH XOAUTH2 \r\n") + len(first) <= _LONGEST_LINE_BYTES:
            reply = await client.execute_command(b"AUTH", b"XOAUTH2", first)
        else:
            reply = await client.execute_command(b"AUTH", b"XOAUTH2")
            if reply.code == _CONTINUE:
                reply = await client.execute_command(first)
        if reply.code == _CONTINUE:
            words = challenge_words(reply.message)
            reply = await client.execute_command(b"")
        if reply.code == _LOGGED_IN:
            return
        words = _line(f"{reply.code} {reply.message} {words}")
        if reply.code != 535:
            # Not about the token: too many logins, trouble of the relay's own.
            break
        tokens.refused(token)
    raise LoginRefused(f"The relay does not let us in: {words}")


async def login_imap(client: ImapClient, user: str, tokens: Tokens) -> None:
    """AUTHENTICATE XOAUTH2 on a connection that has been greeted and, off this machine, is under TLS.

    Raises TokenTrouble, the LoginRefused of `mail.imap_client`, or ServerFault.
    """
    if not await client.has("AUTH=XOAUTH2"):
        raise MailboxRefused("the server does not offer XOAUTH2")
    for is_last in (False, True):
        token = await tokens.access_token()
        try:
            await client.authenticate("XOAUTH2", _words(user, token))
        except MailboxRefused as refusal:
            if is_last or not str(refusal).startswith("NO") or "[UNAVAILABLE]" in str(refusal).upper():
                raise
            tokens.refused(token)
        else:
            return


def _host(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def _line(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text[:1000]).split())[:_MOST_WORDS]
