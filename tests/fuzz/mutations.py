"""Mails, and what becomes of them when chance lays hands on them.

Every mutation is made from a seed and its number alone, so each can be made again by itself, as long as the mails
that it is made from are the same. Half of them come from the open corpora where they are there; the others were made up
for the tests, so there is always something to mutate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from tests.builders import a_delivery_report, a_mail
from tests.corpora.cases import cases, suites

MADE_UP = Path(__file__).parents[1] / "data"
# Nothing that grows is let grow beyond this.
LARGEST_BYTES = 4 * 1024 * 1024
_MOST_STEPS = 6
# In most mails all that is of interest to a reader stands in the first of it.
_BEGINNING_BYTES = 4096

_NAMES = (
    *(b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"References", b"In-Reply-To", b"Reply-To", b"Sender"),
    *(b"Content-Type", b"Content-Transfer-Encoding", b"Content-Disposition", b"Content-ID", b"MIME-Version"),
    *(b"Auto-Submitted", b"Precedence", b"List-Id", b"Return-Path", b"Received", b"X-Failed-Recipients"),
    *(b"Authentication-Results", b"X-Forwarded-Message-Id", b"Final-Recipient", b"Action", b"Status"),
)
_CHARSETS = (
    *(b"utf-8", b"us-ascii", b"iso-8859-1", b"windows-1252", b"koi8-r", b"gb2312", b"iso-2022-jp", b"utf-7", b"utf-16"),
    *(b"utf-32", b"hz", b"shift_jis", b"big5", b"euc-kr", b"cp037", b"rot13", b"idna", b"unicode_escape", b"\xff", b""),
)
_KINDS = (
    *(b"text/plain", b"text/html", b"multipart/mixed", b"multipart/alternative", b"multipart/related", b"text"),
    *(b"multipart/digest", b"multipart/report; report-type=delivery-status", b"multipart/signed", b"message/rfc822"),
    *(b"message/delivery-status", b"message/partial", b"application/ms-tnef", b"text/calendar", b"image/png", b"/"),
)
_ENCODINGS = (b"base64", b"quoted-printable", b"8bit", b"binary", b"x-uuencode", b"uuencode", b"BASE64 ", b"\0")
_LINE_ENDS = (b"\r\n", b"\n", b"\r", b"\n\r", b"\r\r\n", b"\x0b", b"\x0c", b"\x85", b"\xe2\x80\xa8", b"\0")
_TOKENS = (
    *(
        b"--",
        b"--b",
        b"--b--",
        b"\n--b\n",
        b'; boundary="b"',
        b"; boundary=",
        b"=?",
        b"?=",
        b"=?utf-8?B?",
        b"=?utf-8?Q?",
    ),
    *(
        b"=?utf-8?B?4pyT?=",
        b"=?utf-16?Q?=FF=FE=00?=",
        b"=?x?q?=",
        b"\0",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x1b$B",
    ),
    *(
        b"\x1b(B",
        b"<",
        b">",
        b"<<",
        b'"',
        b"\\",
        b"(",
        b")",
        b"@",
        b";",
        b",",
        b":",
        b"=",
        b"=3D",
        b"=\r\n",
        b"=00",
        b"%00",
    ),
    *(b"<div>", b"</div>", b"<blockquote>", b"<table><tr><td>", b"<!--", b"-->", b"<![CDATA[", b"<style>", b"<script>"),
    *(b"<a href='", b"<p style='display:none'>", b"<div class='gmail_quote'>", b"&#0;", b"&#x110000;", b"&nbsp;", b"&"),
    *(b"\n> ", b"\n>> >", b"\nOn Monday, Ant wrote:\n", b"\n-----Original Message-----\n", b"\n-- \n", b"\n________\n"),
    *(
        b"\nFrom: Ant <ant@customer.example>\nSent: today\nTo: b\nSubject: c\n",
        b"\nbegin 644 a.txt\n",
        b"\nend\n",
        b"\n.\n",
    ),
    *(b"\n---------- Forwarded message ---------\n", b"filename*0*=utf-8''%41;", b"name*=''", b"[#66]", b"[x #1]"),
    *("\u0301".encode(), "\u202e".encode(), "\ud55c".encode(), "\U0001f469\u200d\U0001f680".encode(), b"\xed\xa0\x80"),
    *(
        b"x-unknown-",
        b"multipart/",
        b"message/rfc822",
        b"format=flowed; delsp=yes",
        b"begin-base64 644 a\n",
        b"\x78\x9f\x3e\x22",
    ),
)


def made_up_mails() -> list[bytes]:
    """Mails that are always there."""
    found = [path.read_bytes() for path in sorted(MADE_UP.rglob("*.eml"))]
    return [a_mail(), a_delivery_report(action="failed", status="5.1.1"), *found]


@cache
def real_mails() -> list[bytes]:
    """The mails of the open corpora; none where they are missing."""
    return [case.raw for suite in suites() for case in cases(suite)]


class Mutator:
    """Makes mail number so-and-so of a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._shelves = [shelf for shelf in (made_up_mails(), real_mails()) if shelf]

    def mail(self, number: int) -> bytes:
        """The mail of this number: the same one whenever and wherever it is asked for."""
        chance = Random(f"{self._seed}/{number}")
        data = self._seed_mail(chance)
        for _ in range(chance.randint(1, _MOST_STEPS)):
            step = chance.choice(_STEPS)
            data = self._splice(data, chance) if step is _splice else step(data, chance)
        return data[:LARGEST_BYTES]

    def _seed_mail(self, chance: Random) -> bytes:
        return chance.choice(chance.choice(self._shelves))

    def _splice(self, data: bytes, chance: Random) -> bytes:
        return _splice(data, chance, self._seed_mail(chance))


