"""Logging in to an IMAP or SMTP server with an access token: the SASL mechanism XOAUTH2 of Google and Microsoft.

The client says user and token in one string; a server that refuses them first sends a challenge that holds the reason
as JSON, and goes on only when that has been answered with an empty line. A token that a server refuses may have ended
before its time: it is renewed and tried once more, on the same connection. Whether the grant itself is dead only the
provider can tell, which it does when the token is renewed (TokenDead); a server that refuses a token that it has just
given is LoginRefused, and temporary. Tokens go by TLS or within this machine, and into no log: the libraries' own
ways to send a command write it down, so that here the bytes go past them.

Sole user, with the mailbox client, of aioimaplib: its own `xoauth2` never answers the challenge, and waits for ever.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any, Protocol

from aioimaplib import aioimaplib

from gateway.providers import is_loopback

_TRIES = 2
_LOGIN_SECONDS = 30
_MOST_CHALLENGES = 3
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
    """What XOAUTH2 says first, in base64. Neither part may hold the mark that ends it."""
    if "\x01" in user or "\x01" in token:
        raise LoginRefused("The user's name cannot be sent.")
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode())


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


async def login_imap(client: aioimaplib.IMAP4, user: str, tokens: Tokens) -> None:
    """AUTHENTICATE XOAUTH2 on a connection that has been greeted, and read the capabilities anew.

    Raises TokenTrouble, LoginRefused, TimeoutError, or ConnectionError. After anything but success throw the
    connection away.
    """
    protocol = client.protocol
    info = protocol.transport.get_extra_info
    if protocol.transport.is_closing():
        raise ConnectionResetError("The server has hung up.")
    if info("ssl_object") is None and not is_loopback(_host(info("peername"))):
        raise LoginRefused("The connection is not encrypted: no token is sent.")
    offered = {capability.upper() for capability in protocol.capabilities}
    if "AUTH=XOAUTH2" not in offered:
        raise LoginRefused("The server does not offer XOAUTH2.")
    words = ""
    for _ in range(_TRIES):
        # Waits for the provider by a deadline of its own; the server gets another.
        token = await tokens.access_token()
        async with asyncio.timeout(_LOGIN_SECONDS):
            command = await _authenticate(protocol, sasl_string(user, token), at_once="SASL-IR" in offered)
            if command.response.result == "OK":
                async with protocol.state_condition:
                    protocol.state = aioimaplib.AUTH
                    protocol.state_condition.notify_all()
                # What a server offers may change with who is there.
                await protocol.capability()
                return
        said = b" ".join(command.response.lines[-1:]).decode("utf-8", "replace")
        words = _line(f"{command.response.result} {said} {command.words}")
        if command.response.result != "NO" or "[UNAVAILABLE]" in said.upper():
            break
        tokens.refused(token)
    raise LoginRefused(f"The server does not let us in: {words}")


class _Authenticate(aioimaplib.Command):  # type: ignore[misc]
    """The command AUTHENTICATE, which answers the server's challenges; what it sends is in no argument of it."""

    def __init__(self, protocol: Any, answers: list[bytes]) -> None:
        super().__init__("AUTHENTICATE", protocol.new_tag(), loop=protocol.loop)
        self.words = ""
        self._transport = protocol.transport
        self._answers = answers
        self._challenges = 0

    def append_to_resp(self, line: bytes, result: str = "Pending") -> None:
        if not line.startswith(b"+") or result != "Pending":
            super().append_to_resp(line, result)
            return
        self._challenges += 1
        if self._challenges > _MOST_CHALLENGES:
            self._transport.abort()
        elif self._answers:
            self._transport.write(self._answers.pop() + b"\r\n")
        else:
            self.words = challenge_words(bytes(line[1:].strip()))
            self._transport.write(b"\r\n")


async def _authenticate(protocol: Any, first: bytes, *, at_once: bool) -> _Authenticate:
    command = _Authenticate(protocol, [] if at_once else [first])
    lost, told_before = asyncio.get_running_loop().create_future(), protocol.conn_lost_cb

    def on_loss(error: Exception | None) -> None:
        if not lost.done():
            lost.set_result(None)
        if told_before is not None:
            told_before(error)

    # The library wakes nobody who waits for an answer when the connection goes.
    protocol.conn_lost_cb = on_loss
    protocol.pending_sync_command = command
    waiting = asyncio.create_task(command.wait())
    try:
        line = f"{command.tag} AUTHENTICATE XOAUTH2".encode()
        protocol.transport.write(line + (b" " + first if at_once else b"") + b"\r\n")
        await asyncio.wait({waiting, lost}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ConnectionResetError("The server hung up during the login.")
        await waiting
    finally:
        waiting.cancel()
        protocol.conn_lost_cb = told_before
        if protocol.pending_sync_command is command:
            protocol.pending_sync_command = None
    return command


def _host(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def _line(text: str) -> str:
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text[:1000]).split())[:_MOST_WORDS]
