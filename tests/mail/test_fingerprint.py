from __future__ import annotations

import tracemalloc

import pytest

from mail.fields import body_start, read_fields
from mail.fingerprint import fingerprint
from tests.builders import a_mail

MAIL = a_mail(text="one\ntwo\n.\nthree")


@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail.replace(b"\r\n", b"\n"),
        lambda mail: mail.replace(b"\r\n", b"\r"),
        lambda mail: mail + b"\r\n\r\n",
        lambda mail: mail.rstrip(),
        lambda mail: b"Received: from a\r\n\tby b;\r\n Mon\r\n" + mail,
        lambda mail: b"return-path: <x@y>\r\nDELIVERED-TO: z\r\nX-Original-To: z\r\n" + mail,
        lambda mail: b"Authentication-Results: x; spf=pass\r\nReceived-SPF: pass\r\nARC-Seal: i=1\r\n" + mail,
        lambda mail: mail.replace(b"MIME-Version", b"Received: late\r\nMIME-Version"),
        lambda mail: b"Status: RO\r\nX-Mozilla-Status: 0001\r\nX-Gmail-Labels: a\r\nContent-Length: 9\r\n" + mail,
    ],
)
def test_the_way_a_mail_came_does_not_make_it_another(change: object) -> None:
    assert fingerprint(change(MAIL)) == fingerprint(MAIL)  # type: ignore[operator]


@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail.replace(b"one", b"ONE"),
        lambda mail: mail.replace(b"<ant@", b"<bee@"),
        lambda mail: mail.replace(b"Maria <", b"Eve <"),
        lambda mail: mail.replace(b"Subject: The", b"Subject: A"),
        lambda mail: b"X-Received-By: x\r\n" + mail,
        lambda mail: mail.replace(b"two\r\n", b"two\r\n\r\n"),
        lambda mail: mail.replace(b"\r\n\r\none", b"\r\n\r\nReceived: x\r\none"),
    ],
)
def test_another_content_is_another_mail(change: object) -> None:
    assert fingerprint(change(MAIL)) != fingerprint(MAIL)  # type: ignore[operator]


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\n\nx", b"x", b"\x00\xff", b" folded first\r\nA: b\r\n\r\nbody", b":\r\n"]
)
def test_anything_has_a_fingerprint(raw: bytes) -> None:
    assert len(fingerprint(raw)) == 64


def split(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    fields = list(read_fields(raw))
    return [(name, value) for name, value, _ in fields], raw[body_start(raw, fields[-1][2] if fields else 0) :]


def test_fields_are_unfolded_and_the_body_is_what_follows() -> None:
    fields, body = split(b"A: one\r\n two\r\nB : three\n\tfour\nC:five\r\n\r\nbody\r\n\r\nend")
    assert fields == [("a", b"one two"), ("b", b"three four"), ("c", b"five")]
    assert body == b"body\r\n\r\nend"


def test_a_lone_carriage_return_starts_no_field() -> None:
    fields, _ = split(b"A: one\rAuthentication-Results: mx; dmarc=pass\r\nB: two\r\n\r\n")
    assert [name for name, _ in fields] == ["a", "b"]
    assert split(b"A: one\rB: two\r\rbody") == ([("a", b"one"), ("b", b"two")], b"body")


def test_a_line_that_is_no_field_begins_the_body() -> None:
    fields, body = split(b"A: b\r\nhello there\r\nC: d\r\n")
    assert fields == [("a", b"b")]
    assert body == b"hello there\r\nC: d\r\n"


@pytest.mark.parametrize("piece", [b"a:\n", b"a:\r\n", b"\r", b"a: b\n\tc\n", b"a: b\n\r\n"])
@pytest.mark.parametrize("place", ["header", "body"])
def test_a_flood_costs_time_and_memory_in_proportion(piece: bytes, place: str) -> None:
    raw = b"A: b\n" + (b"\n" if place == "body" else b"") + piece * (1_000_000 // len(piece))
    tracemalloc.start()
    try:
        fingerprint(raw)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000, "a few slices, not a list of lines"
    finally:
        tracemalloc.stop()


def test_slices_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mail.fields._LONGEST_UNFOLDED", 10)
    mail = a_mail(text="one\ntwo\n\nthree" * 20, x_long="one\r\n two\r\n\tthree")
    whole = fingerprint(mail)
    for size in range(1, 9):
        monkeypatch.setattr("mail.fingerprint._SLICE_BYTES", size)
        assert fingerprint(mail) == fingerprint(mail.replace(b"\r\n", b"\n")) == whole
