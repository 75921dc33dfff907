"""The wire under a mailbox: aioimaplib's protocol, with bounds.

Of aioimaplib's protocol the commands, tags and states are used as they are; how it takes in what the server says is
replaced, for there it recurses once per line, buffers whatever a server announces, and does not tell those who wait
that the connection is gone. Here a response is taken in by a loop; a line, a literal, and all that one command may
bring have a largest size, which is checked before anything is kept; and whoever waits hears of a lost connection at
once. A server that oversteps loses the connection: `fault` says why.

Deliberately not here: timeouts (each call in `mail.imap_client` has one) and any reading of parentheses, which are
never followed inwards.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from typing import Any

from aioimaplib import aioimaplib

LONGEST_LINE = 2 << 20
_LONGEST_COMMAND_LINES = 4 << 20
_MOST_RESPONSES = 10_000
_SMALL_LITERAL = 64 * 1024
# A server asks once for what was not sent at once, and once tells by a question why it refuses.
_MOST_QUESTIONS = 3
_LITERAL = re.compile(rb"\{(\d{1,10})\}\Z")
_TAGGED = re.compile(rb"([A-Z]{1,8}[0-9]{1,12}) (OK|NO|BAD)\b")
_NEWS = re.compile(rb"\* (\d{1,10}) EXISTS\b", re.IGNORECASE)
# What others do in the folder meanwhile comes unasked, in any number, and means nothing to us.
_NOISE = re.compile(rb"\* (?:\d{1,10} (?:EXPUNGE|RECENT)|VANISHED)\b", re.IGNORECASE)

Response = list[bytes]


class ServerFault(Exception):
    """The connection is gone, or the server says what no server should."""


class Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """One connection. `responses` is what the last command brought, each with its literals at the odd places."""

    transport: Any

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.responses: list[Response] = []
        self.greeting: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.news = asyncio.Event()
        self.exists = 0
        self.fault = ""
        self._largest_literal = 0
        self._is_upgrading = False
        self._upgrade_tag = b""
        self._answer, self._questions = b"", 0
        self._reset()

    def _reset(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._response: Response = []
        self._literal: bytearray | None = None
        self._missing = 0
        self._taken_bytes = 0

    def begin(self, *, largest_literal: int = 0) -> None:
        """A command is about to be sent, whose answer may hold literals of this size together."""
        self.responses = []
        self._taken_bytes = 0
        self._largest_literal = largest_literal + _SMALL_LITERAL

    def data_received(self, data: bytes) -> None:
        try:
            if self._is_upgrading:
                # What came before TLS was not said by whom we think (CVE-2011-0411 and its kin).
                raise ServerFault("the server goes on in clear text after STARTTLS")
            self._buffer += data
            while self._take_piece():
                pass
        except (ServerFault, aioimaplib.AioImapException, ValueError) as error:
            self.fault = str(error) or type(error).__name__
            self.abort()

    def _take_piece(self) -> bool:
        """Take the next line or part of a literal out of the buffer; whether there may be more."""
        if self._literal is not None:
            piece = self._buffer[: self._missing]
            self._literal += piece
            self._missing -= len(piece)
            del self._buffer[: len(piece)]
            if self._missing:
                return False
            self._response.append(bytes(self._literal))
            self._literal = None
        end = self._buffer.find(b"\r\n", self._searched)
        self._searched = 0 if end >= 0 else max(0, len(self._buffer) - 1)
        if end > LONGEST_LINE or (end < 0 and len(self._buffer) > LONGEST_LINE):
            raise ServerFault("the server sends a line without end")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._count(len(line))
        self._response.append(line)
        if (announced := _LITERAL.search(line[-12:])) and self.pending() is not None:
            self._missing = int(announced[1])
            self._largest_literal -= self._missing
            if self._largest_literal < 0:
                raise ServerFault(f"the server announces {self._missing} bytes that nobody asked for")
            self._literal = bytearray()
            return True
        response, self._response = self._response, []
        self._take(response)
        return True

    def _count(self, size: int) -> None:
        self._taken_bytes += size
        if self._taken_bytes > _LONGEST_COMMAND_LINES:
            raise ServerFault("the server's answer has no end")

    def pending(self) -> aioimaplib.Command | None:
        """The command that waits for its answer: there is never more than one."""
        return self.pending_sync_command or next(iter(self.pending_async_commands.values()), None)

    def _take(self, response: Response) -> None:
        line = response[0]
        if self.state == aioimaplib.CONNECTED:
            self._greet(line)
        elif _TAGGED.match(line):
            self._response_done(line)
            self._is_upgrading = self._is_upgrading or self._just_granted_tls(line)
        elif line.startswith(b"+"):
            self._continuation(line)
        elif line.startswith(b"* "):
            self._untagged(response)

    def _untagged(self, response: Response) -> None:
        line, command = response[0], self.pending()
        if found := _NEWS.match(line):
            self.exists = int(found[1])
            self.news.set()
        if command is None or command.name == "IDLE" or _NOISE.match(line):
            return
        if len(self.responses) >= _MOST_RESPONSES:
            raise ServerFault("the server's answer has too many lines")
        self.responses.append(response)
        if command.name in {"CAPABILITY", "LOGIN", "AUTHENTICATE"}:
            command.append_to_resp(line.removeprefix(b"* ").removeprefix(b"CAPABILITY "))

    def _greet(self, line: bytes) -> None:
        word = line[2:].split(b" ", 1)[0].upper()
        if not line.startswith(b"* ") or word not in {b"OK", b"PREAUTH"}:
            raise ServerFault("the server does not greet us")
        self.state = aioimaplib.NONAUTH if word == b"OK" else aioimaplib.AUTH
        if not self.greeting.done():
            self.greeting.set_result(None)

    def _just_granted_tls(self, line: bytes) -> bool:
        is_ok = line.partition(b" ")[2].startswith(b"OK")
        if self._upgrade_tag and line.startswith(self._upgrade_tag + b" ") and is_ok:
            if self._buffer:
                raise ServerFault("the server goes on in clear text after STARTTLS")
            return True
        return False

    async def start_tls(self, context: ssl.SSLContext, host: str) -> bool:
        """Go on under TLS; False where the server refuses. Raises what is wrong with its certificate."""
        command = aioimaplib.Command("STARTTLS", self.new_tag(), loop=self.loop)
        self._upgrade_tag = command.tag.encode("ascii")
        if (await self.execute(command)).result != "OK":
            return False
        clear = self.transport
        self._is_upgrading = False
        self.transport = await self.loop.start_tls(clear, self, context, server_hostname=host)
        self._reset()
        return True

    async def authenticate(self, mechanism: str, words: bytes, *, at_once: bool) -> aioimaplib.Response:
        """Authenticate by SASL with one message, sent with the command where the server takes that (`at_once`).

        Whatever else the server asks gets an empty answer: that is how a refused token is told (XOAUTH2).
        """
        encoded = b64encode(words)
        self._answer, self._questions = b"" if at_once else encoded, 0
        arguments = (mechanism, encoded.decode("ascii")) if at_once else (mechanism,)
        command = aioimaplib.Command("AUTHENTICATE", self.new_tag(), *arguments, loop=self.loop)
        response = await self.execute(command, scrub=encoded.decode("ascii"))
        if response.result == "OK":
            self.state = aioimaplib.AUTH
        return response

    async def execute(self, command: aioimaplib.Command, scrub: str | None = None) -> aioimaplib.Response:
        """As in aioimaplib, but a connection that was lost since the last command is not waited for."""
        if self.closed.done():
            raise ServerFault(self.fault or "the connection was lost")
        return await super().execute(command, scrub)

    def _continuation(self, line: bytes) -> None:
        command = self.pending()
        if command is not None and command.name == "AUTHENTICATE":
            self._questions += 1
            if self._questions > _MOST_QUESTIONS:
                raise ServerFault("the server asks without end")
            self.transport.write(self._answer + b"\r\n")
            self._answer = b""
        elif command is not None and command.name == "IDLE":
            self._idle_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        lost = ServerFault(self.fault or "the connection was lost")
        command = self.pending()
        if command is not None:
            command._exception = lost
            command._event.set()
        if not self.greeting.done():
            self.greeting.set_exception(lost)
            # Nobody may be waiting for it any more.
            self.greeting.exception()
        if not self.closed.done():
            self.closed.set_result(None)

    def abort(self) -> None:
        """Drop the connection, whatever is under way."""
        self._reset()
        if self.transport is not None:
            self.transport.abort()
