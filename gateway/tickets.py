"""Tickets and answers: the services that change them, and what may be read of them by whom.

`visible_to` is the one gate: a customer gets his own tickets, staff get all; what is not there and what is not yours
look the same. Only staff change a status, and no answer ever does. An answer and the mail that it makes the desk
owe are one commit: a staff member's goes to the customer, the customer's to staff, never to its own author.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import notices, outbox, people
from gateway.config import Settings
from gateway.errors import NotAllowed, NotFound
from gateway.model import (
    Actor,
    AnswerKind,
    Person,
    Status,
    Via,
)
from gateway.schema import answers, tickets
from gateway.schema import people as people_table

_MOST_TICKETS_OF_A_USER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as it is read; `answer_ids` newest first, without notes."""

    id: int
    customer_id: int
    customer: str
    message: str
    status: Status
    changed_status: int | None
    answer_ids: tuple[int, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it is read."""

    id: int
    author_id: int
    author: str
    ticket_id: int
    message: str
    created_at: datetime


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Which tickets the actor may see."""
    return true() if actor.is_staff else tickets.c.customer_id == actor.person_id


async def open_ticket(
    connection: AsyncConnection,
    settings: Settings,
    *,
    customer: Person,
    message: str,
    via: Via,
    now: datetime,
    new_name: outbox.NewName,
    subject: str = "",
    trust: str = "",
    tell_staff: bool = True,
    written_at: datetime | None = None,
) -> int:
    """Open a ticket of `customer`, and owe staff a notice. Returns its id.

    `written_at` is when its message was written, where that is another time than now.
    """
    ticket_id = int(
        (
            await connection.execute(
                tickets.insert()
                .values(
                    customer_id=customer.id,
                    subject=subject,
                    message=message,
                    status=Status.UNSOLVED,
                    via=via,
                    trust=trust,
                    created_at=written_at or now,
                )
                .returning(tickets.c.id)
            )
        ).scalar_one()
    )
    if tell_staff:
        await notices.tell_staff(
            connection, settings, ticket_id, None, author=customer, message=message, now=now, new_name=new_name
        )
    return ticket_id


async def answer_ticket(
    connection: AsyncConnection,
    settings: Settings,
    *,
    actor: Actor,
    ticket_id: int,
    message: str,
    via: Via,
    now: datetime,
    new_name: outbox.NewName,
) -> int:
    """Answer a ticket that the actor may see; returns the answer's id. Raises NotFound."""
    await _gate(connection, actor, ticket_id)
    author = await people.get_person(connection, actor.person_id)
    if author is None:
        raise NotFound
    return await add_answer(
        connection,
        settings,
        author=author,
        by_staff=actor.is_staff,
        ticket_id=ticket_id,
        message=message,
        via=via,
        now=now,
        new_name=new_name,
    )


async def add_answer(
    connection: AsyncConnection,
    settings: Settings,
    *,
    author: Person,
    by_staff: bool,
    ticket_id: int,
    message: str,
    via: Via,
    now: datetime,
    new_name: outbox.NewName,
    kind: AnswerKind = AnswerKind.ANSWER,
    subject: str = "",
    quoted: str = "",
    trust: str = "",
    tell: bool = True,
) -> int:
    """Store an answer whose author's right was judged, and owe who is to hear of it a mail. Returns its id."""
    answer_id = int(
        (
            await connection.execute(
                answers.insert()
                .values(
                    ticket_id=ticket_id,
                    author_id=author.id,
                    kind=kind,
                    subject=subject,
                    message=message,
                    quoted=quoted,
                    via=via,
                    trust=trust,
                    created_at=now,
                )
                .returning(answers.c.id)
            )
        ).scalar_one()
    )
    if not tell or kind is AnswerKind.NOTE:
        return answer_id
    ticket = (await connection.execute(select(tickets).where(tickets.c.id == ticket_id))).one()
    if by_staff and ticket.customer_id != author.id:
        await notices.tell_customer(
            connection, settings, ticket, answer_id, message, author=author, now=now, new_name=new_name
        )
    else:
        await notices.tell_staff(
            connection, settings, ticket_id, answer_id, author=author, message=message, now=now, new_name=new_name
        )
    return answer_id


async def _gate(connection: AsyncConnection, actor: Actor, ticket_id: int) -> None:
    found = await connection.execute(select(tickets.c.id).where(tickets.c.id == ticket_id, visible_to(actor)))
    if found.first() is None:
        raise NotFound


async def set_status(
    connection: AsyncConnection, *, actor: Actor, ticket_id: int, status: Status
) -> tuple[Status, int]:
    """Set a ticket's status; returns it and who set it. Raises NotAllowed for all but staff, NotFound."""
    if not actor.is_staff:
        raise NotAllowed
    row = (
        await connection.execute(
            update(tickets)
            .where(tickets.c.id == ticket_id)
            .values(status=status, changed_status=actor.person_id)
            .returning(tickets.c.id)
        )
    ).first()
    if row is None:
        raise NotFound
    return status, actor.person_id


def _ticket_query() -> Select[Any]:
    return select(tickets, people_table.c.username).join(people_table, people_table.c.id == tickets.c.customer_id)


async def get_ticket(connection: AsyncConnection, *, actor: Actor, ticket_id: int) -> Ticket:
    """One ticket. Raises NotFound."""
    rows = (await connection.execute(_ticket_query().where(tickets.c.id == ticket_id, visible_to(actor)))).all()
    if not rows:
        raise NotFound
    return (await _with_answers(connection, rows))[0]


async def list_tickets(
    connection: AsyncConnection, *, actor: Actor, status: Status | None, before_id: int | None, count: int
) -> list[Ticket]:
    """Tickets that the actor may see, newest first, from below `before_id`."""
    query = _ticket_query().where(visible_to(actor)).order_by(tickets.c.id.desc()).limit(count)
    if status is not None:
        query = query.where(tickets.c.status == status)
    if before_id is not None:
        query = query.where(tickets.c.id < before_id)
    return await _with_answers(connection, (await connection.execute(query)).all())


async def _with_answers(connection: AsyncConnection, rows: Iterable[Any]) -> list[Ticket]:
    rows = list(rows)
    answer_ids: dict[int, list[int]] = defaultdict(list)
    found = await connection.execute(
        select(answers.c.ticket_id, answers.c.id)
        .where(answers.c.ticket_id.in_([row.id for row in rows]), answers.c.kind == AnswerKind.ANSWER)
        .order_by(answers.c.id.desc())
    )
    for answer in found:
        answer_ids[answer.ticket_id].append(answer.id)
    return [
        Ticket(
            id=row.id,
            customer_id=row.customer_id,
            customer=row.username,
            message=row.message,
            status=Status(row.status),
            changed_status=row.changed_status,
            answer_ids=tuple(answer_ids[row.id]),
            created_at=row.created_at,
        )
        for row in rows
    ]


async def ticket_ids_of(connection: AsyncConnection, person_id: int) -> list[int]:
    """The ids of a user's newest tickets."""
    rows = await connection.execute(
        select(tickets.c.id)
        .where(tickets.c.customer_id == person_id)
        .order_by(tickets.c.id.desc())
        .limit(_MOST_TICKETS_OF_A_USER)
    )
    return list(rows.scalars())


async def get_answer(connection: AsyncConnection, *, actor: Actor, answer_id: int) -> Answer:
    """One answer; a note for staff only. Raises NotFound."""
    row = (
        await connection.execute(
            select(answers, people_table.c.username)
            .join(tickets, tickets.c.id == answers.c.ticket_id)
            .join(people_table, people_table.c.id == answers.c.author_id)
            .where(answers.c.id == answer_id, visible_to(actor), kind_visible_to(actor))
        )
    ).first()
    if row is None:
        raise NotFound
    return Answer(
        id=row.id,
        author_id=row.author_id,
        author=row.username,
        ticket_id=row.ticket_id,
        message=row.message,
        created_at=row.created_at,
    )


def kind_visible_to(actor: Actor) -> ColumnElement[bool]:
    return true() if actor.is_staff else answers.c.kind != AnswerKind.NOTE
