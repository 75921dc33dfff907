"""An IMAP server of the tests' own: a small honest one, which can be told to misbehave in any way.

`meddle` sees each command before it is answered and may answer it itself, with whatever bytes; `cut_after` ends the
next connection after so many bytes, once. What a real server says is tested with Dovecot.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_COMMAND = re.compile(r"(\S+) (?:(UID) )?(\S+) ?(.*)")
_RANGE = re.compile(r"BODY\.PEEK\[(HEADER)?\]<(\d+)\.(\d+)>")


@dataclass
class ServedMail:
    raw: bytes
    flags: set[str] = field(default_factory=set)
    said_bytes: int | None = None


@dataclass
class ServedFolder:
    uidvalidity: int = 7
    uid_next: int = 1
    mails: dict[int, ServedMail] = field(default_factory=dict)

    def add(self, raw: bytes, *flags: str, said_bytes: int | None = None) -> int:
        uid = self.uid_next
        self.mails[uid] = ServedMail(raw, set(flags), said_bytes)
        self.uid_next += 1
        return uid


Meddle = Callable[[str, asyncio.StreamWriter], Awaitable[bool]]


class ImapServer:
    """The server; `said` is what clients have said, without what stands behind a password."""

    def __init__(self) -> None:
        self.port = 0
        self.capabilities = "IMAP4rev1 IDLE UIDPLUS MOVE"
        self.greeting = b"* OK here I am\r\n"
        self.folders = {"INBOX": ServedFolder()}
        self.meddle: Meddle | None = None
        self.cut_after: int | None = None
        self.said: list[str] = []
        self.connections = 0
        self.answered_bytes = 0
        self.arrived = asyncio.Condition()

    @property
    def inbox(self) -> ServedFolder:
        return self.folders["INBOX"]

    async def arrive(self, raw: bytes, *flags: str) -> int:
        """A mail arrives, and who idles hears of it."""
        async with self.arrived:
            uid = self.inbox.add(raw, *flags)
            self.arrived.notify_all()
        return uid

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        cut, self.cut_after = self.cut_after, None
        session = _Session(self, reader, writer, cut)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, _CutOff):
                await session.run()
        finally:
            writer.transport.abort()


class _CutOff(Exception):
    pass


class _Session:
    def __init__(
        self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None
    ) -> None:
        self.server, self.reader, self.writer, self.cut = server, reader, writer, cut
        self.folder = ServedFolder()

    async def say(self, data: bytes) -> None:
        if self.cut is not None:
            data, self.cut = data[: self.cut], self.cut - len(data)
        self.writer.write(data)
        self.server.answered_bytes += len(data)
        await self.writer.drain()
        if self.cut is not None and self.cut <= 0:
            # Let what was said go out before the end.
            self.writer.close()
            await self.writer.wait_closed()
            raise _CutOff

    async def run(self) -> None:
        await self.say(self.server.greeting)
        while data := await self.reader.readline():
            line = data.decode().rstrip("\r\n")
            self.server.said.append(line.split(" ", 1)[-1])
            if self.server.meddle and await self.server.meddle(line, self.writer):
                continue
            tag, _, name, rest = _COMMAND.fullmatch(line).groups()  # type: ignore[union-attr]
            answer = getattr(self, f"do_{name.lower()}", None)
            if answer is None:
                await self.say(f"{tag} BAD what?\r\n".encode())
                continue
            words = await answer(rest, tag) if name in {"IDLE"} else await answer(rest)
            await self.say(f"{tag} {words or 'OK done'}\r\n".encode())

    async def do_capability(self, _: str) -> None:
        await self.say(f"* CAPABILITY {self.server.capabilities}\r\n".encode())

    async def do_login(self, _: str) -> None:
        pass

    async def do_noop(self, _: str) -> None:
        await self.say(f"* {len(self.folder.mails)} EXISTS\r\n".encode())

    async def do_select(self, name: str) -> str:
        if name.strip('"') not in self.server.folders:
            return "NO [NONEXISTENT] no such folder"
        self.folder = self.server.folders[name.strip('"')]
        await self.say(
            f"* FLAGS (\\Seen)\r\n* {len(self.folder.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.folder.uidvalidity}] ok"
            f"\r\n* OK [UIDNEXT {self.folder.uid_next}] next\r\n".encode()
        )
        return "OK [READ-WRITE] open"

    async def do_search(self, rest: str) -> None:
        first, last = rest.split()[1].split(":")
        top = max(self.folder.mails, default=0)
        found = [uid for uid in self.folder.mails if int(first) <= uid and (last == "*" or uid <= int(last))]
        if last == "*" and not found and top:
            found = [top]
        await self.say(f"* SEARCH {' '.join(map(str, found))}\r\n".encode())

    async def do_fetch(self, rest: str) -> None:
        numbers, items = rest.split(" ", 1)
        uids = list(self.folder.mails)
        if items == "(UID)":
            await self.say(f"* {numbers} FETCH (UID {uids[int(numbers) - 1]})\r\n".encode())
            return
        for uid in map(int, numbers.split(",")):
            if not (mail := self.folder.mails.get(uid)):
                continue
            position = uids.index(uid) + 1
            if body := _RANGE.search(items):
                whole = mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if body[1] else mail.raw
                piece = whole[int(body[2]) : int(body[2]) + int(body[3])]
                name = f"BODY[{body[1] or ''}]<{body[2]}> {{{len(piece)}}}"
                await self.say(f"* {position} FETCH (UID {uid} {name}\r\n".encode() + piece + b")\r\n")
            else:
                size = len(mail.raw) if mail.said_bytes is None else mail.said_bytes
                facts = f"UID {uid} RFC822.SIZE {size} FLAGS ({' '.join(mail.flags)})"
                await self.say(f"* {position} FETCH ({facts})\r\n".encode())

    async def do_store(self, rest: str) -> None:
        numbers, _, flags = rest.split(" ", 2)
        for uid in map(int, numbers.split(",")):
            if mail := self.folder.mails.get(uid):
                mail.flags |= set(flags.strip("()").split())

    async def do_expunge(self, rest: str) -> None:
        for uid in map(int, rest.split(",")):
            if "\\Deleted" in self.folder.mails.get(uid, ServedMail(b"")).flags:
                del self.folder.mails[uid]

    async def do_copy(self, rest: str) -> str | None:
        numbers, name = rest.split(" ", 1)
        if not (target := self.server.folders.get(name.strip('"'))):
            return "NO [TRYCREATE] no such folder"
        for uid in map(int, numbers.split(",")):
            target.add(self.folder.mails[uid].raw)
        return None

    async def do_move(self, rest: str) -> str | None:
        if words := await self.do_copy(rest):
            return words
        for uid in map(int, rest.split(" ")[0].split(",")):
            del self.folder.mails[uid]
        return None

    async def do_create(self, name: str) -> None:
        self.server.folders[name.strip('"')] = ServedFolder()

    async def do_idle(self, _: str, tag: str) -> None:
        await self.say(b"+ idling\r\n")
        done = asyncio.ensure_future(self.reader.readline())
        known = len(self.folder.mails)
        try:
            while not done.done():
                if len(self.folder.mails) > known:
                    known = len(self.folder.mails)
                    await self.say(f"* {known} EXISTS\r\n".encode())
                news = asyncio.ensure_future(self._news())
                await asyncio.wait({done, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                await asyncio.gather(news, return_exceptions=True)
        finally:
            done.cancel()

    async def _news(self) -> None:
        async with self.server.arrived:
            await self.server.arrived.wait()


@asynccontextmanager
async def serving_imap() -> AsyncIterator[ImapServer]:
    """The server meanwhile, on a free port of this machine."""
    server = ImapServer()
    sessions: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        sessions.add(task)
        task.add_done_callback(sessions.discard)

    listener = await asyncio.start_server(begin, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in sessions:
            task.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await listener.wait_closed()
