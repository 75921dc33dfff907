"""The SMTP and LMTP door over real sockets, polite and hostile clients alike."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import socket
import ssl
import struct
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.config import load_settings
from gateway.errors import SpaceShort
from gateway.model import Delivery, Outcome, Source, Taken
from gateway.values import Endpoint
from mail import replies, smtp, smtp_conduct, smtp_dialogue, smtp_door
from mail.proxy_header import Malformed, ProxyHeader, read_proxy_header
from mail.smtp_data import MailContent
from mail.smtp_door import client_name, story
from mail.smtp_path import plain_address, read_path

# Made for these tests and used nowhere else.
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUBLkmwYbrNeB7U9owTql0JKAQQ18wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLZXhhbXBsZS5vcmcwIBcNMjYxMTIzMTIxMjE2WhgPMjEyNjEw
MzAxMjEyMTZaMBYxFDASBgNVBAMMC2V4YW1wbGUub3JnMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAETR/QT3aIdE3zkbqabwVS3tf/6TKLaeWYBF23xIDKuzBx+G/6
UDuhASC0OajLbZZO2XuvmOW8QoHJu1Aqc8XypKNrMGkwHQYDVR0OBBYEFLbyPLYq
855szH9gS3abm14/mz7RMB8GA1UdIwQYMBaAFLbyPLYq855szH9gS3abm14/mz7R
MA8GA1UdEwEB/wQFMAMBAf8wFgYDVR0RBA8wDYILZXhhbXBsZS5vcmcwCgYIKoZI
zj0EAwIDSQAwRgIhAKy8M3upkzqhBDdB7rjsLLOJI7H+NRhMR1QZ9rG4BWqrAiEA
/tnkENixpc0qiosWLiUtJJLcO3D0Zj7ImpyePtpl/NY=
-----END CERTIFICATE-----
"""
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRlAJm+BCJJ2Eh7yN
LULAfhWtkRA8SD4n3pNswSNK23KhRANCAARNH9BPdoh0TfORuppvBVLe1//pMotp
5ZgEXbfEgMq7MHH4b/pQO6EBILQ5qMttlk7Ze6+Y5bxCgcm7UCpzxfKk
-----END PRIVATE KEY-----
"""
OURS = {"support@example.org", "desk@example.org", "postmaster"}


class Desk:
    """The service behind the door: records each mail, then does what `act` says."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.stored: list[Delivery] = []
        self.act: Callable[[Delivery], Awaitable[None]] | None = None

    async def take(self, delivery: Delivery) -> Taken:
        self.deliveries.append(delivery)
        if self.act:
            await self.act(delivery)
        self.stored.append(delivery)
        return Taken(intake_id=len(self.stored), outcome=Outcome.TICKET)


class Peer:
    """A client that says exactly what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> str:
        """The next reply, all its lines; empty at the end of the connection."""
        lines = b""
        while True:
            line = await asyncio.wait_for(self.reader.readline(), 5)
            lines += line
            if line[3:4] != b"-":
                return lines.decode("ascii").rstrip("\r\n")

    async def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return await self.reply()

    async def asks(self, *commands: str) -> list[str]:
        return [(await self.ask(command))[:9].rstrip() for command in commands]

    async def prepare(self, *recipients: str, hello: str = "EHLO cat") -> None:
        """Say everything up to the 354."""
        recipients = recipients or ("support@example.org",)
        commands = [hello, "MAIL FROM:<ant@example.net>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]
        for command in commands:
            reply = await self.ask(command)
            assert reply[0] in "23", reply

    async def post(self, content: bytes) -> str:
        self.send(content + b"\r\n.\r\n")
        return await self.reply()

    async def is_closed(self) -> bool:
        """Whether the other side closes, now that everything it said has been read."""
        try:
            return await asyncio.wait_for(self.reader.read(), 5) == b""
        except ConnectionError:
            return True

    def vanish(self) -> None:
        """Go away with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class House:
    """An open door, its desk, and the clients that a test let in."""

    def __init__(self, port: int, desk: Desk) -> None:
        self.port = port
        self.desk = desk
        self.peers: list[Peer] = []

    async def connect(self, limit: int = 2**16) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port, limit=limit))
        self.peers.append(peer)
        return peer

    async def meet(self) -> Peer:
        """A client that has read the greeting."""
        peer = await self.connect()
        assert (await peer.reply()).startswith("220 ")
        return peer


@pytest.fixture
def opens(tmp_path: Path) -> Callable[..., object]:
    @asynccontextmanager
    async def open_door(*, lmtp: bool = False, is_ours: Callable[[str], bool] | None = None, **values: str):
        environment = {"HELPDESK_SUPPORT_ADDRESS": "support@example.org", "HELPDESK_DATA_DIR": "data"}
        environment |= {f"HELPDESK_{name.upper()}": value for name, value in values.items()}
        settings = load_settings(environment, tmp_path)
        desk = Desk()
        async with smtp.listening(
            Endpoint("127.0.0.1", 0),
            settings=settings,
            take=desk.take,
            is_ours=is_ours or (lambda address: address.lower() in OURS),
            lmtp=lmtp,
        ) as port:
            house = House(port, desk)
            try:
                yield house
            finally:
                for peer in house.peers:
                    peer.writer.close()

    return open_door


@pytest.fixture
async def house(opens) -> AsyncIterator[House]:
    async with opens(max_message_bytes="65536") as house:
        yield house


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


# A mail and its envelope


