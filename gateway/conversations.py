"""A ticket's conversation as it is read: every message in its order, with its attachments.

Customers see their own tickets, and of these neither notes nor what was held. Reads only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.model import Actor, AnswerKind, Mailbox, Outcome, Via
from gateway.schema import answers, attachments, intake, people, tickets
from gateway.tickets import kind_visible_to, visible_to

# The mails that became part of a conversation; what was held, failed or bounced is for staff alone.
IN_CONVERSATION = (Outcome.TICKET, Outcome.ANSWER, Outcome.AUTOMATIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttachment:
    """An attachment in the ledger; its bytes are in the raw mail of `intake_id`, at `position`."""

    id: int
    intake_id: int
    position: int
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    inline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One entry of a conversation: the opening message (`answer_id` None) or an answer."""

    answer_id: int | None
    kind: str
    author_id: int
    author: Mailbox
    via: Via
    subject: str
    message: str
    quoted: str
    trust: str
    attachments: tuple[StoredAttachment, ...]
    created_at: datetime


async def list_messages(connection: AsyncConnection, *, actor: Actor, ticket_id: int) -> list[Message]:
    """A ticket's conversation, oldest first; without notes for customers, and without the images of a signature that
    its writer has sent before, which stay in the ledger. Raises NotFound."""
    opening = (
        await connection.execute(
            select(tickets, people.c.username, people.c.email)
            .join(people, people.c.id == tickets.c.customer_id)
            .where(tickets.c.id == ticket_id, visible_to(actor))
        )
    ).first()
    if opening is None:
        raise NotFound
    rows = await connection.execute(
        select(answers, people.c.username, people.c.email)
        .join(people, people.c.id == answers.c.author_id)
        .where(answers.c.ticket_id == ticket_id, kind_visible_to(actor))
        .order_by(answers.c.id)
    )
    by_answer: dict[int | None, list[StoredAttachment]] = defaultdict(list)
    found = await connection.execute(
        select(attachments, intake.c.answer_id)
        .join(intake, intake.c.id == attachments.c.intake_id)
        .where(intake.c.ticket_id == ticket_id, intake.c.outcome.in_(IN_CONVERSATION), ~attachments.c.folded)
        .where(_attachment_visible(actor))
        .order_by(attachments.c.id)
    )
    for row in found:
        by_answer[row.answer_id].append(stored_attachment(row))
    first = Message(
        answer_id=None,
        kind="ticket",
        author_id=opening.customer_id,
        author=Mailbox(name=opening.username, address=opening.email),
        via=Via(opening.via),
        subject=opening.subject,
        message=opening.message,
        quoted="",
        trust=opening.trust,
        attachments=tuple(by_answer[None]),
        created_at=opening.created_at,
    )
    return [
        first,
        *(
            replace(
                first,
                answer_id=row.id,
                kind=row.kind,
                author_id=row.author_id,
                author=Mailbox(name=row.username, address=row.email),
                via=Via(row.via),
                subject=row.subject,
                message=row.message,
                quoted=row.quoted,
                trust=row.trust,
                attachments=tuple(by_answer[row.id]),
                created_at=row.created_at,
            )
            for row in rows
        ),
    ]


def _attachment_visible(actor: Actor) -> ColumnElement[bool]:
    return true() if actor.is_staff else intake.c.outcome.in_(IN_CONVERSATION) & ~attachments.c.for_staff


async def get_attachment(connection: AsyncConnection, *, actor: Actor, attachment_id: int) -> StoredAttachment:
    """Where an attachment is; visible as its ticket, or to staff alone where it has none. Raises NotFound."""
    row = (
        await connection.execute(
            select(attachments)
            .join(intake, intake.c.id == attachments.c.intake_id)
            .outerjoin(tickets, tickets.c.id == intake.c.ticket_id)
            .outerjoin(answers, answers.c.id == intake.c.answer_id)
            .where(
                attachments.c.id == attachment_id,
                visible_to(actor),
                _attachment_visible(actor),
                true() if actor.is_staff else (answers.c.id.is_(None) | (answers.c.kind != AnswerKind.NOTE)),
            )
        )
    ).first()
    if row is None:
        raise NotFound
    return stored_attachment(row)


def stored_attachment(row: Any) -> StoredAttachment:
    """The frozen value of a row of attachments."""
    return StoredAttachment(
        id=row.id,
        intake_id=row.intake_id,
        position=row.position,
        name=row.name,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        inline=row.inline,
    )
