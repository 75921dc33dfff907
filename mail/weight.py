"""Whether a mail is light: read in so little time, however it is made, that the event loop can wait for it.

Policy. What takes time is lines, tags and parts, and the sum of bytes; and to guess a charset, the first time. A mail
of a kilobyte in UTF-8 is light. A somewhat larger one is light if few of its bytes can mean a line, a tag or a part,
and if nothing of it stands in a form where bytes do not show what they mean: base64, or a charset that does not go on
from ASCII. In quoted-printable and in HTML an `=` or `&` may mean anything, so it counts. Everything else is heavy. To
call a light mail heavy costs little: it is read all the same, elsewhere.

Rests on measurement, not on knowledge of the parser: `tests/mail/test_weight.py` (pytest -m slow -s) makes mails of
one thing repeated, for many things, and measures those that are called light. The dearest cost about 100 µs a line.

Known weakness: a charset inside an encoding is not seen, so the first mail whose charset must be guessed may still take
60 ms, once, while the tables for it are loaded.
"""

from __future__ import annotations

import re

LIGHT_BYTES = 1024
MOST_LIGHT_BYTES = 16 * 1024
MOST_SIGNS = 300
# NEL and the line separators of Unicode end a line too.
_SIGNS = (b"\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"<", b"=", b"&")
_CHARSET = b"charset"
# In these a byte below 128 is what it is in ASCII, but for the letters of Japanese, Korean and Chinese.
_PLAIN_CHARSET = re.compile(
    rb"charset *= *[\"']?(?:us-ascii|ascii|utf-8|utf8|iso-8859-|windows-125|koi8-|gb|big5|euc-|iso-2022-)"
)


def is_light(raw: bytes) -> bool:
    """Whether the mail can be read in place. Takes microseconds."""
    if len(raw) > MOST_LIGHT_BYTES or not _is_utf8(raw):
        return False
    if len(raw) <= LIGHT_BYTES:
        return True
    signs = max(raw.count(b"\n"), raw.count(b"\r")) + sum(map(raw.count, _SIGNS))
    return signs <= MOST_SIGNS and _is_plain(raw.lower())


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_plain(lowered: bytes) -> bool:
    """Whether bytes mean what they show."""
    return b"base64" not in lowered and lowered.count(_CHARSET) == len(_PLAIN_CHARSET.findall(lowered))
