"""Rich text (RTF) as plain text or as the HTML that it was made from, and the compressed form that Outlook sends.

Enough to read what somebody wrote: paragraphs, tabs, code pages, Unicode. Tables, pictures and fields are left out.
One pass over at most 1 MiB, groups are counted and not recursed into. The compressed form (MS-OXRTFCP) gives at most
1 MiB, whatever it says of itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mail.mime import charsets

LONGEST_RTF = 1_048_576
_DEEPEST = 1000
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
# The window of the compression begins with these words (MS-OXRTFCP 2.1.3.1.4); a constant of the format.
_WINDOW_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4096
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?[0-9]{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_SIGNS = {
    b"par": "\n",
    b"line": "\n",
    b"row": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"tab": "\t",
    b"cell": "\t",
    b"emdash": "—",
    b"endash": "–",
    b"bullet": "•",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
}
_LEFT_OUT = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr footerl footerr footnote listtable "
    b"listoverridetable rsidtbl generator xmlnstbl themedata datastore fldinst".split()
)


class _Group(NamedTuple):
    """What holds inside a group: whether its words are left out, and how many bytes stand behind a Unicode sign."""

    hidden: bool
    skipped: int


def decompressed(data: bytes) -> bytes:
    """The RTF of Outlook's compressed form; empty where it is none."""
    if data[8:12] == _PLAIN:
        return data[16 : 16 + LONGEST_RTF]
    if data[8:12] != _COMPRESSED:
        return b""
    size = min(LONGEST_RTF, int.from_bytes(data[4:8], "little"))
    window = bytearray(_WINDOW_START) + bytearray(_WINDOW - len(_WINDOW_START))
    write, position = len(_WINDOW_START), 16
    result = bytearray()
    while position < len(data) and len(result) < size:
        flags = data[position]
        position += 1
        for bit in range(8):
            if position >= len(data) or len(result) >= size:
                break
            if not flags >> bit & 1:
                piece = data[position : position + 1]
                position += 1
            else:
                pair = int.from_bytes(data[position : position + 2], "big")
                position += 2
                read, length = pair >> 4, (pair & 15) + 2
                if read == write:
                    return bytes(result[:size])
                # The source may run into what is being written, so it is copied sign by sign.
                piece = b""
                for number in range(length):
                    sign = window[(read + number) % _WINDOW]
                    window[(write + number) % _WINDOW] = sign
                    piece += bytes((sign,))
            for number, sign in enumerate(piece):
                window[(write + number) % _WINDOW] = sign
            write = (write + len(piece)) % _WINDOW
            result += piece
    return bytes(result[:size])


def read_rtf(data: bytes) -> tuple[str, str]:
    """The text and the HTML of an RTF document: the one or the other is empty."""
    data = data[:LONGEST_RTF]
    from_html = b"\\fromhtml" in data[:1024]
    page = re.search(rb"\\ansicpg([0-9]{3,5})", data[:1024])
    charset = f"cp{page[1].decode()}" if page else "cp1252"
    groups = [_Group(hidden=False, skipped=1)]
    pieces: list[str] = []
    raw = bytearray()
    skip, is_first, starred = 0, False, False

    def flush() -> None:
        if raw:
            pieces.append(charsets.decode(bytes(raw), charset))
            raw.clear()

    for word, number, code, symbol, brace, words in (match.groups() for match in _TOKEN.finditer(data)):
        group = groups[-1]
        if brace == b"{" and len(groups) < _DEEPEST:
            groups.append(group)
            is_first, starred = True, False
            continue
        if brace == b"}":
            if len(groups) > 1:
                groups.pop()
            continue
        if symbol == b"*" and is_first:
            starred = True
            continue
        if word is not None:
            if is_first and word == b"htmltag" and from_html:
                groups[-1] = group._replace(hidden=False)
            elif is_first and (starred or word in _LEFT_OUT):
                groups[-1] = group._replace(hidden=True)
            elif word == b"htmlrtf" and from_html:
                groups[-1] = group._replace(hidden=number != b"0")
            elif word == b"uc" and number:
                groups[-1] = group._replace(skipped=max(0, min(10, int(number))))
            elif word == b"u" and number and not group.hidden:
                flush()
                sign = int(number) % 65_536
                pieces.append(chr(sign))
                skip = group.skipped
            elif word in _SIGNS and not group.hidden:
                flush()
                pieces.append(_SIGNS[word])
            is_first = False
            continue
        is_first = False
        if group.hidden:
            continue
        data_piece = bytes.fromhex(code.decode()) if code else words or b""
        if symbol:
            data_piece = {b"~": b" ", b"_": b"-", b"-": b"", b"\n": b"\n", b"\r": b"\n"}.get(symbol, symbol)
        if skip and data_piece:
            used = min(skip, len(data_piece))
            data_piece, skip = data_piece[used:], skip - used
        raw += data_piece
    flush()
    text = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return ("", text) if from_html else (text, "")
