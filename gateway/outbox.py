"""The outbox: mail that the desk owes, as rows written in the commit that makes it owed.

`enqueue` joins the caller's transaction. A courier claims what is due under a lease, sends it outside of any
transaction, and settles it; a lease that ran out, because its courier died, is claimed again, so a mail is sent at
least once, and each repeat has the same Message-ID, which is fixed when the row is born.

States: queued → sending → sent, or back to queued for another try, or failed (a 5xx answer, a mail that cannot be
written, or five days of tries); sent → bounced when a delivery report comes home. Where the connection died between a
mail's end and the answer to it, nobody knows whether the relay has it: that is tried once more, and then uncertain.
What is failed, uncertain or bounced stays so until a person queues it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config import Settings
from gateway.errors import Conflict, NotAllowed, NotFound
from gateway.model import Actor, Audience, Outbound, OutboxKind, OutboxState, Person, clean_line, fold_key
from gateway.reply_token import make_token
from gateway.schema import outbox
from gateway.values import Limit

NewName = Callable[[], str]

_MOST_BACKOFF_SECONDS = 4000
_GIVE_UP = timedelta(days=5)
_DIGEST_DELAY = timedelta(minutes=10)
_MOST_DIGEST_ITEMS = 200
_MOST_REFERENCES = 20
_CLAIM_WINDOW = 200
_MOST_OF_A_TICKET = 4
_LONGEST_RELAY_ID = 250
_CAN_BE_REQUEUED = (OutboxState.FAILED, OutboxState.UNCERTAIN, OutboxState.BOUNCED)


async def enqueue(
    connection: AsyncConnection,
    settings: Settings,
    *,
    kind: OutboxKind,
    person: Person,
    audience: Audience,
    context: dict[str, Any],
    now: datetime,
    new_name: NewName,
    ticket_id: int | None = None,
    answer_id: int | None = None,
    references: tuple[str, ...] = (),
    due_at: datetime | None = None,
) -> None:
    """Owe `person` a mail. `context` is the snapshot that its template gets; `references` are Message-IDs without
    brackets, oldest first, the last of which is answered. Someone without an address is owed nothing."""
    if not person.email:
        return
    name = new_name()
    token = make_token(settings.secret_key, name=name, ticket_id=ticket_id or 0, person_id=person.id, audience=audience)
    kept = references if len(references) <= _MOST_REFERENCES else (references[0], *references[1 - _MOST_REFERENCES :])
    await connection.execute(
        outbox.insert().values(
            name=name,
            kind=kind,
            state=OutboxState.QUEUED,
            person_id=person.id,
            recipient=person.email,
            ticket_id=ticket_id,
            answer_id=answer_id,
            audience=audience,
            message_id=f"{token}@{settings.support_domain}",
            in_reply_to=kept[-1] if kept else "",
            reference_ids=list(kept),
            context=context,
            attempts=0,
            created_at=now,
            due_at=due_at or now,
            last_reply="",
            domain=fold_key(person.email.rpartition("@")[2]),
        )
    )


async def owe_notice(
    connection: AsyncConnection,
    settings: Settings,
    *,
    person: Person,
    ticket_id: int,
    answer_id: int | None,
    context: dict[str, Any],
    references: tuple[str, ...],
    now: datetime,
    new_name: NewName,
) -> None:
    """Tell a staff member of something new; above the limit it joins the one digest that leaves within ten minutes."""
    limit = settings.staff_notice_limit
    if not limit or await count_recent(connection, OutboxKind.NOTICE, limit, now, person.id) < limit.count:
        await enqueue(
            connection,
            settings,
            kind=OutboxKind.NOTICE,
            person=person,
            audience=Audience.STAFF,
            context=context,
            now=now,
            new_name=new_name,
            ticket_id=ticket_id,
            answer_id=answer_id,
            references=references,
        )
        return
    item = {"ticket_id": ticket_id, "subject": context["subject"], "author": context["author"]}
    open_digest = (
        select(outbox.c.id, outbox.c.context)
        .where(
            outbox.c.person_id == person.id,
            outbox.c.kind == OutboxKind.DIGEST,
            outbox.c.state == OutboxState.QUEUED,
            outbox.c.attempts == 0,
        )
        .limit(1)
        .with_for_update()
    )
    if row := (await connection.execute(open_digest)).first():
        items = row.context["items"]
        more = row.context["more"] + (len(items) >= _MOST_DIGEST_ITEMS)
        changed = {"items": [*items, item][:_MOST_DIGEST_ITEMS], "more": more}
        await connection.execute(update(outbox).where(outbox.c.id == row.id).values(context=changed))
        return
    await enqueue(
        connection,
        settings,
        kind=OutboxKind.DIGEST,
        person=person,
        audience=Audience.STAFF,
        context={"items": [item], "more": 0},
        now=now,
        new_name=new_name,
        due_at=now + _DIGEST_DELAY,
    )


async def count_recent(
    connection: AsyncConnection, kind: OutboxKind, limit: Limit, now: datetime, person_id: int | None = None
) -> int:
    """How many mails of this kind were owed within the limit's window, to one person or in all."""
    query = (
        select(func.count())
        .select_from(outbox)
        .where(outbox.c.kind == kind, outbox.c.created_at > now - timedelta(seconds=limit.seconds))
    )
    if person_id is not None:
        query = query.where(outbox.c.person_id == person_id)
    return int((await connection.execute(query)).scalar_one())