async def test_mail_is_taken_and_answered_with_its_ledger_row(house: House) -> None:
    peer = await house.meet()
    await peer.prepare("support@example.org", "Desk@Example.ORG")
    assert await peer.post(b"Subject: hi\r\n\r\n..dot\r\nfour") == "250 2.0.0 Ok: stored as 1"
    assert house.desk.deliveries == [
        Delivery(
            raw=b"Subject: hi\r\n\r\n.dot\r\nfour\r\n",
            source=Source.SMTP,
            envelope_from="ant@example.net",
            envelope_to=("support@example.org", "Desk@Example.ORG"),
            null_sender=False,
            trusted=True,
        )
    ]
    await peer.prepare()
    assert await peer.post(b"second") == "250 2.0.0 Ok: stored as 2"
    assert await peer.ask("QUIT") == replies.GOODBYE
    assert await peer.is_closed()


async def test_null_sender_and_untrusted_client_are_told(opens) -> None:
    async with opens(trusted_relays="") as house:
        peer = await house.meet()
        assert await peer.asks("EHLO cat", "MAIL FROM:<>", "RCPT TO:<support@example.org>", "DATA") == [
            "250-examp",
            "250 2.1.0",
            "250 2.1.5",
            "354 End d",
        ]
        assert (await peer.post(b"")).startswith("250 ")
        (delivery,) = house.desk.deliveries
        assert (delivery.envelope_from, delivery.null_sender, delivery.trusted) == ("", True, False)


async def test_hello_offers_what_works_and_tells_no_version(house: House) -> None:
    peer = await house.connect()
    assert await peer.reply() == "220 example.org ESMTP"
    lines = (await peer.ask("EHLO cat")).split("\r\n")
    assert [line[4:] for line in lines] == [
        "example.org",
        "SIZE 65536",
        "8BITMIME",
        "SMTPUTF8",
        "PIPELINING",
        "ENHANCEDSTATUSCODES",
    ]
    assert await peer.ask("HELO cat") == "250 example.org"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<ant@example.net> SIZE=65536 BODY=8BITMIME SMTPUTF8", "250 2.1.0"),
        ("mail from: ant@example.net  size=1", "250 2.1.0"),
        ("MAIL FROM:<ant@example.net> AUTH=<> RET=HDRS ENVID=QQ+2B1", "250 2.1.0"),
        ("MAIL FROM:<root>", "250 2.1.0"),
        ("MAIL FROM:<müller@example.net> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<@bee,@cat:ant@example.net>", "250 2.1.0"),
        ("MAIL FROM:<ant@example.net> SIZE=65537", "552 5.3.4"),
        ("MAIL FROM:<ant@example.net> SIZE=" + "9" * 20, "552 5.3.4"),
        ("MAIL FROM:<ant@example.net> SIZE=-1", "501 5.5.4"),
        ("MAIL FROM:<ant@example.net> SIZE=٣", "501 5.5.4"),
        ("MAIL FROM:<ant@example.net> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<ant@example.net> SMTPUTF8=yes", "501 5.5.4"),
        ("MAIL FROM:<ant@example.net> HOLDFOR=9", "555 5.5.4"),
        ("MAIL FROM:<ant@example.net", "501 5.5.4"),
        ("MAIL FROM:", "501 5.5.4"),
        ("MAIL TO:<ant@example.net>", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM:<ant bee@example.net>", "553 5.1.7"),
        ("MAIL FROM:<ant\x00@example.net>", "553 5.1.7"),
        ("MAIL FROM:<ant\r@example.net>", "553 5.1.7"),
        ("RCPT TO:<support@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("AUTH PLAIN AGFudABhbnQ=", "500 5.5.1"),
        ("LHLO cat", "500 5.5.1"),
        ("GET / HTTP/1.1", "500 5.5.1"),
        ("BDAT 5 LAST", "500 5.5.1"),
        ("", "500 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("STARTTLS", "502 5.5.1"),
        ("EXPN all", "502 5.5.1"),
        ("VRFY ant", "252 2.0.0"),
        ("HELP", "214 2.0.0"),
        ("NOOP x", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("RSET x", "501 5.5.4"),
        ("QUIT x", "501 5.5.4"),
    ],
)
async def test_commands_and_their_replies(house: House, command: str, code: str) -> None:
    peer = await house.meet()
    await peer.ask("EHLO cat")
    assert (await peer.ask(command)).startswith(f"{code} ")
    assert await peer.ask("NOOP") == replies.OK


async def test_mail_needs_hello_and_no_other_mail_open(house: House) -> None:
    peer = await house.meet()
    assert await peer.asks("MAIL FROM:<>", "EHLO cat", "MAIL FROM:<>", "MAIL FROM:<>", "RSET", "MAIL FROM:<>") == [
        "503 5.5.1",
        "250-examp",
        "250 2.1.0",
        "503 5.5.1",
        "250 2.0.0",
        "250 2.1.0",
    ]


async def test_envelope_with_bytes_that_are_no_utf8_is_refused(house: House) -> None:
    peer = await house.meet()
    await peer.ask("EHLO cat")
    peer.send(b"MAIL FROM:<m\xfcller@example.net>\r\n")
    assert await peer.reply() == replies.BAD_SENDER


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("<support@example.org>", "250 2.1.5"),
        ("<SUPPORT@EXAMPLE.ORG>", "250 2.1.5"),
        ("support@example.org", "250 2.1.5"),
        (" <support@example.org> NOTIFY=FAILURE ORCPT=rfc822;support@example.org", "250 2.1.5"),
        ('<"support"@example.org>', "250 2.1.5"),
        (r'<"sup\port"@example.org>', "250 2.1.5"),
        ("<@bee.example,@cat.example:support@example.org>", "250 2.1.5"),
        ("<postmaster>", "250 2.1.5"),
        ("<ant@example.org>", "550 5.1.1"),
        ("<ant%example.net@example.org>", "550 5.1.1"),
        ("<@example.org:ant@example.net>", "550 5.1.1"),
        ('<"ant@example.net"@example.org>', "550 5.1.1"),
        ('<"support@example.org> x"@example.net>', "550 5.1.1"),
        ("<example.net!ant@example.org>", "550 5.1.1"),
        ("<support@example.org@example.net>", "550 5.1.1"),
        ("<>", "553 5.1.3"),
        ("<@example.org>", "553 5.1.3"),
        ("<sup port@example.org>", "553 5.1.3"),
        ('<"support@example.org>', "501 5.5.4"),
        ("<support@example.org> FOO=1", "555 5.5.4"),
        ("<support@example.org> ;rm", "501 5.5.4"),
        ("", "501 5.5.4"),
    ],
)
async def test_recipients_are_ours_or_refused(house: House, address: str, code: str) -> None:
    peer = await house.meet()
    assert (await peer.asks("EHLO cat", "MAIL FROM:<>", f"RCPT TO:{address}"))[-1] == code


