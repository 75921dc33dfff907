"""What is said to a relay from MAIL to the answer behind the final dot, letter after letter over one connection.

aiosmtplib makes the connection, its TLS and its login, and then hands the transport over to this: it cannot send
several commands at once (RFC 2920), and does not tell whether a connection died before or after the final dot. That
is the difference between a letter that certainly was not taken and one of which nobody knows.

- Where the relay offers PIPELINING, MAIL, RCPT and DATA go in one write, and their answers are read one by one; the
  first refusal among them is the relay's verdict. One that takes DATA after it refused the sender or the recipient
  gets no dot: the connection is given up, so that no empty mail can come of it.
- The dot leaves only when everything before it has left, so whatever goes wrong earlier leaves no doubt.
- BODY=8BITMIME and SMTPUTF8 are said only where they are offered and needed; what needs them and cannot have them is
  refused here, in words that say so.
- An answer has at most 64 kB and a deadline for the whole of it; a relay that says more, or something that is not
  SMTP, is hung up on. Nothing that it sends unasked is kept.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import cast

from mail.compose import Letter

COMMAND_SECONDS = 300.0
DATA_SECONDS = 120.0
BLOCK_SECONDS = 180.0
DOT_SECONDS = 600.0
_LONGEST_ANSWER = 1 << 16
_LONGEST_WORDS = 1000
_ANSWER_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class RefusedForGood(Exception):
    """The relay refused this letter, and will again."""


class TryLater(Exception):
    """The letter was not taken now. `unreachable` tells that it is the relay's trouble and not this letter's."""

    def __init__(self, message: str, *, unreachable: bool) -> None:
        super().__init__(message)
        self.unreachable = unreachable


class Unanswered(Exception):
    """The letter was given away whole, and the connection ended before the relay said whether it has it."""


class _Lost(Exception):
    """The connection is gone, or has to be given up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay said to one command."""

    code: int
    words: str

    def __str__(self) -> str:
        return f"{self.code} {self.words}".rstrip()


def with_crlf(content: bytes) -> bytes:
    """The content with each line ended by CRLF, the last one too."""
    content = _BARE.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


class Talk(asyncio.Protocol):
    """A connection over which a relay takes letters, one at a time. `offers` are the keywords of its EHLO answer."""

    def __init__(self, transport: asyncio.BaseTransport, offers: frozenset[str]) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._offers = offers
        self._unread = bytearray()
        self._searched = 0
        self._lost = ""
        self._is_asking = False
        self._is_full = False
        self._news = asyncio.Event()
        # What the transport cannot pass on is kept by it, and told at once.
        self._transport.set_write_buffer_limits(high=0)
        self._transport.set_protocol(self)

    @property
    def is_usable(self) -> bool:
        """Whether another letter may be given; what a relay says unasked, it says before it hangs up."""
        return not self._lost and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        if not self._is_asking:
            self.close("spoke unasked")
            return
        self._unread += data
        if len(self._unread) > _LONGEST_ANSWER:
            self.close("answers without end")
        self._news.set()

    def eof_received(self) -> bool:
        self.connection_lost(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = self._lost or (f"connection lost: {error}" if error else "connection lost")
        self._news.set()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._news.set()

    def close(self, reason: str = "") -> None:
        """Hang up: politely without a reason."""
        if reason or self._lost:
            self._lost = self._lost or f"the relay {reason}"
            self._unread.clear()
            self._transport.abort()
        elif not self._transport.is_closing():
            self._lost = "closed"
            self._transport.write(b"QUIT\r\n")
            self._transport.close()

    async def give(self, letter: Letter) -> str:
        """Give one letter; returns what the relay says of it. Raises RefusedForGood, TryLater or Unanswered.

        Afterwards the connection is ready for the next one, or not usable any more.
        """
        commands = self._envelope(letter)
        self._is_asking = True
        try:
            await self._agree(commands)
            await self._write(_DOT.sub(b"..", with_crlf(letter.content)), BLOCK_SECONDS)
            if self._unread:
                # Whatever it is, it cannot be the answer to a dot that has not been sent.
                raise _Lost("the relay speaks out of turn")
        except (_Lost, TimeoutError) as error:
            refusal = self._last_words()
            self.close("is given up")
            if refusal:
                raise _verdict(refusal) from error
            is_slow = isinstance(error, TimeoutError)
            raise TryLater("the relay does not answer" if is_slow else str(error), unreachable=not is_slow) from error
        except BaseException:
            if self._is_asking:
                self.close("is given up")
            raise
        try:
            self._transport.write(b".\r\n")
            answer = await self._answer(DOT_SECONDS)
        except (_Lost, TimeoutError) as error:
            self.close("is given up")
            words = str(error) or "no answer in time"
            raise Unanswered(f"{words}, after the whole mail was given to the relay") from error
        except BaseException:
            self.close("is given up")
            raise
        self._is_asking = False
        if answer.code in range(300, 400) or answer.code == 421 or self._unread:
            self.close("is closing")
        if answer.code >= 300:
            raise _verdict(answer)
        return str(answer)

    def _envelope(self, letter: Letter) -> list[bytes]:
        """MAIL, RCPT and DATA for this letter. Raises RefusedForGood where it needs what is not offered."""
        mail, is_ascii = f"MAIL FROM:<{letter.envelope_from}>", letter.content.isascii()
        if "size" in self._offers:
            mail += f" SIZE={len(letter.content)}"
        if not (letter.recipient.isascii() and letter.envelope_from.isascii()):
            if "smtputf8" not in self._offers:
                raise RefusedForGood("the address needs SMTPUTF8, which the relay does not offer")
            mail += " SMTPUTF8"
        elif not is_ascii and "8bitmime" not in self._offers:
            raise RefusedForGood("the mail needs 8BITMIME, which the relay does not offer")
        if not is_ascii and "8bitmime" in self._offers:
            mail += " BODY=8BITMIME"
        return [f"{line}\r\n".encode() for line in (mail, f"RCPT TO:<{letter.recipient}>", "DATA")]

    async def _agree(self, commands: list[bytes]) -> None:
        """Say the commands until the relay waits for the letter, or refuses it; then raises its verdict."""
        deadlines = (COMMAND_SECONDS, COMMAND_SECONDS, DATA_SECONDS)
        expected = (range(200, 300), range(200, 300), range(354, 355))
        refusal: Answer | None = None
        if "pipelining" in self._offers:
            await self._write(b"".join(commands), COMMAND_SECONDS)
        for command, seconds, good in zip(commands, deadlines, expected, strict=True):
            try:
                if "pipelining" not in self._offers:
                    await self._write(command, COMMAND_SECONDS)
                answer = await self._answer(seconds)
            except (_Lost, TimeoutError):
                # Who refuses may hang up at once.
                if not refusal:
                    raise
                self.close("is given up")
                break
            if refusal and command == commands[-1] and answer.code < 400:
                self.close("takes a mail that it has refused")
            if answer.code not in good:
                refusal = refusal or answer
                if "pipelining" not in self._offers:
                    break
        if refusal is None:
            return
        if refusal.code == 421:
            self.close("is closing")
        elif not self._lost:
            await self._start_anew()
        self._is_asking = False
        raise _verdict(refusal)

    async def _start_anew(self) -> None:
        """Make the connection ready for the next letter, or give it up; how this one ended is known already."""
        try:
            await self._write(b"RSET\r\n", COMMAND_SECONDS)
            if (await self._answer(COMMAND_SECONDS)).code >= 300:
                self.close("does not start anew")
        except (_Lost, TimeoutError):
            self.close("is given up")

    async def _write(self, data: bytes, seconds: float) -> None:
        """Write, and wait until all of it has left."""
        if self._lost:
            raise _Lost(self._lost)
        self._transport.write(data)
        async with asyncio.timeout(seconds):
            while self._is_full:
                await self._next_news()

    async def _answer(self, seconds: float) -> Answer:
        async with asyncio.timeout(seconds):
            while (answer := self._take_answer()) is None:
                await self._next_news()
        return answer

    async def _next_news(self) -> None:
        if self._lost:
            raise _Lost(self._lost)
        self._news.clear()
        await self._news.wait()

    def _last_words(self) -> Answer | None:
        """What a relay that has hung up said before: it may refuse a letter before it was given all of it."""
        try:
            answer = self._take_answer()
        except _Lost:
            return None
        return answer if answer and answer.code >= 400 else None

    def _take_answer(self) -> Answer | None:
        """The next answer, if all its lines are there; no line is looked at twice."""
        while (end := self._unread.find(b"\n", self._searched)) >= 0:
            said = bytes(self._unread[self._searched : end]).rstrip(b"\r")
            self._searched = end + 1
            line = _ANSWER_LINE.fullmatch(said)
            if line is None:
                self.close("does not speak SMTP")
                raise _Lost(f"{self._lost}: {said[:_LONGEST_WORDS].decode('utf-8', 'replace')}")
            if line[2] != b"-":
                lines = bytes(self._unread[:end]).split(b"\n")
                del self._unread[: end + 1]
                self._searched = 0
                words = b" ".join(one.rstrip(b"\r")[4:].strip() for one in lines)
                return Answer(int(line[1]), words[:_LONGEST_WORDS].decode("utf-8", "replace"))
        return None


def _verdict(answer: Answer) -> RefusedForGood | TryLater:
    if 500 <= answer.code < 600:
        return RefusedForGood(str(answer))
    return TryLater(str(answer), unreachable=answer.code == 421)
