"""Tickets and answers over HTTP: each handler is one service call."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.accounts import new_name
from api.attachments import attachment_object
from api.calls import BadQuery, Call, Reply, paged
from api.payloads import (
    AnswerCreated,
    AnswerObject,
    Author,
    CustomerMessage,
    NewMessage,
    NewStatus,
    StaffMessage,
    StatusChanged,
    TicketObject,
    instant,
)
from gateway import conversations, people, tickets
from gateway.errors import NotSignedIn
from gateway.model import Status, Via


def _ticket(url: str, ticket: tickets.Ticket) -> TicketObject:
    return TicketObject(
        id=ticket.id,
        from_user_id=ticket.customer_id,
        from_user=ticket.customer,
        message=ticket.message,
        status=ticket.status.value,
        changed_status=ticket.changed_status,
        answers=[f"{url}/api/comment/{answer_id}" for answer_id in ticket.answer_ids],
        created_at=instant(ticket.created_at),
    )


async def open_ticket(call: Call[NewMessage]) -> Reply:
    actor, now = call.actor, call.now

    async def work(connection: AsyncConnection) -> tickets.Ticket:
        customer = await people.get_person(connection, actor.person_id)
        if customer is None:
            raise NotSignedIn
        ticket_id = await tickets.open_ticket(
            connection,
            call.settings,
            customer=customer,
            message=call.body.message,
            via=Via.API,
            now=now,
            new_name=new_name,
        )
        return await tickets.get_ticket(connection, actor=actor, ticket_id=ticket_id)

    return Reply(_ticket(call.settings.public_url, await call.database.write(work)))


async def list_tickets(call: Call[None]) -> Reply:
    status, page = call.query("status"), call.page()
    if status is not None and status not in set(Status):
        raise BadQuery("status must be one of c, u, f.")
    found = await call.database.read(
        lambda connection: tickets.list_tickets(
            connection,
            actor=call.actor,
            status=Status(status) if status else None,
            before_id=page.before_id,
            count=page.count + 1,
        )
    )
    rows, headers = paged(call, page, found)
    return Reply([_ticket(call.settings.public_url, ticket) for ticket in rows], headers=headers)


async def get_ticket(call: Call[None]) -> Reply:
    ticket_id = call.path_id()
    return Reply(
        _ticket(
            call.settings.public_url,
            await call.database.read(
                lambda connection: tickets.get_ticket(connection, actor=call.actor, ticket_id=ticket_id)
            ),
        )
    )


async def answer_ticket(call: Call[NewMessage]) -> Reply:
    ticket_id, now = call.path_id(), call.now
    answer_id = await call.database.write(
        lambda connection: tickets.answer_ticket(
            connection,
            call.settings,
            actor=call.actor,
            ticket_id=ticket_id,
            message=call.body.message,
            via=Via.API,
            now=now,
            new_name=new_name,
        )
    )
    return Reply(AnswerCreated(id=answer_id, message=call.body.message))


async def get_answer(call: Call[None]) -> Reply:
    answer_id = call.path_id()
    answer = await call.database.read(
        lambda connection: tickets.get_answer(connection, actor=call.actor, answer_id=answer_id)
    )
    return Reply(
        AnswerObject(
            id=answer.id,
            from_user_id=answer.author_id,
            from_user=answer.author,
            to_ticket=f"{call.settings.public_url}/api/ticket/{answer.ticket_id}",
            message=answer.message,
            answered_at=instant(answer.created_at),
        )
    )


async def set_status(call: Call[NewStatus]) -> Reply:
    ticket_id = call.path_id()
    status, changed_by = await call.database.write(
        lambda connection: tickets.set_status(
            connection, actor=call.actor, ticket_id=ticket_id, status=Status(call.body.status)
        )
    )
    return Reply(StatusChanged(status=status.value, changed_status=changed_by))


async def list_messages(call: Call[None]) -> Reply:
    ticket_id = call.path_id()
    messages = await call.database.read(
        lambda connection: conversations.list_messages(connection, actor=call.actor, ticket_id=ticket_id)
    )
    url = call.settings.public_url
    return Reply([_message(url, message, for_staff=call.actor.is_staff) for message in messages])


def _message(url: str, message: conversations.Message, *, for_staff: bool) -> CustomerMessage | StaffMessage:
    fields: dict[str, Any] = {
        "id": message.answer_id,
        "kind": message.kind,
        "author": Author(id=message.author_id, name=message.author.name, email=message.author.address),
        "via": message.via.value,
        "subject": message.subject,
        "message": message.message,
        "quoted": message.quoted,
        "attachments": [attachment_object(url, part) for part in message.attachments],
        "created_at": instant(message.created_at),
    }
    return StaffMessage(**fields, trust=message.trust) if for_staff else CustomerMessage(**fields)
