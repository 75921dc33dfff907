"""What makes two arrivals one mail (contract 4.2).

The fingerprint is a SHA-256 over the whole content but what transport adds on the way (trace fields, authentication
results, line ends, empty lines at the end) and what a mailbox file writes into a mail that lies in it. The envelope is
not part of it. So the same mail by SMTP, by a mailbox, by a pipe and from an archive is one; the same Message-ID with
other content is another mail, and nobody can swallow a mail by sending its Message-ID first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from mail.fields import body_start, read_fields

_TRACE = {
    "received",
    "x-received",
    "return-path",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "delivery-date",
    "authentication-results",
    "received-spf",
    "arc-authentication-results",
    "arc-message-signature",
    "arc-seal",
}
# The marks of mbox programs: read or not, tags, lengths. They change while the mail lies there.
_MARKS = {
    "status",
    "x-status",
    "x-keywords",
    "x-uid",
    "x-imap",
    "x-imapbase",
    "x-mozilla-status",
    "x-mozilla-status2",
    "x-mozilla-keys",
    "x-gm-thrid",
    "x-gmail-labels",
    "content-length",
    "lines",
}
_SLICE_BYTES = 1 << 20
_MOST_FIELDS = 10_000


def fingerprint(raw: bytes) -> str:
    """The mail's fingerprint, 64 hexadecimal digits. Linear in the mail's size, and without a second copy of it."""
    digest = hashlib.sha256()
    position = 0
    for number, (name, value, next_line) in enumerate(read_fields(raw)):
        if number == _MOST_FIELDS:
            # Nobody's mail has so many; what follows counts as it stands.
            digest.update(b"\0")
            break
        position = next_line
        if name not in _TRACE and name not in _MARKS:
            digest.update(name.encode("ascii") + b":")
            for piece in _slices(value, 0, len(value)):
                digest.update(piece.replace(b"\r\n", b"\n"))
            digest.update(b"\n")
    digest.update(b"\n")
    for piece in _plain_pieces(raw, body_start(raw, position)):
        digest.update(piece)
    return digest.hexdigest()


def _plain_pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """The body in pieces, each line ended by a line feed, without empty lines at the end."""
    for piece in _slices(raw, start, len(raw.rstrip(b"\r\n"))):
        yield piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _slices(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The bytes in slices that cut no line end in two: in short steps, so that other threads get their turn."""
    while start < end:
        stop = min(end, start + _SLICE_BYTES)
        if data[stop - 1 : stop] == b"\r" and data[stop : stop + 1] == b"\n":
            stop += 1
        yield data[start:stop]
        start = stop