def test_addresses_lose_route_and_needless_quotes() -> None:
    assert plain_address('"a b"@example.net') == '"a b"@example.net'
    assert plain_address(r'"a\"b"@example.net') == r'"a\"b"@example.net'
    assert plain_address('"a.b+c"@example.net') == "a.b+c@example.net"
    assert plain_address('"a..b"@example.net') == '"a..b"@example.net'
    assert plain_address("\ud800@example.net") is None
    assert read_path("TO:", 'to:<"a>b"@c> X=1 Y') == ('"a>b"@c', ["X=1", "Y"])


@pytest.mark.parametrize("hostile", ['"' * 2000, '"a' * 1000, "<" * 2000, '"\\' * 1000, "(" * 2000, "@:" * 1000])
def test_hostile_arguments_cost_no_time(hostile: str) -> None:
    began = time.perf_counter()
    path = read_path("TO:", f"TO:<{hostile}")
    read_path("TO:", f"TO:<{hostile}>")
    plain_address(path[0] if path else hostile)
    assert time.perf_counter() - began < 0.05


async def test_recipients_above_a_hundred_are_put_off_and_the_mail_goes_to_the_others(house: House) -> None:
    peer = await house.meet()
    await peer.asks("EHLO cat", "MAIL FROM:<>")
    peer.send(b"RCPT TO:<support@example.org>\r\n" * 130 + b"DATA\r\n")
    codes = [(await peer.reply())[:9] for _ in range(130)]
    assert codes == ["250 2.1.5"] * smtp_dialogue.MOST_RECIPIENTS + ["452 4.5.3"] * 30
    assert (await peer.reply()).startswith("354 ")
    assert (await peer.post(b"x")).startswith("250 ")
    assert len(house.desk.deliveries[0].envelope_to) == 100


async def test_lmtp_answers_once_for_each_recipient(opens) -> None:
    async with opens(lmtp=True, max_message_bytes="65536") as house:
        peer = await house.connect()
        assert await peer.reply() == "220 example.org LMTP"
        assert await peer.asks("HELO cat", "EHLO cat") == ["500 5.5.1", "500 5.5.1"]
        assert "PIPELINING" in await peer.ask("LHLO cat")
        commands = ("MAIL FROM:<>", "RCPT TO:<support@example.org>", "RCPT TO:<ant@example.org>")
        assert (await peer.asks(*commands))[-1] == "550 5.1.1"
        assert (await peer.asks("RCPT TO:<desk@example.org>", "DATA"))[-1].startswith("354")
        assert await peer.post(b"one") == "250 2.0.0 Ok: stored as 1"
        assert await peer.reply() == "250 2.0.0 Ok: stored as 1"
        assert house.desk.deliveries[0].source is Source.LMTP
        await peer.prepare("support@example.org", "desk@example.org", hello="LHLO cat")
        assert [await peer.post(b"x" * 65536), await peer.reply()] == [replies.TOO_LARGE] * 2
        assert await peer.ask("NOOP") == replies.OK


# The end of a mail


NO_ENDS = [
    (b"\n.\n", b"\n.\n"),
    (b"\r.\r", b"\r.\r"),
    (b"\n.\r\n", b"\n.\r\n"),
    (b"\r.\r\n", b"\r.\r\n"),
    (b"\r\n.\n", b"\r\n\n"),
    (b"\r\n.\r", b"\r\n\r"),
    (b"\r\n.\r\r\n", b"\r\n\r\r\n"),
    (b"\n\n.\n\n", b"\n\n.\n\n"),
    (b"\r\n\x00.\r\n", b"\r\n\x00.\r\n"),
    (b"\r\n.\x00\r\n", b"\r\n\x00\r\n"),
    (b"\r\n. \r\n", b"\r\n \r\n"),
    (b"\r\n..\r\n", b"\r\n.\r\n"),
    (b"\r\r\n.\n\r\n", b"\r\r\n\n\r\n"),
]


async def test_only_crlf_dot_crlf_ends_a_mail(house: House) -> None:
    peer = await house.meet()
    for sent, kept in NO_ENDS:
        await peer.prepare()
        smuggled = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\nx"
        assert (await peer.post(b"one" + sent + smuggled)).startswith("250 ")
        assert house.desk.deliveries[-1].raw == b"one" + kept + smuggled + b"\r\n"
    assert len(house.desk.deliveries) == len(NO_ENDS)


async def test_bytes_are_taken_as_they_are(house: House) -> None:
    peer = await house.meet()
    raw = bytes(range(256)) * 3 + b"\r\r\n\n\x00" + b"x" * 30_000 + b"\r\n"
    await peer.prepare()
    assert (await peer.post(raw[:-2])).startswith("250 ")
    assert house.desk.deliveries[0].raw == raw


