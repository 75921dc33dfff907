"""The main story, told through real sockets: a mail in, an answer out, a reply home."""

from __future__ import annotations

import pytest

from tests.builders import DESK, Desk, a_delivery_report, a_mail

MARIA = "maria@customer.example"
DOCUMENTED = (
    "Support has reply to yor ticket:\n\n\tSome message like FOO BAR BIZ\n------------------------------\n\n"
    "Reply message:\n\n\tanswer message\n_____________________________\n\n"
    "To check your ticket, press to link: http://localhost:8000/api/ticket/{id}\n"
)


async def test_a_mail_becomes_a_ticket_and_its_answer_comes_home_in_three_ways(desk: Desk) -> None:
    staff = await desk.staff()

    # A customer, unknown so far, writes.
    code, words = await desk.send(a_mail(name="ant", text="Some message like FOO BAR BIZ"))
    assert (code, words.split(" ")[0]) == (250, "2.0.0")
    [ticket] = await staff.call("GET", "/api/ticket")
    assert ticket["from_user"] == MARIA
    assert ticket["message"] == "Some message like FOO BAR BIZ"
    assert (ticket["status"], ticket["changed_status"], ticket["answers"]) == ("u", None, [])

    # She gets a receipt, staff get a notice.
    receipt = await desk.relay.mail_to(MARIA)
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert (await desk.relay.delivery_to(MARIA)).null_sender
    assert receipt["In-Reply-To"] == "<ant@customer.example>"
    assert f"[#{ticket['id']}]" in receipt["Subject"]
    assert "FOO" not in receipt.as_string()
    notice = await desk.relay.mail_to("olga@desk.example")
    assert "Some message like FOO BAR BIZ" in notice.get_content()

    # Staff answer by the API; the documented text arrives, byte for byte.
    path = f"/api/ticket/{ticket['id']}"
    answer = await staff.call("POST", f"{path}/answer", {"message": "answer message"}, status=201)
    assert set(answer) == {"id", "message"}
    mail = await desk.relay.mail_to(MARIA, 2)
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().replace("\r\n", "\n") == DOCUMENTED.format(id=ticket["id"])
    assert mail["Subject"] == f"Re: The printer is on fire [#{ticket['id']}]"
    assert mail["From"] == f"Support <{DESK}>"
    assert mail["In-Reply-To"] == "<ant@customer.example>"
    assert "Auto-Submitted" not in mail

    # She replies: to the signed address; to the desk with References; with the ID in the subject alone.
    quoted = "\n\nOn Mon, 23 Nov 2026 at 10:00, Support <support@desk.example> wrote:\n> answer message\n"
    token_address = mail["Reply-To"].addresses[0].addr_spec
    assert token_address != DESK
    await desk.send(a_mail(name="bee", to=token_address, subject="Re: hm", text=f"first{quoted}"), to=token_address)
    await desk.send(a_mail(name="cat", subject="Re: hm", text=f"second{quoted}", references=mail["Message-ID"]))
    await desk.send(a_mail(name="dog", subject=f"Re: [#{ticket['id']}]", text="third"))
    messages = await staff.call("GET", f"{path}/messages")
    assert [entry["message"] for entry in messages] == [
        "Some message like FOO BAR BIZ",
        "answer message",
        "first",
        "second",
        "third",
    ]
    assert {entry["author"]["email"] for entry in messages[2:]} == {MARIA}
    assert "answer message" in messages[2]["quoted"]
    assert [row["outcome"] for row in await desk.ledger(staff)] == ["answer", "answer", "answer", "ticket"]
    assert [row["reason"] for row in reversed(await desk.ledger(staff))][1:] == [
        "token in the recipient address",
        "token in In-Reply-To or References",
        "ticket ID in the subject",
    ]

    # Her answers notify staff, not herself.
    await desk.relay.mail_to("olga@desk.example", 4)
    assert len(desk.relay.deliveries_to(MARIA)) == 2


