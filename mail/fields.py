"""The header fields of a raw mail, as bytes and without any understanding.

Linear in the size of the header. A header ends at the first empty line; a line that is no field (no colon, not
folded) ends it too, as most mail programs read it. A carriage return alone ends a line only where nothing else does:
elsewhere it would start a field that other programs do not see (reliability: M9). Used where a decision needs the
bytes: fingerprint and trust.
"""

from __future__ import annotations

import re

_LINE = re.compile(rb"([^\n]*)(\n|\Z)")
_NAME = re.compile(rb"[!-9;-~]+[ \t]*:")


def split_mail(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The fields of a mail, each with its name in lower case and its unfolded value, and everything after them."""
    raw = raw if b"\n" in raw else raw.replace(b"\r", b"\n")
    fields: list[tuple[str, bytearray]] = []
    position, end = 0, len(raw)
    while position < end:
        match = _LINE.match(raw, position)
        assert match is not None
        line = match[1].removesuffix(b"\r")
        if not line:
            position = match.end()
            break
        if line[:1] in b" \t" and fields:
            fields[-1][1].extend(b" " + line.strip())
        elif name := _NAME.match(line):
            fields.append((name[0][:-1].strip().decode("ascii").lower(), bytearray(line[name.end() :].strip())))
        else:
            break
        position = match.end()
    return [(name, bytes(value)) for name, value in fields], raw[position:]
