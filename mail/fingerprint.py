"""What makes two arrivals one mail (contract 4.2).

The fingerprint is a SHA-256 over the whole content but what transport adds on the way: trace fields, authentication
results, line ends, empty lines at the end. The envelope is not part of it. So the same mail by SMTP, by a mailbox
and by a pipe is one; the same Message-ID with other content is another mail, and nobody can swallow a mail by sending
its Message-ID first.
"""

from __future__ import annotations

import hashlib
import re

from mail.fields import split_mail

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
_LINE_END = re.compile(rb"\r\n?")


def fingerprint(raw: bytes) -> str:
    """The mail's fingerprint, 64 hexadecimal digits."""
    fields, body = split_mail(raw)
    digest = hashlib.sha256()
    for name, value in fields:
        if name not in _TRACE:
            digest.update(name.encode("ascii") + b":" + value + b"\n")
    digest.update(b"\n" + _LINE_END.sub(b"\n", body).rstrip(b"\n"))
    return digest.hexdigest()
