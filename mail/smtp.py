"""The SMTP and LMTP door: mails from the network to `take`, and its answer back. The sole user of aiosmtpd.

Promised: 250 after DATA is what `take` returned, never more; trouble of ours is temporary and shows nothing; a mail
whose client vanished is still taken to the end; no peer can use more than its share of memory, time or connections.
Beside it, without I/O: the dialogue before DATA (mail/smtp_dialogue.py), the content after it (mail/smtp_data.py) and
what all connections share (mail/smtp_door.py). Not decided here: whose address it is, and what becomes of a mail.

aiosmtpd gives the protocol object and its life; the command loop is our own, since its loop answers 500 with the
text of an exception, cancels a write when the client half-closes, and reads without a bound (reliability: M1 to M6).
Weakness: a mail is held in memory until it is taken, all mails together at most `MOST_BUFFERED_BYTES`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

from aiosmtpd.smtp import SMTP

from gateway.config import Settings
from gateway.values import Endpoint
from mail import replies
from mail.proxy_header import Malformed, read_proxy_header
from mail.smtp_conduct import Conduct
from mail.smtp_data import MailContent
from mail.smtp_dialogue import Dialogue
from mail.smtp_door import LINGER_SECONDS, Door, Take, client_name, story, tls_context

COMMAND_LINE_BYTES = 2_048
# A longer line is read to its end and answered 500; one that has no end by then costs the connection.
ENDLESS_LINE_BYTES = 64 * 1024
# What comes above the message limit before the connection is closed.
EXCESS_BYTES = 1024 * 1024
# Room for 20 mails of the default limit at once; what has no room is answered 452 and comes again. A mail that is in
# memory as a whole with its first chunk is always let in, so that big mails cannot shut out small ones.
MOST_BUFFERED_BYTES = 512 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
COMMAND_SECONDS = 300.0
PROXY_HEADER_SECONDS = 10.0
DATA_SILENCE_SECONDS = 180.0
LEAST_BYTES_PER_SECOND = 500
TLS_HANDSHAKE_SECONDS = 30.0
# The longest mail at the least speed takes less; only a net below the deadlines of command and content.
_LONGEST_SECONDS = 24 * 3600.0

_log = logging.getLogger("helpdesk.smtp")
# aiosmtpd writes down every line that it meets; what we want to know is in our own log.
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)


@asynccontextmanager
async def listening(
    endpoint: Endpoint,
    *,
    settings: Settings,
    take: Take,
    is_ours: Callable[[str], bool],
    lmtp: bool = False,
) -> AsyncIterator[int]:
    """Listen at `endpoint` (port 0: any free one) inside the running loop; gives the port that was bound.

    Arguments: `take` commits one mail, and is not cancelled because a client went away, only after TAKE_SECONDS;
    `is_ours` judges a recipient, cheap and pure, the address without brackets. On leaving, nothing new is accepted,
    idle clients are told 421, and mails that are being taken get their real answer, for at most SHUTDOWN_SECONDS.
    Raises OSError if the port cannot be bound.
    """
    loop = asyncio.get_running_loop()
    door = Door(settings, take, is_ours, lmtp=lmtp)
    tls = tls_context(settings)
    server = await loop.create_server(lambda: _Client(door, tls, loop), endpoint.host, endpoint.port)
    port: int = server.sockets[0].getsockname()[1]
    _log.info("%s door open at %s port %d", "LMTP" if lmtp else "SMTP", endpoint.host, port)
    try:
        yield port
    finally:
        server.close()
        await door.close()
        await server.wait_closed()


class _HangUp(Exception):
    """The connection ends with this last line."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


