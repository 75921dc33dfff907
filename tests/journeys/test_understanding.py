"""What people's mail programs send, as it arrives in tickets: mails passed on by staff, signature images, reports."""

from __future__ import annotations

import base64

import pytest

from tests.builders import DESK, Api, Desk, a_mail

MARIA = "maria@customer.example"
OLGA = "olga@desk.example"
AUTHENTICATED = {
    "authentication_results": "mx.desk.example; dmarc=pass header.from=desk.example",
    "date": "Tue, 4 Mar 2025 10:00:00 +0100",
}
believing = pytest.mark.settings(HELPDESK_TRUSTED_AUTHSERV_ID="mx.desk.example")

ORIGINAL = """Can you look at this? She called twice.

---------- Forwarded message ---------
From: Maria Lopez <maria@customer.example>
Date: Mon, Mar 3, 2025 at 12:34 PM
Subject: The printer is on fire
To: <olga@desk.example>


It says PC LOAD LETTER.

Maria
"""


def _parts(*parts: str, subject: str, sender: str, name: str, kind: str = "mixed", **headers: str) -> bytes:
    """A mail of several parts, each a header and a body."""
    lines = [f"From: {sender}", f"To: {DESK}", f"Subject: {subject}", f"Message-ID: <{name}@mail.example>"]
    lines += [f"{key.replace('_', '-').title()}: {value}" for key, value in headers.items()]
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/{kind}; boundary="b"', ""]
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return ("\n".join(lines) + "\n" + body).replace("\n", "\r\n").encode()


async def _forward(desk: Desk, mail: bytes) -> None:
    code, words = await desk.send(mail, sender=OLGA)
    assert code == 250, words


@believing
async def test_a_mail_that_staff_pass_on_is_its_writers_ticket(desk: Desk) -> None:
    olga = await desk.staff()
    await _forward(
        desk, a_mail(name="ant", sender=OLGA, subject="Fwd: The printer is on fire", text=ORIGINAL, **AUTHENTICATED)
    )
    [ticket] = await olga.call("GET", "/api/ticket")
    assert ticket["from_user"] == MARIA
    assert ticket["message"].startswith("It says PC LOAD LETTER.")
    assert ticket["created_at"].startswith("2025-03-03T11:34:00")
    assert ticket["answers"] == []
    opening, note = await olga.call("GET", f"/api/ticket/{ticket['id']}/messages")
    assert (opening["subject"], opening["author"]["email"], opening["trust"]) == (
        "The printer is on fire",
        MARIA,
        "forwarded",
    )
    assert (note["kind"], note["author"]["email"]) == ("note", OLGA)
    assert note["message"] == "Can you look at this? She called twice."
    [row] = await desk.ledger(olga)
    assert (row["outcome"], row["ticket"]) == ("ticket", ticket["id"])
    assert "olga" in row["reason"]
    # The customer hears of it when staff answer, and not before.
    await olga.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "Which printer?"}, status=201)
    answer = await desk.relay.mail_to(MARIA)
    assert answer["Subject"] == f"Re: The printer is on fire [#{ticket['id']}]"
    assert "In-Reply-To" not in answer
    assert len(desk.relay.deliveries_to(MARIA)) == 1


@believing
async def test_an_attached_mail_keeps_its_date_files_and_message_id(desk: Desk) -> None:
    olga = await desk.staff()
    picture = base64.b64encode(b"a picture").decode()
    enclosed = (
        "From: =?utf-8?q?Mar=C3=ADa?= <maria@customer.example>\nTo: olga@desk.example\n"
        "Subject: Smoke\nDate: Mon, 3 Mar 2025 12:34:00 +0300\nMessage-ID: <cow@customer.example>\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="c"\n\n'
        "--c\nContent-Type: text/plain\n\nThere is smoke.\n"
        '--c\nContent-Type: image/png; name="smoke.png"\nContent-Transfer-Encoding: base64\n\n'
        f"{picture}\n--c--\n"
    )
    mail = _parts(
        "Content-Type: text/plain\n\nFor the desk.",
        f"Content-Type: message/rfc822\nContent-Disposition: attachment\n\n{enclosed}",
        subject="Fwd: Smoke",
        sender=OLGA,
        name="bee",
        **AUTHENTICATED,
    )
    await _forward(desk, mail)
    [ticket] = await olga.call("GET", "/api/ticket")
    assert (ticket["from_user"], ticket["message"]) == (MARIA, "There is smoke.")
    assert ticket["created_at"] == "2025-03-03T09:34:00.000000Z"
    opening, note = await olga.call("GET", f"/api/ticket/{ticket['id']}/messages")
    assert note["message"] == "For the desk."
    [file] = [part for part in opening["attachments"] if part["name"] == "smoke.png"]
    assert await olga.bytes(file["url"].removeprefix("http://localhost:8000")) == b"a picture"
    # Her own program knows the mail by the Message-ID that she gave it, and so does our answer.
    await olga.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "Unplug it."}, status=201)
    answer = await desk.relay.mail_to(MARIA)
    assert answer["In-Reply-To"] == "<cow@customer.example>"
    await desk.send(a_mail(name="dog", subject="Smoke", text="It burns now.", references="<cow@customer.example>"))
    [row, *_] = await desk.ledger(olga)
    assert (row["outcome"], row["ticket"]) == ("answer", ticket["id"])


