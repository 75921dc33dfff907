"""Bounces name their victims and the mail that came back; who shows us a bounce has not bounced."""

from __future__ import annotations

import time

import pytest

from mail.bounce_text import read_notice
from mail.bounces import find_bounce
from mail.mime.parts import take_apart
from mail.parse import parse_message


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


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("rfc822; ant@x.example", "ant@x.example"),
        ("RFC822;ant@X.example", "ant@x.example"),
        ("ant@x.example", "ant@x.example"),
        ("rfc822; <ant@x.example>", "ant@x.example"),
        ("rfc822; Ann Ant <ant@x.example>", "ant@x.example"),
        ("rfc822; ant+2Btag@x.example", "ant+tag@x.example"),
        ("rfc822; ant+tag@x.example", "ant+tag@x.example"),
        ("rfc822;\n ant@x.example", "ant@x.example"),
        ("utf-8; \\x{E4}nt@x.example", "änt@x.example"),
        ("rfc822; ant@x.example (unknown)", "ant@x.example"),
    ],
)
def test_recipient_fields_are_read_in_all_their_forms(field: str, address: str) -> None:
    message = parse_message(report("failed", "5.1.1", recipient=field))
    assert message.bounce is not None
    assert message.bounce.addresses == (address,)


@pytest.mark.parametrize(
    "field", ["utf-8; a\\x{202E}nt@x.example", "utf-8; a\\x{20}t", "x400; /G=ant", "rfc822; ant", ""]
)
def test_what_is_no_address_is_none(field: str) -> None:
    bounce = parse_message(report("failed", "5.1.1", recipient=field)).bounce
    assert bounce is not None
    assert all(address.isprintable() and "\u202e" not in address for address in bounce.addresses)
    assert len(bounce.addresses) <= 1


@pytest.mark.parametrize(
    ("action", "status", "permanent"),
    [("", "5.1.1", True), ("", "4.4.1", False), ("failed", "4.4.7", True), ("delayed", "5.0.0", False)],
)
def test_action_counts_and_then_the_status(action: str, status: str, permanent: bool) -> None:
    raw = report(action, status).replace(b"Action: \n", b"")
    bounce = parse_message(raw).bounce
    assert bounce is not None
    assert bounce.permanent is permanent


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        ("Message-ID: <a@x.example>", ("a@x.example",)),
        ("message-id:<a@x.example>", ("a@x.example",)),
        ("Message-ID:\n <a@x.example>", ("a@x.example",)),
        ("Message-ID: <a@x.example>\nX-Google-Original-Message-ID: <b@x.example>", ("a@x.example", "b@x.example")),
        ("In-Reply-To: <a@x.example>\nReferences: <b@x.example>", ()),
        ("Resent-Message-ID: <a@x.example>", ()),
        ("Subject: x\n\nMessage-ID: <a@x.example>", ()),
    ],
)
def test_enclosed_mail_is_known_by_its_own_header(lines: str, ids: tuple[str, ...]) -> None:
    raw = report("failed", "5.1.1").replace(b"Subject: Your ticket", lines.encode())
    bounce = parse_message(raw).bounce
    assert bounce is not None
    assert bounce.message_ids == ids


def test_own_id_of_a_report_is_not_that_of_the_mail() -> None:
    raw = report("failed", "5.1.1").replace(b"Subject: Your ticket", b"Message-ID: <own@x.example>")
    bounce = parse_message(b"Message-ID: <own@x.example>\n" + raw).bounce
    assert bounce is not None
    assert bounce.message_ids == ()


