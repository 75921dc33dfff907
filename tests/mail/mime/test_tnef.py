"""Microsoft's container is unpacked: its files stand in its place, its text serves where the mail has no other."""

from __future__ import annotations

import base64
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.mime import rtf
from mail.mime.tnef import is_tnef, unpack
from mail.parse import attachment_bytes, parse_message


def attribute(number: int, value: bytes, *, level: int = 2, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<BHHI", level, number, 6, size) + value + struct.pack("<H", sum(value) & 0xFFFF)


def padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % 4)


def string(number: int, text: str) -> bytes:
    value = (text + "\0").encode("utf-16-le")
    return struct.pack("<HHII", 0x1F, number, 1, len(value)) + padded(value)


def binary(number: int, value: bytes) -> bytes:
    return struct.pack("<HHII", 0x0102, number, 1, len(value)) + padded(value)


def named(text: str) -> bytes:
    """A property with a name of its own, as Outlook puts many before the ones that matter."""
    word = "Keywords\0".encode("utf-16-le")
    value = text.encode("cp1252") + b"\0"
    head = struct.pack("<HH", 0x1E, 0x8005) + b"\7" * 16 + struct.pack("<II", 1, len(word)) + padded(word)
    return head + struct.pack("<II", 1, len(value)) + padded(value)


def properties(*items: bytes) -> bytes:
    return struct.pack("<I", len(items)) + b"".join(items)


def container(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def attached(title: bytes, data: bytes, *items: bytes) -> bytes:
    return (
        attribute(0x9002, b"\0" * 14)
        + attribute(0x8010, title + b"\0")
        + attribute(0x800F, data)
        + attribute(0x9005, properties(*items))
    )


def mail(data: bytes, text: str = "", kind: str = "application/ms-tnef", name: str = "winmail.dat") -> bytes:
    plain = f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n" if text else ""
    encoded = base64.encodebytes(data).decode()
    return (
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"{plain}--b\r\nContent-Type: {kind}; name={name}\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--"
    ).encode()


FILES = container(
    attribute(0x9007, struct.pack("<II", 1251, 0), level=1),
    attribute(0x800C, b"Words of the container\0", level=1),
    attached(
        b"REPORT~1.PDF", b"%PDF one", named("x"), string(0x3704, "REPORT~1.PDF"), string(0x3707, "Report für März.pdf")
    ),
    attached("счёт.txt".encode("cp1251"), b"two"),
)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/ms-tnef", "winmail.dat"),
        ("application/octet-stream", "ATT0001.dat"),
        ("application/x-any", "WinMail.dat"),
    ],
)
def test_files_stand_in_the_place_of_the_container(kind: str, name: str) -> None:
    raw = mail(FILES, "Two files for you.", kind, name)
    message = parse_message(raw)
    assert message.text == "Two files for you."
    assert [info.name for info in message.attachments] == ["Report für März.pdf", "счёт.txt"]
    assert [attachment_bytes(raw, info.position) for info in message.attachments] == [b"%PDF one", b"two"]
    assert message.attachments[0].content_type == "application/pdf"


def test_the_text_inside_serves_where_there_is_no_other() -> None:
    assert parse_message(mail(FILES)).text == "Words of the container"


def test_html_and_compressed_rich_text_are_read() -> None:
    html = container(attribute(0x9003, properties(binary(0x1013, b"<p>Hello <b>desk</b></p>")), level=1))
    assert parse_message(mail(html)).text == "Hello desk"
    source = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Gr\'fc\'dfe\par von \u1040?nna\par}"
    packed = struct.pack("<II", len(source) + 12, len(source)) + b"LZFu" + b"\0" * 4 + literal(source)
    rich = container(attribute(0x9003, properties(binary(0x1009, packed)), level=1))
    assert parse_message(mail(rich)).text == "Grüße\nvon Аnna"


def literal(source: bytes) -> bytes:
    """The compressed form without any compression: eight signs behind each zero."""
    return b"".join(b"\0" + source[start : start + 8] for start in range(0, len(source), 8))


def test_compression_refers_to_what_was_written_before() -> None:
    # The window begins with 207 bytes: `{\rtf1\ansi` is a reference to its first eleven.
    packed = struct.pack("<II", 100, 15) + b"LZFu" + b"\0" * 4 + b"\x01" + struct.pack(">H", 0 << 4 | 9) + b"abcd"
    assert rtf.decompressed(packed) == rb"{\rtf1\ansiabcd"
    assert rtf.decompressed(struct.pack("<II", 5, 3) + b"MELA" + b"\0" * 4 + b"raw") == b"raw"
    assert rtf.decompressed(b"something else altogether") == b""


def test_html_that_was_wrapped_in_rich_text_comes_out_again() -> None:
    source = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 One\htmlrtf\par}\htmlrtf0"
        rb"{\*\htmltag72 </p>}{\*\htmltag64 <p>}two\'e9{\*\htmltag72 </p>}}"
    )
    assert rtf.read_rtf(source) == ("", "<p>One</p><p>twoé</p>")


@pytest.mark.parametrize(
    "data", [b"", b"no container", container(), container(attribute(0x8004, b"Subject\0", level=1))]
)
def test_where_nothing_can_be_unpacked_the_container_stays(data: bytes) -> None:
    raw = mail(data, "words")
    message = parse_message(raw)
    assert [info.name for info in message.attachments] == ["winmail.dat"]
    assert attachment_bytes(raw, message.attachments[0].position) == data


def test_a_cut_container_gives_what_was_read() -> None:
    assert [file.name for file in unpack(FILES[:-20]).files] == ["Report für März.pdf", "счёт.txt"]
    assert [file.data for file in unpack(FILES[: len(FILES) // 2]).files] == [b"%PDF one"]


@pytest.mark.parametrize(
    "data",
    [
        container(attribute(0x9003, b"\xff" * 8, level=1)),
        container(attribute(0x9003, struct.pack("<IHHI", 0xFFFFFFFF, 0x1F, 0x3707, 0xFFFFFFFF), level=1)),
        container(attribute(0x800F, b"x", length=0xFFFFFFFF)),
        container(*[attribute(0x9002, b"")] * 200_000),
        container(attribute(0x9003, properties(*[string(0x1000, "x")] * 100_000), level=1)),
        container(
            attribute(
                0x9003,
                properties(
                    binary(
                        0x1009,
                        struct.pack("<II", 9, 0xFFFFFFFF) + b"LZFu" + b"\0" * 4 + b"\xff" + b"\x00\x0f" * 500_000,
                    )
                ),
                level=1,
            )
        ),
        container(
            attribute(
                0x9003, properties(binary(0x1009, struct.pack("<II", 9, 9) + b"MELA" + b"\0" * 4 + b"{" * 500_000))
            )
        ),
    ],
)
def test_bombs_in_a_container_are_small(data: bytes) -> None:
    started = time.process_time()
    parse_message(mail(data))
    assert time.process_time() - started < 5


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_container_raises(junk: bytes, place: int, sign: int) -> None:
    broken = bytearray(FILES)
    broken[place % len(broken)] = sign
    for data in (bytes(broken), container(junk), container(attribute(0x9003, junk), attribute(0x9005, junk))):
        assert is_tnef(data) or data[:4] != container()[:4]
        unpack(data)
    rtf.decompressed(b"\0" * 8 + b"LZFu" + junk)
    rtf.read_rtf(b"{\\rtf1" + junk)
