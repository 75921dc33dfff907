"""Mail out as staff and operators see it: what is uncertain, what is tried again, who keeps whom waiting."""

from __future__ import annotations

import asyncio
from datetime import datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import update

from gateway import outbox, people
from gateway.model import Audience, Mailbox, OutboxKind, OutboxState
from gateway.people import notices_secret
from gateway.schema import outbox as table
from mail.intake import new_name, utc_now
from mail.senders import MOST_OF_A_DOMAIN
from tests.builders import PATIENCE_SECONDS, Api, Desk, a_delivery_report, a_mail
from tests.mail.test_courier import Wire, relay_at

MARIA = "maria@customer.example"


async def _rows(staff: Api, kind: str, count: int, *states: str) -> list[dict[str, Any]]:
    """The mails of this kind, oldest first, as soon as there are so many in these states."""
    rows: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                rows = [row for row in await staff.call("GET", "/api/outbox") if row["kind"] == kind][::-1]
                if len([row for row in rows if not states or row["state"] in states]) >= count:
                    return rows
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"{count} {kind} {states} awaited, but {[(row['state'], row['last_reply']) for row in rows]}")


def _point_to(desk: Desk, port: int) -> None:
    object.__setattr__(desk.gateway.settings.relay, "port", port)


class Dropping(Wire):
    """Takes each mail for Maria, and hangs up instead of saying so; takes all other mail."""

    def __init__(self, **answers: str | None) -> None:
        super().__init__(**answers)
        self.ids: list[bytes] = []
        self.lines_before = 0

    def _say(self, writer: asyncio.StreamWriter, verb: str) -> bool:
        if verb == "DOT" and any(MARIA in line for line in self.lines[-2:]):
            self.ids += [line for line in self.content.split(b"\r\n") if line.startswith(b"Message-ID:")]
            writer.transport.abort()
            return False
        return super()._say(writer, verb)


@pytest.mark.settings(HELPDESK_RETRY_SECONDS="1", HELPDESK_ACKNOWLEDGE="off")
async def test_what_is_given_away_twice_without_an_answer_is_for_a_person_to_decide(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender=MARIA)
    await _rows(staff, "notice", 1, "sent")
    async with relay_at(dropping := Dropping()) as port:
        _point_to(desk, port)
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
        [row] = await _rows(staff, "answer", 1, "uncertain")
        assert (row["attempts"], row["settled_at"] is None) == (2, False)
        assert "after the whole mail was given to the relay" in row["last_reply"]
        assert len(dropping.ids) == 2
        assert set(dropping.ids) == {f"Message-ID: <{row['message_id']}>".encode()}
        # Staff are told on the ticket, and how to decide.
        await _rows(staff, "notice", 2, "sent")
        notice = message_from_bytes(dropping.content, policy=policy.default).get_content()  # type: ignore[attr-defined]
        assert "may have been sent, or not" in notice
        retry = f"/api/outbox/{row['id']}/retry"
        assert retry in notice
    # A person sends it again, under the same Message-ID.
    _point_to(desk, desk.relay.port)
    again = await staff.call("POST", retry)
    assert (again["state"], again["attempts"]) == ("queued", 0)
    mail = await desk.relay.mail_to(MARIA)
    assert mail["Message-ID"] == f"<{row['message_id']}>"
    await _rows(staff, "answer", 1, "sent")
    assert "sent" in (await staff.call("POST", retry, status=409))["detail"]


@pytest.mark.settings(HELPDESK_ACKNOWLEDGE="off", HELPDESK_NOTIFY_STAFF="off")
async def test_one_lost_answer_is_made_good_by_the_next_try_after_the_first_pause(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender=MARIA)
    async with relay_at(dropping := Dropping()) as port:
        _point_to(desk, port)
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (row := (await _rows(staff, "answer", 1))[0])["state"] != "queued" or not row["last_reply"]:
                await asyncio.sleep(0.01)
        pause = datetime.fromisoformat(row["due_at"]) - datetime.fromisoformat(row["created_at"])
        assert 300 <= pause.total_seconds() < 320
        _point_to(desk, desk.relay.port)
        await desk.gateway.database.write(
            lambda connection: connection.execute(update(table).values(due_at=desk.now()))
        )
        [row] = await _rows(staff, "answer", 1, "sent", "uncertain")
    assert (row["state"], row["attempts"], dropping.ids) == ("sent", 2, [f"Message-ID: <{row['message_id']}>".encode()])


@pytest.mark.settings(HELPDESK_ACKNOWLEDGE="off")
async def test_what_came_back_or_was_refused_can_be_sent_again_by_staff_alone(desk: Desk) -> None:
    staff, eve = await desk.staff(), await desk.register("eve")
    ticket = await desk.open_by_mail(staff, name="ant", sender=MARIA)
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    [row] = await _rows(staff, "answer", 1, "sent")
    retry = f"/api/outbox/{row['id']}/retry"
    home = (await desk.relay.delivery_to(MARIA)).envelope_from
    await desk.send(a_delivery_report(action="failed", status="5.1.1"), sender="", to=home)
    await _rows(staff, "answer", 1, "bounced")
    await eve.call("POST", retry, status=403)
    await desk.nobody.call("POST", retry, status=401)
    await staff.call("POST", "/api/outbox/4711/retry", status=404)
    await staff.call("POST", f"/api/outbox/{'9' * 30}/retry", status=404)
    assert (await staff.call("POST", retry))["state"] == "queued"
    assert (await desk.relay.mail_to(MARIA, 2))["Message-ID"] == f"<{row['message_id']}>"
    await _rows(staff, "answer", 1, "sent")