def test_content_is_the_same_however_it_is_cut() -> None:
    sent = b"..a\r\n..\r\n.b\r\r\n.\n\r.\r\n\r\n.c\r\n\n.\r\n.\r\nNOOP\r\n.\r\n"
    kept = b".a\r\n.\r\nb\r\r\n\n\r.\r\n\r\nc\r\n\n.\r\n"
    dice = random.Random(7)
    cuts = [[at] for at in range(len(sent))] + [sorted(dice.sample(range(len(sent)), 5)) for _ in range(500)]
    cuts.append(list(range(len(sent))))
    for cut in cuts:
        content, rest = MailContent(1000), b""
        ended = False
        for begin, end in zip([0, *cut], [*cut, len(sent)], strict=True):
            if ended:
                rest += sent[begin:end]
            elif (behind := content.feed(sent[begin:end])) is not None:
                ended, rest = True, behind
        assert (content.mail(), rest, content.size_bytes) == (kept, b"NOOP\r\n.\r\n", len(kept)), cut


def test_empty_content_and_content_that_never_ends() -> None:
    content = MailContent(10)
    assert content.feed(b".\r\n") == b""
    assert content.mail() == b""
    content = MailContent(10)
    assert content.feed(b"x" * 100) is None
    assert (content.mail(), content.is_too_large, content.kept_bytes) == (None, True, 0)


# Sizes


@pytest.mark.parametrize(("size", "code"), [(65535, "250 2.0.0"), (65536, "250 2.0.0"), (65537, "552 5.3.4")])
async def test_limit_is_exact_and_counts_no_transport_dots(house: House, size: int, code: str) -> None:
    peer = await house.meet()
    await peer.prepare()
    raw = b".\r\n" * 1000 + b"x" * (size - 3002)
    assert (await peer.post(raw.replace(b".\r\n", b"..\r\n"))).startswith(code)
    assert [delivery.raw for delivery in house.desk.deliveries] == ([raw + b"\r\n"] if code[0] == "2" else [])
    assert await peer.ask("NOOP") == replies.OK


async def test_much_too_large_mail_costs_the_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "EXCESS_BYTES", 100_000)
    peer = await house.meet()
    await peer.prepare()
    peer.send(b"x\r\n" * 200_000)
    assert await peer.reply() == replies.TOO_LARGE
    # Not a reset, which could overtake the reply.
    assert await peer.reader.read() == b""
    assert not house.desk.deliveries


@pytest.mark.parametrize("line", [b"x" * 65536, b"x\r\n" * 21846], ids=["endless line", "short lines"])
async def test_content_without_end_takes_no_memory(house: House, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(smtp, "EXCESS_BYTES", 2**40)
    peer = await house.meet()
    await peer.prepare()
    tracemalloc.start()
    try:
        for _ in range(400):
            peer.send(line)
            await peer.writer.drain()
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * 1024 * 1024
    assert await peer.post(b"") == replies.TOO_LARGE


async def test_mails_beyond_the_memory_of_all_are_put_off(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(smtp, "MOST_BUFFERED_BYTES", 50_000)
    peers = [await house.meet() for _ in range(3)]
    for peer in peers:
        await peer.prepare()
    for peer in peers[:2]:
        peer.send(b"a" * 40_000)
    await until(lambda: "too much mail" in caplog.text)
    # A mail that comes in one piece needs no room beside the others.
    assert (await peers[2].post(b"small")).startswith("250 ")
    answers = [(await peer.post(b""))[:9] for peer in peers[:2]]
    assert sorted(answers) == ["250 2.0.0", "452 4.3.1"]
    # What was taken or put off takes up no room any more.
    late = await house.meet()
    await late.prepare()
    late.send(b"a" * 40_000)
    await asyncio.sleep(0.01)
    assert (await late.post(b"a")).startswith("250 ")


async def test_long_command_line_is_refused_and_the_next_one_obeyed(house: House) -> None:
    peer = await house.meet()
    assert await peer.ask("NOOP " + "x" * (smtp.COMMAND_LINE_BYTES - 5)) == replies.OK
    assert await peer.ask("NOOP " + "x" * (smtp.COMMAND_LINE_BYTES - 4)) == replies.LINE_TOO_LONG
    assert await peer.ask("NOOP " + "x" * 20_000) == replies.LINE_TOO_LONG
    assert await peer.ask("NOOP") == replies.OK


async def test_endless_command_line_costs_the_connection_and_no_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "LINGER_SECONDS", 0.2)
    peer = await house.meet()
    chunk = b"x" * 65536

    async def send_for_ever() -> None:
        for _ in range(100_000):
            peer.send(chunk)
            await peer.writer.drain()

    tracemalloc.start()
    try:
        with pytest.raises(ConnectionError):
            await send_for_ever()
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2 * 1024 * 1024


async def test_endless_command_line_is_told_why(house: House) -> None:
    peer = await house.meet()
    peer.send(b"x" * 300_000)
    assert await peer.reply() == replies.LINE_TOO_LONG
    assert await peer.is_closed()


# Order


async def test_pipelined_commands_and_content_are_answered_in_order(house: House) -> None:
    peer = await house.meet()
    mail = b"MAIL FROM:<a%d@x>\r\nRCPT TO:<no@x>\r\nRCPT TO:<desk@example.org>\r\nDATA\r\nmail %d\r\n.\r\n"
    peer.send(b"EHLO cat\r\n" + b"".join(mail % (number, number) for number in range(10)) + b"NOOP\r\nQUIT\r\n")
    await peer.reply()
    for number in range(1, 11):
        got = [(await peer.reply())[:9] for _ in range(4)]
        assert got == ["250 2.1.0", "550 5.1.1", "250 2.1.5", "354 End d"]
        assert await peer.reply() == f"250 2.0.0 Ok: stored as {number}"
    assert [await peer.reply(), await peer.reply()] == [replies.OK, replies.GOODBYE]
    assert [delivery.raw for delivery in house.desk.deliveries] == [b"mail %d\r\n" % number for number in range(10)]
    assert [delivery.envelope_from for delivery in house.desk.deliveries] == [f"a{number}@x" for number in range(10)]


async def test_commands_byte_by_byte_are_understood(house: House) -> None:
    peer = await house.meet()
    for byte in b"EHLO cat\r\nNOOP\nMAIL FROM:<>\r\n":
        peer.send(bytes([byte]))
        await asyncio.sleep(0)
    assert [(await peer.reply())[:3] for _ in range(3)] == ["250"] * 3


async def test_many_pipelined_commands_leave_the_others_their_turn(house: House) -> None:
    flood, other = await house.meet(), await house.meet()
    flood.send(b"NOOP\r\n" * 12_000)
    assert await other.ask("NOOP") == replies.OK
    assert len(flood.reader._buffer) < 12_000 * len(replies.OK)
    for _ in range(12_000):
        assert await flood.reader.readline() == b"250 2.0.0 Ok\r\n"


# Clients that go away


async def test_client_that_half_closes_after_the_dot_gets_its_answer(house: House) -> None:
    async def act(delivery: Delivery) -> None:
        await asyncio.sleep(0.05)

    house.desk.act = act
    peer = await house.meet()
    await peer.prepare()
    peer.send(b"x\r\n.\r\n")
    peer.writer.write_eof()
    assert await peer.reply() == "250 2.0.0 Ok: stored as 1"
    assert await peer.is_closed()


async def test_mail_of_a_client_that_vanished_after_the_dot_is_still_stored(house: House) -> None:
    gate = asyncio.Event()

    async def act(delivery: Delivery) -> None:
        await gate.wait()

    house.desk.act = act
    peer = await house.meet()
    await peer.prepare()
    peer.send(b"x\r\n.\r\n")
    await until(lambda: house.desk.deliveries)
    peer.vanish()
    await asyncio.sleep(0.02)
    gate.set()
    await until(lambda: house.desk.stored)
    assert (await (await house.meet()).ask("NOOP")) == replies.OK


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_half_a_mail_is_no_mail(house: House, how: str) -> None:
    peer = await house.meet()
    await peer.prepare()
    peer.send(b"x\r\n.\r")
    await asyncio.sleep(0.01)
    if how == "eof":
        peer.writer.write_eof()
        assert await peer.is_closed()
    else:
        peer.vanish()
        await asyncio.sleep(0.01)
    assert not house.desk.deliveries


# Trouble behind the door


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (RuntimeError("secret\r\n250 Ok"), replies.TROUBLE),
        (TimeoutError(), replies.TROUBLE),
        (MemoryError(), replies.TROUBLE),
        (ConnectionResetError("database"), replies.TROUBLE),
        (EOFError(), replies.TROUBLE),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), replies.TROUBLE),
        (asyncio.CancelledError(), replies.TROUBLE),
        (SpaceShort(), replies.SPACE_SHORT),
    ],
)
async def test_failed_take_is_temporary(
    house: House, caplog: pytest.LogCaptureFixture, error: BaseException, reply: str
) -> None:
    async def act(delivery: Delivery) -> None:
        raise error

    house.desk.act = act
    peer = await house.meet()
    await peer.prepare()
    assert await peer.post(b"x") == reply
    assert all(record.getMessage().isprintable() for record in caplog.records)
    house.desk.act = None
    await peer.prepare()
    assert await peer.post(b"x") == "250 2.0.0 Ok: stored as 1"


