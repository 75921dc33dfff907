"""Attachments are named, tied to the page that shows them, counted, and found again at any depth."""

from __future__ import annotations

import base64
import binascii

import pytest

from mail.mime.attachments import (
    MOST_ATTACHMENTS,
    TOO_MANY,
    attachment_bytes,
    enclosed_attachments,
    inner_position,
)
from mail.parse import parse_message


def multipart(kind: str, *parts: str, boundary: str = "b") -> str:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n{body}--{boundary}--\r\n"


def names(source: str) -> list[str]:
    return [info.name for info in parse_message(source.encode("utf-8", "surrogateescape")).attachments]


PLAIN = "Content-Type: text/plain\r\n\r\nplain words of the mail"
PICTURE = "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("application/pdf", "application-1.pdf"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application-1.docx"),
        ("image/jpeg", "image-1.jpg"),
        ("audio/ogg", "audio-1.ogg"),
        ("application/octet-stream", "application-1.bin"),
        ("application/x-made-up", "application-1.madeup"),
        ("application/pgp-signature", "signature.asc"),
        ("application/pkcs7-signature", "smime.p7s"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "smime.p7m"),
        ("text/calendar; method=REQUEST", "invite.ics"),
        ("text/x-vcard", "contact.vcf"),
        ("text/csv", "text-1.csv"),
        ("text/x-amp-html", "text-1.html"),
        ("message/delivery-status", "delivery-status.txt"),
        ("message/rfc822", "message-1.eml"),
    ],
)
def test_part_without_a_name_is_named_by_its_type(head: str, name: str) -> None:
    assert names(multipart("mixed", PLAIN, f"Content-Type: {head}\r\n\r\nx")) == [name]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("CON", "CON_"),
        ("con.txt", "con_.txt"),
        ("Lpt1 .doc", "Lpt1_ .doc"),
        ("console.txt", "console.txt"),
        ("../a.txt", "a.txt"),
        ("a.txt...", "a.txt"),
        ("=?utf-8?q?a=E2=80=AEgpj=2Eexe?=", "a gpj.exe"),
        ("=?utf-8?q?a=00=0D=0Ab?=.txt", "a b.txt"),
        ("Angebot (2).pdf", "Angebot (2).pdf"),
        ("\udcc3\udca9t\udcc3\udca9.txt", "été.txt"),
        ("%D0%BF%D0%BB%D0%B0%D0%BD.txt", "план.txt"),
        ("100%25.txt", "100%25.txt"),
    ],
)
def test_names_are_readable_and_harmless(given: str, shown: str) -> None:
    part = f'Content-Type: application/x-any\r\nContent-Disposition: attachment; filename="{given}"\r\n\r\nx'
    assert names(multipart("mixed", PLAIN, part)) == [shown]


def test_same_names_and_empty_files_stay() -> None:
    empty = "Content-Type: application/x-any; name=a.bin\r\n\r\n"
    message = parse_message(multipart("mixed", PLAIN, empty, empty).encode())
    assert [(info.name, info.size_bytes) for info in message.attachments] == [("a.bin", 0), ("a.bin", 0)]


def test_enclosed_mail_is_named_by_its_subject_however_encoded() -> None:
    inner = "Subject: Re: Printer =?utf-8?q?3/4_caf=C3=A9?=\r\nFrom: a@x.example\r\n\r\ninside"
    coded = base64.encodebytes(inner.encode()).decode()
    raw = multipart(
        "mixed",
        PLAIN,
        f"Content-Type: message/rfc822\r\n\r\n{inner}",
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{coded}",
        "Content-Type: message/rfc822\r\n\r\nSubject:\r\n\r\nnothing",
    )
    assert names(raw) == ["Re: Printer 3-4 café.eml"] * 2 + ["message-3.eml"]
    assert attachment_bytes(raw.encode(), 2) == inner.encode()


def test_digest_is_a_list_of_mails_and_has_no_text() -> None:
    message = parse_message(multipart("digest", "\r\nSubject: One\r\n\r\na", "\r\nSubject: Two\r\n\r\nb").encode())
    assert message.text == ""
    assert [info.name for info in message.attachments] == ["One.eml", "Two.eml"]


def test_attachments_of_an_enclosed_mail_are_found_from_outside() -> None:
    lines = binascii.b2a_uu(b"inner file").decode()
    text = f"Content-Type: text/plain\r\n\r\nSee:\nbegin 644 notes.txt\n{lines}`\nend\n"
    deepest = "Subject: Deep\r\n" + multipart("mixed", PLAIN, PICTURE.replace("png", "gif"), boundary="d")
    inner = "Subject: Inside\r\n" + multipart(
        "mixed", text, PICTURE, f"Content-Type: message/rfc822\r\n\r\n{deepest}", boundary="c"
    )
    raw = multipart("mixed", PLAIN, f"Content-Type: message/rfc822\r\n\r\n{inner}").encode()
    assert names(raw.decode()) == ["Inside.eml"]
    found = enclosed_attachments(raw, 1)
    assert [info.name for info in found] == ["notes.txt", "image-1.png", "Deep.eml"]
    for info, alone in zip(found, parse_message(inner.encode()).attachments, strict=True):
        assert info.position == inner_position(1, alone.position)
        assert attachment_bytes(raw, info.position) == attachment_bytes(inner.encode(), alone.position)
    picture = inner_position(1, inner_position(2, 1))
    assert attachment_bytes(raw, picture) == b"\x89PNG\r\n\x1a\n"
    assert enclosed_attachments(raw, 0) == ()
    for wrong in (-1, 2, inner_position(1, 3), inner_position(0, 0), 2**31, 10**30):
        with pytest.raises(LookupError):
            attachment_bytes(raw, wrong)


