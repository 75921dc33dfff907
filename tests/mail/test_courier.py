"""The courier against a relay that misbehaves, and what is left of it after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from gateway import outbox, people
from gateway.config import Settings
from gateway.database import Database
from gateway.model import Mailbox
from gateway.values import Relay as RelayAddress
from mail.compose import Letter
from mail.courier import Courier, delivering
from mail.intake import new_name, utc_now
from mail.relay import RefusedForGood, SmtpSender, TryLater
from tests.builders import PATIENCE_SECONDS, Desk, a_mail

LETTER = Letter("support@desk.example", "maria@customer.example", b"Subject: x\r\n\r\nhello\r\n.\r\n..dots\r\n")


class Wire:
    """A relay that answers each command as it is told; None hangs up. Keeps what it was sent."""

    def __init__(self, **answers: str | None) -> None:
        self.answers = {"CONNECT": "220 relay", "EHLO": "250 relay", "DATA": "354 go on", "DOT": "250 taken as 42"}
        self.answers |= answers  # type: ignore[arg-type]
        self.lines: list[str] = []
        self.content = b""
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if not self._say(writer, "CONNECT"):
                return
            while line := (await reader.readline()).decode():
                self.lines.append(line.strip())
                verb = line.split()[0].upper().split(":")[0]
                if not self._say(writer, verb):
                    return
                if verb == "QUIT":
                    return
                if verb == "DATA" and self.answers["DATA"] == "354 go on":
                    self.content = await reader.readuntil(b"\r\n.\r\n")
                    if not self._say(writer, "DOT"):
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _say(self, writer: asyncio.StreamWriter, verb: str) -> bool:
        answer = self.answers.get(verb, "250 ok")
        if answer is None:
            writer.transport.abort()
            return False
        writer.write(answer.encode() + b"\r\n")
        return True


@asynccontextmanager
async def relay_at(wire: Callable[..., Any]) -> Any:
    server = await asyncio.start_server(wire, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def attempt(wire: Wire) -> str:
    async with relay_at(wire) as port:
        sender = SmtpSender(RelayAddress(scheme="smtp", host="127.0.0.1", port=port), "desk.example")
        try:
            return await sender.send(LETTER)
        finally:
            await sender.close()


async def test_a_letter_is_handed_over_whole() -> None:
    wire = Wire()
    assert await attempt(wire) == "250 taken as 42"
    assert wire.content == b"Subject: x\r\n\r\nhello\r\n..\r\n...dots\r\n.\r\n"
    assert next(line for line in wire.lines if line.startswith("MAIL")).startswith("MAIL FROM:<support@desk.example>")


@pytest.mark.parametrize(
    ("answers", "error", "unreachable"),
    [
        ({"RCPT": "550 5.1.1 no such user"}, RefusedForGood, False),
        ({"MAIL": "553 no"}, RefusedForGood, False),
        ({"DATA": "554 no"}, RefusedForGood, False),
        ({"DOT": "552 too big"}, RefusedForGood, False),
        ({"RCPT": "450 greylisted"}, TryLater, False),
        ({"MAIL": "451 busy"}, TryLater, False),
        ({"DOT": "452 full"}, TryLater, False),
        ({"MAIL": "421 closing"}, TryLater, True),
        ({"CONNECT": "554 no SMTP here"}, TryLater, True),
        ({"CONNECT": None}, TryLater, True),
        ({"EHLO": None, "HELO": None}, TryLater, True),
        ({"RCPT": None}, TryLater, True),
        ({"DATA": None}, TryLater, True),
        ({"DOT": None}, TryLater, True),
        ({"RCPT": "not SMTP at all"}, TryLater, None),
    ],
)
async def test_only_a_5xx_to_this_letter_is_final(
    answers: dict[str, str | None], error: type[Exception], unreachable: bool | None
) -> None:
    with pytest.raises(error) as caught:
        await attempt(Wire(**answers))
    if unreachable is not None and isinstance(caught.value, TryLater):
        assert caught.value.unreachable is unreachable


async def test_a_password_never_leaves_in_clear_text() -> None:
    wire = Wire(EHLO="250-relay\r\n250 AUTH PLAIN LOGIN")
    async with relay_at(wire) as port:
        address = RelayAddress(scheme="smtp", host="127.0.0.1", port=port, username="u", password="p")
        sender = SmtpSender(address, "desk.example")
        with pytest.raises(TryLater):
            await sender.send(LETTER)
        await sender.close()
    assert not [line for line in wire.lines if line.startswith("AUTH")]


async def test_a_connection_is_used_for_several_letters() -> None:
    wire = Wire()
    async with relay_at(wire) as port:
        sender = SmtpSender(RelayAddress(scheme="smtp", host="127.0.0.1", port=port), "desk.example")
        for _ in range(5):
            await sender.send(LETTER)
        await sender.close()
    assert wire.connections == 1


async def _states(desk: Desk) -> list[tuple[str, str, int]]:
    rows = await desk.gateway.database.read(
        lambda connection: outbox.list_outbox(connection, state=None, before_id=None, count=100)
    )
    return [(row.kind, row.state, row.attempts) for row in reversed(rows)]


async def _until(desk: Desk, expected: list[tuple[str, str, int]] | list[str]) -> None:
    """Wait until the outbox looks like this: its states alone, or with kind and tries."""
    states: list[tuple[str, str, int]] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while expected not in (states := await _states(desk), [state for _, state, _ in states]):
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"{states} instead of {expected}")


async def test_what_is_refused_for_good_is_failed_and_visible(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender="maria@customer.example")
    await _until(desk, [("notice", "sent", 1), ("receipt", "sent", 1)])
    async with relay_at(Wire(RCPT="550 5.1.1 no such user")) as port:
        settings = desk.gateway.settings
        object.__setattr__(settings.relay, "port", port)
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
        await _until(desk, ["sent", "sent", "failed", "failed"])
    # Staff are told; that the notice is refused as well, by this relay, is no matter for another one.
    _, entry = await staff.call("GET", "/api/outbox?state=failed")
    assert "550 5.1.1 no such user" in entry["last_reply"]
    assert entry["comment"]


@pytest.mark.parametrize("words", ["550 5.1.1 \x00\x1b[31m \udcff\ud800", "550 " + "x" * 5000])
async def test_whatever_a_relay_says_is_written_down(desk: Desk, words: str) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender="maria@customer.example")
    await _until(desk, ["sent", "sent"])

    class Rude(Wire):
        def _say(self, writer: asyncio.StreamWriter, verb: str) -> bool:
            if verb == "RCPT":
                writer.write(words.encode("utf-8", "surrogatepass") + b"\r\n")
                return True
            return super()._say(writer, verb)

    async with relay_at(Rude()) as port:
        object.__setattr__(desk.gateway.settings.relay, "port", port)
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await _states(desk))[2][1:] not in {("failed", 1), ("queued", 1)}:
                await asyncio.sleep(0.02)


@pytest.mark.settings(HELPDESK_RETRY_SECONDS="1", HELPDESK_RELAY_URL="smtp://127.0.0.1:1")
async def test_what_cannot_be_sent_now_is_sent_later_under_the_same_message_id(desk: Desk) -> None:
    await desk.staff()
    await desk.send(a_mail())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(attempts for _, _, attempts in await _states(desk)):
            await asyncio.sleep(0.02)
    before = await desk.gateway.database.read(
        lambda connection: outbox.list_outbox(connection, state=None, before_id=None, count=9)
    )
    object.__setattr__(desk.gateway.settings.relay, "port", desk.relay.port)
    await desk.relay.mail_to("maria@customer.example")
    await desk.relay.mail_to("olga@desk.example")
    sent = {mail["Message-ID"] for mail in [await desk.relay.mail_to("maria@customer.example")]}
    assert sent <= {f"<{row.message_id}>" for row in before}
    await _until(desk, ["sent", "sent"])


@pytest.mark.sqlite  # elsewhere another courier may be alive, and the lease has to run out
@pytest.mark.settings(HELPDESK_RELAY_URL="smtp://127.0.0.1:1")
async def test_what_was_in_sending_when_the_process_died_is_sent_after_the_next_start(desk: Desk) -> None:
    await desk.staff()
    await desk.send(a_mail())
    await _until(desk, [("notice", "queued", 1), ("receipt", "queued", 1)])

    async def die(connection: Any) -> None:
        await connection.execute(text("UPDATE outbox SET state = 'sending', lease_until = 9e15, due_at = 0"))

    await desk.gateway.database.write(die)
    object.__setattr__(desk.gateway.settings.relay, "port", desk.relay.port)
    async with delivering(desk.gateway.settings, desk.gateway.database), asyncio.timeout(5):
        await desk.relay.mail_to("maria@customer.example")
        await desk.relay.mail_to("olga@desk.example")


@pytest.mark.settings(HELPDESK_TEMPLATE_DIR="own")
async def test_a_broken_template_sets_its_mail_aside_and_keeps_no_other_back(desk: Desk) -> None:
    folder = desk.gateway.settings.template_dir
    assert folder
    (folder / "mail" / "receipt").mkdir(parents=True)
    (folder / "mail" / "receipt" / "body.txt").write_text("{{ nonsense }}")
    staff = await desk.staff()
    await desk.send(a_mail())
    await _until(desk, [("notice", "sent", 1), ("receipt", "failed", 1)])
    [entry] = await staff.call("GET", "/api/outbox?state=failed")
    assert "nonsense" in entry["last_reply"]


async def test_a_letter_on_which_the_relay_hangs_keeps_no_other_back(desk: Desk) -> None:
    staff = await desk.staff()
    hanging = asyncio.Event()

    class Slow(Wire):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            if self.connections == 1:
                await hanging.wait()
            await super().__call__(reader, writer)

    async with relay_at(wire := Slow()) as port:
        object.__setattr__(desk.gateway.settings.relay, "port", port)
        await desk.send(a_mail(name="ant"))
        await desk.send(a_mail(name="bee", sender="bee@other.example"), sender="bee@other.example")
        await desk.send(a_mail(name="cat", sender="cat@other.example"), sender="cat@other.example")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [state for _, state, _ in await _states(desk)].count("sent") < 4:
                await asyncio.sleep(0.02)
        assert len(await staff.call("GET", "/api/outbox?state=sending")) == 2, "the first ticket's notice and receipt"
        hanging.set()
        await _until(desk, ["sent"] * 6)
    assert wire.connections >= 2


@pytest.mark.slow
async def test_a_ticket_with_many_mails_keeps_no_other_back(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await _until(desk, ["sent", "sent"])
    hanging = asyncio.Event()

    class Slow(Wire):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            if self.connections == 1:
                await hanging.wait()
            await super().__call__(reader, writer)

    async with relay_at(Slow()) as port:
        object.__setattr__(desk.gateway.settings.relay, "port", port)
        for number in range(50):
            await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": f"{number}"}, status=201)
        await desk.send(a_mail(name="bee", sender="bee@other.example"), sender="bee@other.example")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while [state for _, state, _ in await _states(desk)][52:] != ["sent", "sent"]:
                await asyncio.sleep(0.02)
        hanging.set()
        await _until(desk, ["sent"] * 54)


async def test_the_courier_does_not_take_from_itself_what_it_is_sending(settings: Settings, database: Database) -> None:
    hanging, ahead = asyncio.Event(), timedelta()

    class Slow(Wire):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await hanging.wait()
            await super().__call__(reader, writer)

    async def owe(connection: Any) -> None:
        person = await people.ensure_customer(connection, Mailbox(address="ant@x.example"), utc_now())
        await people.owe_confirmation(connection, settings, person, now=utc_now(), new_name=new_name)

    async def state(connection: Any) -> str:
        return str((await connection.execute(text("SELECT state FROM outbox"))).scalar_one())

    async with relay_at(wire := Slow()) as port:
        object.__setattr__(settings.relay, "port", port)
        courier = Courier(settings, database, clock=lambda: utc_now() + ahead)
        await database.write(owe)
        assert await courier.pay_due() == 1
        ahead = timedelta(hours=1)
        assert await courier.pay_due() == 0, "its lease ran out, but it is under way here"
        hanging.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await database.read(state) != "sent":
                await asyncio.sleep(0.01)
        assert wire.lines.count("DATA") == 1
        await courier.close()


async def test_a_settled_letter_is_not_sent_again_because_the_database_was_busy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail.courier._TROUBLE_PAUSE_SECONDS", 0.05)
    await desk.staff()
    failures = iter([True])

    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE outbox SET state=") and "settled_at" in statement and next(failures, False):
            raise OperationalError(statement, {}, Exception("locked"))

    event.listen(desk.gateway.database.writer.sync_engine, "before_cursor_execute", refuse)
    await desk.send(a_mail())
    await _until(desk, [("notice", "sent", 1), ("receipt", "sent", 1)])
    assert len(desk.relay.deliveries) == 2


async def test_mails_of_one_ticket_keep_their_order(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    for number in range(10):
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": f"part {number}"}, status=201)
    texts = [(await desk.relay.mail_to("maria@customer.example", 2 + number)).get_content() for number in range(10)]
    assert [f"part {number}" in words for number, words in enumerate(texts)] == [True] * 10


@pytest.mark.settings(HELPDESK_RECEIPT_LIMIT="2/h", HELPDESK_RECEIPT_LIMIT_TOTAL="3/h", HELPDESK_NOTIFY_STAFF="off")
async def test_receipts_are_limited_and_no_mail_is_lost_by_it(desk: Desk) -> None:
    staff = await desk.staff()
    for number in range(4):
        await desk.send(a_mail(name=f"ant{number}"))
    for number in range(4):
        await desk.send(a_mail(name=f"bee{number}", sender=f"bee{number}@other.example"), sender="x@other.example")
    assert len(await staff.call("GET", "/api/ticket")) == 8
    assert [kind for kind, _, _ in await _states(desk)] == ["receipt"] * 3


@pytest.mark.settings(HELPDESK_ACKNOWLEDGE="off", HELPDESK_NOTIFY_STAFF="off")
async def test_receipts_and_notices_can_be_switched_off(desk: Desk) -> None:
    await desk.staff()
    await desk.send(a_mail())
    assert await _states(desk) == []