@pytest.mark.parametrize("stubborn", [False, True])
async def test_slow_take_is_answered_in_time(house: House, monkeypatch: pytest.MonkeyPatch, stubborn: bool) -> None:
    ended = asyncio.Event()

    async def act(delivery: Delivery) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.set()
            if not stubborn:
                raise
            await asyncio.sleep(0.3)

    house.desk.act = act
    monkeypatch.setattr(smtp_door, "TAKE_SECONDS", 0.05)
    peer = await house.meet()
    await peer.prepare()
    began = time.perf_counter()
    assert await peer.post(b"x") == replies.TROUBLE
    assert time.perf_counter() - began < 0.25
    await asyncio.wait_for(ended.wait(), 5)


async def test_trouble_in_a_command_is_temporary(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_ours(address: str) -> bool:
        raise ValueError(address)

    async with opens(is_ours=is_ours) as house:
        peer = await house.meet()
        commands = ("EHLO cat", "MAIL FROM:<>", "RCPT TO:<support@example.org>", "DATA")
        assert (await peer.asks(*commands))[-2:] == ["451 4.3.0", "503 5.5.1"]

        def fail(path: Path) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(smtp_door, "SPACE_CACHE_SECONDS", 0)
        monkeypatch.setattr(shutil, "disk_usage", fail)
        assert await peer.asks("RSET", "MAIL FROM:<>", "NOOP") == ["250 2.0.0", "451 4.3.0", "250 2.0.0"]


async def test_trouble_while_reading_never_makes_commands_of_the_mail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(content: MailContent, chunk: bytes) -> None:
        raise MemoryError

    peer = await house.meet()
    await peer.prepare()
    monkeypatch.setattr(MailContent, "feed", fail)
    assert await peer.post(b"RSET") == replies.TROUBLE
    assert await peer.is_closed()


async def test_full_disk_is_told_at_mail(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    free = SimpleNamespace(free=149_999)
    looks: list[Path] = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: looks.append(path) or free)
    async with opens(max_message_bytes="100000") as house:
        peer = await house.meet()
        assert (await peer.asks("EHLO cat", "MAIL FROM:<>", "MAIL FROM:<>"))[1:] == ["452 4.3.1"] * 2
        assert len(looks) == 1
        free.free = 150_000
        monkeypatch.setattr(smtp_door, "SPACE_CACHE_SECONDS", 0)
        assert await peer.asks("MAIL FROM:<>") == ["250 2.1.0"]


# Clients that want too much


async def test_twenty_errors_end_the_connection(house: House) -> None:
    peer = await house.meet()
    peer.send(b"FOO\r\n" * 25)
    got = [(await peer.reply())[:9] for _ in range(21)]
    assert got == ["500 5.5.1"] * 20 + ["421 4.7.0"]
    assert await peer.is_closed()


async def test_a_stranger_who_does_much_and_delivers_nothing_is_told_to_come_again(opens) -> None:
    async with opens(trusted_relays="", mail_limit="off") as house:
        peer = await house.meet()
        peer.send(b"FOO\r\n" * 9)
        got = [(await peer.reply())[:9] for _ in range(6)]
        assert got == ["500 5.5.1"] * 5 + ["421 4.7.0"]
        assert await peer.is_closed()

        peer = await house.meet()
        peer.send(b"NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n" * 30)
        codes = [(await peer.reply())[:3] for _ in range(101)]
        assert codes == ["250", "250", "252", "214"] * 25 + ["421"]
        assert await peer.is_closed()

        peer = await house.meet()
        for number in range(1, 101):
            await peer.ask("RSET") if number % 2 else None
            await peer.prepare()
            assert (await peer.post(b"x")).endswith(f"stored as {number}")
        assert await peer.reply() == replies.ENOUGH
        assert await peer.is_closed()
    assert len(house.desk.stored) == 100


async def test_a_trusted_relay_may_do_all_that_but_make_errors(house: House) -> None:
    peer = await house.meet()
    for number in range(1, 103):
        assert await peer.asks("RSET", "NOOP") == ["250 2.0.0"] * 2
        await peer.prepare()
        assert (await peer.post(b"x")).endswith(f"stored as {number}")
    assert await peer.asks(*["FOO"] * 19) == ["500 5.5.1"] * 19


async def test_a_stranger_who_stays_too_long_is_told_so_between_two_commands(
    opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_conduct, "SESSION_SECONDS", 0.1)
    async with opens(trusted_relays="") as house:
        peer = await house.meet()
        await peer.prepare()
        await asyncio.sleep(0.12)
        # The mail that is under way is taken all the same.
        assert await peer.post(b"x") == "250 2.0.0 Ok: stored as 1"
        assert await peer.reply() == replies.TOO_LONG
        assert await peer.is_closed()


async def test_silent_connections_make_room_when_it_gets_crowded(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_door, "MOST_CONNECTIONS", 5)
    monkeypatch.setattr(smtp_door, "CROWD_PATIENCE_SECONDS", 0.05)
    gate = asyncio.Event()

    async def act(delivery: Delivery) -> None:
        await gate.wait()

    async with opens() as house:
        house.desk.act = act
        busy, sending, *silent = [await house.meet() for _ in range(5)]
        await busy.prepare()
        busy.send(b"x\r\n.\r\n")
        await sending.prepare()
        await until(lambda: house.desk.deliveries)
        # At once nobody has to go.
        assert await (await house.connect()).reply() == replies.TOO_BUSY
        await asyncio.sleep(0.06)
        assert await (await house.meet()).ask("NOOP") == replies.OK
        for peer in silent:
            assert await peer.reply() == replies.TOO_SLOW
            assert await peer.is_closed()
        gate.set()
        assert (await busy.reply()).startswith("250 ")
        assert (await sending.post(b"x")).startswith("250 ")


async def test_a_flood_of_commands_is_obeyed_in_order_and_nothing_twice(opens, tls: dict[str, str]) -> None:
    """Fault F18: commands in one packet, behind DATA without waiting, behind STARTTLS."""
    async with opens(**tls) as house:
        peer = await house.meet()
        mail = b"MAIL FROM:<a@x>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n%d\r\n.\r\n"
        peer.send(b"EHLO cat\r\n" + b"".join(mail % number + b"NOOP\r\n" * 95 for number in range(100)))
        await peer.reply()
        for number in range(1, 101):
            got = [await peer.reply() for _ in range(99)]
            assert got[3:] == [f"250 2.0.0 Ok: stored as {number}"] + [replies.OK] * 95
        assert [delivery.raw for delivery in house.desk.stored] == [b"%d\r\n" % number for number in range(100)]
        # Content that nobody asked for is commands, none of which is one.
        peer.send(b"RSET\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nSTARTTLS\r\n" + mail % 7 + b"QUIT\r\n")
        codes = [(await peer.reply())[:3] for _ in range(7)]
        assert codes == ["250", "503", "500", "500", "500", "500", "220"]
        await peer.writer.start_tls(ssl.create_default_context(cadata=CERTIFICATE), server_hostname="example.org")
        assert await peer.asks("RCPT TO:<support@example.org>", "EHLO cat") == ["503 5.5.1", "250-examp"]
        assert len(house.desk.stored) == 100


# Behind a load balancer


def version_2(command: int, family: int, rest: bytes) -> bytes:
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack("!BBH", command, family, len(rest)) + rest


FROM_IPV4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 56324, 25)
FROM_IPV6 = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1") + b"\x00\x19\x00\x19"
)
HEADERS = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 ::1 56324 25\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff:f::f ffff::f 65535 65535\r\n", ""),
    (version_2(0x21, 0x11, FROM_IPV4), "192.0.2.7"),
    (version_2(0x21, 0x21, FROM_IPV6), "2001:db8::7"),
    (version_2(0x21, 0x11, FROM_IPV4 + b"\x04\x00\x03xyz" * 50), "192.0.2.7"),
    (version_2(0x21, 0x00, b""), ""),
    (version_2(0x21, 0x31, bytes(216)), ""),
    (version_2(0x20, 0x00, b""), ""),
    (version_2(0x20, 0x11, FROM_IPV4), ""),
]
NO_HEADERS = [
    b"EHLO cat\r\n",
    b"\r\nEHLO cat\r\n",
    b"PROXY\r\n",
    b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n" + b"x" * 107,
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
    b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
    b"PROXY UNKNOWN" + b" " * 100,
    b"PROXY TCP4 \xd9\xa1.0.2.7 198.51.100.1 1 2\r\n",
    b"\r\n\r\n\x00\r\nQUIX\n" + bytes(4),
    version_2(0x11, 0x11, FROM_IPV4),
    version_2(0x22, 0x11, FROM_IPV4),
    version_2(0x21, 0x12, FROM_IPV4),
    version_2(0x21, 0x11, FROM_IPV4[:-1]),
    version_2(0x21, 0x21, FROM_IPV4),
    version_2(0x21, 0x11, FROM_IPV4 + bytes(2048)),
]


