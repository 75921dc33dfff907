"""A mailbox's connection as the desk needs it: a few calls, each of which ends.

The narrow side of aioimaplib, whose weak points end here: every call has a time, after which the connection is
dropped (a late answer would be taken for the next one's); a mail comes in ranges, so no server makes us hold more than
one; names are quoted and encoded; STARTTLS comes before any password. One call at a time. Each raises ServerFault, or
Refused where the server's answer is no.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from aioimaplib import aioimaplib

from gateway.mailbox_url import MailboxUrl
from mail.imap_protocol import Protocol, ServerFault
from mail.imap_responses import (
    Listed,
    Response,
    imap_day,
    mailbox_name,
    read_body,
    read_codes,
    read_listing,
    read_search,
    read_uid,
)

__all__ = ["Folder", "ImapClient", "LoginRefused", "Refused", "ServerFault", "connecting"]
CALL_SECONDS = 60.0
LOGIN_SECONDS = 30.0
RANGE_BYTES = 256 * 1024
HEADER_BYTES = 64 * 1024
# It says each line that it does not understand, in the words of a server that may be anybody.
logging.getLogger("aioimaplib").setLevel(logging.ERROR)


class Refused(Exception):
    """The server understood and said no."""


class LoginRefused(Refused):
    """The server does not let us in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as it is when it is opened; `uid_next` is the number that the next mail will have at least."""

    uidvalidity: int
    uid_next: int


class _Connection(aioimaplib.IMAP4):  # type: ignore[misc]
    """aioimaplib's client, on our protocol."""

    protocol: Protocol
    _client_task: asyncio.Task[Any]

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop | None,
        conn_lost_cb: object = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        running = asyncio.get_running_loop()
        self.protocol = Protocol(running)
        self._client_task = running.create_task(
            running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )


@asynccontextmanager
async def connecting(mailbox: MailboxUrl) -> AsyncIterator[ImapClient]:
    """A connection, greeted and under TLS where that has to be; nobody is logged in yet. Dropped on leaving."""
    context = await _trust() if mailbox.scheme == "imaps" else None
    connection = _Connection(mailbox.host, mailbox.port, ssl_context=context)
    client = ImapClient(connection.protocol)
    try:
        async with client.within_time():
            await connection._client_task
            _keep_alive(connection.protocol.transport)
            await connection.protocol.greeting
        if mailbox.scheme == "imap":
            await client.secure(mailbox)
        yield client
    finally:
        connection._client_task.cancel()
        await asyncio.gather(connection._client_task, return_exceptions=True)
        await client.close()


async def _trust() -> ssl.SSLContext:
    """Whom this machine trusts; read anew each time, so that a renewed authority needs no new start."""
    return await asyncio.to_thread(ssl.create_default_context)