def _place(data: bytes, chance: Random) -> int:
    """Somewhere in the mail, more often near its beginning."""
    return chance.randint(0, min(len(data), _BEGINNING_BYTES) if chance.random() < 0.5 else len(data))


def _chunk(data: bytes, chance: Random) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + int(2 ** chance.uniform(0, 13)))


def _splice(data: bytes, chance: Random, other: bytes = b"") -> bytes:
    """The beginning of one mail and the end of another."""
    return data[: _place(data, chance)] + other[_place(other, chance) :]


def _flip(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 20) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _garble(data: bytes, chance: Random) -> bytes:
    start, stop = _chunk(data, chance)
    return data[:start] + chance.randbytes(stop - start) + data[stop:]


def _delete(data: bytes, chance: Random) -> bytes:
    start, stop = _chunk(data, chance)
    return data[:start] + data[stop:]


def _duplicate(data: bytes, chance: Random) -> bytes:
    """A piece once more, in another place."""
    start, stop = _chunk(data, chance)
    place = _place(data, chance)
    return data[:place] + data[start:stop] + data[place:]


def _repeat(data: bytes, chance: Random) -> bytes:
    """Something, very often."""
    if chance.random() < 0.5:
        piece = chance.choice(_TOKENS + _LINE_ENDS)
    else:
        start, stop = _chunk(data, chance)
        piece = data[start : min(stop, start + 200)]
    place = _place(data, chance)
    times = min(int(2 ** chance.uniform(1, 16)), 300_000 // max(1, len(piece)))
    return data[:place] + piece * times + data[place:]


def _insert(data: bytes, chance: Random) -> bytes:
    for _ in range(chance.randint(1, 5)):
        place = _place(data, chance)
        data = data[:place] + chance.choice(_TOKENS) + data[place:]
    return data


def _truncate(data: bytes, chance: Random) -> bytes:
    return data[: _place(data, chance)]


def _behead(data: bytes, chance: Random) -> bytes:
    return data[_place(data, chance) :]


def _break_lines(data: bytes, chance: Random) -> bytes:
    """One kind of line end for another, from somewhere on."""
    place = _place(data, chance)
    return data[:place] + data[place:].replace(chance.choice((b"\r\n", b"\n")), chance.choice(_LINE_ENDS))


def _shuffle_header(data: bytes, chance: Random) -> bytes:
    header, blank, body = data.partition(b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n")
    lines = header.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines) + blank + body


def _add_field(data: bytes, chance: Random) -> bytes:
    """A field of some name with some value, at the top of the mail or before some line."""
    values = (
        chance.choice(_KINDS)
        + b"; charset="
        + chance.choice(_CHARSETS)
        + b'; boundary="b"; name="'
        + chance.choice(_TOKENS),
        chance.choice(_ENCODINGS),
        b"=?"
        + chance.choice(_CHARSETS)
        + b"?"
        + chance.choice((b"q", b"B"))
        + b"?"
        + chance.randbytes(20).hex().encode(),
        b'"'
        + chance.choice(_TOKENS)
        + b'" <ant@customer.example>, '
        + chance.choice(_TOKENS) * chance.randint(1, 2000),
        b"attachment; filename*=" + chance.choice(_CHARSETS) + b"''%ff%00" + chance.choice(_TOKENS),
        chance.choice(_TOKENS),
    )
    line = chance.choice(_NAMES) + b": " + chance.choice(values) + b"\r\n"
    place = 0 if chance.random() < 0.7 else data.find(b"\n", _place(data, chance)) + 1
    return data[:place] + line + data[place:]


def _rename(data: bytes, chance: Random) -> bytes:
    """Another charset, kind or encoding wherever one is named."""
    names = chance.choice((_CHARSETS, _KINDS, _ENCODINGS))
    old, new = chance.choice(names), chance.choice(names)
    return data.replace(old, new, chance.randint(1, 5)) if old else data


def _wrap(data: bytes, chance: Random) -> bytes:
    """The whole mail as a part of another one, up to some depth."""
    for level in range(int(2 ** chance.uniform(0, 6))):
        boundary = b"w%d" % level
        kind = chance.choice(_KINDS[2:8])
        data = (
            b"Content-Type: " + kind + b"; boundary=" + boundary + b"\r\n\r\n--" + boundary + b"\r\n" + data + b"\r\n"
        )
        if chance.random() < 0.8:
            data += b"--" + boundary + chance.choice((b"--\r\n", b"\r\n", b""))
        if len(data) > LARGEST_BYTES:
            break
    return data


_STEPS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_splice, _flip, _flip, _garble, _delete, _duplicate, _repeat, _insert, _insert, _insert, _truncate, _behead),
    *(_break_lines, _shuffle_header, _add_field, _add_field, _rename, _rename, _wrap),
)