@pytest.mark.settings(HELPDESK_ACKNOWLEDGE="off", HELPDESK_NOTIFY_STAFF="off", HELPDESK_PLUS_ADDRESSING="off")
async def test_a_reply_that_names_the_relays_id_comes_home(desk: Desk) -> None:
    """As behind a relay that writes its own Message-ID over ours (Amazon SES)."""
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender=MARIA)
    name = "010001934c2f7a11-4f0d2c6e-5b1a-4c59-9a55-0c1f6d1f9e77-000000"
    async with relay_at(Wire(DOT=f"250 Ok {name}")) as port:
        _point_to(desk, port)
        await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
        [row] = await _rows(staff, "answer", 1, "sent")
    assert row["relay_id"] == name
    reply = a_mail(name="bee", sender=MARIA, subject="Re: x", in_reply_to=f"<{name}@email.amazonses.com>")
    await desk.send(reply, sender=MARIA)
    # Whoever else names it learns nothing and opens a ticket of his own (contract 4.3).
    stranger = "eve@other.example"
    foreign = a_mail(name="cat", sender=stranger, subject="Re: x", references=f"<{name}@email.amazonses.com>")
    await desk.send(foreign, sender=stranger)
    theirs, hers, _ = await desk.ledger(staff)
    assert (hers["outcome"], hers["ticket"]) == ("answer", ticket["id"])
    assert "Message-ID that the relay gave" in hers["reason"]
    assert theirs["outcome"] == "ticket"
    assert theirs["ticket"] != ticket["id"]


async def test_a_domain_on_which_mail_gets_stuck_keeps_no_other_waiting(desk: Desk) -> None:
    staff = await desk.staff()
    many = 60
    hanging = asyncio.Event()
    stuck = 0

    class Slow(Wire):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal stuck
            writer.write(b"220 relay\r\n")
            try:
                while line := await reader.readline():
                    if b"black-hole.example" in line:
                        stuck += 1
                        await hanging.wait()
                        stuck -= 1
                    writer.write(b"354 go on\r\n" if line.startswith(b"DATA") else b"250 ok\r\n")
                    if line.startswith(b"DATA"):
                        await reader.readuntil(b"\r\n.\r\n")
                        writer.write(b"250 taken\r\n")
            except (ConnectionError, EOFError):
                pass
            finally:
                writer.close()

    async def owe(connection: Any) -> None:
        addresses = [*(f"ant{number}@black-hole.example" for number in range(many)), "bee@other.example"]
        for address in addresses:
            person = await people.ensure_customer(connection, Mailbox(address=address), utc_now())
            await outbox.enqueue(
                connection,
                desk.gateway.settings,
                kind=OutboxKind.CONFIRM,
                person=person,
                audience=Audience.CUSTOMER,
                context={"username": "x", "expires_at": 0},
                now=utc_now(),
                new_name=new_name,
            )

    async with relay_at(Slow()) as port:
        _point_to(desk, port)
        await desk.gateway.database.write(owe)
        rows = await _rows(staff, "confirm", 1, "sent")
        assert [row["recipient"] for row in rows if row["state"] == "sent"] == ["bee@other.example"]
        assert stuck <= MOST_OF_A_DOMAIN
        hanging.set()
        assert len(await _rows(staff, "confirm", many + 1, "sent")) == many + 1


async def test_notices_are_switched_off_and_on_by_the_link_in_them(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.staff("ivan")
    await desk.open_by_mail(staff, name="ant", sender=MARIA)
    notice = await desk.relay.mail_to("olga@desk.example")
    link = notice["List-Unsubscribe"].strip("<>")
    assert link.startswith("http://localhost:8000/api/notices/off/")
    assert notice["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = link.removeprefix("http://localhost:8000")

    async def is_told(name: str) -> bool:
        ivans = len(desk.relay.deliveries_to("ivan@desk.example"))
        before = len(desk.relay.deliveries_to("olga@desk.example"))
        await desk.send(a_mail(name=name, sender=MARIA), sender=MARIA)
        await desk.relay.mail_to("ivan@desk.example", ivans + 1)
        owed = await staff.call("GET", "/api/outbox")
        return len([row for row in owed if row["recipient"] == "olga@desk.example"]) > before

    # Opening the link changes nothing, and says what would.
    assert "Nothing has changed" in await desk.nobody.call("GET", path)
    assert await is_told("bee")
    # What a mail program sends at one click (RFC 8058).
    async with desk.session.post(path, data={"List-Unsubscribe": "One-Click"}) as response:
        assert response.status == 200, await response.text()
    assert not await is_told("cat")
    await desk.nobody.call("POST", path.replace("/off/", "/on/"))
    assert await is_told("dog")


async def test_a_wrong_link_switches_nothing(desk: Desk) -> None:
    genuine_of_nobody = notices_secret(desk.gateway.settings.secret_key, 4711)
    for secret in ("", "1", "1-", "1-00", f"{'9' * 30}-00", "x-y", "%00", "1-é", genuine_of_nobody):
        for method in ("GET", "POST"):
            await desk.nobody.call(method, f"/api/notices/off/{secret}", status=404)


async def test_a_report_about_an_uncertain_mail_settles_the_doubt(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender=MARIA)
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    [row] = await _rows(staff, "answer", 1, "sent")
    home = (await desk.relay.delivery_to(MARIA, 2)).envelope_from

    doubt = update(table).where(table.c.id == row["id"]).values(state=OutboxState.UNCERTAIN)
    await desk.gateway.database.write(lambda connection: connection.execute(doubt))
    await desk.send(a_delivery_report(action="failed", status="5.1.1"), sender="", to=home)
    await _rows(staff, "answer", 1, "bounced")
