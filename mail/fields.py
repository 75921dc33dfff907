"""The header fields of a raw mail, as bytes and without any understanding.

One pass, one field in memory at a time, whatever is sent: a header may be as long as the mail. A header ends at the
first empty line; a line that is no field (no colon, not folded) ends it too, as most mail programs read it. A
carriage return alone ends a line only where nothing else does: elsewhere it would start a field that other programs
do not see (reliability: M9). Used where a decision needs the bytes: fingerprint and trust.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_BLANKS = re.compile(rb"\s*")
_ENDS = {end: re.compile(end + rb"(?![ \t])") for end in (b"\n", b"\r")}
# A longer value is none that anybody reads; it stays as it stands.
_LONGEST_UNFOLDED = 1 << 16
_FOLDED = re.compile(rb"\r?\n[ \t]+")


def read_fields(raw: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Each field: its name in lower case, its unfolded value, and where the next line begins."""
    line_end = b"\n" if b"\n" in raw.rstrip(b"\r\n") else b"\r"
    end_of_field = _ENDS[line_end]
    position, length = 0, len(raw)
    while position < length:
        name = _FIELD.match(raw, position)
        if not name:
            return
        last_line = end_of_field.search(raw, name.end())
        end = last_line.start() if last_line else length
        # Cut before it is copied: a value may be as long as the mail.
        value = raw[_BLANKS.match(raw, name.end(), end).end() : end]  # type: ignore[union-attr]
        if line_end in value and len(value) <= _LONGEST_UNFOLDED:
            value = _FOLDED.sub(b" ", value if line_end == b"\n" else value.replace(b"\r", b"\n"))
        yield name[1].decode("ascii").lower(), value.strip(), min(length, end + 1)
        position = end + 1


def body_start(raw: bytes, position: int) -> int:
    """Where the body begins, `position` being the end of the last field: behind the empty line, if there is one."""
    for empty in (b"\r\n", b"\n", b"\r"):
        if raw.startswith(empty, position):
            return position + len(empty)
    return position