async def sent_ids(connection: AsyncConnection, *, ticket_id: int, person_id: int) -> list[tuple[datetime, str]]:
    """When and under which Message-ID this person was written to about the ticket, oldest first."""
    rows = await connection.execute(
        select(outbox.c.created_at, outbox.c.message_id)
        .where(outbox.c.ticket_id == ticket_id, outbox.c.person_id == person_id)
        .order_by(outbox.c.id)
    )
    return [(row.created_at, row.message_id) for row in rows]


async def claim_due(
    connection: AsyncConnection,
    *,
    now: datetime,
    lease: timedelta,
    count: int,
    but: Collection[int] = (),
    room: Mapping[str, int] | None = None,
    most_of_a_domain: int = _CLAIM_WINDOW,
) -> list[Outbound]:
    """Take up to `count` due mails, oldest first, for `lease`; nobody else gets them until it runs out.

    Of one ticket at most a few to one person, and none while any courier is sending him one about it, so that they keep
    their order and a ticket with many does not keep the others waiting. `but` are ids that the caller has and is not
    done with. To one domain at most `most_of_a_domain`, or the `room` there is for it; one without room is left out,
    so that a domain on which mail gets stuck keeps no other waiting.
    """
    room = room or {}
    due = (
        select(outbox.c.id, outbox.c.ticket_id, outbox.c.person_id, outbox.c.domain)
        .where(_claimable(now, but, room))
        .order_by(outbox.c.id)
        .limit(_CLAIM_WINDOW)
        .with_for_update(skip_locked=True, of=outbox)
    )
    ids: list[int] = []
    of_ticket: Counter[tuple[int, int]] = Counter()
    of_domain: Counter[str] = Counter()
    for row in await connection.execute(due):
        thread = row.ticket_id or -row.id, row.person_id
        is_free = of_domain[row.domain] < room.get(row.domain, most_of_a_domain)
        if len(ids) < count and is_free and of_ticket[thread] < _MOST_OF_A_TICKET:
            ids.append(row.id)
            of_ticket[thread] += 1
            of_domain[row.domain] += 1
    if not ids:
        return []
    rows = await connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(state=OutboxState.SENDING, lease_until=now + lease, attempts=outbox.c.attempts + 1)
        .returning(outbox)
    )
    return sorted((_outbound(row) for row in rows), key=lambda mail: mail.id)


async def extend_lease(connection: AsyncConnection, mails: Iterable[Outbound], *, until: datetime) -> None:
    """Keep mails that are still being sent from being claimed by another courier."""
    for mail in mails:
        await connection.execute(
            update(outbox)
            .where(outbox.c.id == mail.id, outbox.c.state == OutboxState.SENDING, outbox.c.attempts == mail.attempts)
            .values(lease_until=until)
        )


async def release_leases(connection: AsyncConnection) -> int:
    """Make everything in sending due again. Only for a start on a database that no other courier uses.

    Returns how many there were.
    """
    done = await connection.execute(
        update(outbox).where(outbox.c.state == OutboxState.SENDING).values(state=OutboxState.QUEUED, lease_until=None)
    )
    return done.rowcount


async def settle(
    connection: AsyncConnection,
    mail: Outbound,
    state: OutboxState,
    *,
    reply: str,
    now: datetime,
    due_at: datetime | None = None,
    relay_id: str = "",
    unanswered: bool = False,
) -> bool:
    """Write down how a send ended: sent, failed, uncertain, or queued again for `due_at`. Returns whether it was ours
    to say.

    Only for the try that `mail` was claimed for: if its lease ran out and another courier has it, that one says.
    `reply` and `relay_id` are what a stranger's server said: they are cleaned, so that no byte in them keeps the row
    from being written.
    """
    values: dict[str, Any] = {"state": state, "lease_until": None, "last_reply": clean_line(reply, 500)}
    if relay_id := clean_line(relay_id, _LONGEST_RELAY_ID):
        values["relay_id"] = relay_id
    if unanswered:
        values["unanswered"] = True
    if due_at:
        values["due_at"] = due_at
    if state is not OutboxState.QUEUED:
        values["settled_at"] = now
    done = await connection.execute(
        update(outbox)
        .where(outbox.c.id == mail.id, outbox.c.state == OutboxState.SENDING, outbox.c.attempts == mail.attempts)
        .values(**values)
    )
    return done.rowcount > 0


