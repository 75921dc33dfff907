"""The local door and the pipe in front of it: whatever happens to either side, no mail is lost and none is bounced."""

from __future__ import annotations

import asyncio
import io
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.errors import SpaceShort, TooManyHops
from gateway.model import Delivery, Outcome, Source, Taken
from mail import local_door, replies
from mail.local_door import NoGateway, Unanswered, hand_over, opening
from mail.pipe import deliver
from mail.threads import is_ours

RAW = b"From: maria@customer.example\nSubject: hello\n\n.\n..\nno line end"


class Mailroom:
    """The service behind the door: records each mail, then does what `act` says."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.act: Callable[[], Awaitable[None]] | None = None

    async def take(self, delivery: Delivery) -> Taken:
        self.deliveries.append(delivery)
        if self.act:
            await self.act()
        return Taken(intake_id=len(self.deliveries), outcome=Outcome.TICKET)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_MAX_MESSAGE_BYTES": "100000"}
    # A database that is not there: what is not handed over is 75.
    return load_settings(environ | {"HELPDESK_DATABASE_URL": "postgresql+asyncpg://x@127.0.0.1:1/x"}, tmp_path)


@asynccontextmanager
async def open_door(settings: Settings) -> AsyncIterator[Mailroom]:
    mailroom = Mailroom()
    async with opening(settings, take=mailroom.take, is_ours=partial(is_ours, settings)):
        yield mailroom


def a_delivery(raw: bytes = RAW, **envelope: object) -> Delivery:
    return Delivery(raw=raw, source=Source.PIPE, **envelope)  # type: ignore[arg-type]


async def run(settings: Settings, raw: bytes = RAW, **options: object) -> int:
    given = {"recipient": None, "sender": None} | options
    return await deliver(settings, io.BytesIO(raw), **given)  # type: ignore[arg-type]


async def test_a_mail_is_handed_over_byte_for_byte_with_its_envelope(settings: Settings) -> None:
    delivery = a_delivery(
        bytes(range(256)) * 50 + b"\r\n.\r\n",
        envelope_from="maria@customer.example",
        envelope_to=("support@desk.example",),
        null_sender=False,
    )
    async with open_door(settings) as mailroom:
        assert await hand_over(settings.data_dir, delivery, must_be_ours=True) == "250 2.0.0 Ok: stored as 1"
        assert mailroom.deliveries == [delivery]


async def test_only_the_owner_gets_to_the_socket_and_it_goes_with_the_gateway(settings: Settings) -> None:
    path = settings.data_dir / local_door.SOCKET_NAME
    # What a killed gateway left behind is no hindrance.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(NoGateway):
        await hand_over(settings.data_dir, a_delivery(), must_be_ours=False)
    async with open_door(settings):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in settings.data_dir.iterdir() if "deliver" in entry.name] == [path.name]
        async with open_door(settings) as second:
            assert await run(settings) == 0
            assert len(second.deliveries) == 1
    assert not path.exists()
    with pytest.raises(NoGateway):
        await hand_over(settings.data_dir, a_delivery(), must_be_ours=False)


async def test_a_gateway_whose_folder_has_too_long_a_name_goes_on_without(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deep = load_settings({"HELPDESK_DATA_DIR": "x" * 120}, tmp_path)
    async with open_door(deep):
        assert "`helpdesk deliver`" in caplog.text
        with pytest.raises(NoGateway):
            await hand_over(deep.data_dir, a_delivery(), must_be_ours=False)


# The exit codes


async def test_what_the_gateway_says_becomes_the_exit_code(settings: Settings) -> None:
    async with open_door(settings) as mailroom:
        assert await run(settings, recipient="<Support@desk.example>") == 0
        assert await run(settings, recipient="sales@desk.example") == 67
        assert await run(settings, b"") == 65
        assert await run(settings, b"x" * 100_000) == 0
        assert await run(settings, b"x" * 100_001) == 65
        small = load_settings({"HELPDESK_MAX_MESSAGE_BYTES": "200000"}, settings.data_dir.parent)
        assert await run(small, b"x" * 100_001) == 65, "the gateway's limit holds"
        for error, code in ((TooManyHops(), 65), (SpaceShort(), 75), (RuntimeError("x"), 75), (OSError(5, "x"), 75)):

            async def act(error: Exception = error) -> None:
                raise error

            mailroom.act = act
            assert await run(settings) == code


async def test_addresses_that_the_mail_server_tells_are_noted_and_never_refused(settings: Settings) -> None:
    async with open_door(settings) as mailroom:
        told = ["helpdesk@host.example", "support@desk.example", "helpdesk@host.example"]
        assert await run(settings, told=told, sender="maria@customer.example") == 0
        assert await run(settings, told=told, recipient="support@desk.example", sender="") == 0
        first, second = mailroom.deliveries
        assert first.envelope_to == ("helpdesk@host.example", "support@desk.example")
        assert (first.envelope_from, first.null_sender) == ("maria@customer.example", False)
        assert second.envelope_to == ("support@desk.example",)
        assert (second.envelope_from, second.null_sender) == ("", True)


@pytest.mark.parametrize(
    ("line", "sender", "null"),
    [
        (b"From maria@customer.example  Mon Nov 23 12:00:00 2026\n", "maria@customer.example", False),
        (b">From maria@customer.example\r\n", "maria@customer.example", False),
        (b"From MAILER-DAEMON Mon Nov 23 12:00:00 2026\n", "", True),
    ],
)
async def test_the_line_of_an_mbox_is_the_envelope(settings: Settings, line: bytes, sender: str, null: bool) -> None:
    async with open_door(settings) as mailroom:
        assert await run(settings, line + RAW) == 0
        [delivery] = mailroom.deliveries
        assert (delivery.raw, delivery.envelope_from, delivery.null_sender) == (RAW, sender, null)
        # It is not counted against the limit.
        assert await run(settings, line + b"x" * 100_000) == 0
        assert await run(settings, line + b"x" * 100_001) == 65


async def test_no_more_is_read_than_is_needed_to_see_that_it_is_too_large(settings: Settings) -> None:
    stream = io.BytesIO(b"x" * 1_000_000)
    assert await deliver(settings, stream, recipient=None, sender=None) == 65
    assert stream.tell() == settings.max_message_bytes + 1


# Gateways that begin, end, hang and lie


async def test_without_a_gateway_the_mail_is_written_down_here(settings: Settings, tmp_path: Path) -> None:
    assert await run(settings) == 75, "the database is not there"
    usable = load_settings({"HELPDESK_SUPPORT_ADDRESS": "support@desk.example"}, tmp_path)
    assert await run(usable, recipient="sales@desk.example") == 67
    assert await run(usable, recipient="support@desk.example") == 0
    assert await run(usable, b"Received: x\n" * 51 + RAW) == 65


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (b"", NoGateway),
        (b"354 End", NoGateway),
        (b"hello\r\n", NoGateway),
        (b"x" * 100_000, NoGateway),
        (replies.SEND_MAIL.encode() + b"\r\n", Unanswered),
        (replies.SEND_MAIL.encode() + b"\r\n250 2.0.0", Unanswered),
        (replies.SEND_MAIL.encode() + b"\r\nhello\r\n", Unanswered),
    ],
)
async def test_nothing_but_a_whole_reply_counts(settings: Settings, says: bytes, error: type[Exception]) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(speak, settings.data_dir / local_door.SOCKET_NAME)
    with pytest.raises(error):
        await hand_over(settings.data_dir, a_delivery(b"x" * 1_000_000), must_be_ours=False)
    assert await run(settings) == 75
    server.close()


async def test_a_gateway_that_hangs_is_not_waited_for_longer_than_it_may_take(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_door, "READ_SECONDS", 0.05)
    monkeypatch.setattr(local_door, "_PATIENCE_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(settings.data_dir / local_door.SOCKET_NAME))
        stopped.listen()
        with pytest.raises(NoGateway):
            await hand_over(settings.data_dir, a_delivery(), must_be_ours=False)
    (settings.data_dir / local_door.SOCKET_NAME).unlink()
    gate = asyncio.Event()
    async with open_door(settings) as mailroom:
        mailroom.act = gate.wait  # type: ignore[assignment]
        with pytest.raises(Unanswered):
            await hand_over(settings.data_dir, a_delivery(), must_be_ours=False)
        gate.set()


async def test_a_gateway_that_ends_answers_what_it_has_and_lets_the_rest_go(settings: Settings) -> None:
    gate = asyncio.Event()
    door = open_door(settings)
    mailroom = await door.__aenter__()
    mailroom.act = gate.wait  # type: ignore[assignment]
    taken = asyncio.create_task(run(settings))
    while not mailroom.deliveries:
        await asyncio.sleep(0.001)
    reader, writer = await asyncio.open_unix_connection(settings.data_dir / local_door.SOCKET_NAME)
    ending = asyncio.create_task(door.__aexit__(None, None, None))
    # Who has said nothing yet is let go, and a new one finds no gateway.
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(NoGateway):
        await hand_over(settings.data_dir, a_delivery(), must_be_ours=False)
    assert not ending.done()
    gate.set()
    assert await taken == 0
    await ending


async def test_more_mails_than_fit_at_once_wait_their_turn(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_door, "MOST_AT_ONCE", 3)
    at_once, peak = 0, 0

    async def act() -> None:
        nonlocal at_once, peak
        at_once += 1
        peak = max(peak, at_once)
        await asyncio.sleep(0.005)
        at_once -= 1

    async with open_door(settings) as mailroom:
        mailroom.act = act
        codes = await asyncio.gather(*(run(settings, b"%d" % number * 1000) for number in range(1, 30)))
        assert codes == [0] * 29
        assert len(mailroom.deliveries) == 29
        assert peak <= 3


@pytest.mark.parametrize("said", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\1", b"GET / HTTP/1.1\r\n\r\n"])
async def test_who_talks_nonsense_is_hung_up_on_and_the_next_one_is_served(settings: Settings, said: bytes) -> None:
    async with open_door(settings):
        reader, writer = await asyncio.open_unix_connection(settings.data_dir / local_door.SOCKET_NAME)
        writer.write(said)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert await run(settings) == 0
