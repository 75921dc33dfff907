"""What programs wrote is told from what people wrote; bounces name their victims."""

from __future__ import annotations

import time

import pytest

from mail.headers import Fields
from mail.parse import parse_message
from mail.rules import Signs, classify

PERSON = Signs()
NO_RECEIPT = Signs(no_receipt=True)
AUTOMATIC = Signs(automatic=True, no_receipt=True)
AUTO_REPLY = Signs(automatic=True, auto_reply=True, no_receipt=True)
AWAY = Signs(auto_reply=True, no_receipt=True)


@pytest.mark.parametrize(
    ("name", "value", "signs"),
    [
        ("Auto-Submitted", "no", PERSON),
        ("Auto-Submitted", "No (really)", PERSON),
        ("Auto-Submitted", "auto-generated", AUTOMATIC),
        ("Auto-Submitted", "auto-notified; owner-email=x", AUTOMATIC),
        ("Auto-Submitted", "auto-replied (vacation)", AUTO_REPLY),
        ("Precedence", "first-class", PERSON),
        ("Precedence", "auto_reply", AUTO_REPLY),
        ("Precedence", "junk", AUTOMATIC),
        ("Precedence", "Bulk", NO_RECEIPT),
        ("Precedence", "list", NO_RECEIPT),
        ("Preference", "auto_reply", AUTO_REPLY),
        ("X-Autoreply", "yes", AUTO_REPLY),
        ("X-Autoreply", "no", PERSON),
        ("X-Autorespond", "", PERSON),
        ("X-Autorespond", "Away", AUTO_REPLY),
        ("X-POST-MessageClass", "9; Autoresponder", AUTO_REPLY),
        ("X-Auto-Response-Suppress", "All", NO_RECEIPT),
        ("X-Auto-Response-Suppress", "None", PERSON),
        ("List-Id", "<list.x.example>", NO_RECEIPT),
        ("List-Unsubscribe", "<mailto:off@x.example>", NO_RECEIPT),
        ("Mailing-List", "contact x", NO_RECEIPT),
        ("Return-Path", "<>", AUTOMATIC),
        ("Return-Path", "<ann@x.example>", PERSON),
        ("Content-Type", "multipart/report; report-type=disposition-notification", AUTOMATIC),
        ("Content-Type", "multipart/mixed", PERSON),
        ("X-Mailer", "vacation", PERSON),
    ],
)
def test_header_fields_tell_programs_from_people(name: str, value: str, signs: Signs) -> None:
    assert classify(Fields(((name.lower(), value),)), "ann@x.example", "Printer") == signs


@pytest.mark.parametrize(
    ("local", "signs"),
    [
        ("mailer-daemon", AUTOMATIC),
        ("MAILER-DAEMON", AUTOMATIC),
        ("postmaster", AUTOMATIC),
        ("no-reply", AUTOMATIC),
        ("noreply", AUTOMATIC),
        ("No_Reply", AUTOMATIC),
        ("do-not-reply", AUTOMATIC),
        ("noreply+tag", AUTOMATIC),
        ("bounces-17", AUTOMATIC),
        ("bouncer", PERSON),
        ("noreplyann", PERSON),
        ("ann", PERSON),
    ],
)
def test_robots_are_known_by_their_addresses(local: str, signs: Signs) -> None:
    assert classify(Fields(), f"{local}@x.example", "Printer") == signs


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: Printer", "Out of Office", "Automatische Antwort: x", "Автоответ: x", "Réponse automatique : x"],
)
def test_words_in_the_subject_only_label_and_forbid_the_receipt(subject: str) -> None:
    assert classify(Fields(), "ann@x.example", subject) == AWAY
    assert classify(Fields(), "ann@x.example", f"Re: {subject}") == PERSON


def report(action: str, status: str, *, recipient: str = "rfc822; ant@x.example") -> bytes:
    return f"""From: Mail System <mailer-daemon@mx.example>
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

I am sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: {recipient}
Action: {action}
Status: {status}
--b
Content-Type: message/rfc822

Subject: Your ticket

Words
--b--
""".encode()


@pytest.mark.parametrize(
    ("action", "status", "permanent"),
    [("failed", "5.1.1", True), ("Failed", "5.0.0", True), ("error", "5.0.0", True), ("delayed", "4.4.1", False)],
)
def test_delivery_report_names_who_was_not_reached(action: str, status: str, permanent: bool) -> None:
    message = parse_message(report(action, status))
    assert message.bounce is not None
    assert message.bounce.addresses == ("ant@x.example",)
    assert message.bounce.permanent is permanent
    assert message.automatic
    assert message.no_receipt


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_good_news_is_no_bounce(action: str) -> None:
    message = parse_message(report(action, "2.0.0"))
    assert message.bounce is None
    assert message.automatic


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (
            "Hi. This is the qmail-send program at mx.example.\n\n<ant@x.example>:\nNo mailbox.\n\n--- Below\n",
            "ant@x.example",
        ),
        ("Delivery to the following recipient failed permanently:\n\n     ant@x.example\n\n", "ant@x.example"),
    ],
)
def test_bounce_without_a_report_is_recognised(body: str, addresses: str) -> None:
    message = parse_message(f"From: mailer-daemon@mx.example\nSubject: failure notice\n\n{body}".encode())
    assert message.bounce is not None
    assert message.bounce.addresses == (addresses,)


@pytest.mark.parametrize("head", ["From:", "From: caf\udce9 <mailer-daemon@mx.example>", "X: y"])
def test_bounce_with_an_odd_from_is_recognised(head: str, caplog: pytest.LogCaptureFixture) -> None:
    raw = report("failed", "5.1.1").replace(b"From: Mail System <mailer-daemon@mx.example>", b"")
    message = parse_message(head.encode("ascii", "surrogateescape") + raw)
    assert message.bounce is not None
    assert message.bounce.addresses == ("ant@x.example",)
    assert not caplog.records


def test_customer_who_quotes_a_bounce_did_not_bounce() -> None:
    body = "I got this:\n\n> Delivery to the following recipient failed permanently:\n>\n>     ant@x.example\n"
    message = parse_message(f"From: ann@x.example\nSubject: What is this?\n\n{body}".encode())
    assert message.bounce is None
    assert not message.automatic


@pytest.mark.parametrize("piece", [b",", b"a", b"@", b"<", b"Your message\n,", b"\n"])
def test_hostile_bounce_is_read_in_time(piece: bytes) -> None:
    raw = b"From: mailer-daemon@mx.example\nSubject: failure notice\n\nthe following addresses had\n" + piece * 200_000
    started = time.process_time()
    parse_message(raw)
    assert time.process_time() - started < 10
