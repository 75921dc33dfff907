"""Logins: what a signed-in person holds, and the chain of refresh tokens that came from one sign-in.

One row is one login, the family. Only the newest refresh token of a family is valid; using an older one means that
it was copied, and ends the family, its access tokens too. Rights are read from the database at each request, never
from a token. Tokens as such (signing, reading) are the API's business.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotSignedIn
from gateway.model import Actor
from gateway.schema import logins, people


async def start_login(
    connection: AsyncConnection, *, person_id: int, refresh_id: str, now: datetime, expires_at: datetime
) -> int:
    """Begin a family whose valid refresh token is `refresh_id`; returns the family's id."""
    row = await connection.execute(
        logins.insert()
        .values(person_id=person_id, refresh_id=refresh_id, created_at=now, expires_at=expires_at)
        .returning(logins.c.id)
    )
    return int(row.scalar_one())


async def rotate_login(
    connection: AsyncConnection, *, login_id: int, used_id: str, next_id: str, now: datetime, expires_at: datetime
) -> int | None:
    """Spend the refresh token `used_id` and make `next_id` the valid one.

    Returns the person's id, or None where the login is over. A token that was spent before ends the family: that,
    too, is None, and is committed, so the caller returns instead of raising.
    """
    active = select(people.c.id).where(people.c.is_active)
    row = (
        await connection.execute(
            update(logins)
            .where(
                logins.c.id == login_id,
                logins.c.refresh_id == used_id,
                logins.c.ended_at.is_(None),
                logins.c.expires_at > now,
                logins.c.person_id.in_(active),
            )
            .values(refresh_id=next_id, expires_at=expires_at)
            .returning(logins.c.person_id)
        )
    ).first()
    if row:
        return int(row.person_id)
    await connection.execute(
        update(logins).where(logins.c.id == login_id, logins.c.ended_at.is_(None)).values(ended_at=now)
    )
    return None


async def is_login_alive(connection: AsyncConnection, *, login_id: int, now: datetime, refresh_id: str | None) -> bool:
    """Whether the family goes on, and `refresh_id` (where given) is its valid refresh token."""
    query = (
        select(logins.c.id)
        .join(people, people.c.id == logins.c.person_id)
        .where(logins.c.id == login_id, logins.c.ended_at.is_(None), logins.c.expires_at > now, people.c.is_active)
    )
    if refresh_id is not None:
        query = query.where(logins.c.refresh_id == refresh_id)
    return (await connection.execute(query)).first() is not None


async def actor_of(connection: AsyncConnection, *, login_id: int, person_id: int, now: datetime) -> Actor:
    """Who acts under this login, with the rights of this moment. Raises NotSignedIn where it is over."""
    row = (
        await connection.execute(
            select(
                people.c.id,
                people.c.username,
                people.c.is_admin,
                or_(people.c.is_staff, people.c.is_admin).label("is_staff"),
            )
            .join(logins, logins.c.person_id == people.c.id)
            .where(
                people.c.id == person_id,
                people.c.is_active,
                logins.c.id == login_id,
                logins.c.ended_at.is_(None),
                logins.c.expires_at > now,
            )
        )
    ).first()
    if row is None:
        raise NotSignedIn
    return Actor(person_id=row.id, username=row.username, is_staff=bool(row.is_staff), is_admin=row.is_admin)
