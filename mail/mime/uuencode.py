"""Files that were written into a text by uuencode, as mail programs did before MIME and some scripts still do.

Policy. `begin 644 name`, at least one line that can be nothing but encoded bytes (its first sign says how long it is,
and there are no small letters in it), and all such lines after it; an `end` belongs to the block, a missing one is
forgiven. Everything else is text, also a sentence that begins with those words. Linear: each line is looked at once.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

# No two neighbouring repeats match the same sign, or the time would not be linear; blanks behind the name are cut off.
_BEGIN = re.compile(rb"^begin [0-7]{3,4} +([^ \r\n][^\r\n]{0,250})\r?\n", re.MULTILINE)
_LINE = re.compile(rb"([ -`]{0,90})[ \t]*\r?(?:\n|\Z)")
_END = re.compile(rb"(?:[ `]?[ \t]*\r?\n)?end[ \t]*\r?(?:\n|\Z)")
_MOST_TRIES = 10_000


@dataclass(frozen=True, slots=True)
class Block:
    """One file in a text: its name as it stands there, its bytes, and the place of the block."""

    name: bytes
    data: bytes
    start: int
    end: int


def blocks(text: bytes) -> list[Block]:
    """The files in a text, in their order."""
    found: list[Block] = []
    position = 0
    for _ in range(_MOST_TRIES if b"begin " in text else 0):
        begin = _BEGIN.search(text, position)
        if not begin:
            break
        data, end = _read_lines(text, begin.end())
        position = begin.end()
        closed = _END.match(text, end)
        if data or closed:
            position = closed.end() if closed else end
            found.append(Block(begin[1].rstrip(), data, begin.start(), position))
    return found


def without_blocks(text: bytes, found: list[Block]) -> bytes:
    """The text that is left when the files are taken out."""
    starts = [0, *(block.end for block in found)]
    ends = [*(block.start for block in found), len(text)]
    return b"".join(text[start:end] for start, end in zip(starts, ends, strict=True))


def decode(text: bytes) -> bytes:
    """The bytes of a part that is uuencoded as a whole; as it stands where it is not."""
    found = blocks(text)
    return found[0].data if found else _read_lines(text, 0)[0] or text


def _read_lines(text: bytes, position: int) -> tuple[bytes, int]:
    """The decoded bytes of the encoded lines from `position`, and where they end."""
    data = bytearray()
    first = position
    while position < len(text) and (match := _LINE.match(text, position)):
        line = match[1].rstrip(b" ")
        size = (line[0] - 32) & 63 if line else 0
        if not size:
            break
        length = 1 + -(-size // 3) * 4
        # Blanks at the end get lost on the way, and some programs add a checksum or fill the last line up; but the
        # first line, which decides whether this is a file at all, must be as long as it says.
        shortest = length - 3 if position == first else 1
        if not shortest <= len(line) <= length + 3:
            break
        try:
            data += binascii.a2b_uu(line[:length])
        except binascii.Error:
            break
        position = match.end()
    return bytes(data), position
