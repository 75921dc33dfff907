"""One letter after the other over a connection to a relay: order, verdicts, and what is certain when it breaks."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.values import Relay
from mail import relay_talk
from mail.compose import Letter
from mail.relay import RefusedForGood, SmtpSender, TryLater, Unanswered

LETTER = Letter("support@desk.example", "maria@customer.example", b"Subject: x\r\n\r\nhello\n.\r\n..dots\r\r\n")
TAKEN = b"Subject: x\r\n\r\nhello\r\n..\r\n...dots\r\n\r\n.\r\n"
PIPELINING = "250-relay\r\n250 PIPELINING"


@dataclass
class Peer:
    """A relay that answers as it is told, keeps what it gets, and counts what it took.

    `cut` ends the connection after so many bytes of answers, `deaf` after so many bytes of what is said to it.
    """

    answers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    deaf: int | None = None
    packets: list[bytes] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)
    connections: int = 0
    said: int = 0
    once: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting, is_letter, heard = b"", False, 0
        self._say(writer, "CONNECT")
        while packet := await reader.read(1 << 16):
            if self.deaf is not None and heard + len(packet) >= self.deaf:
                packet = packet[: self.deaf - heard]
                self._hear(packet, waiting, is_letter)
                raise EOFError
            heard += len(packet)
            self.packets.append(packet)
            waiting += packet
            while end := waiting.find(b"\r\n.\r\n") + 5 if is_letter else waiting.find(b"\r\n") + 2:
                if end < 2 + 3 * is_letter:
                    break
                line, waiting = waiting[:end], waiting[end:]
                if is_letter:
                    is_letter = False
                    self._take(line)
                    self._say(writer, "DOT")
                    continue
                verb = line.split()[0].decode().upper().split(":")[0]
                self._say(writer, verb)
                if verb == "QUIT":
                    return
                is_letter = verb == "DATA" and self.answers.get("DATA", "354").startswith("354")

    def _hear(self, packet: bytes, waiting: bytes, is_letter: bool) -> None:
        if is_letter and (waiting + packet).endswith(b"\r\n.\r\n"):
            self._take(waiting + packet)

    def _take(self, letter: bytes) -> None:
        if self.answers.get("DOT", "250").startswith("2"):
            self.taken.append(letter)

    def _say(self, writer: asyncio.StreamWriter, verb: str) -> None:
        standard = {"CONNECT": "220 relay", "DATA": "354 go on", "DOT": "250 taken as 42", "QUIT": "221 bye"}
        answer = self.answers.get(verb, standard.get(verb, "250 ok"))
        hang_up = answer.endswith(" BYE")
        if hang_up and self.once:
            del self.answers[verb]
        data = answer.removesuffix(" BYE").encode() + b"\r\n"
        if self.cut is not None and self.said + len(data) > self.cut:
            writer.write(data[: self.cut - self.said])
            raise EOFError
        self.said += len(data)
        writer.write(data)
        if hang_up:
            raise EOFError


@asynccontextmanager
async def talking_to(peer: Peer) -> AsyncIterator[SmtpSender]:
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = SmtpSender(Relay(scheme="smtp", host="127.0.0.1", port=port), "desk.example")
    try:
        yield sender
    finally:
        await sender.close()
        server.close()


async def test_a_relay_that_takes_several_commands_at_once_gets_them_at_once() -> None:
    peer = Peer({"EHLO": PIPELINING})
    async with talking_to(peer) as sender:
        for _ in range(3):
            assert await sender.send(LETTER) == "250 taken as 42"
    assert peer.taken == [TAKEN] * 3
    envelopes = [packet for packet in peer.packets if packet.startswith(b"MAIL")]
    assert envelopes == [b"MAIL FROM:<support@desk.example>\r\nRCPT TO:<maria@customer.example>\r\nDATA\r\n"] * 3
    assert peer.connections == 1


async def test_any_other_relay_gets_one_after_the_other() -> None:
    peer = Peer()
    async with talking_to(peer) as sender:
        await sender.send(LETTER)
    assert b"MAIL FROM:<support@desk.example>\r\n" in peer.packets
    assert b"DATA\r\n" in peer.packets
    assert peer.taken == [TAKEN]


@pytest.mark.parametrize("hello", ["250 relay", PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(
    ("answers", "error", "words", "unreachable"),
    [
        ({"MAIL": "553 no", "RCPT": "503 no", "DATA": "503 no"}, RefusedForGood, "553 no", None),
        ({"RCPT": "550 5.1.1 nobody", "DATA": "554 no recipients"}, RefusedForGood, "550 5.1.1 nobody", None),
        ({"RCPT": "550 5.1.1 nobody", "DATA": "354 all the same"}, RefusedForGood, "550 5.1.1 nobody", None),
        ({"RCPT": "450 greylisted", "DATA": "554 no recipients"}, TryLater, "450 greylisted", False),
        ({"MAIL": "451 busy", "RCPT": "250 ok", "DATA": "354 go on"}, TryLater, "451 busy", False),
        ({"DATA": "554 no"}, RefusedForGood, "554 no", None),
        ({"DATA": "250 what"}, TryLater, "250 what", False),
        ({"DOT": "552 too big"}, RefusedForGood, "552 too big", None),
        ({"DOT": "452 full"}, TryLater, "452 full", False),
        ({"MAIL": "421 closing BYE"}, TryLater, "421 closing", True),
        ({"MAIL": "554 go away BYE"}, RefusedForGood, "554 go away", None),
        ({"RCPT": "not SMTP at all"}, TryLater, "does not speak SMTP: not SMTP at all", True),
        ({"RCPT": "250-ok\r\n250-still\r\n550 ok"}, RefusedForGood, "550 ok still ok", None),
    ],
)
async def test_the_first_refusal_is_the_verdict_and_the_next_letter_goes(
    hello: str, answers: dict[str, str], error: type[Exception], words: str, unreachable: bool | None
) -> None:
    peer = Peer({"EHLO": hello, **answers})
    async with talking_to(peer) as sender:
        with pytest.raises(error) as caught:
            await sender.send(LETTER)
        assert words in str(caught.value)
        if isinstance(caught.value, TryLater):
            assert caught.value.unreachable is unreachable
        assert peer.taken == []
        for name in answers:
            del peer.answers[name]
        assert await sender.send(LETTER) == "250 taken as 42"
    assert peer.taken == [TAKEN]


@pytest.mark.parametrize("hello", ["250 relay", PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("end", ["cut", "deaf"])
async def test_wherever_the_connection_breaks_it_is_certain_or_said_to_be_uncertain(hello: str, end: str) -> None:
    """After every byte of the answers, and after every byte that is said to the relay."""
    kinds: list[str] = []
    for place in range(1, 10_000):
        peer = Peer({"EHLO": hello}, **{end: place})
        async with talking_to(peer) as sender:
            try:
                await sender.send(LETTER)
                kinds.append("sent")
            except TryLater:
                kinds.append("taken, but to be sent again" if peer.taken else "later")
            except Unanswered:
                kinds.append("unanswered")
        if kinds[-1] == "sent":
            break
    # First nothing can have been taken, then nobody knows, then it is taken: no verdict ever comes too early.
    assert kinds == sorted(kinds, key=["later", "unanswered", "sent"].index)
    assert set(kinds) >= {"later", "sent"}
    assert kinds.count("unanswered") >= (len("250 taken as 42\r\n") if end == "cut" else 1)


@pytest.mark.parametrize("goodbye", ["250 taken as 42 BYE", "250 taken as 42\r\n421 enough BYE", "421 enough BYE"])
async def test_a_connection_that_the_relay_closes_is_made_anew_at_once(goodbye: str) -> None:
    peer = Peer({"EHLO": PIPELINING})
    async with talking_to(peer) as sender:
        await sender.send(LETTER)
        for _ in range(3):
            peer.answers["MAIL" if goodbye.startswith("421") else "DOT"] = goodbye
            peer.once = True
            assert await sender.send(LETTER) == "250 taken as 42"
    assert len(peer.taken) == 4
    assert peer.connections == 4 if goodbye.startswith("421") else peer.connections in {3, 4}


@pytest.mark.parametrize("hello", ["250 relay", PIPELINING], ids=["one by one", "pipelined"])
async def test_an_answer_before_the_dot_is_none_to_the_letter(hello: str) -> None:
    peer = Peer({"EHLO": hello, "DATA": "354 go on\r\n250 taken as 41"})
    async with talking_to(peer) as sender:
        with pytest.raises(TryLater, match="out of turn"):
            await sender.send(LETTER)
    assert peer.taken == []


async def test_a_relay_that_refuses_before_the_end_and_hangs_up_is_heard() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 relay\r\n", b"250 relay\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
            writer.write(answer)
            await reader.readline()
        await reader.read(1000)
        writer.write(b"552 5.3.4 too big\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    sender = SmtpSender(Relay(scheme="smtp", host="127.0.0.1", port=server.sockets[0].getsockname()[1]), "x.example")
    with pytest.raises((RefusedForGood, TryLater)):
        await sender.send(Letter("a@x.example", "b@x.example", (b"x" * 78 + b"\r\n") * 100_000))
    await sender.close()
    server.close()


@pytest.mark.parametrize(
    ("offers", "recipient", "content", "mail"),
    [
        ("SMTPUTF8\r\n250-8BITMIME", "maria@customer.example", "Subject: x", ""),
        ("8BITMIME", "maria@customer.example", "Subject: ü", " BODY=8BITMIME"),
        ("", "maria@customer.example", "Subject: ü", "8BITMIME"),
        ("8BITMIME\r\n250-SMTPUTF8", "дима@customer.example", "Subject: x", " SMTPUTF8"),
        ("8BITMIME", "дима@customer.example", "Subject: x", "SMTPUTF8"),
        ("SIZE 1000", "maria@customer.example", "Subject: x", " SIZE=14"),
    ],
)
async def test_only_what_is_offered_is_asked_for(offers: str, recipient: str, content: str, mail: str) -> None:
    peer = Peer({"EHLO": f"250-relay\r\n250-{offers}\r\n250 HELP"})
    letter = Letter("support@desk.example", recipient, f"{content}\r\n\r\n".encode())
    async with talking_to(peer) as sender:
        if mail and not mail.startswith(" "):
            with pytest.raises(RefusedForGood, match=f"needs {mail}, which the relay does not offer"):
                await sender.send(letter)
            return
        await sender.send(letter)
    assert f"MAIL FROM:<support@desk.example>{mail}\r\n".encode() in peer.packets


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "noise", [b"x" * 65_536, b"250-more\r\n" * 6_553, bytes(range(256)) * 256], ids=["one line", "lines", "binary"]
)
async def test_answers_without_end_cost_no_memory(verb: str, noise: bytes) -> None:
    standard = {"CONNECT": b"220 x", "EHLO": b"250 x", "DATA": b"354 x"}

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for step in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
                if step == verb:
                    for _ in range(400):
                        writer.write(noise)
                        await writer.drain()
                writer.write(standard.get(step, b"250 x") + b"\r\n")
                await (reader.readuntil(b"\r\n.\r\n") if step == "DATA" else reader.readline())
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    sender = SmtpSender(Relay(scheme="smtp", host="127.0.0.1", port=server.sockets[0].getsockname()[1]), "x.example")
    tracemalloc.start()
    try:
        with pytest.raises((TryLater, Unanswered)):
            await sender.send(LETTER)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await sender.close()
        server.close()
    assert peak_bytes < 4_000_000


@pytest.mark.parametrize(
    ("verb", "constant", "error"),
    [("RCPT", "COMMAND_SECONDS", TryLater), ("DATA", "DATA_SECONDS", TryLater), ("DOT", "DOT_SECONDS", Unanswered)],
)
async def test_a_relay_that_says_nothing_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, verb: str, constant: str, error: type[Exception]
) -> None:
    monkeypatch.setattr(relay_talk, constant, 0.05)
    is_mute = False

    class Mute(Peer):
        def _say(self, writer: asyncio.StreamWriter, said: str) -> None:
            nonlocal is_mute
            is_mute = is_mute or said == verb
            if not is_mute:
                super()._say(writer, said)

    async with talking_to(Mute({"EHLO": PIPELINING})) as sender:
        with pytest.raises(error):
            await sender.send(LETTER)
