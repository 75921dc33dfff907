"""Mail servers of the tests' own that let in whoever has a token: an SMTP relay, and an IMAP server that goes no
further than the login, each as Google's and Microsoft's do it, with every fault they can be told to have."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.oauth_provider import OWNER

# What they say why, in base64, before they say no.
CHALLENGE = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}').decode()
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def names_token(line: bytes, check: Callable[[str], bool]) -> bool:
    """Whether this is what XOAUTH2 says first, for our account and with a token that holds."""
    user, bearer, *rest = base64.b64decode(line, validate=True).decode().split("\x01")
    return user == f"user={OWNER}" and bearer.startswith("auth=Bearer ") and rest == ["", ""] and check(bearer[12:])


@dataclass
class TokenRelay:
    """An SMTP relay that takes letters after AUTH XOAUTH2 alone."""

    check: Callable[[str], bool]
    offers: str = "AUTH PLAIN XOAUTH2"
    refusal: str = "535 5.7.8 Username and Password not accepted"
    letters: list[str] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        is_in = False
        say = lambda line: writer.write(f"{line}\r\n".encode())  # noqa: E731
        say("220 relay")
        try:
            while line := (await reader.readline()).decode().strip():
                self.lines.append(line)
                # RFC 4954: a longer line is none of SMTP's.
                assert len(line) <= 510
                verb, _, rest = line.partition(" ")
                match verb.upper():
                    case "EHLO":
                        say(f"250-relay\r\n250 {self.offers}")
                    case "AUTH":
                        mechanism, _, first = rest.partition(" ")
                        assert mechanism == "XOAUTH2"
                        if not first:
                            say("334 ")
                            first = (await reader.readline()).decode().strip()
                        is_in = names_token(first.encode(), self.check)
                        self.logins.append(is_in)
                        if is_in:
                            say("235 2.7.0 Accepted")
                        else:
                            say(f"334 {CHALLENGE}")
                            assert await reader.readline() == b"\r\n"
                            say(self.refusal)
                    case "MAIL" if not is_in:
                        say("530 5.7.0 Authentication Required")
                    case "DATA":
                        say("354 go on")
                        self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                        self.arrived.set()
                        say("250 taken")
                    case "QUIT":
                        return
                    case _:
                        say("250 ok")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def hang_up(self) -> None:
        """As it does when a connection is old: the next letter needs another login."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def letter(self, count: int) -> str:
        async with asyncio.timeout(20):
            while len(self.letters) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.letters[count - 1]


@dataclass
class TokenMailboxes:
    """An IMAP server up to the login. `fault`: what it does instead of a good answer to AUTHENTICATE."""

    check: Callable[[str], bool]
    capabilities: str = "IMAP4rev1 SASL-IR AUTH=XOAUTH2"
    refusal: str = "NO [AUTHENTICATIONFAILED] Invalid credentials"
    fault: str = ""
    logins: list[bool] = field(default_factory=list)
    with_initial: list[bool] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say = lambda line: writer.write(f"{line}\r\n".encode())  # noqa: E731
        say("* OK ready")
        try:
            while line := (await reader.readline()).decode().strip():
                tag, verb, *rest = line.split(" ")
                if verb == "CAPABILITY":
                    after = " MOVE" if any(self.logins) else ""
                    say(f"* CAPABILITY {self.capabilities}{after}\r\n{tag} OK done")
                elif verb == "AUTHENTICATE":
                    assert rest[0] == "XOAUTH2"
                    self.with_initial.append(len(rest) == 2)
                    if self.fault == "silence":
                        continue
                    if self.fault == "hang up":
                        return
                    if self.fault == "challenges":
                        while not reader.at_eof():
                            say("+ ")
                            await writer.drain()
                            await reader.readline()
                        return
                    if len(rest) == 1:
                        say("+ ")
                        rest.append((await reader.readline()).decode().strip())
                    is_in = names_token(rest[1].encode(), self.check)
                    self.logins.append(is_in)
                    if is_in:
                        say(f"* CAPABILITY {self.capabilities}\r\n{tag} OK in")
                    else:
                        say(f"+ {CHALLENGE}")
                        assert await reader.readline() == b"\r\n"
                        say(f"{tag} {self.refusal}")
                else:
                    say(f"{tag} OK done")
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving_at(handler: Handler) -> AsyncIterator[int]:
    """The server meanwhile, on a free port of this machine."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
