"""Files that uuencode wrote into a text become attachments; a sentence that begins like one stays a sentence."""

from __future__ import annotations

import binascii
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.mime.uuencode import blocks, decode, without_blocks
from mail.parse import attachment_bytes, parse_message


def encoded(data: bytes, name: str = "a.bin", line_end: bytes = b"\n", *, end: bool = True) -> bytes:
    lines = [f"begin 644 {name}\n".encode()]
    lines += [binascii.b2a_uu(data[start : start + 45], backtick=True) for start in range(0, len(data), 45)]
    return b"".join(lines + ([b"`\nend\n"] if end else [])).replace(b"\n", line_end)


DATA = bytes(range(256)) * 3


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_file_is_taken_out_of_the_text(line_end: bytes, end: bool) -> None:
    text = b"Before." + line_end + encoded(DATA, "my plan.pdf", line_end, end=end)
    raw = b"Subject: x\r\n\r\n" + text + (b"After." if end else b"")
    message = parse_message(raw)
    assert message.text == ("Before.\nAfter." if end else "Before.")
    assert [(info.name, info.content_type) for info in message.attachments] == [("my plan.pdf", "application/pdf")]
    assert attachment_bytes(raw, message.attachments[0].position) == DATA


def test_two_files_keep_their_order_and_get_positions_behind_the_parts() -> None:
    raw = b"\r\nText\n" + encoded(b"one", "1.txt") + b"\nmore\n" + encoded(b"two", "2.txt")
    infos = parse_message(raw).attachments
    assert [(info.name, attachment_bytes(raw, info.position)) for info in infos] == [
        ("1.txt", b"one"),
        ("2.txt", b"two"),
    ]
    assert [info.position for info in infos] == [1000, 2000]
    with pytest.raises(LookupError):
        attachment_bytes(raw, 3000)


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 lines of code and you will see\nwhat I mean",
        b"begin 644 x\n\nnothing here",
        b"begin 6 a\nABC",
        b"> begin 644 a.bin\n> #86)C\n> `\n> end",
        b"begin 644 a.bin\nSHORT\nend",
    ],
)
def test_words_that_look_like_a_beginning_stay_text(text: bytes) -> None:
    message = parse_message(b"Subject: x\r\n\r\n" + text)
    assert message.text == text.decode()
    assert not message.attachments


def test_lines_that_lost_their_blanks_or_have_a_checksum_are_read() -> None:
    whole = binascii.b2a_uu(b"abc") + binascii.b2a_uu(b"d\0\0").rstrip() + b"\n" + binascii.b2a_uu(b"ef ")[:-1] + b"x\n"
    assert blocks(b"begin 600 a\n" + whole.upper() + b"end\n")[0].data.startswith(b"abcd\0\0")


def test_part_that_is_uuencoded_as_a_whole_is_decoded() -> None:
    for label in ("x-uuencode", "uuencode", "X-UUE"):
        raw = (
            f"Content-Type: application/x-any; name=a\r\nContent-Transfer-Encoding: {label}\r\n\r\n".encode()
            + encoded(DATA)
        )
        assert attachment_bytes(raw, parse_message(raw).attachments[0].position) == DATA
    assert decode(binascii.b2a_uu(b"abc")) == b"abc"
    assert decode(b"not encoded at all") == b"not encoded at all"


@pytest.mark.parametrize("piece", [b"begin 644 a\n", b"begin 644 a\n#86)C\n", b"end\n`\n", b"begin ", b" \n", b"M\n"])
def test_floods_are_read_in_time(piece: bytes) -> None:
    started = time.process_time()
    text = piece * (5_000_000 // len(piece))
    without_blocks(text, blocks(text))
    assert time.process_time() - started < 5


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_what_was_encoded_comes_back(data: bytes, around: bytes) -> None:
    found = blocks(b"x\n" + encoded(data) + b"y\n")
    assert [block.data for block in found] == [data]
    decode(around)
    blocks(b"begin 644 a\n" + around)
