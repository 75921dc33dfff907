"""Services: what mailboxes' owners have granted us, sealed, one row for each account.

A login makes the row or replaces it; whatever was true of the old grant is not true of the new one, so a verdict or a
rotation is written only where the very token that it is about is still there. Unsealing and asking the provider are
not done here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model import fold_key
from gateway.schema import insert_or_skip, mailbox_tokens

OK, DEAD = "ok", "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxToken:
    """The grant of one account; `sealed` is its refresh token."""

    account: str
    provider: str
    sealed: bytes = field(repr=False)
    scope: str
    state: str
    reason: str
    granted_at: datetime
    updated_at: datetime


async def find_token(connection: AsyncConnection, account: str) -> MailboxToken | None:
    row = (await connection.execute(select(mailbox_tokens).where(_is(account)))).one_or_none()
    return _token(row) if row else None


async def list_tokens(connection: AsyncConnection) -> list[MailboxToken]:
    return [_token(row) for row in await connection.execute(select(mailbox_tokens).order_by(mailbox_tokens.c.account))]


async def store_login(
    connection: AsyncConnection, *, account: str, provider: str, sealed: bytes, scope: str, now: datetime
) -> None:
    """Keep what a new login brought, in place of an earlier one."""
    values: dict[str, Any] = {
        "provider": provider,
        "refresh_token": sealed,
        "scope": scope,
        "state": OK,
        "reason": "",
        "granted_at": now,
        "updated_at": now,
        "lease_until": None,
    }
    made = await connection.execute(
        insert_or_skip(connection, mailbox_tokens)
        .values(account=fold_key(account), **values)
        .returning(mailbox_tokens.c.id)
    )
    if made.first() is None:
        await connection.execute(update(mailbox_tokens).where(_is(account)).values(values))


async def claim_token(
    connection: AsyncConnection, *, account: str, now: datetime, lease: timedelta, alone: bool
) -> MailboxToken | None:
    """The grant, leased to whoever asks, or None while another gateway has it.

    `alone`: there is no other gateway, so a lease is a predecessor's that died.
    """
    lease_until = mailbox_tokens.c.lease_until
    is_free = true() if alone else or_(lease_until.is_(None), lease_until < now)
    claimed = await connection.execute(
        update(mailbox_tokens).where(_is(account), is_free).values(lease_until=now + lease).returning(mailbox_tokens)
    )
    row = claimed.one_or_none()
    return _token(row) if row else None


async def settle_token(connection: AsyncConnection, token: MailboxToken, *, sealed: bytes, now: datetime) -> bool:
    """The provider took the token, and `sealed` is the one to use next. False: it has been replaced meanwhile."""
    return await _change(connection, token, refresh_token=sealed, updated_at=now, lease_until=None)


async def release_token(connection: AsyncConnection, token: MailboxToken) -> bool:
    """The provider said nothing about the token."""
    return await _change(connection, token, lease_until=None)


async def mark_dead(connection: AsyncConnection, token: MailboxToken, *, reason: str, now: datetime) -> bool:
    """The provider has ended the grant. False: it has been replaced meanwhile."""
    return await _change(connection, token, state=DEAD, reason=reason, updated_at=now, lease_until=None)


async def forget_token(connection: AsyncConnection, account: str) -> MailboxToken | None:
    """Strike the grant out; returns what it was."""
    rows = await connection.execute(delete(mailbox_tokens).where(_is(account)).returning(mailbox_tokens))
    row = rows.one_or_none()
    return _token(row) if row else None


async def _change(connection: AsyncConnection, token: MailboxToken, **values: Any) -> bool:
    is_that = (_is(token.account), mailbox_tokens.c.refresh_token == token.sealed)
    return (await connection.execute(update(mailbox_tokens).where(*is_that).values(values))).rowcount == 1


def _is(account: str) -> Any:
    return mailbox_tokens.c.account == fold_key(account)


def _token(row: Row[Any]) -> MailboxToken:
    return MailboxToken(
        account=row.account,
        provider=row.provider,
        sealed=row.refresh_token,
        scope=row.scope,
        state=row.state,
        reason=row.reason,
        granted_at=row.granted_at,
        updated_at=row.updated_at,
    )
