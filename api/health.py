"""Whether the gateway lives (`/health`), and whether it is well (`/ready`)."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.calls import Call, Reply
from api.payloads import Detail, Health
from gateway import outbox
from gateway.keys import COURIER, MAILBOXES, TOKENS

_DATABASE_SECONDS = 5
_OLDEST_OWED = timedelta(minutes=15)
_log = logging.getLogger("helpdesk.api")


async def health(call: Call[None]) -> Reply:
    return Reply(Health(status="ok"))


async def ready(call: Call[None]) -> Reply:
    now = call.now

    async def look(connection: AsyncConnection) -> tuple[int, datetime | None]:
        await connection.execute(text("SELECT 1"))
        return await outbox.waiting(connection)

    reasons = []
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            count, oldest = await call.database.read(look)
    except Exception:
        _log.exception("the database does not answer")
        reasons.append("The database does not answer.")
    else:
        if oldest and now - oldest > _OLDEST_OWED:
            minutes = int((now - oldest).total_seconds() // 60)
            reasons.append(f"The relay is behind: {count} mails wait, the oldest for {minutes} minutes.")
    if trouble := call.request.app[COURIER].trouble:
        _log.warning("the relay takes nothing: %s", trouble)
        reasons.append("The relay takes no mail at the moment.")
    reasons += [
        f"The mailbox {mailbox.name} is not well: {mailbox.trouble}."
        for mailbox in call.request.app[MAILBOXES]
        if mailbox.trouble
    ]
    reasons += call.request.app[TOKENS].troubles()
    if reasons:
        return Reply(Detail(detail=" ".join(reasons)), status=503)
    return Reply(Health(status="ok"))