async def test_an_answer_to_the_customers_own_mail_comes_home_by_its_stored_message_id(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await desk.send(
        a_mail(name="bee", subject="One more thing", text="and smoke", in_reply_to="<ant@customer.example>")
    )
    [row, _] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"], row["reason"]) == ("answer", ticket["id"], "answers a known Message-ID")


@pytest.mark.parametrize("subject", ["[#{id}]", "Re: [Any words #{id}]", "Fwd: [#{id}] hello"])
async def test_a_stranger_who_names_an_id_gets_a_ticket_of_his_own(desk: Desk, subject: str) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    there = await desk.send(
        a_mail(sender="eve@evil.example", name="eel", subject=subject.format(id=ticket["id"]), text="let me in"),
        sender="eve@evil.example",
    )
    nowhere = await desk.send(
        a_mail(sender="bob@evil.example", name="bat", subject=subject.format(id=9999), text="let me in"),
        sender="bob@evil.example",
    )
    # What she sees tells nothing: the same answer and the same receipt whether or not there is such a ticket.
    assert there[0] == nowhere[0] == 250
    assert _shape(there[1]) == _shape(nowhere[1])
    hers, his = await desk.relay.mail_to("eve@evil.example"), await desk.relay.mail_to("bob@evil.example")
    assert _shape(hers.get_content()) == _shape(his.get_content())
    assert _shape(hers["Subject"]) == _shape(his["Subject"])
    # Staff see what was named.
    assert (await staff.call("GET", f"/api/ticket/{ticket['id']}"))["answers"] == []
    newest, _ = (await desk.ledger(staff))[:2]
    assert newest["outcome"] == "ticket"
    assert "#9999" in newest["reason"]
    assert len(await staff.call("GET", "/api/ticket")) == 3


def _shape(text: str) -> str:
    return "".join("0" if character.isdigit() else character for character in text).replace("00", "0")


async def test_a_token_in_strange_hands_is_held_until_staff_accept_it(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    address = (await desk.relay.mail_to(MARIA))["Reply-To"].addresses[0].addr_spec
    await desk.send(
        a_mail(sender="eve@evil.example", name="eel", to=address, text="it is me"),
        sender="eve@evil.example",
        to=address,
    )
    [row, _] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"], row["comment"]) == ("held", ticket["id"], None)
    assert (await staff.call("GET", f"/api/ticket/{ticket['id']}"))["answers"] == []
    assert desk.relay.deliveries_to("eve@evil.example") == []

    # Staff are told that something waits, without its words.
    notice = await desk.relay.mail_to("olga@desk.example", 2)
    assert f"http://localhost:8000/api/intake/{row['id']}\r\n" in notice.get_content()
    assert "it is me" not in notice.get_content()

    again = await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {})
    assert again["outcome"] == "held"
    accepted = await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {"accept": True})
    assert accepted["outcome"] == "answer"
    answer = await staff.call("GET", f"/api/comment/{accepted['comment']}")
    assert (answer["from_user"], answer["message"]) == ("eve@evil.example", "it is me")
    await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {"accept": True}, status=409)


