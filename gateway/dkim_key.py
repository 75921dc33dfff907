"""The key under which the desk signs its mail (DKIM): read and checked before anything opens.

A PEM private key as OpenSSL writes it, RSA (PKCS#1 or PKCS#8) of at least 1,024 bits or Ed25519 (PKCS#8, RFC 8410),
without a passphrase. Says what is wrong with it in words for whoever set it; signs nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path

from gateway.values import Mistake

_PEM = re.compile(r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END \1-----")
_OTHER_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
# What stands before the 32 bytes of an Ed25519 key, and the name of RSA in front of one of its keys.
_ED25519 = bytes.fromhex("302e020100300506032b657004220420")
_RSA_NAME = bytes.fromhex("2a864886f70d010101")
_LEAST_BITS = 1024
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimKey:
    """A key, and the name under which the world finds its other half: `selector`._domainkey.`domain`.

    `secret` is the PEM text of an RSA key, or the 32 bytes of an Ed25519 one.
    """

    algorithm: str
    secret: bytes = field(repr=False)
    selector: str
    domain: str


def read_dkim_secret(text: str, folder: Path) -> tuple[str, bytes] | None:
    """The algorithm and the secret of a key given as PEM text, or as the path of a file with that; None for nothing.
    Raises Mistake."""
    if not text:
        return None
    if "-----BEGIN" not in text:
        try:
            text = (folder / text).read_text("utf-8", "replace")
        except (OSError, ValueError) as error:
            raise Mistake(f"is neither a PEM key nor a file that can be read ({error})") from error
    match = _PEM.search(text)
    if match is None:
        other = _OTHER_PEM.search(text)
        raise Mistake(f"holds a {other[1]}, not a private key without passphrase" if other else "holds no PEM key")
    try:
        der = base64.b64decode("".join(match[2].split()), validate=True)
    except binascii.Error as error:
        raise Mistake(f"holds a PEM key that is damaged ({error})") from error
    if der.startswith(_ED25519) and len(der) == len(_ED25519) + 32:
        return "ed25519", der[len(_ED25519) :]
    if match[1] == "PRIVATE KEY" and _RSA_NAME not in der[:32]:
        raise Mistake("is neither an RSA nor an Ed25519 key")
    bits = _rsa_bits(der)
    if bits is None:
        raise Mistake("holds an RSA key that is damaged")
    if bits < _LEAST_BITS:
        raise Mistake(f"is an RSA key of {bits} bits, at least {_LEAST_BITS} are needed")
    lines = base64.encodebytes(der).decode("ascii").strip()
    return "rsa", f"-----BEGIN {match[1]}-----\n{lines}\n-----END {match[1]}-----\n".encode("ascii")


def read_dkim_name(text: str) -> str:
    """A selector or a domain; empty for none. Raises Mistake."""
    if text and (not _DOMAIN.fullmatch(text.lower()) or len(text) > 253):
        raise Mistake(f"{text!r} is no name in DNS")
    return text.lower()


def _rsa_bits(der: bytes) -> int | None:
    from dkim.crypto import UnparsableKeyError, parse_private_key

    try:
        modulus: int = parse_private_key(der)["modulus"]
    except (UnparsableKeyError, LookupError, ValueError, TypeError):
        return None
    return modulus.bit_length()