async def mark_bounced(connection: AsyncConnection, mail_id: int, *, reason: str) -> bool:
    """Write down that a mail came back; returns whether that was not known yet."""
    done = await connection.execute(
        update(outbox)
        .where(
            outbox.c.id == mail_id,
            outbox.c.state.in_([OutboxState.SENT, OutboxState.SENDING, OutboxState.UNCERTAIN]),
        )
        .values(state=OutboxState.BOUNCED, last_reply=clean_line(reason, 500))
    )
    return done.rowcount > 0


async def requeue(connection: AsyncConnection, actor: Actor, mail_id: int, *, now: datetime) -> Row[Any]:
    """Try a mail that was given up, or came back, again from now on, under its old Message-ID; returns its row.

    Raises NotFound, and Conflict where it is on its way or has arrived as far as anybody knows.
    """
    if not actor.is_staff:
        raise NotAllowed
    row: Row[Any] | None = (
        await connection.execute(
            update(outbox)
            .where(outbox.c.id == mail_id, outbox.c.state.in_(_CAN_BE_REQUEUED))
            .values(
                state=OutboxState.QUEUED, attempts=0, due_at=now, requeued_at=now, settled_at=None, unanswered=False
            )
            .returning(outbox)
        )
    ).first()
    if row is None:
        state = (await connection.execute(select(outbox.c.state).where(outbox.c.id == mail_id))).scalar()
        raise Conflict(f"This mail is {state}.") if state else NotFound
    return row


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(outbox.c.state == OutboxState.QUEUED, outbox.c.due_at <= now),
        and_(outbox.c.state == OutboxState.SENDING, outbox.c.lease_until <= now),
    )


def _claimable(now: datetime, but: Collection[int], room: Mapping[str, int]) -> ColumnElement[bool]:
    sending = outbox.alias("sending")
    is_busy = exists().where(
        sending.c.ticket_id == outbox.c.ticket_id,
        sending.c.person_id == outbox.c.person_id,
        sending.c.state == OutboxState.SENDING,
        sending.c.lease_until > now,
    )
    full = [domain for domain, left in room.items() if left <= 0]
    return and_(_due(now), outbox.c.id.not_in(but), outbox.c.domain.not_in(full), ~is_busy)


async def is_any_due(
    connection: AsyncConnection, *, now: datetime, but: Collection[int] = (), room: Mapping[str, int] | None = None
) -> bool:
    """Whether there is something to claim; a look that writes nothing. Arguments as of `claim_due`."""
    claimable = select(outbox.c.id).where(_claimable(now, but, room or {}))
    return (await connection.execute(claimable.limit(1))).first() is not None


async def waiting(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many mails are not settled, due or not, and when the oldest of them became owed (digests, which wait on
    purpose, left out)."""
    row = (
        await connection.execute(
            select(func.count(), func.min(outbox.c.created_at)).where(
                outbox.c.state.in_([OutboxState.QUEUED, OutboxState.SENDING]), outbox.c.kind != OutboxKind.DIGEST
            )
        )
    ).one()
    return int(row[0]), row[1]


async def list_outbox(
    connection: AsyncConnection, *, state: str | None, before_id: int | None, count: int
) -> list[Row[Any]]:
    """Rows of the outbox, newest first, for staff to see."""
    query = select(outbox).order_by(outbox.c.id.desc()).limit(count)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if before_id is not None:
        query = query.where(outbox.c.id < before_id)
    return list(await connection.execute(query))


def next_attempt(attempts: int, tried_since: datetime, now: datetime, *, first_seconds: int) -> datetime | None:
    """When to try again after `attempts` failed tries: the first pause is `first_seconds`, each next one twice as
    long up to about an hour (or the first pause, if that is longer). None after five days: it is time to give up."""
    if now - tried_since >= _GIVE_UP:
        return None
    pause = min(first_seconds * 2 ** min(attempts - 1, 30), max(_MOST_BACKOFF_SECONDS, first_seconds))
    return now + timedelta(seconds=pause)


def _outbound(row: Row[Any]) -> Outbound:
    return Outbound(
        id=row.id,
        kind=OutboxKind(row.kind),
        recipient=row.recipient,
        token=row.message_id.partition("@")[0],
        message_id=row.message_id,
        in_reply_to=row.in_reply_to,
        references=tuple(row.reference_ids),
        context=row.context,
        ticket_id=row.ticket_id,
        person_id=row.person_id,
        attempts=row.attempts,
        created_at=row.created_at,
        domain=row.domain,
        unanswered=row.unanswered,
        tried_since=row.requeued_at or row.created_at,
    )