@pytest.mark.parametrize(("header", "host"), HEADERS)
def test_a_balancers_header_is_read_however_it_is_cut(header: bytes, host: str) -> None:
    for end in range(len(header)):
        assert read_proxy_header(header[:end]) is None
    for rest in (b"", b"EHLO cat\r\n", header):
        assert read_proxy_header(header + rest) == ProxyHeader(host, len(header))


@pytest.mark.parametrize("data", NO_HEADERS)
def test_what_is_no_header_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_proxy_header(data)


async def test_behind_a_balancer_its_header_says_whom_to_count_and_to_trust(
    opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_door, "MOST_CONNECTIONS_PER_CLIENT", 2)
    async with opens(smtp_proxy_protocol="127.0.0.0/8", trusted_relays="127.0.0.1 2001:db8::/64") as house:

        async def meet(header: bytes) -> Peer:
            peer = await house.connect()
            peer.send(header)
            assert await peer.reply() == "220 example.org ESMTP", header
            return peer

        for (header, host), trusted in zip(HEADERS[:3], (False, True, False), strict=True):
            peer = await meet(header + b"EHLO cat\r\n")
            assert (await peer.reply()).startswith("250-"), host
            await peer.prepare()
            assert (await peer.post(b"x")).startswith("250 ")
            # A client that the balancer cannot name is none of those whom we trust, though the balancer is.
            assert house.desk.deliveries[-1].trusted is trusted, host
        again = await meet(HEADERS[4][0])
        third = await house.connect()
        third.send(HEADERS[0][0])
        assert await third.reply() == replies.TOO_BUSY
        assert await third.is_closed()
        await again.ask("QUIT")
        await meet(HEADERS[0][0])
        # A second header is a command like any other, and none that there is.
        assert await again.is_closed()
        assert (await (await meet(HEADERS[1][0])).ask(HEADERS[0][0].decode().strip())).startswith("500 ")