@believing
async def test_what_staff_put_beside_a_mail_that_they_pass_on_stays_with_staff(desk: Desk) -> None:
    olga = await desk.staff()
    maria = await desk.register("maria", MARIA)
    enclosed = (
        f"From: {MARIA}\nSubject: Lamp\nContent-Type: multipart/mixed; boundary=c\n\n"
        "--c\n\nIt is dark.\n--c\nContent-Type: image/png; name=lamp.png\n\npixels\n--c--\n"
    )
    mail = _parts(
        "Content-Type: text/plain\n\nMind the margin.",
        f"Content-Type: message/rfc822\n\n{enclosed}",
        "Content-Type: application/pdf; name=margin.pdf\n\n%PDF",
        subject="Fwd: Lamp",
        sender=OLGA,
        name="bee",
        **AUTHENTICATED,
    )
    await _forward(desk, mail)
    # The mailed link makes the address hers, and with it the ticket.
    link = (await desk.relay.mail_to(MARIA)).get_content().split("http://localhost:8000")[1].split()[0]
    await maria.call("GET", link)
    [ticket] = await maria.call("GET", "/api/ticket")
    for_staff, for_her = [
        {
            part["name"]: part
            for part in (await who.call("GET", f"/api/ticket/{ticket['id']}/messages"))[0]["attachments"]
        }
        for who in (olga, maria)
    ]
    assert sorted(for_staff) == ["Lamp.eml", "lamp.png", "margin.pdf"]
    assert list(for_her) == ["lamp.png"]
    assert await maria.bytes(f"/api/attachment/{for_her['lamp.png']['id']}") == b"pixels"
    for name in ("Lamp.eml", "margin.pdf"):
        await maria.call("GET", f"/api/attachment/{for_staff[name]['id']}", status=404)
    assert [message["kind"] for message in await maria.call("GET", f"/api/ticket/{ticket['id']}/messages")] == [
        "ticket"
    ]


@believing
@pytest.mark.parametrize(
    ("sender", "results"),
    [
        pytest.param(OLGA, "mx.desk.example; dmarc=none", id="staff without authentication"),
        pytest.param(OLGA, "mx.evil.example; dmarc=pass header.from=desk.example", id="authenticated by somebody"),
        pytest.param("eve@evil.example", "mx.desk.example; dmarc=pass header.from=evil.example", id="no staff"),
    ],
)
async def test_a_mail_that_somebody_else_passes_on_is_his_own(desk: Desk, sender: str, results: str) -> None:
    olga = await desk.staff()
    mail = a_mail(name="ant", sender=sender, subject="Fwd: The printer", text=ORIGINAL, authentication_results=results)
    await desk.send(mail, sender=sender)
    [ticket] = await olga.call("GET", "/api/ticket")
    assert ticket["from_user"] in {sender, "olga"}
    assert "Forwarded message" in ticket["message"]
    assert "PC LOAD LETTER" in ticket["message"]


async def _images(desk: Desk, olga: Api, ticket_id: int) -> list[str]:
    messages = await olga.call("GET", f"/api/ticket/{ticket_id}/messages")
    return [part["name"] for part in messages[-1]["attachments"]]


def _with_logo(name: str, subject: str, sender: str, logo: bytes = b"a logo", kind: str = "related") -> bytes:
    image = "Content-Type: image/png; name=logo.png\nContent-ID: <logo>\nContent-Transfer-Encoding: base64\n"
    if kind == "mixed":
        image = image.replace("Content-ID: <logo>\n", "Content-Disposition: attachment\n")
    return _parts(
        'Content-Type: text/html\n\n<p>It burns.</p><img src="cid:logo">' if kind == "related" else "\nIt burns.",
        f"{image}\n{base64.b64encode(logo).decode()}",
        subject=subject,
        sender=sender,
        name=name,
        kind=kind,
    )


