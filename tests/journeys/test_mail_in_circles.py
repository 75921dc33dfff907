"""Mail that goes round in circles: our own that comes back, and what has passed too many servers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.test_intake import post_mail
from tests.builders import Api, Desk, a_mail

MARIA = "maria@customer.example"


def with_hops(mail: bytes, hops: int) -> bytes:
    return b"Received: from ant by bee; Mon, 23 Nov 2026 10:00:00 +0000\r\n" * hops + mail


async def a_written_ticket(desk: Desk) -> tuple[Api, dict[str, Any]]:
    """A ticket with an answer that was sent to Maria."""
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "Pull the plug."}, status=201)
    await desk.relay.mail_to(MARIA, 2)
    return staff, ticket


async def test_every_mail_of_ours_bears_a_mark_of_its_own(desk: Desk) -> None:
    await a_written_ticket(desk)
    await desk.register("zoe", MARIA)
    mails = [await desk.relay.mail_to(MARIA, count) for count in (1, 2, 3)]
    mails += [await desk.relay.mail_to("olga@desk.example")]
    marks = [mail["X-Helpdesk-Loop"] for mail in mails]
    assert len(set(marks)) == len(mails)
    assert all(mail["Message-ID"] == f"<{mark}@desk.example>" for mail, mark in zip(mails, marks, strict=True))


async def test_our_mail_that_comes_back_under_another_name_is_held(desk: Desk) -> None:
    staff, _ = await a_written_ticket(desk)
    mark = (await desk.relay.mail_to(MARIA, 2))["X-Helpdesk-Loop"]
    sent_before = len(desk.relay.deliveries)
    # A forwarder that writes its own From and Message-ID; the case of the mark and of its name may change on the way.
    for number, field in enumerate((f"X-Helpdesk-Loop: {mark}", f"x-helpdesk-loop:\r\n {mark}")):
        back = f"{field}\r\n".encode() + a_mail(sender="forwarder@other.example", name=f"bee{number}")
        assert (await desk.send(back, sender="forwarder@other.example"))[0] == 250
        row = (await desk.ledger(staff))[0]
        assert (row["outcome"], row["ticket"]) == ("held", None)
        assert "loop" in row["reason"]
    assert len(await staff.call("GET", "/api/ticket")) == 1
    assert len(desk.relay.deliveries) == sent_before


@pytest.mark.parametrize("mark", ["", "yes", "r1" + "a" * 36, "\x00\xff", "x" * 5000])
async def test_a_forged_mark_does_nothing(desk: Desk, mark: str) -> None:
    staff = await desk.staff()
    mail = f"X-Helpdesk-Loop: {mark}\r\n".encode("latin-1") + a_mail()
    assert (await desk.send(mail))[0] == 250
    [row] = await desk.ledger(staff)
    assert row["outcome"] == "ticket"


async def test_a_mail_that_passed_too_many_servers_is_refused_by_smtp(desk: Desk) -> None:
    staff = await desk.staff()
    assert (await desk.send(with_hops(a_mail(name="bee"), 51))) == (
        554,
        "5.4.6 Too many hops, this mail is in a loop",
    )
    # Nothing is left of it: the same mail by a shorter way is no duplicate.
    assert await desk.ledger(staff) == []
    assert (await desk.send(with_hops(a_mail(name="bee"), 50)))[0] == 250
    # What stands in the text, or in a field of another name, is no hop.
    text = "Received: from ant\n" * 60
    assert (await desk.send(b"X-Received: a\r\n" * 60 + a_mail(name="cow", text=text)))[0] == 250
    assert [row["outcome"] for row in await desk.ledger(staff)] == ["ticket", "ticket"]


async def test_where_nobody_can_be_told_it_is_refused_in_the_ledger(desk: Desk) -> None:
    staff = await desk.staff()
    mail = with_hops(a_mail(name="bee"), 51)
    row = await post_mail(staff, mail)
    assert (row["outcome"], row["from"], row["ticket"]) == ("refused", "Maria <maria@customer.example>", None)
    assert "Received" in row["reason"]
    assert await staff.bytes(f"/api/intake/{row['id']}/raw") == mail
    assert (await staff.call("GET", f"/api/intake/{row['id']}"))["parsed"]["subject"] == "The printer is on fire"
    assert [entry["id"] for entry in await staff.call("GET", "/api/intake?outcome=refused")] == [row["id"]]
    await staff.call("POST", f"/api/intake/{row['id']}/reprocess", status=409)
    assert (await post_mail(staff, a_mail(name="bee")))["outcome"] == "ticket"
    await asyncio.sleep(0)
    assert len(await staff.call("GET", "/api/ticket")) == 1