@pytest.mark.parametrize("data", [NO_HEADERS[0], NO_HEADERS[7], NO_HEADERS[-1], b"PROXY TCP4 1"])
async def test_a_balancers_connection_without_a_proper_header_is_closed_without_a_word(
    opens, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(smtp, "PROXY_HEADER_SECONDS", 0.1)
    async with opens(smtp_proxy_protocol="127.0.0.1") as house:
        peer = await house.connect()
        peer.send(data)
        assert await peer.is_closed()
        assert not house.desk.deliveries


async def test_nobody_else_may_say_who_he_is(opens) -> None:
    async with opens(smtp_proxy_protocol="192.0.2.1", trusted_relays="192.0.2.7") as house:
        peer = await house.meet()
        assert await peer.ask("PROXY TCP4 192.0.2.7 198.51.100.1 1 2") == replies.UNKNOWN_COMMAND
        await peer.prepare()
        await peer.post(b"x")
        assert not house.desk.deliveries[0].trusted


async def test_connections_of_one_client_are_counted(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_door, "MOST_CONNECTIONS_PER_CLIENT", 2)
    async with opens(trusted_relays="") as house:
        first, _ = await house.meet(), await house.meet()
        third = await house.connect()
        assert await third.reply() == replies.TOO_BUSY
        assert await third.is_closed()
        await first.ask("QUIT")
        assert await first.is_closed()
        assert await (await house.meet()).ask("NOOP") == replies.OK
    async with opens() as house:
        for _ in range(4):
            await house.meet()


async def test_connections_in_all_are_counted(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_door, "MOST_CONNECTIONS", 3)
    async with opens() as house:
        peers = [await house.meet() for _ in range(3)]
        assert await (await house.connect()).reply() == replies.TOO_BUSY
        peers[0].vanish()
        await asyncio.sleep(0.02)
        await house.meet()


async def test_mails_of_one_client_are_limited(opens) -> None:
    async with opens(trusted_relays="", mail_limit="3/d") as house:
        peer = await house.meet()
        await peer.ask("EHLO cat")
        got = [await peer.asks("MAIL FROM:<>", "RSET") for _ in range(5)]
        assert [codes[0] for codes in got] == ["250 2.1.0"] * 3 + ["451 4.7.1"] * 2
    async with opens(mail_limit="3/d") as house:
        peer = await house.meet()
        await peer.ask("EHLO cat")
        assert [await peer.asks("MAIL FROM:<>", "RSET") for _ in range(5)] == [["250 2.1.0", "250 2.0.0"]] * 5


def test_clients_are_counted_by_address_or_network() -> None:
    assert client_name("192.0.2.1") == client_name("::ffff:192.0.2.1") == "192.0.2.1"
    assert client_name("2001:db8:1:2::1") == client_name("2001:db8:1:2:ffff::9%eth0") == "2001:db8:1:2::/64"
    assert client_name("2001:db8:1:3::1") != client_name("2001:db8:1:2::1")
    assert client_name("") == ""


# Time


async def test_silent_client_is_told_and_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "COMMAND_SECONDS", 0.1)
    peer = await house.meet()
    began = time.perf_counter()
    while not peer.reader._buffer and time.perf_counter() - began < 2:
        # One byte now and then is not a command.
        peer.send(b"N")
        await asyncio.sleep(0.01)
    assert await peer.reply() == replies.TOO_SLOW
    assert time.perf_counter() - began < 1


