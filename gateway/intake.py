"""Taking a mail: the one service behind every road, and the ledger that it writes.

`receive_mail` is one transaction: the ledger row, the raw bytes, the attachments' list, the person, the ticket or
answer, and every mail that is owed for it; all or nothing. A mail that is known already, by its fingerprint, changes
nothing but gets a row of its own that names the first. What cannot be understood is kept as `failed`, what looks
dangerous as `held`; both can be run again by `rerun_mail`, on the same row.

What the mail says was parsed before (`mail.parse`), what it may do is decided by `matching`; here the facts are
looked up and the decision is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import notices, outbox, people, tickets
from gateway.config import Settings
from gateway.errors import Conflict, NotFound
from gateway.facts import find_facts
from gateway.matching import Decision, Deed, decide
from gateway.model import (
    AnswerKind,
    Audience,
    Delivery,
    InboundMessage,
    OutboxKind,
    Outcome,
    Taken,
    ThreadClues,
    Verdict,
    Via,
)
from gateway.outbox import NewName
from gateway.schema import attachments, insert_or_skip, intake, raw_mails

_MOST_ENVELOPE_RECIPIENTS = 100
# Stands where somebody sent neither text nor subject: an image alone, say.
_NO_WORDS = "(no text)"
NO_CLUES = ThreadClues()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was understood of a mail: the message and its clues, or why there is none."""

    message: InboundMessage | None
    clues: ThreadClues = NO_CLUES
    failure: str = ""


async def receive_mail(
    connection: AsyncConnection,
    settings: Settings,
    *,
    delivery: Delivery,
    reading: Reading,
    fingerprint: str,
    packed: tuple[str, bytes],
    now: datetime,
    new_name: NewName,
) -> Taken:
    """Store one mail and do what follows from it. Returns its ledger row; for a known mail, the first one's."""
    message = reading.message
    intake_id = (
        await connection.execute(
            insert_or_skip(connection, intake)
            .values(
                **_envelope(delivery, now),
                **_headers(message),
                outcome=Outcome.FAILED,
                reason=reading.failure,
                trust="",
                fingerprint=fingerprint,
            )
            .returning(intake.c.id)
        )
    ).scalar_one_or_none()
    if intake_id is None:
        return await _note_duplicate(connection, delivery, message, fingerprint, now)
    await connection.execute(raw_mails.insert().values(intake_id=intake_id, compression=packed[0], body=packed[1]))
    if message is None:
        return Taken(intake_id=intake_id, outcome=Outcome.FAILED)
    await _list_attachments(connection, intake_id, message)
    return await _judge(
        connection,
        settings,
        intake_id=intake_id,
        null_sender=delivery.null_sender,
        message=message,
        clues=reading.clues,
        accept=False,
        is_rerun=False,
        now=now,
        new_name=new_name,
    )


def _envelope(delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "received_at": now,
        "source": delivery.source,
        "envelope_from": delivery.envelope_from,
        "envelope_to": list(delivery.envelope_to[:_MOST_ENVELOPE_RECIPIENTS]),
        "null_sender": delivery.null_sender,
        "trusted": delivery.trusted,
        "size_bytes": len(delivery.raw),
    }


def _headers(message: InboundMessage | None) -> dict[str, Any]:
    return {
        "message_id": message.message_id if message else None,
        "from_text": message.from_text if message else "",
        "subject": message.subject if message else "",
    }


async def _note_duplicate(
    connection: AsyncConnection,
    delivery: Delivery,
    message: InboundMessage | None,
    fingerprint: str,
    now: datetime,
) -> Taken:
    first = (await connection.execute(select(intake).where(intake.c.fingerprint == fingerprint))).one()
    await connection.execute(
        intake.insert().values(
            **_envelope(delivery, now),
            **_headers(message),
            outcome=Outcome.DUPLICATE,
            reason=f"the same mail as intake {first.id}",
            trust=first.trust,
            ticket_id=first.ticket_id,
            answer_id=first.answer_id,
            duplicate_of=first.id,
        )
    )
    return Taken(intake_id=first.id, outcome=Outcome.DUPLICATE, ticket_id=first.ticket_id, answer_id=first.answer_id)


