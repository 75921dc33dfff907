"""The local door: mail from `helpdesk deliver` to the gateway that is serving, over a Unix socket in the data folder.

Only who owns the data folder gets to the socket (mode 0600). One connection, one mail:

    deliver                                  gateway
    length, Handover (msgpack)         →
                                       ←     354: go ahead; or the reply that refuses
    the mail, byte for byte            →
                                       ←     the reply, as it would be after DATA

The mail itself is sent without dots and line ends of any protocol, so it arrives as it was read. Whoever hands it over
knows from the 354 on that it may have been stored, and before it that it was not. The gateway answers within the time
that a mail may take; what is under way when it ends gets its answer first. A gateway that cannot make its socket (the
path is too long, the file system has none) goes on without: then `deliver` writes the mail down itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from gateway.config import Settings
from gateway.model import Delivery, Source
from mail import replies
from mail.smtp_door import LINGER_SECONDS, TAKE_SECONDS, Door, Take, story

SOCKET_NAME = "deliver.sock"
# So many mails are in memory at once; the others wait for their 354.
MOST_AT_ONCE = 8
READ_SECONDS = 60.0
_PATIENCE_SECONDS = READ_SECONDS + TAKE_SECONDS
_LONGEST_HANDOVER = 1 << 20
_LONGEST_REPLY = 512
_BACKLOG = 128
_LENGTH = struct.Struct("!I")
_log = logging.getLogger("helpdesk.deliver")


class Handover(msgspec.Struct, frozen=True):
    """What is said about a mail before it is sent. With `must_be_ours`, a recipient that is not is refused."""

    size_bytes: int
    envelope_from: str
    envelope_to: tuple[str, ...]
    null_sender: bool
    must_be_ours: bool


class NoGateway(Exception):
    """No gateway took notice of the mail: nothing was handed over."""


class Unanswered(Exception):
    """The mail was handed over, and nobody knows what became of it."""


@asynccontextmanager
async def opening(settings: Settings, *, take: Take, is_ours: Callable[[str], bool]) -> AsyncIterator[None]:
    """Take mail at the socket meanwhile. On leaving, nothing new is accepted and what is under way gets its answer."""
    path = settings.data_dir / SOCKET_NAME
    try:
        listener = _bind(path)
    except OSError as error:
        _log.warning("no socket for `helpdesk deliver` (%s): it will write mail down itself", error.strerror or error)
        yield
        return
    identity = path.stat().st_ino
    door = _LocalDoor(Door(settings, take, is_ours, lmtp=True))
    server = await asyncio.start_unix_server(door.serve, sock=listener)
    try:
        yield
    finally:
        with suppress(OSError):
            # Another gateway may have put its own in the place of ours.
            if path.stat().st_ino == identity:
                path.unlink()
        server.close()
        await door.close()


def _bind(path: Path) -> socket.socket:
    """A listening socket at `path`, in the place of whatever was left there; private before anybody finds it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        draft.unlink(missing_ok=True)
        listener.bind(str(draft))
        draft.chmod(0o600)
        listener.listen(_BACKLOG)
        draft.rename(path)
    except OSError:
        listener.close()
        raise
    return listener


class _LocalDoor:
    """The gateway's side."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._visits: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            if not self._door.closing:
                await self._visit(task, reader, writer)
        except asyncio.CancelledError:
            # The gateway is ending; whoever hands over sees the connection end, and does what is right then.
            _log.info("a mail from `helpdesk deliver` has to come again")
        except (TimeoutError, EOFError, OSError, msgspec.MsgspecError) as error:
            _log.warning("`helpdesk deliver` did not hand its mail over: %s", story(error))
        finally:
            self._visits.discard(task)
            self._answering.discard(task)
            writer.close()

    async def _visit(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(READ_SECONDS):
            handover = await _read_handover(reader)
            refusal = self._refusal(handover)
            if refusal:
                await _say(writer, refusal)
                return
            await self._places.acquire()
        try:
            async with asyncio.timeout(READ_SECONDS):
                await _say(writer, replies.SEND_MAIL)
                raw = await reader.readexactly(handover.size_bytes)
            delivery = Delivery(
                raw=raw,
                source=Source.PIPE,
                envelope_from=handover.envelope_from,
                envelope_to=handover.envelope_to,
                null_sender=handover.null_sender,
            )
            self._answering.add(task)
            await _say(writer, await self._door.answer(delivery, "deliver"))
        finally:
            self._places.release()

    def _refusal(self, handover: Handover) -> str:
        door = self._door
        if handover.must_be_ours and not all(map(door.is_ours, handover.envelope_to)):
            return replies.NO_SUCH_ADDRESS
        if not 0 < handover.size_bytes <= door.settings.max_message_bytes:
            return replies.TOO_LARGE
        return "" if door.has_space(asyncio.get_running_loop().time()) else replies.SPACE_SHORT

    async def close(self) -> None:
        """Who has not sent his mail yet is not waited for; who has gets his answer."""
        for task in self._visits - self._answering:
            task.cancel()
        await self._door.close()
        if self._visits:
            _, deaf = await asyncio.wait(self._visits, timeout=LINGER_SECONDS)
            for task in deaf:
                task.cancel()


async def _read_handover(reader: asyncio.StreamReader) -> Handover:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > _LONGEST_HANDOVER:
        raise EOFError("too much is said before the mail")
    return msgspec.msgpack.decode(await reader.readexactly(length), type=Handover)


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(f"{line}\r\n".encode("ascii"))
    await writer.drain()


async def hand_over(data_dir: Path, delivery: Delivery, *, must_be_ours: bool) -> str:
    """Hand a mail to the gateway that serves this data folder; returns its reply.

    Raises NoGateway where there is none, or none that listens; and Unanswered where the mail was sent and no reply
    came: it may be stored or not, and is to be sent again.
    """
    head = msgspec.msgpack.encode(
        Handover(
            size_bytes=len(delivery.raw),
            envelope_from=delivery.envelope_from,
            envelope_to=delivery.envelope_to,
            null_sender=delivery.null_sender,
            must_be_ours=must_be_ours,
        )
    )
    writer = None
    try:
        async with asyncio.timeout(READ_SECONDS):
            reader, writer = await asyncio.open_unix_connection(data_dir / SOCKET_NAME)
            writer.write(_LENGTH.pack(len(head)) + head)
            reply = await _read_reply(reader)
    except (OSError, EOFError, ValueError) as error:
        _close(writer)
        raise NoGateway(str(error)) from error
    try:
        if reply == replies.SEND_MAIL:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                writer.write(delivery.raw)
                reply = await _read_reply(reader)
        return reply
    except (OSError, EOFError, ValueError) as error:
        raise Unanswered(str(error)) from error
    finally:
        _close(writer)


async def _read_reply(reader: asyncio.StreamReader) -> str:
    line = await reader.readline()
    if not (line.endswith(b"\r\n") and line[:3].isdigit() and len(line) <= _LONGEST_REPLY):
        raise ValueError("this is no reply")
    return line[:-2].decode("ascii", "replace")


def _close(writer: asyncio.StreamWriter | None) -> None:
    if writer:
        writer.transport.abort()