class _Client(SMTP):
    """One connection."""

    # Also the size of the stream reader's buffer: it stops reading from the socket at twice that.
    line_length_limit = CHUNK_BYTES

    def __init__(self, door: Door, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(None, hostname=door.settings.support_domain, timeout=_LONGEST_SECONDS, loop=loop)
        self.ended = loop.create_future()
        self.name = ""
        self.trusted = False
        self.waiting_since: float | None = None
        self._door = door
        self._tls = tls
        self._dialogue = Dialogue(door, self, may_start_tls=tls is not None)
        self._admitted = False
        self._busy = False
        self._over_tls = False
        self._conduct = Conduct(loop.time())
        self._behind_balancer = False
        # What was read and not yet looked at: the rest of a line, and commands that came in advance.
        self._ahead = bytearray()
        self._kept_bytes = 0

    # The life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        host = (transport.get_extra_info("peername") or ("",))[0]
        self._behind_balancer = not self._door.lmtp and self._door.settings.is_smtp_balancer(host)
        # Who is behind a balancer, its header will tell.
        self._admitted = self._door.admit(self, self.loop.time()) and (self._behind_balancer or self._introduce(host))
        if self._admitted:
            super().connection_made(transport)
        else:
            _log.warning("too many connections, refused one from %r", host)
            self._door.dismiss(self)
            self._close_with(replies.TOO_BUSY)

    def _introduce(self, host: str, *, is_known: bool = True) -> bool:
        """Say who the client is; returns whether he has not too many connections."""
        self.name = client_name(host)
        self.trusted = self._conduct.is_trusted = is_known and self._door.settings.is_trusted_relay(host)
        return self._door.introduce(self)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._admitted:
            return
        self._door.dismiss(self)
        if not self.ended.done():
            self.ended.set_result(None)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._admitted:
            super().data_received(data)

    def eof_received(self) -> bool:
        """Keep the way back open: who only half-closes still gets the answer. TLS cannot."""
        if not self._admitted:
            return False
        self._reader.feed_eof()
        return not self._over_tls

    def _timeout_cb(self) -> None:
        self._close_with(replies.TOO_SLOW)

    def close_if_idle(self) -> None:
        if not self._busy:
            self._close_with(replies.CLOSING)

    def make_room(self) -> None:
        self._close_with(replies.TOO_SLOW)

    def abort(self) -> None:
        self._wire.abort()

    def _close_with(self, line: str) -> None:
        if not self._wire.is_closing():
            # Where the last line was said already, none may follow it.
            with suppress(RuntimeError):
                self._wire.write(f"{line}\r\n".encode("ascii"))
            self._wire.close()

    async def _handle_client(self) -> None:
        try:
            if self._behind_balancer:
                await self._read_proxy_header()
            await self._say(replies.greeting(self.hostname, lmtp=self._door.lmtp))
            while True:
                line = await self._next_line()
                await self._obey(line)
                if self._door.closing:
                    raise _HangUp(replies.CLOSING)
                if last_word := self._conduct.last_word(self.loop.time()):
                    raise _HangUp(last_word)
                if self._ahead:
                    # Commands that came in advance never wait for the network: let the others have their turn.
                    await asyncio.sleep(0)
        except _HangUp as last:
            _log.info("closing on %r: %s", self.name, last.line)
            await self._leave(last.line)
        except (EOFError, OSError):
            _log.debug("%r went away", self.name)
        except Malformed as error:
            _log.warning("a load balancer's header is missing or malformed: %s", error)
        finally:
            self._wire.close()
            if self._wire.get_write_buffer_size():
                self.loop.call_later(LINGER_SECONDS, self._wire.abort)

    async def _say(self, lines: str) -> None:
        """Send the reply; raises ConnectionError if nobody takes it in."""
        if self._wire.is_closing():
            raise ConnectionResetError
        self._conduct.note_reply(lines)
        self._wire.write(f"{lines}\r\n".encode("ascii"))
        if self._wire.get_write_buffer_size():
            try:
                async with asyncio.timeout(COMMAND_SECONDS):
                    await self._writer.drain()
            except TimeoutError as error:
                self.abort()
                raise ConnectionResetError from error

    async def _leave(self, line: str) -> None:
        """Say the last word, and take in what is still under way so that a reset does not overtake it."""
        with suppress(OSError):
            await self._say(line)
            if self._over_tls or self._door.closing:
                return
            self._wire.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(CHUNK_BYTES):
                    pass

    async def _read_proxy_header(self) -> None:
        """Learn who the client is. Raises Malformed where the balancer does not say it as it must, or not in time."""
        balancer = (self._wire.get_extra_info("peername") or ("",))[0]
        try:
            async with asyncio.timeout(PROXY_HEADER_SECONDS):
                while (header := read_proxy_header(bytes(self._ahead))) is None:
                    if not (chunk := await self._reader.read(CHUNK_BYTES)):
                        raise EOFError
                    self._ahead += chunk
        except TimeoutError as error:
            raise Malformed("it does not come") from error
        del self._ahead[: header.size_bytes]
        # A client that the balancer does not know is a stranger, whoever the balancer is.
        if not self._introduce(header.host or balancer, is_known=bool(header.host)):
            raise _HangUp(replies.TOO_BUSY)

    # Commands

    async def _next_line(self) -> bytes:
        """The next command line without its end; raises EOFError at the end of the connection."""
        if b"\n" not in self._ahead:
            self.waiting_since = self.loop.time()
            try:
                async with asyncio.timeout(COMMAND_SECONDS):
                    await self._read_line()
            except TimeoutError as error:
                raise _HangUp(replies.TOO_SLOW) from error
            finally:
                self.waiting_since = None
        end = self._ahead.index(b"\n")
        line = bytes(self._ahead[:end])
        del self._ahead[: end + 1]
        return line.removesuffix(b"\r")

    async def _read_line(self) -> None:
        while True:
            chunk = await self._reader.read(CHUNK_BYTES)
            if not chunk:
                raise EOFError
            self._ahead += chunk
            if b"\n" in chunk:
                return
            if len(self._ahead) > ENDLESS_LINE_BYTES:
                raise _HangUp(replies.LINE_TOO_LONG)

    async def _obey(self, line: bytes) -> None:
        if len(line) > COMMAND_LINE_BYTES:
            await self._say(replies.LINE_TOO_LONG)
            return
        word, _, argument = line.decode("utf-8", "surrogateescape").partition(" ")
        command = word.upper()
        is_known = command in self._dialogue.commands
        self._conduct.note_command(command, is_known=is_known)
        if not is_known:
            _log.debug("%r: unknown command %r", self.name, word[:20])
            await self._say(replies.UNKNOWN_COMMAND)
            return
        try:
            await self._do(command, argument.strip(" \t"))
        except (_HangUp, ConnectionError, EOFError):
            raise
        except Exception as error:
            _log.error("%s from %r failed: %s", command, self.name, story(error))
            await self._say(replies.for_exception(error))

    async def _do(self, command: str, argument: str) -> None:
        match command:
            case "DATA":
                await self._take_data(argument)
            case "STARTTLS":
                await self._start_tls(argument)
            case "QUIT" if not argument:
                await self._say(replies.GOODBYE)
                raise EOFError
            case _:
                await self._say(self._dialogue.reply(command, argument, self.loop.time()))

    async def _take_data(self, argument: str) -> None:
        if argument or not self._dialogue.recipients:
            await self._say(replies.BAD_ARGUMENTS if argument else replies.BAD_ORDER)
            return
        await self._say(replies.SEND_MAIL)
        content = MailContent(self._door.settings.max_message_bytes)
        try:
            await self._read_content(content)
            raw = content.mail()
        except (_HangUp, EOFError):
            raise
        except OSError as error:
            raise ConnectionResetError from error
        except Exception as error:
            # Whatever it was, the rest of the mail must never be read as commands.
            _log.error("reading a mail from %r failed: %s", self.name, story(error))
            raise _HangUp(replies.for_exception(error)) from error
        finally:
            self._account(0)
        self._conduct.note_mail()
        dialogue = self._dialogue
        lines = len(dialogue.recipients) if self._door.lmtp else 1
        delivery = dialogue.delivery(raw) if raw is not None else None
        dialogue.forget_mail()
        if delivery is None:
            await self._say_often(replies.TOO_LARGE if content.is_too_large else replies.SPACE_SHORT, lines)
            return
        del raw, content
        self._busy = True
        try:
            await self._say_often(await self._door.answer(delivery, self.name), lines)
        finally:
            self._busy = False

    async def _read_content(self, content: MailContent) -> None:
        """Read to the end of the mail; what came behind it is looked at as the next command."""
        started_at = self.loop.time()
        received_bytes = len(self._ahead)
        chunk = bytes(self._ahead)
        self._ahead.clear()
        while (rest := content.feed(chunk)) is None:
            self._account(content.kept_bytes)
            if self._door.buffered_bytes > MOST_BUFFERED_BYTES:
                _log.warning("too much mail in memory, one from %r has to wait", self.name)
                content.discard()
                self._account(0)
            if content.size_bytes > self._door.settings.max_message_bytes + EXCESS_BYTES:
                raise _HangUp(replies.TOO_LARGE)
            # The deadline moves with what has come, so that it is an average and a pause may be made up for.
            earned_at = started_at + received_bytes / LEAST_BYTES_PER_SECOND
            deadline_at = min(self.loop.time(), earned_at) + DATA_SILENCE_SECONDS
            try:
                async with asyncio.timeout_at(deadline_at):
                    chunk = await self._reader.read(CHUNK_BYTES)
            except TimeoutError as error:
                raise _HangUp(replies.TOO_SLOW) from error
            if not chunk:
                raise EOFError
            received_bytes += len(chunk)
        self._ahead += rest

    def _account(self, kept_bytes: int) -> None:
        self._door.buffered_bytes += kept_bytes - self._kept_bytes
        self._kept_bytes = kept_bytes

    async def _say_often(self, line: str, times: int) -> None:
        """LMTP wants one reply for each recipient; a mail has one fate, so they are alike (RFC 2033 section 4.2)."""
        await self._say("\r\n".join([line] * times))

    async def _start_tls(self, argument: str) -> None:
        if self._tls is None or self._over_tls or argument:
            refusal = replies.BAD_ORDER if self._over_tls else replies.BAD_ARGUMENTS
            await self._say(refusal if self._tls else replies.NOT_OFFERED)
            return
        await self._say(replies.READY_FOR_TLS)
        # Nothing that came in the clear may count behind it (RFC 3207 sections 4.2 and 6): neither what was read
        # already nor what waits in the reader, from which `start_tls` takes the transport away without a pause.
        self._dialogue.forget_all()
        self._ahead.clear()
        self._reader._buffer.clear()  # type: ignore[attr-defined]
        try:
            transport = await self.loop.start_tls(
                self._wire, self, self._tls, server_side=True, ssl_handshake_timeout=TLS_HANDSHAKE_SECONDS
            )
            if transport is None:
                raise ConnectionResetError
        except OSError as error:
            # asyncio tells us nothing more about a connection that was lost in the handshake.
            _log.info("TLS handshake with %r failed: %s", self.name, story(error))
            self.connection_lost(None)
            raise ConnectionResetError from error
        self._wire = transport
        self._writer = asyncio.StreamWriter(transport, self, self._reader, self.loop)
        self._over_tls = True
        self._dialogue.may_start_tls = False
