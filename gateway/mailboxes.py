"""How far each folder of a mailbox was read.

A mail has a number (UID) in its folder, which grows and is never given out twice as long as the folder's UIDVALIDITY
is the same. So one number for a folder says what was read, whatever other programs do with the flags there. It is
written in the very transaction that stores the mail; a gateway that dies in between reads that mail again, and one
that died behind it does not. Where the UIDVALIDITY has changed, the numbers mean nothing any more and the folder is
read again from its start: what is known already is recognised by its fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model import MailboxPlace
from gateway.schema import insert_or_skip, mailbox_cursors


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCursor:
    """How far a folder was read. Up to `backlog_uid` it is what lay there at first, of which only what came since the
    day `since` is taken, if that is given."""

    id: int
    uidvalidity: int
    last_uid: int
    backlog_uid: int
    since: date | None


async def open_folder(
    connection: AsyncConnection,
    *,
    mailbox: str,
    folder: str,
    uidvalidity: int,
    newest_uid: int,
    start_uid: int,
    since: date | None,
    is_limited: bool,
    went_back: bool = False,
    now: datetime,
) -> FolderCursor:
    """How far the folder was read; made, or begun anew, where its numbers are not those that we know.

    A folder that was never read is read from behind `start_uid`; `since` bounds what lies there already. One that was
    is read from its very start, for nobody knows what came meanwhile; where the first reading had been limited to the
    newest mails (`is_limited`), then what came before the desk knew the folder stays left out. Numbers that `went_back`
    are not the old ones either, whatever the server says: a folder restored, say.
    """
    table = mailbox_cursors
    this = (table.c.mailbox == mailbox) & (table.c.folder == folder)
    await connection.execute(
        insert_or_skip(connection, table).values(
            mailbox=mailbox,
            folder=folder,
            uidvalidity=uidvalidity,
            last_uid=min(start_uid, newest_uid),
            backlog_uid=newest_uid,
            created_at=now,
            changed_at=now,
        )
    )
    row = (await connection.execute(select(table).where(this).with_for_update())).one()
    if row.uidvalidity != uidvalidity or (went_back and newest_uid < row.last_uid):
        await connection.execute(
            update(table)
            .where(this)
            .values(uidvalidity=uidvalidity, last_uid=0, backlog_uid=newest_uid, changed_at=now)
        )
        row = (await connection.execute(select(table).where(this))).one()
    return _cursor(row, since, is_limited=is_limited)


def _cursor(row: Any, since: date | None, *, is_limited: bool) -> FolderCursor:
    if is_limited and row.changed_at != row.created_at:
        # A day more, because servers compare days in a time zone of their own.
        first_seen = (row.created_at - timedelta(days=1)).date()
        since = max(since, first_seen) if since else first_seen
    return FolderCursor(
        id=row.id,
        uidvalidity=row.uidvalidity,
        last_uid=row.last_uid,
        backlog_uid=row.backlog_uid,
        since=since,
    )


async def pass_mail(connection: AsyncConnection, place: MailboxPlace, now: datetime) -> bool:
    """Write down that the folder was read up to this mail. Returns whether it was read before.

    That is so if the cursor has passed it (another gateway was faster), and if it lay in the folder before the desk
    began to read it: then it is nothing that arrives, but what was there.
    """
    table = mailbox_cursors
    row = (await connection.execute(select(table).where(table.c.id == place.folder_id).with_for_update())).one()
    if row.uidvalidity != place.uidvalidity:
        return True
    if row.last_uid < place.uid:
        await connection.execute(update(table).where(table.c.id == row.id).values(last_uid=place.uid))
    return bool(place.uid <= row.last_uid or place.uid <= row.backlog_uid)