async def _list_attachments(connection: AsyncConnection, intake_id: int, message: InboundMessage) -> None:
    if not message.attachments:
        return
    await connection.execute(
        attachments.insert(),
        [
            {
                "intake_id": intake_id,
                "position": part.position,
                "name": part.name,
                "content_type": part.content_type,
                "size_bytes": part.size_bytes,
                "sha256": part.sha256,
                "inline": part.inline,
                "content_id": part.content_id,
            }
            for part in message.attachments
        ],
    )


async def rerun_mail(
    connection: AsyncConnection,
    settings: Settings,
    *,
    intake_id: int,
    reading: Reading,
    accept: bool,
    now: datetime,
    new_name: NewName,
) -> Taken:
    """Run a mail again that became no part of a ticket (failed, held, bounce), on its own row.

    With `accept` a held one is let in, and what was taken for a delivery report is taken for a person's mail.
    Raises NotFound, and Conflict for a mail that became something else.
    """
    row = (await connection.execute(select(intake).where(intake.c.id == intake_id).with_for_update())).first()
    if row is None:
        raise NotFound
    if row.outcome not in {Outcome.FAILED, Outcome.HELD, Outcome.BOUNCE}:
        raise Conflict(f"Only a failed or held mail, or a bounce, can be run again; this one became: {row.outcome}.")
    message = reading.message
    if message is not None and accept:
        message = replace(message, bounce=None, automatic=message.automatic and message.bounce is None)
    if message is None:
        await connection.execute(update(intake).where(intake.c.id == intake_id).values(reason=reading.failure))
        return Taken(intake_id=intake_id, outcome=Outcome.FAILED)
    await connection.execute(attachments.delete().where(attachments.c.intake_id == intake_id))
    await _list_attachments(connection, intake_id, message)
    await connection.execute(update(intake).where(intake.c.id == intake_id).values(**_headers(message)))
    return await _judge(
        connection,
        settings,
        intake_id=intake_id,
        null_sender=row.null_sender,
        message=message,
        clues=reading.clues,
        accept=accept,
        is_rerun=True,
        now=now,
        new_name=new_name,
    )


async def _judge(
    connection: AsyncConnection,
    settings: Settings,
    *,
    intake_id: int,
    null_sender: bool,
    message: InboundMessage,
    clues: ThreadClues,
    accept: bool,
    is_rerun: bool,
    now: datetime,
    new_name: NewName,
) -> Taken:
    """Look up the facts, decide, carry it out, and write the outcome into the ledger row."""
    facts = await find_facts(connection, settings, message, clues, null_sender=null_sender)
    decision = decide(facts)
    automatic = facts.automatic
    outcome, ticket_id, answer_id = Outcome.HELD, decision.ticket_id, None
    reason = decision.reason
    if accept and decision.held:
        reason = f"accepted by staff; was {reason}"
    if accept or not decision.held:
        outcome, ticket_id, answer_id = await _carry_out(
            connection,
            settings,
            decision,
            message,
            intake_id=intake_id,
            automatic=automatic,
            now=now,
            new_name=new_name,
        )
    elif ticket_id is not None and not automatic and not is_rerun:
        await notices.tell_of_mail(
            connection,
            settings,
            ticket_id,
            occasion="held",
            intake_id=intake_id,
            sender=message.from_text,
            reason=reason,
            now=now,
            new_name=new_name,
        )
    await connection.execute(
        update(intake)
        .where(intake.c.id == intake_id)
        .values(outcome=outcome, reason=reason, trust=decision.trust, ticket_id=ticket_id, answer_id=answer_id)
    )
    if outcome is Outcome.TICKET and ticket_id is not None:
        await _owe_receipt(connection, settings, ticket_id, message, decision, now=now, new_name=new_name)
    return Taken(intake_id=intake_id, outcome=outcome, ticket_id=ticket_id, answer_id=answer_id)


