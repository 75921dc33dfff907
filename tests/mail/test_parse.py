"""A mail's bytes become a message; whatever the bytes, something is made of them, and attachments are found again."""

from __future__ import annotations

import base64
import hashlib
import time
import tracemalloc
from dataclasses import astuple
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import InboundMessage
from mail.parse import LONGEST_TEXT, MOST_ATTACHMENTS, Unreadable, attachment_bytes, parse_message

PNG = b"\x89PNG\r\n\x1a\n\0\xff picture"


def mail(*lines: str) -> bytes:
    """A mail of these lines; a lone surrogate stands for a raw byte."""
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def multipart(kind: str, *parts: str, boundary: str = "b") -> bytes:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    head = f"Subject: Parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary={boundary}\r\n\r\n"
    return f"{head}{body}--{boundary}--\r\n".encode()


PLAIN = "Content-Type: text/plain\r\n\r\nplain words of the mail"
RICH = "Content-Type: text/html\r\n\r\n<p>plain words <b>of</b> the mail</p>"
PICTURE = "Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
CALENDAR = "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR"


def test_simple_mail_is_understood() -> None:
    message = parse_message(
        mail(
            "Received: from somewhere",
            "From: =?utf-8?q?Ann_L=C3=A9e?= <Ann@Example.COM>",
            "To: Support <support@desk.example>, other@desk.example",
            "Cc: bee@x.example",
            "Delivered-To: support+r1@desk.example",
            "Subject: =?utf-8?b?0J/RgNC40L3RgtC10YA=?=\r\n =?utf-8?b?INGB0LvQvtC80LDQvQ==?=",
            "Message-ID: <ant@x.example>",
            "In-Reply-To: <bee@desk.example>",
            "References: <ant@desk.example>",
            " <bee@desk.example>",
            "",
            "It is broken.",
            "",
            "On Mon, Mar 3, 2025 at 12:34 PM Support <support@desk.example> wrote:",
            "> How is it?",
        )
    )
    assert message.sender.name == "Ann Lée"
    assert message.sender.address == "Ann@example.com"
    assert message.from_text == "Ann Lée <Ann@Example.COM>"
    assert message.subject == "Принтер сломан"
    assert message.message_id == "ant@x.example"
    assert message.in_reply_to == ("bee@desk.example",)
    assert message.references == ("ant@desk.example", "bee@desk.example")
    assert message.recipients == (
        "support@desk.example",
        "other@desk.example",
        "bee@x.example",
        "support+r1@desk.example",
    )
    assert message.visible == "It is broken."
    assert message.quoted.endswith("> How is it?")
    assert message.text.startswith("It is broken.\n\nOn Mon")
    assert not message.automatic
    assert not message.attachments


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Subject: x\n\nLF only\n", "LF only"),
        (b"Subject: x\r\rCR only\r", "CR only"),
        (b"Subject: x\r\n\r\nmixed\nends\rhere", "mixed\nends\nhere"),
        (b"\r\n\r\nSubject: x\r\n\r\nleading lines", "leading lines"),
        (b"From ann@x.example Mon Mar  3 12:34:00 2025\nSubject: x\n\nmbox", "mbox"),
        (b"no header at all", "no header at all"),
        (b"Subject: x\r\nno blank line", "no blank line"),
        (b"Subject: x\r\n\r\nnul\0and bell\x07", "nuland bell"),
        (b"Subject: x\r\n\r\ncaf\xc3\xa9", "café"),
        (b"Subject: x\r\n\r\ncaf\xe9 au lait", "café au lait"),
        (b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xd2\xc9", "При"),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\ncaf\xc3\xa9", "café"),
        (b"Content-Type: text/plain; charset=\r\n\r\ntext", "text"),
        (b"Content-Type: text\r\n\r\ntext", "text"),
        (b"Content-Type: text/plain; name*\r\n\r\ntext", "text"),
        (b"Content-Type: ;;;\r\n\r\ntext", "text"),
        (b"Content-Type: multipart/mixed\r\n\r\ntext", "text"),
        (b'Content-Type: multipart/mixed; boundary=""\r\n\r\ntext', "text"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\ntext without boundary", "text without boundary"),
        (b"Content-Type: multipart/mixed\r\n\r\n--q\r\nContent-Type: text/plain\r\n\r\ntext\r\n--q--", "text"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever closed", "never closed"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\ntext\r\n--b--\r\nepilogue", "text"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\ntext --b\r\n--bc\r\n--b--", "text --b\n--bc"),
        (b"Content-Transfer-Encoding: base64\r\n\r\ndGV4\r\ndA==\r\n", "text"),
        (b"Content-Transfer-Encoding: BASE64 (x)\r\n\r\ndGV!4dA", "text"),
        (b"Content-Transfer-Encoding: base64\r\n\r\ndA==dA==", "tt"),
        (b"Content-Transfer-Encoding: base64\r\n\r\ndGV4dA==\r\n____\r\nlist footer.", "text"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\nte=78t =C3=A9=\r\n=ZZ", "text é=ZZ"),
        (b"Content-Transfer-Encoding: x-unknown\r\n\r\ntext", "text"),
        (b"Content-Type: text/html\r\n\r\n<p>Hi <a href='https://x.example'>you</a></p>", "Hi you <https://x.example>"),
        (b"Content-Type: text/html\r\n\r\n<meta charset=koi8-r>\xf0\xd2\xc9", "При"),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\ne\xcc\x81", "é"),
        (b"\0\0\0", ""),
    ],
)
def test_text_is_found_in_odd_mails(raw: bytes, text: str) -> None:
    assert parse_message(raw).text == text


@pytest.mark.parametrize("raw", [b"", b"\r\n", b" \t\r\n\n"])
def test_nothing_at_all_is_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_message(raw)


def test_part_ends_where_the_part_around_it_ends() -> None:
    inner = "Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\n\r\ninner words"
    message = parse_message(multipart("mixed", inner, PICTURE))
    assert message.text == "inner words"
    assert [info.name for info in message.attachments] == ["a.png"]


def test_carriage_return_inside_a_header_starts_no_field() -> None:
    message = parse_message(b"Subject: a\rFrom: boss@corp.example\r\nFrom: ann@x.example\r\n\r\ntext")
    assert message.sender.address == "ann@x.example"
    assert message.subject == "a From: boss@corp.example"


@pytest.mark.parametrize(
    "head",
    ["From: boss@corp.example\r\nFrom: ann@x.example", "From: boss@corp.example\r\nFROM : ann@x.example"],
)
def test_second_from_field_however_written_makes_the_sender_unknown(head: str) -> None:
    message = parse_message(f"{head}\r\n\r\ntext".encode())
    assert message.sender.address == ""
    assert message.from_text == "boss@corp.example, ann@x.example"


@pytest.mark.parametrize(
    "head",
    [
        "From: boss@corp.example\r\nFrom: ann@x.example",
        "From: ann@x.example\r\nFrom: boss@corp.example",
        "From: boss@corp.example\r\nfrom : boss@corp.example",
        "From\t: boss@corp.example\r\nFROM: ann@x.example",
        "From: boss@corp.example,\r\n ann@x.example",
        "From: boss@corp.example\0",
        "From: boss@corp.example\x0b",
        "From: boss@corp.example\rX-Any: x",
        "From: Boss <boss@corp.example>\rFrom: ann@x.example",
        "From: =?utf-8?q?boss=40corp.example?=",
        "From: boss@c\udcd0\udcberp.example",
        "Sender: boss@corp.example",
        "Resent-From: boss@corp.example",
        "Reply-To: boss@corp.example",
        "Return-Path: <boss@corp.example>",
        "X-From: boss@corp.example",
        "From boss@corp.example Mon Mar  3 12:34:00 2025",
        "From:",
    ],
)
def test_mail_with_a_doubtful_sender_is_kept_and_says_so(head: str) -> None:
    message = parse_message(f"{head}\r\nSubject: x\r\n\r\ntext".encode("utf-8", "surrogateescape"))
    assert message.sender.address == ""
    assert message.text == "text"
    has_from = head.lower().startswith(("from:", "from :", "from\t:")) and bool(head[5:].strip())
    assert message.remarks == (("the sender cannot be named without doubt",) if has_from else ())


@pytest.mark.parametrize(
    "head",
    [
        "Sender: boss@corp.example\r\nFrom: ann@x.example",
        "From: ann@x.example\r\nResent-From: boss@corp.example\r\nReply-To: boss@corp.example",
        "From: ann@x.example\r\n From: boss@corp.example <x@x.example>\r\nX-A: b",
        "Subject: a\rFrom: boss@corp.example\r\nFrom: ann@x.example",
        "Subject: a\x0bFrom: boss@corp.example\r\nFrom: ann@x.example",
        "X: y\r\n\tFrom: boss@corp.example\r\nFrom: ann@x.example",
    ],
)
def test_no_other_field_makes_a_sender(head: str) -> None:
    message = parse_message(f"{head}\r\n\r\ntext".encode())
    assert message.sender.address in {"", "ann@x.example"}


def test_missing_message_id_is_none() -> None:
    assert parse_message(b"Subject: x\r\n\r\nx").message_id is None


BROKEN = "its MIME structure is broken"
HEAD = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
FILE = "Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF"


@pytest.mark.parametrize(
    ("body", "text", "names"),
    [
        # The same boundary on two levels: the part behind the inner end is a part too.
        (
            f"--b\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n{PLAIN}\r\n--b\r\n{RICH}\r\n"
            f"--b--\r\n\r\n--b\r\n{FILE}\r\n--b--",
            "plain words of the mail",
            ["a.pdf"],
        ),
        (f"--b\r\n{PLAIN}\r\n--b--\r\n--b\r\n{FILE}\r\n--b--", "plain words of the mail", ["a.pdf"]),
        (f"--b\r\n{PLAIN}\r\n--b\r\n{FILE}", "plain words of the mail", ["a.pdf"]),
        ("only words, no part", "only words, no part", []),
        ("words before\r\n--b--\r\nwords after", "words before\r\n--b--\r\nwords after", []),
        (f"--b\r\nContent-Type: text/html\r\n{PLAIN}\r\n--b--", "plain words of the mail", []),
    ],
)
def test_broken_structure_hides_nothing_and_is_said(body: str, text: str, names: list[str]) -> None:
    message = parse_message((HEAD + body).encode())
    assert message.text == text.replace("\r\n", "\n")
    assert [info.name for info in message.attachments] == names
    assert message.remarks == (BROKEN,)


def test_words_around_the_parts_are_shown_where_no_part_has_any() -> None:
    parts = f"--b\r\n{FILE}\r\n--b--\r\n"
    assert parse_message(f"{HEAD}Please print this.\r\n{parts}Thank you.".encode()).text == (
        "Please print this.\n\nThank you."
    )
    assert parse_message(f"{HEAD}This is a multi-part message in MIME format.\r\n{parts}".encode()).text == ""
    assert parse_message(f"{HEAD}Not shown.\r\n--b\r\n{PLAIN}\r\n--b--".encode()).text == "plain words of the mail"


INVITATION = (
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nDTSTART:16010101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
    'SUMMARY;LANGUAGE=en:Printer\\, second\r\n  look\r\nDTSTART;TZID="Europe/Berlin":20260302T093000\r\n'
    "DTEND:20260302T083000Z\r\nLOCATION:Floor 2\r\nORGANIZER;CN=Ann:mailto:ann@x.example\r\n"
    "DESCRIPTION:Bring\\npaper.\r\nBEGIN:VALARM\r\nDESCRIPTION:ring\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR"
)


def test_invitation_alone_is_readable_and_attached() -> None:
    message = parse_message(f"Content-Type: text/calendar; charset=utf-8\r\n\r\n{INVITATION}".encode())
    assert message.text == (
        "Printer, second look\nFrom: 2026-03-02 09:30 (Europe/Berlin)\nTo: 2026-03-02 08:30 UTC\nWhere: Floor 2\n"
        "Organiser: ann@x.example\n\nBring\npaper."
    )
    assert [info.name for info in message.attachments] == ["invite.ics"]
    assert parse_message(f"Content-Type: text/calendar\r\n\r\n{INVITATION[:20]}".encode()).text == ""


@pytest.mark.parametrize(
    ("kind", "source", "text"),
    [
        ("text/rtf", r"{\rtf1\ansi{\info{\author X}}One\par two\tab\'e9\emdash{\b bold}}", "One\ntwo\té—bold"),
        ("text/enriched", "<bold>One</bold>\r\nline\r\n\r\nnext <<x>", "One line\nnext <x>"),
        ("text/richtext", "<bold>One</bold><nl>two", "One\ntwo"),
    ],
)
def test_rich_text_alone_is_readable_and_attached(kind: str, source: str, text: str) -> None:
    message = parse_message(f"Content-Type: {kind}\r\n\r\n{source}".encode())
    assert message.text == text
    assert len(message.attachments) == 1


def test_text_that_is_cut_and_header_that_is_too_long_are_said() -> None:
    assert parse_message(b"\r\n" + b"word \n" * LONGEST_TEXT).remarks == ("text cut at 1 MiB",)
    long = "header too long: the rest of it is in the raw mail only"
    assert parse_message(b"A: b\r\n" * 2000 + b"\r\nx").remarks == (long,)
    assert parse_message(b"A: " + b"b" * 300_000 + b"\r\nB: c\r\n\r\nx").remarks == (long,)
    deep = "nested deeper than 50: what is inside is not taken apart"
    assert parse_message(nested(60, b"mixed", b"x")).remarks == (BROKEN, deep)
    assert "more than 1,000 parts: the rest is in the raw mail only" in parse_message(BOMBS["parts"]).remarks


def test_subject_is_one_line_whatever_it_encodes() -> None:
    subject = parse_message(b"Subject: =?utf-8?q?a=0D=0ABcc:_b=E2=80=AE?=\r\n\r\nx").subject
    assert subject == "a Bcc: b"


@pytest.mark.parametrize(
    ("raw", "text", "names"),
    [
        (multipart("alternative", PLAIN, RICH), "plain words of the mail", []),
        (multipart("alternative", RICH, PLAIN), "plain words of the mail", []),
        (multipart("alternative", "\r\n ", RICH), "plain words of the mail", []),
        (multipart("mixed", PLAIN, RICH), "plain words of the mail", []),
        (multipart("alternative", PLAIN, RICH, CALENDAR), "plain words of the mail", ["invite.ics"]),
        (multipart("mixed", PLAIN, PICTURE, "\r\nsecond text"), "plain words of the mail\n\nsecond text", ["a.png"]),
        (multipart("related", RICH, PICTURE), "plain words of the mail", ["a.png"]),
        (
            multipart("mixed", PLAIN, "Content-Type: text/plain; name=notes.txt\r\n\r\nx"),
            "plain words of the mail",
            ["notes.txt"],
        ),
        (
            multipart("mixed", PLAIN, "Content-Disposition: attachment\r\n\r\nx"),
            "plain words of the mail",
            ["text-1.txt"],
        ),
        (multipart("mixed", PLAIN, "Content-Type: text/csv\r\n\r\na,b"), "plain words of the mail", ["text-1.csv"]),
        (multipart("mixed", "Content-Type: text/plain; name=body.txt\r\n\r\nonly text"), "only text", []),
        (multipart("mixed", PICTURE), "", ["a.png"]),
        (multipart("digest", "\r\nSubject: a\r\n\r\nb"), "", ["a.eml"]),
        (mail("Content-Type: application/pdf", "", "%PDF"), "", ["application-0.pdf"]),
        (mail("Content-Type: message/rfc822", "", "Subject: in", "", "inside"), "", ["in.eml"]),
    ],
)
def test_text_is_chosen_and_the_rest_attached(raw: bytes, text: str, names: list[str]) -> None:
    message = parse_message(raw)
    assert message.text == text
    assert [info.name for info in message.attachments] == names


def test_note_beside_html_is_no_true_alternative() -> None:
    note = "\r\nYour program cannot show this."
    page = "Content-Type: text/html\r\n\r\n<p>Dear desk, the printer on floor two is broken again</p>"
    assert "printer on floor two" in parse_message(multipart("alternative", note, page)).text


def test_quote_marked_in_html_is_kept_aside() -> None:
    page = (
        'Hello<div class="gmail_quote">On 3 Mar 2025 Bob wrote:<blockquote class="gmail_quote">old</blockquote></div>'
    )
    message = parse_message(mail("Content-Type: text/html", "", page))
    assert message.visible == "Hello"
    assert "old" in message.quoted
    assert "old" in message.text


def test_mail_that_is_forwarded_by_its_subject_stays_whole() -> None:
    block = (
        "From: Bob <bob@x.example>\r\nSent: Monday, March 2, 2026 9:12 AM\r\nTo: Ann\r\nSubject: Bill\r\n\r\nPay me."
    )
    kept = parse_message(f"Subject: Fwd: [#66] Bill\r\n\r\nSee below.\r\n\r\n{block}".encode())
    cut = parse_message(f"Subject: Re: Fwd: Bill\r\n\r\nSee below.\r\n\r\n{block}".encode())
    assert "Pay me." in kept.visible
    assert cut.visible == "See below."


def test_enclosed_mail_is_one_attachment_and_its_text_stays_inside() -> None:
    enclosed = "Subject: in\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninside\r\n--c--"
    raw = multipart("mixed", PLAIN, f"Content-Type: message/rfc822\r\n\r\n{enclosed}", PICTURE)
    message = parse_message(raw)
    assert message.text == "plain words of the mail"
    assert [info.content_type for info in message.attachments] == ["message/rfc822", "image/png"]
    assert attachment_bytes(raw, message.attachments[0].position) == enclosed.encode()


@pytest.mark.parametrize(
    ("head", "kind", "inline"),
    [
        ("Content-Disposition: inline\r\nContent-ID: <pic@x>", "mixed", True),
        ("Content-Disposition: inline", "mixed", False),
        ("Content-ID: <pic@x>", "mixed", False),
        ("Content-ID: <pic@x>", "related", True),
        ("Content-Disposition: attachment", "related", False),
    ],
)
def test_inline_pictures_are_told_from_attached_ones(head: str, kind: str, inline: bool) -> None:
    info = parse_message(multipart(kind, RICH, f"{head}\r\n{PICTURE}")).attachments[0]
    assert info.inline is inline
    assert info.content_id == ("pic@x" if "pic@x" in head else "")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("Content-Disposition: attachment; filename=a.txt", "a.txt"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        (r'Content-Disposition: attachment; filename="C:\temp\a.txt"', "a.txt"),
        ("Content-Disposition: attachment; filename*=utf-8''..%2F%00a%0D%0A.txt", "a .txt"),
        ("Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEfdp.exe", "a fdp.exe"),
        ("Content-Disposition: attachment; filename*0=long; filename*1=er.txt", "longer.txt"),
        ('Content-Disposition: attachment; filename="=?utf-8?b?w6kudHh0?="', "é.txt"),
        ("Content-Disposition: attachment; filename=caf\udce9 au lait.txt", "café au lait.txt"),
        ("Content-Disposition: attachment; filename=.htaccess", "htaccess"),
        ("Content-Disposition: attachment; filename=..", "application-0.pdf"),
        ("Content-Disposition: attachment; filename=" + "a" * 500 + ".docx", "a" * 195 + ".docx"),
        ("Content-Disposition: attachment", "application-0.pdf"),
    ],
)
def test_attachment_names_are_safe_to_show(head: str, name: str) -> None:
    assert parse_message(mail("Content-Type: application/pdf", head, "", "x")).attachments[0].name == name


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("image/PNG", "image/png"),
        ("image/png/x", "application/octet-stream"),
        ("image/<svg>", "application/octet-stream"),
        ("a" * 300 + "/b", "application/octet-stream"),
    ],
)
def test_content_types_are_clean(kind: str, stored: str) -> None:
    head = "Content-Disposition: attachment; filename=a"
    assert parse_message(mail(f"Content-Type: {kind}", head, "", "x")).attachments[0].content_type == stored


