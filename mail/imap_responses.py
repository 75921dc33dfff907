"""What an IMAP server's answers say, as far as the desk needs it. Pure, and linear in what it reads.

A response is a list: its lines, and between them the literals that they announce. Only flat facts are looked for, by
their names, so no nesting is followed. Folder names go over the wire in modified UTF-7 (RFC 3501 section 5.1.3).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import date

Response = list[bytes]

_FETCH = re.compile(rb"\* \d{1,10} FETCH \(", re.IGNORECASE)
_UID = re.compile(rb"\bUID (\d{1,10})\b", re.IGNORECASE)
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,19})\b", re.IGNORECASE)
_FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)", re.IGNORECASE)
_BODY = re.compile(rb"\bBODY\[[^\]]{0,64}\](?:<\d{1,19}>)? ?", re.IGNORECASE)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_CODE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]", re.IGNORECASE)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_PLAIN = re.compile(r"[ -%'-~]+")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A mail as a folder lists it; the flags in lower case, without what the server says of its size where nothing."""

    uid: int
    size_bytes: int
    flags: frozenset[str]


def read_codes(responses: list[Response], tagged: list[bytes]) -> dict[str, int]:
    """UIDVALIDITY and UIDNEXT, as far as the server says them."""
    lines = [response[0] for response in responses] + tagged
    return {found[1].decode("ascii").upper(): int(found[2]) for line in lines for found in _CODE.finditer(line)}


def read_search(responses: list[Response]) -> list[int]:
    """The numbers that a search found, in order."""
    found: set[int] = set()
    for response in responses:
        words = response[0].split()
        if [word.upper() for word in words[:2]] == [b"*", b"SEARCH"]:
            found.update(int(word) for word in words[2:] if word.isdigit() and len(word) <= 10)
    return sorted(found)


def read_listing(responses: list[Response]) -> dict[int, Listed]:
    """The mails of a listing by their numbers; what the server says unasked of others has no size and is left out."""
    listed: dict[int, Listed] = {}
    for response in responses:
        line = b" ".join(response[::2])
        uid, size, flags = _UID.search(line), _SIZE.search(line), _FLAGS.search(line)
        if _FETCH.match(line) and uid and size:
            words = flags[1].decode("ascii", "replace").lower().split() if flags else []
            listed[int(uid[1])] = Listed(uid=int(uid[1]), size_bytes=int(size[1]), flags=frozenset(words))
    return listed


def read_uid(responses: list[Response]) -> int | None:
    """The number of the one mail that was asked for."""
    for response in responses:
        if _FETCH.match(response[0]) and (uid := _UID.search(response[0])):
            return int(uid[1])
    return None


def read_body(responses: list[Response], uid: int) -> bytes | None:
    """The piece of a mail that was asked for; empty behind its end, None where the server has not given it."""
    for response in responses:
        if not _FETCH.match(response[0]):
            continue
        for number, line in enumerate(response[::2]):
            if not (body := _BODY.search(line)):
                continue
            # What stands around the body; the mail's own words may look like a number of a mail.
            around = b" ".join([*response[: 2 * number : 2], line[: body.start()], *response[2 * number + 2 :: 2]])
            rest = line[body.end() :]
            piece: bytes | None = None
            if quoted := _QUOTED.match(rest):
                piece = _ESCAPED.sub(rb"\1", quoted[1])
                around += rest[quoted.end() :]
            elif rest.upper().startswith(b"NIL"):
                piece = b""
                around += rest
            elif rest.startswith(b"{") and 2 * number + 1 < len(response):
                piece = response[2 * number + 1]
            found = _UID.search(around)
            if piece is not None and found and int(found[1]) == uid:
                return piece
    return None


def mailbox_name(name: str) -> str:
    """A folder's name as it goes over the wire, quoted."""
    encoded, position = "", 0
    while position < len(name):
        if plain := _PLAIN.match(name, position):
            encoded += plain[0]
            position = plain.end()
        elif name[position] == "&":
            encoded += "&-"
            position += 1
        else:
            end = position
            while end < len(name) and not " " <= name[end] <= "~":
                end += 1
            packed = b64encode(name[position:end].encode("utf-16-be", "surrogatepass")).decode("ascii")
            encoded += f"&{packed.rstrip('=').replace('/', ',')}-"
            position = end
    escaped = encoded.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def imap_day(day: date) -> str:
    """A day as a search has it, in English whatever the machine speaks."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04}"
