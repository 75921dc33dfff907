"""The content of a mail as it comes in after DATA: bytes in, the mail and what follows it out. Pure.

Only CRLF.CRLF ends a mail (or a dot and CRLF at its very start). The one dot that a line was given for transport
(RFC 5321 section 4.5.2) is taken away; everything else stays as it is: bare CR, bare LF, NUL, 8-bit bytes, lines of
any length. Nothing is looked at line by line, so the work is the same for one endless line and for short ones.
Memory is bounded by the limit and one chunk: what is too large is counted and thrown away.
"""

from __future__ import annotations

_END = b"\r\n.\r\n"


class MailContent:
    """Collects one mail of at most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._kept: bytearray | None = bytearray()
        # The line end before the first line is the one of the DATA command: it makes the first line like any other
        # and is not part of the mail.
        self._held = b"\r\n"
        self._foreign_bytes = len(self._held)

    @property
    def is_too_large(self) -> bool:
        return self.size_bytes > self._limit_bytes

    @property
    def kept_bytes(self) -> int:
        """How much memory the mail takes up."""
        return len(self._kept) if self._kept is not None else 0

    def feed(self, chunk: bytes) -> bytes | None:
        """Take the next bytes. Returns what came behind the end of the mail once it has come, None before."""
        data = self._held + chunk
        end = data.find(_END)
        if end >= 0:
            self._held = b""
            self._keep(data[: end + 2])
            return data[end + len(_END) :]
        # What may be the beginning of the end waits for the next chunk, and with it every dot that may have to go.
        held_bytes = next((size for size in (4, 3, 2, 1) if data.endswith(_END[:size])), 0)
        cut = len(data) - held_bytes
        self._held = data[cut:]
        self._keep(data[:cut])
        return None

    def discard(self) -> None:
        """Throw away what was kept and keep nothing more; the end is still found and the size still counted."""
        self._kept = None

    def mail(self) -> bytes | None:
        """The mail, or None where it was thrown away."""
        return None if self._kept is None else bytes(self._kept)

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        plain = data.replace(b"\r\n.", b"\r\n")[self._foreign_bytes :]
        self._foreign_bytes = 0
        self.size_bytes += len(plain)
        if self.is_too_large:
            self.discard()
        elif self._kept is not None:
            self._kept += plain