async def test_staff_answer_by_mail_with_the_token_of_their_own_notice_only(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    notice = await desk.relay.mail_to("olga@desk.example")
    address = notice["Reply-To"].addresses[0].addr_spec

    # Naming the ticket from a staff address, which anyone can write, is held and goes to nobody.
    await desk.send(
        a_mail(sender="olga@desk.example", name="fox", subject=f"[#{ticket['id']}]", text="pay here: evil.example"),
        sender="olga@desk.example",
    )
    assert (await desk.ledger(staff))[0]["outcome"] == "held"

    await desk.send(
        a_mail(sender="Olga <olga@desk.example>", name="gnu", to=address, subject="Re: x", text="Try turning it off."),
        sender="olga@desk.example",
        to=address,
    )
    assert (await desk.ledger(staff))[0]["outcome"] == "answer"
    mail = await desk.relay.mail_to(MARIA, 2)
    assert "\tTry turning it off.\r\n" in mail.get_content()
    assert "evil.example" not in mail.get_content()
    [comment_url] = (await staff.call("GET", f"/api/ticket/{ticket['id']}"))["answers"]
    assert (await staff.call("GET", comment_url.removeprefix("http://localhost:8000")))["from_user"] == "olga"


async def test_automatic_mail_is_kept_and_answered_by_nobody(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    address = (await desk.relay.mail_to(MARIA))["Reply-To"].addresses[0].addr_spec
    await desk.relay.mail_to("olga@desk.example")
    await desk.send(
        a_mail(name="bee", to=address, subject="Out of office", text="I am away.", auto_submitted="auto-replied"),
        to=address,
    )
    await desk.send(a_mail(sender="robot@other.example", name="cow", text="Disk full."), sender="")
    newest, older = (await desk.ledger(staff))[:2]
    assert (older["outcome"], older["ticket"]) == ("automatic", ticket["id"])
    assert newest["outcome"] == "automatic"
    assert newest["envelope_from"] == ""
    assert (await staff.call("GET", f"/api/ticket/{ticket['id']}"))["status"] == "u"
    # A mail that follows proves that nothing was owed for those two.
    await desk.send(a_mail(sender="zoe@customer.example", name="yak"), sender="zoe@customer.example")
    await desk.relay.mail_to("zoe@customer.example")
    await desk.relay.mail_to("olga@desk.example", 2)
    assert len(desk.relay.deliveries) == 4


async def test_a_delivery_report_comes_home_to_the_mail_that_failed(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    delivery = await desk.relay.delivery_to(MARIA, 2)
    report = a_delivery_report(action="failed", status="5.1.1")
    await desk.send(report, sender="", to=delivery.envelope_from)
    [row, *_] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"]) == ("bounce", ticket["id"])
    parsed = (await staff.call("GET", f"/api/intake/{row['id']}"))["parsed"]
    assert parsed["bounce"] == {"addresses": [MARIA], "permanent": True}
    bounced = await staff.call("GET", "/api/outbox?state=bounced")
    assert [entry["recipient"] for entry in bounced] == [MARIA]
    assert len(await staff.call("GET", "/api/ticket")) == 1


async def test_a_customer_who_shows_us_a_delivery_report_is_heard(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    address = (await desk.relay.mail_to(MARIA))["Reply-To"].addresses[0].addr_spec
    await desk.relay.mail_to("olga@desk.example")
    report = "I get this:\n\nThe following addresses had permanent fatal errors:\n<bob@x.example>\n550 5.1.1 unknown\n"
    subject = f"Mail delivery failed: returning message to sender [#{ticket['id']}]"
    await desk.send(a_mail(name="bee", to=address, subject=subject, text=report), to=address)
    [row, _] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"]) == ("answer", ticket["id"])
    await desk.relay.mail_to("olga@desk.example", 2)
    assert await staff.call("GET", "/api/outbox?state=bounced") == []


async def test_what_a_staff_members_mailbox_says_reaches_no_customer(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    address = (await desk.relay.mail_to("olga@desk.example"))["Reply-To"].addresses[0].addr_spec
    for name, subject in (("bee", "Delivery failure: over quota"), ("cow", "Out of office")):
        text = "The following address failed:\n\n  olga@desk.example\n    mailbox is full\n"
        mail = a_mail(
            name=name,
            sender="olga@desk.example",
            to=address,
            subject=subject,
            text=text,
            auto_submitted="auto-replied",
            x_failed_recipients="olga@desk.example",
        )
        await desk.send(mail, sender="olga@desk.example", to=address)
    assert {row["outcome"] for row in (await desk.ledger(staff))[:2]} <= {"bounce", "automatic"}
    assert (await staff.call("GET", f"/api/ticket/{ticket['id']}"))["answers"] == []
    assert {entry["kind"] for entry in await staff.call("GET", "/api/outbox")} == {"notice", "receipt"}


async def test_a_person_who_asks_about_a_delivery_report_is_heard(desk: Desk) -> None:
    staff = await desk.staff()
    report = (
        "My mail to your colleague came back:\n\nThe following addresses had permanent fatal errors:\n<bob@x.example>\n"
    )
    await desk.send(a_mail(name="ant", subject="Returned mail - please help", text=report))
    [row] = await desk.ledger(staff)
    assert row["outcome"] == "ticket"
    await desk.relay.mail_to("olga@desk.example")


async def test_a_foreign_token_in_a_reply_does_not_lead_it_away(desk: Desk) -> None:
    staff = await desk.staff()
    hers = await desk.open_by_mail(staff, name="ant")
    own = (await desk.relay.mail_to(MARIA))["Reply-To"].addresses[0].addr_spec
    await desk.send(a_mail(name="eel", sender="eve@evil.example"), sender="eve@evil.example")
    foreign = (await desk.relay.mail_to("eve@evil.example"))["Reply-To"].addresses[0].addr_spec
    await desk.send(a_mail(name="bee", to=f"{foreign}, {own}", text="mine"), to=[foreign, own])
    [row, *_] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"]) == ("answer", hers["id"])


async def test_what_was_taken_for_a_delivery_report_can_be_let_in(desk: Desk) -> None:
    staff = await desk.staff()
    report = "The following addresses had permanent fatal errors:\n\n<bob@x.example>\n\n   ----- Transcript -----\n"
    await desk.send(
        a_mail(sender="MAILER-DAEMON@x.example", subject="Returned mail: User unknown", text=report), sender=""
    )
    [row] = await desk.ledger(staff)
    assert row["outcome"] == "bounce"
    assert await staff.call("GET", "/api/ticket") == []
    again = await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {"accept": True})
    assert again["outcome"] in {"ticket", "automatic"}
    assert again["ticket"]


async def test_a_warning_that_a_mail_is_late_does_not_mark_it_bounced(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    delivery = await desk.relay.delivery_to(MARIA, 2)
    report = a_delivery_report(action="delayed", status="4.4.1")
    await desk.send(report, sender="", to=delivery.envelope_from)
    [row, *_] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"]) == ("bounce", ticket["id"])
    assert await staff.call("GET", "/api/outbox?state=bounced") == []


async def test_nobody_hears_of_what_he_wrote_himself_under_another_account(desk: Desk) -> None:
    admin = await desk.staff()
    bob = await desk.register("bob", "bob@desk.example")
    await admin.call("POST", f"/admin/users/{bob.id}/staff", {"is_staff": True})
    await desk.send(a_mail(name="ant", sender="bob@desk.example"), sender="bob@desk.example")
    await desk.relay.mail_to("olga@desk.example")
    kinds = [
        (entry["kind"], entry["recipient"])
        for entry in await admin.call("GET", "/api/outbox")
        if entry["kind"] == "notice"
    ]
    assert kinds == [("notice", "olga@desk.example")]
    # Nor does he get his own answer, given as staff, to the ticket that he opened by mail.
    [ticket] = await admin.call("GET", "/api/ticket")
    await bob.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "solved it"}, status=201)
    assert "answer" not in {entry["kind"] for entry in await admin.call("GET", "/api/outbox")}


async def test_an_answer_that_reaches_nobody_is_told_to_staff(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant", sender="one@x.example, two@x.example")
    assert ticket["from_user"] == "unknown sender"
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hello?"}, status=201)
    notice = await desk.relay.mail_to("olga@desk.example", 2)
    assert notice["Subject"] == f"Sent to nobody: The printer is on fire [#{ticket['id']}]"
    assert len(desk.relay.deliveries) == 2


async def test_a_bounce_is_told_to_staff_and_a_receipt_of_delivery_is_no_matter(desk: Desk) -> None:
    staff = await desk.staff()
    ticket = await desk.open_by_mail(staff, name="ant")
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    address = (await desk.relay.delivery_to(MARIA, 2)).envelope_from
    await desk.send(a_delivery_report(action="delivered", status="2.0.0"), sender="", to=address)
    await desk.send(a_delivery_report(action="failed", status="5.1.1", name="cow"), sender="", to=address)
    lost, sent = (await desk.ledger(staff))[:2]
    assert (sent["outcome"], sent["ticket"]) == ("automatic", ticket["id"])
    assert (lost["outcome"], lost["ticket"]) == ("bounce", ticket["id"])
    notice = await desk.relay.mail_to("olga@desk.example", 2)
    assert notice["Subject"] == f"Undelivered: The printer is on fire [#{ticket['id']}]"
    # The receipt of delivery is a note: nothing that the customer reads.
    ticket_now = await staff.call("GET", f"/api/ticket/{ticket['id']}")
    assert len(ticket_now["answers"]) == 1
    messages = await staff.call("GET", f"/api/ticket/{ticket['id']}/messages")
    assert [entry["kind"] for entry in messages] == ["ticket", "answer", "note"]


async def test_a_subject_can_never_add_a_header(desk: Desk) -> None:
    staff = await desk.staff()
    evil = "=?utf-8?q?hello=0D=0ABcc=3A_victim=40x.example=0A=0Aboo?="
    ticket = await desk.open_by_mail(staff, name="ant", subject=evil)
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "x\r\nBcc: y"}, status=201)
    mail = await desk.relay.mail_to(MARIA, 2)
    assert "Bcc" not in mail
    assert sorted(mail.keys()) == sorted(
        [
            "Message-ID",
            "X-Helpdesk-Loop",
            "In-Reply-To",
            "References",
            "From",
            "To",
            "Reply-To",
            "Subject",
            "Date",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        ]
    )
    assert mail["Subject"] == f"Re: hello Bcc: victim@x.example boo [#{ticket['id']}]"