def test_attached_file_that_is_a_mail_by_its_name_can_be_opened() -> None:
    inner = "Subject: In\r\n" + multipart("mixed", PLAIN, PICTURE, boundary="c")
    part = f"Content-Type: application/octet-stream; name=Case.EML\r\n\r\n{inner}"
    raw = multipart("mixed", PLAIN, part).encode()
    assert [info.name for info in enclosed_attachments(raw, 1)] == ["image-1.png"]


@pytest.mark.parametrize(
    ("page", "head", "inline"),
    [
        ('<p>Look: <img src="cid:pic@x"></p>', "Content-Disposition: attachment; filename=a.png", True),
        ('<p>Look: <img src="CID:pic%40x"></p>', "X-Any: x", True),
        ("<p>Look at pic@x</p>", "Content-Disposition: attachment; filename=a.png", False),
        ("<p>Look</p>", "Content-Disposition: inline", True),
    ],
)
def test_picture_that_the_page_shows_is_inline(page: str, head: str, inline: bool) -> None:
    raw = multipart("mixed", f"Content-Type: text/html\r\n\r\n{page}", f"Content-ID: <pic@x>\r\n{head}\r\n{PICTURE}")
    assert parse_message(raw.encode()).attachments[0].inline is inline


def test_too_many_attachments_are_cut_and_said() -> None:
    message = parse_message(multipart("mixed", PLAIN, *[PICTURE] * (MOST_ATTACHMENTS + 1)).encode())
    assert len(message.attachments) == MOST_ATTACHMENTS
    assert message.remarks == (TOO_MANY,)
    assert parse_message(multipart("mixed", PLAIN, *[PICTURE] * MOST_ATTACHMENTS).encode()).remarks == ()


def der(tag: int, *content: bytes) -> bytes:
    value = b"".join(content)
    size = len(value).to_bytes(3, "big")
    return bytes((tag, 0x83)) + size + value


def endless(tag: int, *content: bytes) -> bytes:
    return bytes((tag, 0x80)) + b"".join(content) + b"\0\0"


SIGNED, DATA, ENVELOPED = (bytes.fromhex(f"06092a864886f70d0107{last}") for last in ("02", "01", "03"))


@pytest.mark.parametrize("built", [False, True])
def test_mail_inside_an_opaque_signature_is_read(built: bool) -> None:
    inner = multipart("mixed", PLAIN, PICTURE, boundary="c").encode()
    if built:
        pieces = [der(0x04, inner[:50]), der(0x04, inner[50:])]
        content = endless(0x30, DATA, endless(0xA0, endless(0x24, *pieces)))
        structure = endless(0x30, SIGNED, endless(0xA0, endless(0x30, b"\x02\x01\x01", endless(0x31), content)))
    else:
        content = der(0x30, DATA, der(0xA0, der(0x04, inner)))
        structure = der(0x30, SIGNED, der(0xA0, der(0x30, b"\x02\x01\x01", der(0x31), content, der(0xA0, b"x"))))
    encoded = base64.encodebytes(structure).decode()
    raw = (
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}"
    ).encode()
    message = parse_message(raw)
    assert message.text == "plain words of the mail"
    assert [info.name for info in message.attachments] == ["smime.p7m", "image-1.png"]
    assert attachment_bytes(raw, message.attachments[1].position) == b"\x89PNG\r\n\x1a\n"
    renamed = raw.replace(b"application/pkcs7-mime; smime-type=signed-data", b"application/octet-stream")
    assert parse_message(renamed).text == "plain words of the mail"
    for cut in range(0, len(structure), 7):
        parse_message(raw.split(b"\r\n\r\n", maxsplit=1)[0] + b"\r\n\r\n" + base64.encodebytes(structure[:cut]))


def test_encrypted_mail_stays_what_it_is() -> None:
    structure = base64.encodebytes(der(0x30, ENVELOPED, der(0xA0, der(0x30, b"\x02\x01\x00")))).decode()
    raw = f"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n{structure}"
    assert names(raw) == ["smime.p7m"]
    pgp = multipart(
        "encrypted",
        "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1",
        "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----",
    )
    assert names(pgp) == ["pgp-version.txt", "encrypted.asc"]
    signed = multipart("signed", PLAIN, "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----")
    assert names(signed) == ["signature.asc"]
    assert parse_message(signed.encode()).text == "plain words of the mail"