async def _carry_out(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    intake_id: int,
    automatic: bool,
    now: datetime,
    new_name: NewName,
) -> tuple[Outcome, int | None, int | None]:
    if decision.deed is Deed.BOUNCE:
        if decision.bounced_outbox_id is not None and message.bounce is not None and message.bounce.permanent:
            is_news = await outbox.mark_bounced(connection, decision.bounced_outbox_id, reason=message.subject)
            if is_news and decision.ticket_id is not None:
                await notices.tell_of_mail(
                    connection,
                    settings,
                    decision.ticket_id,
                    occasion="bounced",
                    intake_id=intake_id,
                    sender=", ".join(message.bounce.addresses),
                    reason=message.subject,
                    now=now,
                    new_name=new_name,
                )
        return Outcome.BOUNCE, decision.ticket_id, None
    author = decision.author or await people.ensure_customer(connection, message.sender, now)
    if decision.deed is Deed.OPEN:
        ticket_id = await tickets.open_ticket(
            connection,
            settings,
            customer=author,
            message=(message.text.strip() and message.text) or message.subject or _NO_WORDS,
            via=Via.EMAIL,
            now=now,
            new_name=new_name,
            subject=message.subject,
            trust=decision.trust,
            tell_staff=not automatic,
        )
        claimant = await people.claiming_account(connection, author.email) if author.email else None
        if claimant and not automatic and message.verdict is not Verdict.FAIL:
            await people.owe_confirmation(connection, settings, claimant, now=now, new_name=new_name)
        return (Outcome.AUTOMATIC if automatic else Outcome.TICKET), ticket_id, None
    assert decision.ticket_id is not None
    by_staff = decision.deed is Deed.STAFF_ANSWER
    answer_id = await tickets.add_answer(
        connection,
        settings,
        author=author,
        by_staff=by_staff,
        ticket_id=decision.ticket_id,
        message=message.visible or message.text or message.subject or _NO_WORDS,
        via=Via.EMAIL,
        now=now,
        new_name=new_name,
        # A program's answer in the name of staff, or of nobody who takes part, is nothing that a customer should read.
        kind=AnswerKind.NOTE if automatic and (by_staff or decision.deed is Deed.NOTE) else AnswerKind.ANSWER,
        subject=message.subject,
        quoted=message.quoted,
        trust=decision.trust,
        tell=not automatic,
    )
    return (Outcome.AUTOMATIC if automatic else Outcome.ANSWER), decision.ticket_id, answer_id


async def _owe_receipt(
    connection: AsyncConnection,
    settings: Settings,
    ticket_id: int,
    message: InboundMessage,
    decision: Decision,
    *,
    now: datetime,
    new_name: NewName,
) -> None:
    """One receipt for a new ticket made by a person's mail, within the limits; it holds nothing of the mail's words."""
    if not settings.acknowledge or message.no_receipt or message.verdict is Verdict.FAIL or not message.sender.address:
        return
    customer = await people.owner_of(connection, message.sender.address)
    if customer is None:
        return
    each, total = settings.receipt_limit, settings.receipt_limit_total
    if each and await outbox.count_recent(connection, OutboxKind.RECEIPT, each, now, customer.id) >= each.count:
        return
    if total and await outbox.count_recent(connection, OutboxKind.RECEIPT, total, now) >= total.count:
        return
    await outbox.enqueue(
        connection,
        settings,
        kind=OutboxKind.RECEIPT,
        person=customer,
        audience=Audience.CUSTOMER,
        context={"ticket_id": ticket_id, "trust": decision.trust},
        now=now,
        new_name=new_name,
        ticket_id=ticket_id,
        references=(message.message_id,) if message.message_id else (),
    )
