"""Secrets at rest: what must be given back in clear text is stored sealed.

AES-256-GCM under a key that HKDF-SHA256 derives from HELPDESK_SECRET_KEY for this purpose alone. A seal is bound to
what it belongs to, so that it cannot be moved to another row. Whoever has the database without the key has nothing;
whoever loses the key has lost the secrets and logs in again. Chance comes in as an argument.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
_VERSION = b"\x01"


class SealBroken(Exception):
    """Not sealed with this key, not for this owner, or damaged."""


def seal(key: bytes, secret: str, *, owner: str, nonce: bytes) -> bytes:
    """The secret, sealed for `owner`. `nonce` is NONCE_BYTES random bytes, never used twice."""
    return _VERSION + nonce + _cipher(key).encrypt(nonce, secret.encode(), owner.encode())


def unseal(key: bytes, sealed: bytes, *, owner: str) -> str:
    """The secret again. Raises SealBroken."""
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        if sealed[:1] != _VERSION:
            raise SealBroken
        return _cipher(key).decrypt(nonce, body, owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def _cipher(key: bytes) -> AESGCM:
    # One more purpose would have one more `info`.
    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=b"helpdesk mailbox token 1").derive(key))