async def test_silence_in_a_mail_is_told_and_closed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DATA_SILENCE_SECONDS", 0.05)
    peer = await house.meet()
    await peer.prepare()
    peer.send(b"x" * 1000)
    assert await peer.reply() == replies.TOO_SLOW
    assert await peer.is_closed()


async def test_slow_mail_is_cut_and_a_steady_one_is_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DATA_SILENCE_SECONDS", 0.15)

    async def drip(chunk: bytes) -> str:
        peer = await house.meet()
        await peer.prepare()
        began = time.perf_counter()
        while time.perf_counter() - began < 0.5 and not peer.reader._buffer:
            peer.send(chunk)
            await asyncio.sleep(0.01)
        return await peer.reply() if peer.reader._buffer else await peer.post(b"")

    slow, steady = await asyncio.gather(drip(b"x"), drip(b"x" * 100))
    assert slow == replies.TOO_SLOW
    assert steady.startswith("250 ")


async def test_client_that_reads_no_replies_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "COMMAND_SECONDS", 0.2)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()

    async def send_for_ever() -> None:
        while True:
            await loop.sock_sendall(sock, b"EHLO cat\r\n" * 1000)

    try:
        await loop.sock_connect(sock, ("127.0.0.1", house.port))
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_for_ever(), 5)
    finally:
        sock.close()


# The end of the service


async def test_leaving_tells_idle_clients_and_lets_mails_finish(opens) -> None:
    gate = asyncio.Event()

    async def act(delivery: Delivery) -> None:
        await gate.wait()

    async with opens() as house:
        house.desk.act = act
        idle, half, busy = [await house.meet() for _ in range(3)]
        await half.prepare()
        half.send(b"half a mail")
        await busy.prepare()
        busy.send(b"x\r\n.\r\n")
        await until(lambda: house.desk.deliveries)
        house.peers.clear()
        asyncio.get_running_loop().call_later(0.1, gate.set)
        began = time.perf_counter()
    assert 0.05 < time.perf_counter() - began < 1
    assert await busy.reply() == "250 2.0.0 Ok: stored as 1"
    for peer in (idle, half, busy):
        assert await peer.reply() == replies.CLOSING
        assert await peer.is_closed()
        peer.writer.close()
    assert len(house.desk.stored) == 1
    with pytest.raises(OSError):  # noqa: PT011 - any refusal will do
        await asyncio.open_connection("127.0.0.1", house.port)


async def test_leaving_waits_no_longer_than_promised(opens, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(delivery: Delivery) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(smtp_door, "SHUTDOWN_SECONDS", 0.05)
    async with opens() as house:
        house.desk.act = act
        peer = await house.meet()
        await peer.prepare()
        peer.send(b"x\r\n.\r\n")
        await until(lambda: house.desk.deliveries)
        house.peers.clear()
        began = time.perf_counter()
    assert time.perf_counter() - began < 1
    assert [await peer.reply(), await peer.reply()] == [replies.TROUBLE, replies.CLOSING]
    peer.writer.close()
    assert not house.desk.stored


# TLS


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text(CERTIFICATE)
    key.write_text(KEY)
    return {"smtp_tls_cert": str(certificate), "smtp_tls_key": str(key)}


async def test_mail_over_starttls(opens, tls: dict[str, str]) -> None:
    context = ssl.create_default_context(cadata=CERTIFICATE)
    async with opens(**tls) as house:
        peer = await house.meet()
        assert "STARTTLS" in await peer.ask("EHLO cat")
        # What an attacker adds in the clear behind the command must not be obeyed inside.
        peer.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\n")
        assert await peer.reply() == replies.READY_FOR_TLS
        await peer.writer.start_tls(context, server_hostname="example.org")
        assert await peer.ask("MAIL FROM:<ant@example.net>") == replies.BAD_ORDER
        assert "STARTTLS" not in await peer.ask("EHLO cat")
        assert await peer.ask("STARTTLS") == replies.BAD_ORDER
        await peer.prepare()
        assert (await peer.post(b"x" * 500_000)).startswith("250 ")
        assert house.desk.deliveries[0].raw == b"x" * 500_000 + b"\r\n"
        assert await peer.ask("QUIT") == replies.GOODBYE
        assert await peer.is_closed()


@pytest.mark.parametrize("how", ["garbage", "eof", "reset"])
async def test_failed_handshake_frees_the_connection(
    opens, tls: dict[str, str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(smtp_door, "MOST_CONNECTIONS", 1)
    async with opens(**tls) as house:
        peer = await house.meet()
        assert await peer.asks("EHLO cat", "STARTTLS") == ["250-examp", "220 2.0.0"]
        if how == "garbage":
            peer.send(b"NOOP\r\n" * 10)
        elif how == "eof":
            peer.writer.write_eof()
        else:
            peer.vanish()
        if how != "reset":
            await peer.reader.read()
        await asyncio.sleep(0.02)
        assert await (await house.meet()).ask("NOOP") == replies.OK


# The log


async def test_log_holds_no_controls_and_no_mail(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    peer = await house.meet()
    peer.send(b"FOO\x1b[31m\x00\r\n")
    await peer.reply()
    await peer.prepare()
    await peer.post(b"Subject: confidential")
    await peer.ask("QUIT")
    own = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert any("stored as 1" in message for message in own)
    assert all(message.isprintable() for message in own)
    assert not any("confidential" in message for message in own)
    assert {record.name for record in caplog.records} <= {"helpdesk.smtp", "asyncio"}


def test_story_is_one_printable_line_without_what_follows_the_first() -> None:
    try:
        raise ValueError("locked \x1b\n[SQL: INSERT]\n[parameters: 'confidential']")
    except ValueError as error:
        line = story(error)
    assert line.startswith("ValueError 'locked \\x1b' at test_smtp.py:")
    assert line.isprintable()
