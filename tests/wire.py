"""A mail handed over by SMTP byte for byte.

`smtplib` gives a dot to each line that begins with one, also behind a bare CR or LF, where no server may take it away
again (RFC 5321 section 4.5.2): such a mail would arrive changed. Here only a CRLF ends a line.
"""

from __future__ import annotations

import smtplib

_PATIENCE_SECONDS = 60


def as_it_arrives(mail: bytes) -> bytes:
    """What a server must have after it: SMTP has no mail that does not end with CRLF, but the empty one."""
    return mail if not mail or mail.endswith(b"\r\n") else mail + b"\r\n"


def framed(mail: bytes) -> bytes:
    """The mail as it goes over the wire after DATA."""
    return (b"\r\n" + as_it_arrives(mail)).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def hand_over(port: int, mail: bytes, *, sender: str, to: str) -> tuple[int, str]:
    """Hand a mail over; returns the answer to it, or to the first command that was refused."""
    with smtplib.SMTP("127.0.0.1", port, timeout=_PATIENCE_SECONDS) as client:
        client.ehlo("customer.example")
        for command, wanted in ((f"MAIL FROM:<{sender}>", 250), (f"RCPT TO:<{to}>", 250), ("DATA", 354)):
            code, words = client.docmd(command)
            if code != wanted:
                return code, words.decode("utf-8", "replace")
        client.send(framed(mail))
        code, words = client.getreply()
        return code, words.decode("utf-8", "replace")