@pytest.mark.parametrize(
    "text",
    [
        "Your message could not be delivered to:\n\n  ant@x.example\n",
        "Delivery failed:\n\n* ant@x.example: mailbox full\n",
        "Recipient: <ant@x.example>\nReason: no such user\n",
        "Your message to ant@x.example was rejected.\n",
        "550 5.1.1 <ant@x.example>: no such user\n",
        "SMTP:ant@x.example\n    The name is unknown\n",
        "Ann Ant <ant@x.example>\n    550 unknown\n",
        "Failed to deliver to 'ant@x.example'\n",
        "<<< 550 no such user\n>>> RCPT TO:<ant@x.example>\n",
        "Could not be delivered to: <ant@x.example>\n   As their mailbox is full.\n",
        "Ask postmaster@x.example for help.\n\nThe following address failed:\nant@x.example\n",
        "The following addresses failed:\nant@x.example\n\n--- Original message follows ---\nbee@x.example\n",
        "Failed:\nant@x.example\n\nReceived: by x\nFrom: bee@x.example\nTo: cat@x.example\n\nfailed\nbee@x.example",
    ],
)
def test_words_name_the_victim_and_nobody_else(text: str) -> None:
    notice = read_notice(text, "failure notice", ("desk@y.example",))
    assert notice.listed or notice.named
    assert {*notice.listed, *notice.named} == {"ant@x.example"}


def test_our_own_address_is_a_victim_only_if_it_is_the_only_one() -> None:
    text = "The following addresses failed:\ndesk@y.example\n"
    assert read_notice(text + "ant@x.example\n", "", ("desk@y.example",)).listed == ("ant@x.example",)
    assert read_notice(text, "", ("desk@y.example",)).named == ("desk@y.example",)


@pytest.mark.parametrize(
    ("text", "permanent"),
    [
        ("550 5.1.1 no such user", True),
        ("421 4.4.1 no connection", False),
        ("450 4.2.2 full; giving up after 5 days", True),
        ("We will keep trying. 450 4.2.2 full", False),
        ("Your message has not been delivered yet.", False),
        ("You do not need to resend it. Last answer: 550 busy", False),
        ("Temporary problem; we tell you if it fails permanently. It will be retried.", False),
        ("Повторные попытки будут предприняты.", False),
        ("It took 4500 ms.", None),
        ("See version 5.1.1.2 and 10.5.1.1", None),
    ],
)
def test_words_and_codes_tell_whether_it_is_for_good(text: str, permanent: bool | None) -> None:
    assert read_notice(text, "").permanent is permanent


HOSTILE = [
    *(b",", b"a", b"@", b"<", b"Your message\n,", b"\n", b"a@b.example\n", b"a@", b"Message-ID: <a@b>\n", b"550 "),
    *(b"a" * 390 + b"@\n", b"Received: x\nFrom: y\nTo: z\n", b"(expanded from ", b"this is a copy ", b"- \n"),
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.slow
def test_hostile_bounce_is_read_in_time(piece: bytes) -> None:
    raw = b"From: mailer-daemon@mx.example\nSubject: failure notice\n\nthe following addresses had\n" + piece * 200_000
    started = time.process_time()
    parse_message(raw)
    assert time.process_time() - started < 10


def test_report_of_endless_recipients_is_read_in_time_and_cut() -> None:
    group = b"Final-Recipient: rfc822; a%d@x.example\nAction: failed\nStatus: 5.1.1\n\n"
    raw = report("failed", "5.1.1").replace(
        b"Final-Recipient", b"".join(group % number for number in range(100_000)), 1
    )
    root, tree = take_apart(raw)
    started = time.process_time()
    bounce = find_bounce(root, tree, "failure notice", ["I am sorry."])
    assert time.process_time() - started < 2
    assert bounce is not None
    assert len(bounce.addresses) == 100


def test_huge_enclosed_mail_is_hardly_looked_at() -> None:
    raw = report("failed", "5.1.1").replace(b"Words\n", b"Message-ID: <a@x.example>\n" * 500_000)
    root, tree = take_apart(raw)
    started = time.process_time()
    bounce = find_bounce(root, tree, "failure notice", ["I am sorry."])
    assert time.process_time() - started < 2
    assert bounce is not None
    assert bounce.message_ids == ()
