"""Access and refresh tokens: signing them, and reading what comes back. Pure; the sole user of PyJWT.

One pinned algorithm (HS256) with a key of its own, derived from the secret. A token says who, which login (family)
and which kind it is, never what its bearer may do: that is read from the database. A refresh token is no access
token and the other way round (RFC 8725). Whether the login goes on is for `gateway.logins`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from gateway.errors import NotSignedIn

_ALGORITHM = "HS256"
_AUDIENCE = "helpdesk"
ACCESS, REFRESH = "access", "refresh"
_jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a genuine token says."""

    kind: str
    person_id: int
    login_id: int
    token_id: str


def token_key(secret_key: bytes) -> bytes:
    """The key that signs tokens, derived from the desk's secret."""
    return hmac.new(secret_key, b"access and refresh tokens", hashlib.sha256).digest()


def sign(key: bytes, claims: Claims, *, now: datetime, life: timedelta) -> str:
    """A token with these claims, valid from `now` on for `life`."""
    return _jwt.encode(
        {
            "token_type": claims.kind,
            "sub": str(claims.person_id),
            "login": claims.login_id,
            "jti": claims.token_id,
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "aud": _AUDIENCE,
        },
        key,
        algorithm=_ALGORITHM,
    )


def read(key: bytes, token: str) -> Claims:
    """The claims of a genuine token that is not expired, of either kind. Raises NotSignedIn for anything else."""
    try:
        payload = _jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["exp", "iat", "sub", "jti", "aud"], "verify_iat": False},
        )
        return Claims(
            kind=str(payload["token_type"]),
            person_id=int(payload["sub"]),
            login_id=int(payload["login"]),
            token_id=str(payload["jti"]),
        )
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, UnicodeError, RecursionError) as error:
        raise NotSignedIn from error
