"""Bytes and a declared charset become text; nothing raises and nothing but text codecs is used."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.charsets import codec_names, decode


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("Grüße aus Köln", "utf-8", "utf-8"),
        ("Grüße aus Köln", "utf-8", '"UTF-8"'),
        ("Grüße aus Köln", "utf-8", "utf8mb4"),
        ("“quoted” – 5 €", "cp1252", "iso-8859-1"),
        ("“quoted” – 5 €", "cp1252", "latin1"),
        ("Türkçe – ş", "cp1254", "iso-8859-9"),
        ("Привет", "cp1251", "windows-1251"),
        ("Привет", "cp1251", "WIN1251"),
        ("Привет", "koi8-r", "koi8r"),
        ("Їжак", "koi8-u", "KOI8-U"),
        ("鎔基 朱", "gb18030", "gb2312"),
        ("똠방각하", "cp949", "ks_c_5601-1987"),
        ("똠방각하", "cp949", "euc-kr"),
        ("①こんにちは", "cp932", "shift_jis"),
        ("こんにちは", "iso2022_jp", "ISO-2022-JP"),
        ("碁銹裏", "cp950", "big5"),
        ("žluťoučký", "iso8859_2", "ISO_8859-2:1987"),
        ("mañana", "mac_roman", "macintosh"),
        ("Hi Mom ☺", "utf-7", "utf-7"),
        ("Grüße", "utf-16", "utf-16"),
    ],
)
def test_declared_charset_is_read_as_programs_mean_it(text: str, encoding: str, declared: str) -> None:
    assert decode(text.encode(encoding), declared) == text


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("Grüße aus Köln", "utf-8", None),
        ("Grüße aus Köln", "utf-8", "us-ascii"),
        ("Grüße aus Köln", "utf-8", "x-unknown"),
        ("Grüße aus Köln", "utf-8", "utf-16"),
        ("Grüße aus Köln", "cp1252", "utf-8"),
        ("Добрый день! Не печатает принтер в бухгалтерии.", "cp1251", None),
        ("Добрый день! Не печатает принтер в бухгалтерии.", "koi8-r", "us-ascii"),
        ("café au lait", "cp1252", None),
        ("Schöne Grüße", "cp1252", None),
        ("你好，打印机坏了，请帮忙看一下。", "gb18030", "unknown-8bit"),
        ("Grüße", "utf-8-sig", "us-ascii"),
    ],
)
def test_undeclared_and_wrongly_declared_text_is_recognised(text: str, encoding: str, declared: str | None) -> None:
    assert decode(text.encode(encoding), declared) == text


@pytest.mark.parametrize("piece", [b"\xff", b"a\xff", b"\xe0", b"\x80\x80a", b"\x1b$B", b"~{", b"+", b"\0"])
@pytest.mark.parametrize("declared", [None, "utf-7", "hz", "iso-2022-jp", "utf-16"])
def test_junk_is_decoded_in_time(piece: bytes, declared: str | None) -> None:
    started = time.process_time()
    decode(piece * (500_000 // len(piece)), declared)
    assert time.process_time() - started < 5


def test_a_torn_character_does_not_make_the_declaration_wrong() -> None:
    assert decode("Грамота ".encode() * 50 + b"\xd0", "utf-8") == "Грамота " * 50 + "\ufffd"


@pytest.mark.parametrize(
    "name",
    [
        "rot13",
        "rot_13",
        "hex",
        "base64",
        "zlib",
        "bz2",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "utf-8\0",
        "../utf_8",
        "x" * 500,
        "",
        "encodings.utf_8",
        "charmap",
        "uu",
    ],
)
def test_what_is_no_text_charset_is_never_a_codec(name: str) -> None:
    assert codec_names(name) in {(), ("utf_8",)}
    assert decode(b"plain", name) == "plain"


@settings(max_examples=50)
@given(
    st.binary(max_size=300), st.text(max_size=20) | st.sampled_from(["utf-7", "hz", "utf-16", "gb2312", "iso-2022-jp"])
)
def test_decoding_never_raises(data: bytes, declared: str) -> None:
    assert isinstance(decode(data, declared), str)
