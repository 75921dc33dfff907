"""API keys: what a program holds that hands mail over by HTTP, such as a receiving service's web hook.

A key is `hdk_<id>_<secret>`, the secret 256 random bits. Only the secret's SHA-256 is stored: it cannot be guessed, so
it needs no slow hash, and what is stolen from the database opens nothing. Whoever makes a key sees it once. A key is
good for handing mail over and for nothing else, and that is the API's to enforce; here it is only found out whether
one is genuine and not revoked, at each use anew. Administrators alone make, list and revoke keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import InvalidFields, NotAllowed, NotFound, NotSignedIn
from gateway.model import Actor, clean_line
from gateway.schema import api_keys

KEY_PREFIX = "hdk_"
LONGEST_NAME = 100
# That a key is in use is worth a look, not a write for every mail.
_USE_NOTED_EVERY = timedelta(minutes=1)
_MOST_LISTED = 1000
_KEY = re.compile(r"hdk_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
_NOBODYS = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is shown: everything but the secret."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_use_due(self, now: datetime) -> bool:
        """Whether a use at `now` is to be written down."""
        return self.last_used_at is None or now - self.last_used_at >= _USE_NOTED_EVERY


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _only_for_administrators(actor: Actor) -> None:
    if not actor.is_admin:
        raise NotAllowed


async def create_key(
    connection: AsyncConnection, actor: Actor, *, name: str, secret: str, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key of `secret`, 256 random bits in base64url. Returns it, and the whole key, which is not seen again."""
    _only_for_administrators(actor)
    name = clean_line(name, LONGEST_NAME)
    if not name:
        raise InvalidFields({"name": ["This field may not be blank."]})
    row = (
        await connection.execute(
            api_keys.insert().values(name=name, secret_hash=_hash(secret), created_at=now).returning(api_keys)
        )
    ).one()
    return _api_key(row), f"{KEY_PREFIX}{row.id}_{secret}"


async def list_keys(connection: AsyncConnection, actor: Actor) -> list[ApiKey]:
    """The keys, newest first, revoked ones too."""
    _only_for_administrators(actor)
    rows = await connection.execute(select(api_keys).order_by(api_keys.c.id.desc()).limit(_MOST_LISTED))
    return [_api_key(row) for row in rows]


async def revoke_key(connection: AsyncConnection, actor: Actor, key_id: int, *, now: datetime) -> None:
    """End a key at once; one that was ended before stays ended since then. Raises NotFound."""
    _only_for_administrators(actor)
    if (await connection.execute(select(api_keys.c.id).where(api_keys.c.id == key_id))).first() is None:
        raise NotFound
    await connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )


async def find_key(connection: AsyncConnection, key: str) -> ApiKey:
    """The key that is meant, if it is genuine and not revoked. Raises NotSignedIn, which does not tell why."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise NotSignedIn
    row = (await connection.execute(select(api_keys).where(api_keys.c.id == int(parts[1])))).first()
    is_genuine = hmac.compare_digest(_hash(parts[2]), row.secret_hash if row else _NOBODYS)
    if row is None or not is_genuine or row.revoked_at is not None:
        raise NotSignedIn
    return _api_key(row)


async def note_use(connection: AsyncConnection, key_id: int, *, now: datetime) -> None:
    """Write down that the key is in use, unless that was done within the last minute."""
    is_due = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= now - _USE_NOTED_EVERY)
    await connection.execute(update(api_keys).where(api_keys.c.id == key_id, is_due).values(last_used_at=now))
