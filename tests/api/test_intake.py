"""The ledger and mail by HTTP: rows, what was understood, bytes, attachments, and who may see them."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from tests.builders import DESK, Api, Desk, a_mail

RFC822 = {"Content-Type": "message/rfc822"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ROW_KEYS = {
    "id",
    "received_at",
    "source",
    "envelope_from",
    "envelope_to",
    "message_id",
    "from",
    "subject",
    "size_bytes",
    "outcome",
    "reason",
    "trust",
    "ticket",
    "comment",
}


def with_attachments(name: str = "ant") -> bytes:
    """A mail with a text, an image, an HTML page that would like to run, and a file with a wicked name."""
    import base64

    def part(kind: str, file_name: str, content: bytes) -> str:
        encoded = base64.encodebytes(content).decode().replace("\n", "\r\n")
        return (
            f"--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
            f'Content-Disposition: attachment; filename="{file_name}"\r\n\r\n{encoded}\r\n'
        )

    return (
        f"From: Maria <maria@customer.example>\r\nTo: {DESK}\r\nSubject: Look\r\n"
        f"Message-ID: <{name}@customer.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee the files.\r\n"
        + part("image/png", "photo.png", PNG)
        + part("text/html", "page.html", b"<script>alert(1)</script>")
        + part("image/png", "../../etc/passwd", b"<svg onload=alert(1)>")
        + "--b--\r\n"
    ).encode()


async def post_mail(who: Api, mail: bytes, status: int = 201, headers: dict[str, str] = RFC822) -> Any:
    return await who.call("POST", "/api/mail", data=io.BytesIO(mail), headers=dict(headers), status=status)


async def test_a_row_says_what_became_of_a_mail_and_gives_its_bytes(desk: Desk) -> None:
    staff = await desk.staff()
    mail = a_mail(name="ant", subject="Grüße", x_mailer="\t folded?").replace(b"X-Mailer: ", b"X-Mailer:\r\n ")
    await desk.send(mail)
    [row] = await desk.ledger(staff)
    assert set(row) == ROW_KEYS
    assert row["source"] == "smtp"
    assert row["envelope_from"] == "maria@customer.example"
    assert row["envelope_to"] == [DESK]
    assert row["message_id"] == "ant@customer.example"
    assert row["from"] == "Maria <maria@customer.example>"
    assert row["subject"] == "Grüße"
    assert row["size_bytes"] == len(mail)
    assert row["outcome"] == "ticket"
    detail = await staff.call("GET", f"/api/intake/{row['id']}")
    assert set(detail) == ROW_KEYS | {"parsed"}
    assert detail["parsed"] == {
        "from": {"name": "Maria", "address": "maria@customer.example"},
        "subject": "Grüße",
        "text": "It says PC LOAD LETTER.",
        "visible": "It says PC LOAD LETTER.",
        "quoted": "",
        "signature": "",
        "automatic": False,
        "auto_reply": False,
        "bounce": None,
        "attachments": [],
    }
    assert await staff.bytes(f"/api/intake/{row['id']}/raw") == mail


async def test_the_ledger_is_for_staff_and_can_be_searched(desk: Desk) -> None:
    staff, anna = await desk.staff(), await desk.register("anna")
    await desk.send(a_mail(name="ant"))
    await desk.send(a_mail(name="bee"))
    await desk.send(a_mail(name="cat"), sender="")
    [cat, bee, ant] = await desk.ledger(staff)

    async def ids(query: str) -> list[int]:
        return [row["id"] for row in await staff.call("GET", f"/api/intake?{query}")]

    assert await ids("message_id=bee@customer.example") == [bee["id"]]
    assert await ids("message_id=%3Cbee@customer.example%3E") == [bee["id"]]
    assert await ids("envelope_from=") == [cat["id"]]
    assert await ids("outcome=automatic") == [cat["id"]]
    assert await ids("outcome=ticket&limit=1") == [bee["id"]]
    assert await ids(f"before={bee['id']}") == [ant["id"]]
    for path in ("", f"/{ant['id']}", f"/{ant['id']}/raw"):
        await anna.call("GET", f"/api/intake{path}", status=403)
        await desk.nobody.call("GET", f"/api/intake{path}", status=401)
    await anna.call("POST", f"/api/intake/{ant['id']}/reprocess", {}, status=403)
    await post_mail(anna, a_mail(), 403)
    for query in ("outcome=x", "limit=0", "before=x", "message_id=%00", "envelope_from=%00"):
        await staff.call("GET", f"/api/intake?{query}", status=400)
    await staff.call("GET", "/api/intake/999", status=404)
    await staff.call("GET", "/api/intake/999/raw", status=404)
    await staff.call("POST", "/api/intake/999/reprocess", {}, status=404)


async def test_one_mail_is_stored_once_whichever_road_it_comes(desk: Desk) -> None:
    staff = await desk.staff()
    mail = a_mail(name="ant")
    first = await post_mail(staff, mail)
    assert (first["source"], first["outcome"], first["envelope_from"]) == ("http", "ticket", "")
    assert await post_mail(staff, mail, 200) == first
    travelled = (
        b"Return-Path: <maria@customer.example>\r\nDelivered-To: x@y\r\nX-Original-To: z\r\n"
        b"Authentication-Results: mx.example; spf=pass\r\nReceived: from a by b;\r\n\tMon, 23 Nov 2026\r\n" + mail
    )
    await desk.send(travelled, sender="bounce@list.example", to=[DESK])
    assert await post_mail(staff, mail.replace(b"\r\n", b"\n"), 200) == first
    assert await post_mail(staff, mail + b"\r\n\r\n", 200) == first
    rows = await desk.ledger(staff)
    assert [row["outcome"] for row in rows] == ["duplicate"] * 4 + ["ticket"]
    assert {row["ticket"] for row in rows} == {first["ticket"]}
    assert len(await staff.call("GET", "/api/ticket")) == 1
    # The same Message-ID with another content is another mail.
    other = await post_mail(staff, mail.replace(b"PC LOAD LETTER", b"something else"))
    assert other["outcome"] == "ticket"
    # And a mail without any Message-ID is itself when it comes again.
    nameless = a_mail(name="")
    assert (await post_mail(staff, nameless))["message_id"] is None
    await post_mail(staff, nameless, 200)


async def test_mail_by_http_is_checked_at_the_door(desk: Desk) -> None:
    staff = await desk.staff()
    await post_mail(staff, b"", 400)
    await post_mail(staff, a_mail(), 415, {"Content-Type": "text/plain"})
    await post_mail(desk.nobody, a_mail(), 401)


@pytest.mark.settings(HELPDESK_MAX_MESSAGE_BYTES="2048")
async def test_a_mail_above_the_limit_is_too_large_everywhere(desk: Desk) -> None:
    staff = await desk.staff()
    frame = len(a_mail(text=""))
    exact, above = a_mail(text="x" * (2048 - frame)), a_mail(text="x" * (2049 - frame))
    assert len(exact) == 2048
    await post_mail(staff, above, 413)
    assert (await desk.send(above))[0] == 552
    await post_mail(staff, exact)
    assert (await desk.send(exact))[0] == 250


async def test_attachments_are_listed_and_given_as_downloads(desk: Desk) -> None:
    staff = await desk.staff()
    await desk.send(with_attachments())
    [ticket] = await staff.call("GET", "/api/ticket")
    [message] = await staff.call("GET", f"/api/ticket/{ticket['id']}/messages")
    photo, page, wicked = message["attachments"]
    assert photo == {
        "id": photo["id"],
        "name": "photo.png",
        "content_type": "image/png",
        "size_bytes": len(PNG),
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "inline": False,
        "url": f"http://localhost:8000/api/attachment/{photo['id']}",
    }
    assert "/" not in wicked["name"]
    [row] = await desk.ledger(staff)
    assert (await staff.call("GET", f"/api/intake/{row['id']}"))["parsed"]["attachments"] == message["attachments"]
    for entry, content_type, disposition in (
        (photo, "image/png", "inline"),
        (page, "application/octet-stream", "attachment"),
        (wicked, "application/octet-stream", "attachment"),
    ):
        async with staff.response("GET", f"/api/attachment/{entry['id']}") as response:
            assert response.status == 200
            assert response.content_type == content_type
            assert response.headers["Content-Disposition"].startswith(disposition)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in response.headers["Content-Security-Policy"]
            assert hashlib.sha256(await response.read()).hexdigest() == entry["sha256"]


async def test_an_attachment_is_seen_by_whom_its_ticket_is_seen(desk: Desk) -> None:
    staff, anna = await desk.staff(), await desk.register("anna")
    await desk.send(with_attachments())
    [ticket] = await staff.call("GET", "/api/ticket")
    [message] = await staff.call("GET", f"/api/ticket/{ticket['id']}/messages")
    path = f"/api/attachment/{message['attachments'][0]['id']}"
    await anna.call("GET", path, status=404)
    await desk.nobody.call("GET", path, status=401)
    await staff.call("GET", "/api/attachment/999", status=404)


async def test_what_is_held_is_no_part_of_the_conversation(desk: Desk) -> None:
    staff, anna = await desk.staff(), await desk.register("anna")
    ticket = await anna.call("POST", "/api/ticket", {"message": "x"}, status=201)
    await staff.call("POST", f"/api/ticket/{ticket['id']}/answer", {"message": "hm"}, status=201)
    address = (await desk.relay.mail_to("anna@customer.example"))["Reply-To"].addresses[0].addr_spec
    await desk.send(with_attachments(), to=address)
    [row] = await desk.ledger(staff)
    assert (row["outcome"], row["ticket"]) == ("held", ticket["id"])
    parsed = (await staff.call("GET", f"/api/intake/{row['id']}"))["parsed"]
    path = f"/api/attachment/{parsed['attachments'][0]['id']}"
    await anna.call("GET", path, status=404)
    assert await staff.bytes(path) == PNG
    for who in (anna, staff):
        messages = await who.call("GET", f"/api/ticket/{ticket['id']}/messages")
        assert [len(entry["attachments"]) for entry in messages] == [0, 0]
    await staff.call("POST", f"/api/intake/{row['id']}/reprocess", {"accept": True})
    messages = await anna.call("GET", f"/api/ticket/{ticket['id']}/messages")
    assert [len(entry["attachments"]) for entry in messages] == [0, 0, 3]
    again = f"/api/attachment/{messages[2]['attachments'][0]['id']}"
    assert await anna.bytes(again) == PNG


async def test_hostile_bytes_are_kept_and_shown_and_the_next_mail_goes_on(desk: Desk) -> None:
    staff = await desk.staff()
    mails = [
        b"\x00\xff\xfe",
        b"no header at all",
        b"From: a@b.example\r\nSubject: \xff\xfe\x00 \r\nMessage-ID: <\x00\xff>\r\n\r\n\x00body\x00",
        b"Subject: =?utf-8?q?=00=ED=A0=80?=\r\nFrom: =?x?y?z?= <a@b.example>\r\n\r\n\xed\xa0\x80",
        b"From: a@b.example, b@c.example\r\nFrom: c@d.example\r\n\r\nwho am I",
        b"Content-Type: " + b";" * 60_000 + b"\r\nFrom: a@b.example\r\n\r\nx",
        b"To: " + b"(" * 3000 + b"\r\nFrom: a@b.example\r\n\r\ny",
        b"Message-ID: <" + b"m" * 5000 + b"@x>\r\nFrom: a@b.example\r\n\r\nz",
        b"From: <" + b"f" * 5000 + b"@x.example>\r\n\r\nlong",
    ]
    for mail in mails:
        await post_mail(staff, mail)
    rows = await desk.ledger(staff)
    assert len(rows) == len(mails)
    for row, mail in zip(reversed(rows), mails, strict=True):
        assert await staff.bytes(f"/api/intake/{row['id']}/raw") == mail
        await staff.call("GET", f"/api/intake/{row['id']}")
        assert row["outcome"] in {"ticket", "failed"}
    for ticket in await staff.call("GET", "/api/ticket"):
        await staff.call("GET", f"/api/ticket/{ticket['id']}/messages")
    await desk.send(a_mail(name="yak"))
    assert (await desk.ledger(staff))[0]["outcome"] == "ticket"