def test_attachment_bytes_are_exact() -> None:
    built = EmailMessage()
    built["Subject"] = "Files"
    built.set_content("text")
    built.add_attachment(PNG, maintype="image", subtype="png", filename="a.png")
    built.add_attachment("été\n", subtype="csv", filename="b.csv")
    raw = built.as_bytes()
    infos = parse_message(raw).attachments
    assert [(info.name, info.size_bytes) for info in infos] == [("a.png", len(PNG)), ("b.csv", 6)]
    assert attachment_bytes(raw, infos[0].position) == PNG
    assert infos[0].sha256 == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize("position", [-1, 1, 10**9])
def test_part_that_is_not_there_is_a_lookup_error(position: int) -> None:
    with pytest.raises(LookupError):
        attachment_bytes(b"Subject: x\r\n\r\ntext", position)


def test_long_text_is_cut_with_a_note() -> None:
    message = parse_message(b"Subject: x\r\n\r\n" + b"word \n" * LONGEST_TEXT)
    assert len(message.text.encode()) <= LONGEST_TEXT
    assert message.text.endswith("\n[The text was cut here; the whole mail is kept.]")
    assert len(message.visible.encode()) <= LONGEST_TEXT


def test_counts_are_capped() -> None:
    message = parse_message(multipart("mixed", PLAIN, *[PICTURE] * 2000))
    assert len(message.attachments) == MOST_ATTACHMENTS
    many = parse_message(b"To: " + b"a@x.example, " * 50 + b"\r\n" + b"Cc: bee@x.example\r\n" * 900 + b"\r\nx")
    assert many.recipients == ("a@x.example", "bee@x.example")
    assert many.remarks == ("more than 100 addresses: the rest is in the raw mail only",)