def _keep_alive(transport: asyncio.Transport) -> None:
    """Have the system notice within minutes that the other side is gone, though nobody says anything."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class ImapClient:
    """The calls. `news` is set whenever the server says that there are more mails."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._is_up_to_date = False

    @property
    def news(self) -> asyncio.Event:
        return self._protocol.news

    @property
    def exists(self) -> int:
        """How many mails the folder holds, by the server's last word."""
        return self._protocol.exists

    @asynccontextmanager
    async def within_time(self, seconds: float | None = None) -> AsyncIterator[None]:
        """Whatever is done inside ends in time, or the connection does; so does whatever goes wrong in it."""
        try:
            async with asyncio.timeout(CALL_SECONDS if seconds is None else seconds):
                yield
        except TimeoutError as error:
            self._protocol.abort()
            raise ServerFault("the server does not answer") from error
        except aioimaplib.AioImapException as error:
            self._protocol.abort()
            raise ServerFault(str(error)) from error
        except BaseException:
            self._protocol.abort()
            raise

    async def _call(self, command: aioimaplib.Command, *, largest_literal: int = 0) -> list[Response]:
        """Run one command; returns the untagged responses. Raises Refused for a NO or BAD."""
        async with self.within_time():
            self._protocol.begin(largest_literal=largest_literal)
            answer = await self._protocol.execute(command)
        if answer.result != "OK":
            words = bytes(answer.lines[-1]).decode("utf-8", "replace") if answer.lines else ""
            raise Refused(f"{command.name}: {answer.result} {words[:200]}")
        return self._protocol.responses

    def _command(self, name: str, *arguments: str, by_uid: bool = False) -> aioimaplib.Command:
        return aioimaplib.Command(
            name, self._protocol.new_tag(), *arguments, prefix="UID" if by_uid else None, loop=self._protocol.loop
        )

    async def has(self, capability: str) -> bool:
        """Whether the server can do this, by its word for the present state."""
        if not self._is_up_to_date:
            responses = await self._call(self._command("CAPABILITY"))
            words = [response[0].decode("ascii", "replace").upper().split() for response in responses]
            self._protocol.capabilities = {
                word for line in words if line[:2] == ["*", "CAPABILITY"] for word in line[2:]
            }
            self._is_up_to_date = True
        return capability in self._protocol.capabilities

    async def secure(self, mailbox: MailboxUrl) -> None:
        """Go on under TLS; in clear text only where nobody else can listen and the server has no TLS."""
        if self._protocol.state != aioimaplib.NONAUTH:
            if mailbox.may_be_clear:
                return
            raise ServerFault("the server wants no TLS: nothing is said to it")
        if not await self.has("STARTTLS"):
            if mailbox.may_be_clear:
                return
            raise ServerFault("the server offers no STARTTLS: no password is sent to it")
        context = await _trust()
        async with self.within_time():
            self._protocol.begin()
            if not await self._protocol.start_tls(context, mailbox.host):
                raise ServerFault("the server refuses STARTTLS: no password is sent to it")
        self._is_up_to_date = False

    async def login(self, username: str, password: str) -> None:
        """Log in by a password. Raises LoginRefused."""
        if self._protocol.state == aioimaplib.AUTH:
            return
        is_plain = f"{username}{password}".isascii()
        if (not is_plain or await self.has("LOGINDISABLED")) and await self.has("AUTH=PLAIN"):
            words = f"\0{username}\0{password}".encode()
            await self.authenticate("PLAIN", words)
            return
        async with self.within_time():
            self._protocol.begin()
            answer = await self._protocol.login(aioimaplib.quoted(username), password)
        self._after_login(answer)

    async def authenticate(self, mechanism: str, words: bytes) -> None:
        """Log in by SASL: one message of ours, such as a token. Raises LoginRefused."""
        at_once = await self.has("SASL-IR")
        async with self.within_time(LOGIN_SECONDS):
            self._protocol.begin()
            answer = await self._protocol.authenticate(mechanism, words, at_once=at_once)
        self._after_login(answer)

    def _after_login(self, answer: aioimaplib.Response) -> None:
        if answer.result != "OK":
            words = bytes(answer.lines[-1]).decode("utf-8", "replace") if answer.lines else ""
            raise LoginRefused(f"{answer.result} {words[:200]}")
        # What a server can do depends on who asks.
        self._is_up_to_date = False

    async def select(self, name: str) -> Folder:
        """Open a folder. Raises Refused where it is not there, or numbers nothing."""
        async with self.within_time():
            self._protocol.begin()
            answer = await self._protocol.select(mailbox_name(name))
        tagged = [bytes(line) for line in answer.lines]
        if answer.result != "OK":
            raise Refused(f"the folder cannot be opened: {tagged[-1].decode('utf-8', 'replace')[:200]}")
        codes = read_codes(self._protocol.responses, tagged)
        if not codes.get("UIDVALIDITY"):
            raise Refused("the server numbers no mails (UIDVALIDITY)")
        if "UIDNEXT" not in codes:
            newest = await self.uid_of(self.exists) if self.exists else 0
            codes["UIDNEXT"] = newest + 1
        return Folder(uidvalidity=codes["UIDVALIDITY"], uid_next=codes["UIDNEXT"])

    async def uid_of(self, position: int) -> int:
        """The number of the mail at a position of the folder, from 1; 0 if it is gone."""
        return read_uid(await self._call(self._command("FETCH", str(position), "(UID)"))) or 0

    async def search(self, first: int, last: int | None, since: date | None = None) -> list[int]:
        """The numbers from `first` to `last` (None: to the end), of mails that came on the day `since` or later."""
        criteria = ["UID", f"{first}:{last or '*'}", *(["SINCE", imap_day(since)] if since else [])]
        found = read_search(await self._call(self._command("SEARCH", *criteria, by_uid=True)))
        # `7:*` names the last mail even where there is none from 7 on.
        return [uid for uid in found if uid >= first and (last is None or uid <= last)]

    async def list_mails(self, uids: Iterable[int]) -> dict[int, Listed]:
        """Size and flags of these mails, as far as they are still there."""
        items = "(UID RFC822.SIZE FLAGS)"
        return read_listing(await self._call(self._command("FETCH", _set(uids), items, by_uid=True)))

    async def fetch(self, uid: int, *, size_bytes: int, most_bytes: int) -> bytes | None:
        """A mail, byte for byte; None if it is larger than `most_bytes`. Changes no flag. Raises Refused.

        What the server says of a mail's size is not always true: it ends where the server gives nothing more.
        """
        mail = bytearray()
        while True:
            piece = await self._piece(uid, "", len(mail), RANGE_BYTES)
            mail += piece
            if len(mail) > most_bytes:
                return None
            if not piece or (len(piece) < RANGE_BYTES and len(mail) >= size_bytes):
                return bytes(mail)

    async def fetch_header(self, uid: int) -> bytes:
        """The header of a mail, its first 64 KiB."""
        return await self._piece(uid, "HEADER", 0, HEADER_BYTES)

    async def _piece(self, uid: int, section: str, start: int, size: int) -> bytes:
        command = self._command("FETCH", str(uid), f"(UID BODY.PEEK[{section}]<{start}.{size}>)", by_uid=True)
        piece = read_body(await self._call(command, largest_literal=size), uid)
        if piece is None:
            raise Refused("the server does not give the mail")
        return piece

    async def mark_seen(self, uids: list[int]) -> None:
        await self._call(self._command("STORE", _set(uids), "+FLAGS.SILENT", "(\\Seen)", by_uid=True))

    async def delete(self, uids: list[int]) -> None:
        """Delete these mails. A server that cannot expunge them by number keeps them, marked as deleted: to expunge
        without numbers would take with it what other people have marked."""
        await self._call(self._command("STORE", _set(uids), "+FLAGS.SILENT", "(\\Deleted)", by_uid=True))
        if await self.has("UIDPLUS"):
            await self._call(self._command("EXPUNGE", _set(uids), by_uid=True))

    async def move(self, uids: list[int], folder: str) -> None:
        """Move these mails, into a folder that is made if it is missing."""
        verb = "MOVE" if await self.has("MOVE") else "COPY"
        try:
            await self._call(self._command(verb, _set(uids), mailbox_name(folder), by_uid=True))
        except Refused as refusal:
            if "[TRYCREATE]" not in str(refusal).upper():
                raise
            await self._call(self._command("CREATE", mailbox_name(folder)))
            await self._call(self._command(verb, _set(uids), mailbox_name(folder), by_uid=True))
        if verb == "COPY":
            await self.delete(uids)

    async def wait_for_news(self, seconds: float) -> None:
        """Wait until there are more mails, or for `seconds`: by IDLE, so that the server says it at once."""
        async with self.within_time():
            self._protocol.begin()
            idle = asyncio.ensure_future(self._protocol.execute(self._idle()))
            try:
                await self._first(idle, self._protocol.wait_for_idle_response())
            except BaseException:
                await _cancel(idle)
                raise
        try:
            async with self.within_time(seconds + CALL_SECONDS):
                await self._first(idle, self.news.wait(), seconds=seconds)
                if not idle.done():
                    self._protocol.idle_done()
                async with asyncio.timeout(CALL_SECONDS):
                    await idle
        finally:
            await _cancel(idle)

    def _idle(self) -> aioimaplib.Command:
        protocol = self._protocol
        return aioimaplib.IdleCommand(protocol.new_tag(), protocol.idle_queue, loop=protocol.loop)

    @staticmethod
    async def _first(idle: asyncio.Future[Any], other: Any, *, seconds: float | None = None) -> None:
        """Until `other` is there, or `seconds` are over. Raises where IDLE ends before: nobody has ended it."""
        waiting = asyncio.ensure_future(other)
        try:
            await asyncio.wait({idle, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(waiting)
        if idle.done():
            answer = idle.result()
            raise ServerFault(f"the server does not idle: {answer.result}")

    async def ask(self) -> None:
        """Let the server say what is new, where it cannot say so by itself."""
        await self._call(self._command("NOOP"))

    async def close(self) -> None:
        """Drop the connection and wait until it is gone."""
        if self._protocol.transport is None:
            return
        self._protocol.abort()
        try:
            async with asyncio.timeout(1):
                await asyncio.shield(self._protocol.closed)
        except TimeoutError:
            pass


async def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _set(uids: Iterable[int]) -> str:
    return ",".join(str(uid) for uid in uids)
