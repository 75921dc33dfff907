"""Who hears of what: the mails that a new ticket or answer makes the desk owe.

A staff answer goes to the ticket's customer; what a customer writes goes to all staff; nobody hears of what he
wrote himself. All of it joins the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import outbox, people
from gateway.config import Settings
from gateway.matching import FORWARDED
from gateway.model import Audience, Outbound, OutboxKind, OutboxState, Outcome, Person, clean_line, fold_key
from gateway.schema import answers, intake, tickets

# A notice is written once for every staff member: it holds what one reads in a mail, the rest is behind its link.
_LONGEST_NOTICE = 20_000
_LONGEST_TITLE_SOURCE = 500
_IN_THREAD = (Outcome.TICKET, Outcome.ANSWER, Outcome.AUTOMATIC)


async def tell_customer(
    connection: AsyncConnection,
    settings: Settings,
    ticket: Any,
    answer_id: int,
    message: str,
    *,
    author: Person,
    now: datetime,
    new_name: outbox.NewName,
) -> None:
    """Owe the ticket's customer a staff member's answer, unless he is the same man under another account."""
    customer = await people.get_person(connection, ticket.customer_id)
    assert customer is not None
    if not customer.email:
        # His mail did not say without doubt who he is, so nobody hears this answer: that must not go unnoticed.
        context = {"occasion": "unheard", "author": customer.username, "message": message}
        await _notify(
            connection, settings, ticket.id, answer_id, author=None, context=context, now=now, new_name=new_name
        )
        return
    if fold_key(customer.email) == fold_key(author.email):
        return
    await outbox.enqueue(
        connection,
        settings,
        kind=OutboxKind.ANSWER,
        person=customer,
        audience=Audience.CUSTOMER,
        context={
            "ticket_id": ticket.id,
            "subject": ticket.subject,
            "message": ticket.message,
            "answer": message,
        },
        now=now,
        new_name=new_name,
        ticket_id=ticket.id,
        answer_id=answer_id,
        references=await thread_of(connection, ticket_id=ticket.id, person=customer),
    )


async def tell_staff(
    connection: AsyncConnection,
    settings: Settings,
    ticket_id: int,
    answer_id: int | None,
    *,
    author: Person,
    message: str,
    now: datetime,
    new_name: outbox.NewName,
) -> None:
    """Owe every staff member but the author a notice of a new ticket (`answer_id` None) or a new answer."""
    await _notify(
        connection,
        settings,
        ticket_id,
        answer_id,
        author=author,
        context={
            "occasion": "answer" if answer_id else "ticket",
            "author": author.email if author.username == author.email else f"{author.username} <{author.email}>",
            "message": message if len(message) <= _LONGEST_NOTICE else message[:_LONGEST_NOTICE] + " […]",
        },
        now=now,
        new_name=new_name,
    )


async def tell_of_mail(
    connection: AsyncConnection,
    settings: Settings,
    ticket_id: int,
    *,
    occasion: str,
    intake_id: int,
    sender: str,
    reason: str,
    now: datetime,
    new_name: outbox.NewName,
) -> None:
    """Owe every staff member a notice of a mail about a ticket that is `held`, or tells that one of ours has
    `bounced`; its words stay in the ledger."""
    context = {"occasion": occasion, "author": sender, "message": reason, "intake_id": intake_id}
    await _notify(connection, settings, ticket_id, None, author=None, context=context, now=now, new_name=new_name)


async def settle_mail(
    connection: AsyncConnection,
    settings: Settings,
    mail: Outbound,
    state: OutboxState,
    *,
    reply: str,
    now: datetime,
    due_at: datetime | None,
    new_name: outbox.NewName,
    relay_id: str = "",
    unanswered: bool = False,
) -> None:
    """Write down how a send ended; where an answer was refused for good, or nobody knows what became of it, owe staff
    a notice of it."""
    is_ours = await outbox.settle(
        connection, mail, state, reply=reply, now=now, due_at=due_at, relay_id=relay_id, unanswered=unanswered
    )
    occasion = {OutboxState.FAILED: "refused", OutboxState.UNCERTAIN: "uncertain"}.get(state)
    if is_ours and occasion and mail.kind is OutboxKind.ANSWER and mail.ticket_id is not None:
        context = {
            "occasion": occasion,
            "outbox_id": mail.id,
            "author": mail.recipient,
            "message": clean_line(reply, 500),
        }
        await _notify(
            connection,
            settings,
            mail.ticket_id,
            None,
            author=None,
            context=context,
            now=now,
            new_name=new_name,
        )


async def _notify(
    connection: AsyncConnection,
    settings: Settings,
    ticket_id: int,
    answer_id: int | None,
    *,
    author: Person | None,
    context: dict[str, Any],
    now: datetime,
    new_name: outbox.NewName,
) -> None:
    staff = await people.staff_but(connection, author) if settings.notify_staff else []
    if not staff:
        return
    ticket = (await connection.execute(select(tickets).where(tickets.c.id == ticket_id))).one()
    for person in staff:
        await outbox.owe_notice(
            connection,
            settings,
            person=person,
            ticket_id=ticket_id,
            answer_id=answer_id,
            context={
                **context,
                "ticket_id": ticket_id,
                "subject": ticket.subject,
                "ticket_message": ticket.message[:_LONGEST_TITLE_SOURCE],
            },
            references=await thread_of(connection, ticket_id=ticket_id, person=person),
            now=now,
            new_name=new_name,
        )


async def thread_of(connection: AsyncConnection, *, ticket_id: int, person: Person) -> tuple[str, ...]:
    """The Message-IDs of this person's correspondence about the ticket, for References: what he was sent and then
    what he wrote himself, each oldest first, so that the last one, which is answered, is his own mail if any."""
    sent = [message_id for _, message_id in await outbox.sent_ids(connection, ticket_id=ticket_id, person_id=person.id)]
    # A mail that staff passed on is known to its writer under his own Message-ID, if that is known here.
    message_id = case((tickets.c.trust == FORWARDED, intake.c.forwarded_message_id), else_=intake.c.message_id)
    written = await connection.execute(
        select(case((intake.c.answer_id.is_(None), message_id), else_=intake.c.message_id))
        .outerjoin(answers, answers.c.id == intake.c.answer_id)
        .join(tickets, tickets.c.id == intake.c.ticket_id)
        .where(
            intake.c.ticket_id == ticket_id,
            intake.c.duplicate_of.is_(None),
            intake.c.outcome.in_(_IN_THREAD),
            # The ticket's own mail has no answer row and is its customer's.
            (answers.c.author_id == person.id) | (intake.c.answer_id.is_(None) & (tickets.c.customer_id == person.id)),
        )
        .order_by(intake.c.id)
    )
    return tuple(dict.fromkeys([*sent, *filter(None, written.scalars())]))
