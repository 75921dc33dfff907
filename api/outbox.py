"""The outbox over HTTP: what the desk owes and sent, another try of what was given up; and the switch of notices."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import Row

from api.calls import BadQuery, Call, Reply, paged
from api.payloads import OutboxRow, instant
from gateway import outbox, people
from gateway.model import OutboxState


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        kind=row.kind,
        state=row.state,
        recipient=row.recipient,
        ticket=row.ticket_id,
        comment=row.answer_id,
        message_id=row.message_id,
        relay_id=row.relay_id,
        attempts=row.attempts,
        created_at=instant(row.created_at),
        due_at=instant(row.due_at),
        settled_at=instant(row.settled_at) if row.settled_at else None,
        last_reply=row.last_reply,
    )


async def list_outbox(call: Call[None]) -> Reply:
    state, page = call.query("state"), call.page()
    if state is not None and state not in set(OutboxState):
        raise BadQuery(f"state must be one of {', '.join(OutboxState)}.")
    found = await call.database.read(
        lambda connection: outbox.list_outbox(connection, state=state, before_id=page.before_id, count=page.count + 1)
    )
    rows, headers = paged(call, page, found)
    return Reply([_row(row) for row in rows], headers=headers)


async def retry(call: Call[None]) -> Reply:
    mail_id, now = call.path_id(), call.now
    row = await call.database.write(lambda connection: outbox.requeue(connection, call.actor, mail_id, now=now))
    return Reply(_row(row))


async def show_notices(call: Call[None]) -> web.Response:
    """Opening the link changes nothing: programs that look for danger in mail open every link."""
    secret = call.request.match_info["secret"]
    await call.database.read(lambda connection: people.holder_of_notices(connection, call.settings, secret))
    link = f"{call.settings.public_url}/api/notices"
    return web.Response(
        text="Nothing has changed. To get no more mail about new tickets and answers, send a POST to\n"
        f"{link}/off/{secret}\nand to get it again, one to\n{link}/on/{secret}\n",
    )


async def switch_notices_off(call: Call[None]) -> web.Response:
    return await _switch(call, on=False)


async def switch_notices_on(call: Call[None]) -> web.Response:
    return await _switch(call, on=True)


async def _switch(call: Call[None], *, on: bool) -> web.Response:
    secret = call.request.match_info["secret"]
    await call.database.write(lambda connection: people.switch_notices(connection, call.settings, secret, on=on))
    return web.Response(
        text=f"You get {'' if on else 'no more '}mail about new tickets and answers{' again' if on else ''}.\n"
    )
