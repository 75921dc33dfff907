"""The DKIM signature on every letter, where the operator has given a key (RFC 6376, Ed25519 by RFC 8463).

Signed is what says who wrote to whom, about what, and how an answer finds home. From and Subject are signed once more
than they are there, so that nobody can add a second one that a mail program might show instead; both parts are
canonicalised relaxed, so that relays may fold lines anew. The bytes that are signed are those that leave: lines ended
by CRLF, and 7-bit, so that no relay has to convert them. It takes milliseconds of processor time (RSA with 2,048 bits
six, Ed25519 a fifth of one), so it runs in a thread.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

from gateway.dkim_key import DkimKey
from mail.compose import Letter
from mail.relay_talk import with_crlf

_SIGNED = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "reply-to",
    "mime-version",
    "auto-submitted",
}
_SIGNED_FAMILIES = ("content-", "list-")
_SIGNED_TWICE = ("from", "subject")


class Signer:
    """Signs letters for one domain."""

    def __init__(self, key: DkimKey) -> None:
        # It brings a whole DNS library along, which takes a third of a second: only who signs waits for that.
        import dkim

        self._dkim_sign = dkim.sign
        self._key = key
        if key.algorithm == "rsa":
            self._algorithm, self._secret = b"rsa-sha256", key.secret
        else:
            self._algorithm, self._secret = b"ed25519-sha256", base64.b64encode(key.secret)

    async def sign(self, letter: Letter) -> Letter:
        """The letter with its signature on top."""
        return await asyncio.to_thread(self._sign, letter)

    def _sign(self, letter: Letter) -> Letter:
        content = with_crlf(letter.content)
        signature: bytes = self._dkim_sign(
            content,
            selector=self._key.selector.encode("ascii"),
            domain=self._key.domain.encode("ascii"),
            privkey=self._secret,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=self._algorithm,
            include_headers=_signed_fields(content),
        )
        return replace(letter, content=signature + content)


def _signed_fields(content: bytes) -> list[bytes]:
    """The names of the fields to sign, each as often as it is there, and those that must stay alone once more."""
    header = content.partition(b"\r\n\r\n")[0]
    names = [
        line.partition(b":")[0].decode("latin-1").lower() for line in header.split(b"\r\n") if line[:1] not in b" \t"
    ]
    signed = [name for name in names if name in _SIGNED or name.startswith(_SIGNED_FAMILIES)]
    return [name.encode("latin-1") for name in (*signed, *_SIGNED_TWICE)]