async def test_the_image_of_a_signature_is_shown_once(desk: Desk) -> None:
    olga = await desk.staff()
    await desk.send(_with_logo("ant", "Fire", MARIA))
    [ticket] = await olga.call("GET", "/api/ticket")
    assert await _images(desk, olga, ticket["id"]) == ["logo.png"]
    await desk.send(_with_logo("bee", f"Re: Fire [#{ticket['id']}]", MARIA))
    assert await _images(desk, olga, ticket["id"]) == []
    # It is folded, not lost.
    [row, *_] = await desk.ledger(olga)
    [logo] = (await olga.call("GET", f"/api/intake/{row['id']}"))["parsed"]["attachments"]
    assert (logo["name"], logo["inline"]) == ("logo.png", True)
    assert await olga.bytes(f"/api/attachment/{logo['id']}") == b"a logo"


async def test_only_the_same_image_in_the_text_of_the_same_sender_is_folded(desk: Desk) -> None:
    olga = await desk.staff()
    await desk.send(_with_logo("ant", "Fire", MARIA))
    [first] = await olga.call("GET", "/api/ticket")
    subject = f"Re: Fire [#{first['id']}]"
    await desk.send(_with_logo("bee", subject, MARIA, logo=b"another"))
    assert await _images(desk, olga, first["id"]) == ["logo.png"]
    await desk.send(_with_logo("cow", subject, MARIA, kind="mixed"))
    assert await _images(desk, olga, first["id"]) == ["logo.png"]
    await desk.send(_with_logo("dog", subject, MARIA, logo=b"x" * 200_000))
    await desk.send(_with_logo("eel", subject, MARIA, logo=b"x" * 200_000))
    assert await _images(desk, olga, first["id"]) == ["logo.png"]
    # An image that is all there is says something, however often it is sent.
    alone = _with_logo("gnu", subject, MARIA).replace(b"It burns.", b"")
    await desk.send(alone)
    assert await _images(desk, olga, first["id"]) == ["logo.png"]
    await desk.send(_with_logo("fox", "Fire", "bob@customer.example"), sender="bob@customer.example")
    [newest, *_] = await olga.call("GET", "/api/ticket")
    assert await _images(desk, olga, newest["id"]) == ["logo.png"]


async def test_a_report_is_matched_by_the_mail_that_it_encloses(desk: Desk) -> None:
    olga = await desk.staff()
    ticket = await desk.open_by_mail(olga, name="ant")
    await olga.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    answer = await desk.relay.mail_to(MARIA, 2)
    report = _parts(
        "Content-Type: text/plain\n\nYour message could not be delivered.",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {MARIA}\nAction: failed\nStatus: 5.1.1\n",
        f"Content-Type: message/rfc822\n\nFrom: {DESK}\nMessage-ID: {answer['Message-ID']}\nSubject: x\n\nhm",
        subject="Undelivered Mail Returned to Sender",
        sender="MAILER-DAEMON@mx.example",
        name="bee",
        kind="report; report-type=delivery-status",
    )
    await desk.send(report, sender="", to=DESK)
    [row, *_] = await desk.ledger(olga)
    assert (row["outcome"], row["ticket"]) == ("bounce", ticket["id"])
    assert "encloses" in row["reason"]
    [bounced] = await olga.call("GET", "/api/outbox?state=bounced")
    assert bounced["recipient"] == MARIA
    notice = await desk.relay.mail_to(OLGA, 2)
    assert notice["Subject"].startswith("Undelivered: ")
    assert len(await olga.call("GET", "/api/ticket")) == 1


async def test_a_report_with_a_forged_mail_inside_changes_nothing(desk: Desk) -> None:
    olga = await desk.staff()
    ticket = await desk.open_by_mail(olga, name="ant")
    await olga.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    token = (await desk.relay.mail_to(MARIA, 2))["Message-ID"]
    forged = token[:-20] + "aaaa" + token[-16:]
    report = _parts(
        f"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; {MARIA}\nAction: failed\nStatus: 5.1.1\n",
        f"Content-Type: text/rfc822-headers\n\nMessage-ID: {forged}\n",
        subject="Undelivered",
        sender="MAILER-DAEMON@mx.example",
        name="bee",
        kind="report; report-type=delivery-status",
    )
    await desk.send(report, sender="", to=DESK)
    [row, *_] = await desk.ledger(olga)
    assert (row["outcome"], row["ticket"]) == ("bounce", None)
    assert await olga.call("GET", "/api/outbox?state=bounced") == []