def nested(depth: int, kind: bytes, inner: bytes) -> bytes:
    heads = (
        b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, number, number) for number in range(depth)
    )
    return b"".join(heads) + b"\r\n" + inner


MANY = 400_000
BOMBS = {
    "multiparts in multiparts": nested(5000, b"mixed", b"x"),
    "many lines deep down": nested(49, b"mixed", b"ab\r\n" * MANY),
    "dashes deep down": nested(49, b"mixed", b"\r\n--b" * MANY),
    "mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * MANY,
    "fields": b"a: b\r\n" * MANY + b"\r\nx",
    "folded lines": b"Subject: a\r\n" + b" a\r\n" * MANY + b"\r\nx",
    "one field": b"Subject: " + b"a" * 10 * MANY + b"\r\n\r\nx",
    "semicolons": b"Content-Type: " + b";" * MANY + b"\r\n\r\nx",
    "comments": b"To: " + b"(" * MANY + b"\r\n\r\nx",
    "addresses": b"To: " + b"a@b.c, " * MANY + b"\r\n\r\nx",
    "encoded words": b"Subject: " + b"=?utf-8?b?YQ==?= " * 100_000 + b"\r\n\r\nx",
    "parameters": b"Content-Type: a/b" + b"".join(b"; a*%d=b" % number for number in range(50_000)) + b"\r\n\r\nx",
    "references": b"References: " + b"<a@b> " * MANY + b"\r\n\r\nx",
    "padding": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=" * MANY,
    "quoted-printable": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\n" * MANY,
    "quotes": b"Subject: x\r\n\r\n" + b"> \n" * MANY,
    "accents": b"Content-Type: text/plain; charset=utf-8\r\n\r\na" + "\u0301\u0323".encode() * (MANY // 4),
    "pages": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + (b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>a " * 2000 + b"\r\n") * 40,
    "alternatives": nested(49, b"alternative", b"") + b"Content-Type: text/html\r\n\r\n" + b"<p>a b" * 30_000,
    "noise": bytes(range(256)) * 10_000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.slow
def test_bombs_are_read_in_time(name: str) -> None:
    started = time.process_time()
    message = parse_message(BOMBS[name])
    assert time.process_time() - started < 10
    assert len(message.attachments) <= MOST_ATTACHMENTS


def test_largest_mail_is_read_fast_and_is_not_copied_often() -> None:
    encoded = base64.encodebytes(bytes(range(256)) * 75_000).replace(b"\n", b"\r\n")
    raw = multipart(
        "mixed", PLAIN, "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).replace(b"base64\r\n\r\n", b"base64\r\n\r\n" + encoded)
    started = time.process_time()
    message = parse_message(raw)
    assert time.process_time() - started < 3
    assert message.attachments[0].size_bytes == 256 * 75_000
    tracemalloc.start()
    try:
        parse_message(raw)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(raw)
    finally:
        tracemalloc.stop()


_HEADS = st.sampled_from(
    [
        b"From: Ann <ann@x.example>",
        b"From: <[",
        b"Message-ID: <[",
        b"Subject: =?utf-8?b?w6k?= \xff",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/alternative; boundary=b",
        b"Content-Type: multipart/report; boundary=b",
        b"Content-Type: text/html; charset=idna",
        b"Content-Type: text/plain; charset=utf-16",
        b"Content-Type: message/rfc822",
        b"Content-Type: message/delivery-status",
        b"Content-Type: text/plain; name*",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Disposition: inline; filename*0*=x''%ff",
        b"Content-ID: <x>",
        b"Content-Type: application/ms-tnef",
        b"Content-Type: application/pkcs7-mime",
        b"Content-Type: text/calendar",
        b"Content-Type: text/rtf",
        b"Content-Type: text/plain; format=flowed; delsp=yes",
        b"Content-Transfer-Encoding: x-uuencode",
        b"begin 644 a.txt",
        b"#86)C",
        b"end",
        b"BEGIN:VEVENT",
        b"{\\rtf1 a\\par\\'e9",
        b"\x78\x9f\x3e\x22\0\0",
        b"0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80",
        b"Return-Path: <>",
        b"",
        b"--b",
        b"--b--",
        b"> quoted",
        b"<p>text</p>",
        b"dGV4dA==",
    ]
)


def check(raw: bytes) -> InboundMessage | None:
    try:
        message = parse_message(raw)
    except Unreadable:
        return None
    for info in message.attachments:
        data = attachment_bytes(raw, info.position)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (info.size_bytes, info.sha256)
    # Every text fits into a database and into JSON.
    repr(astuple(message)).encode("utf-8")
    assert "\0" not in message.text + message.subject + message.sender.name
    return message


@given(st.lists(_HEADS | st.binary(max_size=30), max_size=25), st.sampled_from([b"\r\n", b"\n", b"\r"]))
@example([b"Message-ID: <[", b"To: " + b"(" * 1000, b"Content-Type: text/plain; charset=\0", b"", b"x"], b"\r\n")
def test_no_mail_raises_and_every_attachment_is_found_again(lines: list[bytes], line_end: bytes) -> None:
    check(line_end.join(lines))


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    check(raw)


@given(st.binary(max_size=200), st.sampled_from(["base64", "8bit"]))
def test_attached_bytes_come_back(data: bytes, encoding: str) -> None:
    content = base64.encodebytes(data) if encoding == "base64" else data
    head = f"Content-Type: application/x-any\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    raw = b"Content-Type: multipart/mixed; boundary=here\r\n\r\n--here\r\n" + head + content + b"\r\n--here--\r\n"
    if b"--here" not in data:
        message = parse_message(raw)
        assert attachment_bytes(raw, message.attachments[0].position) == data


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(b"X: y\r\n" * 1001, id="behind the last field that is read"),
        pytest.param(b"X: " + b"y" * 300_000 + b"\r\n", id="behind the end of what is read"),
        pytest.param(b"X" * 201 + b": y\r\n", id="behind a name that is too long"),
        pytest.param(b": x\r\n", id="behind a field without a name"),
        pytest.param(b"X\0: y\r\n", id="behind a NUL in a name"),
        pytest.param("Fröm: y\r\n".encode(), id="behind a name that is not ASCII"),
        pytest.param(b"junk\r\n", id="behind a line that is no field"),
    ],
)
def test_a_second_from_that_we_do_not_read_makes_the_sender_unknown(between: bytes) -> None:
    message = parse_message(
        b"From: boss@corp.example\r\n" + between + b"From: evil@x.example\r\nSubject: Re: help\r\n\r\nI am evil\r\n"
    )
    assert message.sender.address == ""
    assert "the sender cannot be named without doubt" in message.remarks


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("From: <{}x", id="angle"),
        pytest.param("From: a@b.example{}(", id="comment"),
        pytest.param('From: "{}', id="quote"),
        pytest.param("From: {}<a@b.example>{}(x)", id="around an address"),
        pytest.param("Content-Type: text{}/{}x", id="type"),
        pytest.param("Content-Type: text/plain;{}charset{}={}", id="parameter"),
        pytest.param("Content-Disposition: attachment{};{}filename{}*0*{}=", id="name"),
        pytest.param("Subject: =?utf-8?q?{}", id="word"),
        pytest.param("Message-ID: <{}", id="id"),
        pytest.param("Auto-Submitted: {}(", id="token"),
        pytest.param("X: y\r\n\r\nbegin 644{}\rx", id="uuencode"),
        pytest.param("X: y\r\n\r\n--{}\r\r\n", id="boundary"),
        pytest.param("X: y\r\n\r\nOn{}wrote:{}", id="introduction"),
        pytest.param("X: y\r\n\r\nFrom:{}\r\n{}To:{}", id="block"),
        pytest.param("X: y\r\n\r\n--{}\r\n{}Ann", id="signature"),
    ],
)
@pytest.mark.parametrize("blank", [" ", "\t", "\xa0", "\r"], ids=["blank", "tab", "hard blank", "return"])
def test_blanks_without_end_cost_nothing(head: str, blank: str) -> None:
    raw = head.replace("{}", blank * 14_000).encode() + b"\r\n\r\nhello"
    started = time.process_time()
    parse_message(raw)
    assert time.process_time() - started < 0.5


def test_a_part_beside_the_parts_is_listed_and_said() -> None:
    hidden = "Content-Type: application/x-msdownload; name=evil.exe\n\nMZ"
    for body in (f"{hidden}\n--A\n\ntext\n--A--\n", f"--A\n\ntext\n--A--\n--B\n{hidden}\n--B--\n"):
        raw = f"From: a@x.example\nContent-Type: multipart/mixed; boundary=A; boundary=B\n\n{body}".encode()
        message = parse_message(raw)
        assert message.text == "text"
        assert "its MIME structure is broken" in message.remarks
        assert any(b"MZ" in attachment_bytes(raw, part.position) for part in message.attachments)


def test_returns_alone_end_lines_where_nothing_else_does() -> None:
    # SMTP itself puts a line feed behind the last one.
    message = parse_message(b"From: a@x.example\rSubject: old\r\rone\rtwo\r\n")
    assert (message.sender.address, message.subject, message.text) == ("a@x.example", "old", "one\ntwo")
