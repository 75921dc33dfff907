"""Carrying out what was decided about a mail: its ticket, its answer, its delivery report, its receipt.

Each joins the transaction in which the mail is taken. What may be done was judged before, by `matching`; here nobody
is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import notices, outbox, people, tickets
from gateway.config import Settings
from gateway.matching import Decision, Deed
from gateway.model import AnswerKind, Audience, InboundMessage, OutboxKind, Outcome, Person, Verdict, Via
from gateway.outbox import NewName

# Stands where somebody sent neither text nor subject: an image alone, say.
NO_WORDS = "(no text)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a mail, and where it is to be found."""

    outcome: Outcome
    ticket_id: int | None = None
    answer_id: int | None = None


async def carry_out(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    intake_id: int,
    automatic: bool,
    now: datetime,
    new_name: NewName,
) -> Done:
    """Do what was decided about the mail in the ledger row `intake_id`."""
    if decision.deed is Deed.NOTHING:
        return Done(outcome=Outcome.AUTOMATIC)
    if decision.deed is Deed.BOUNCE:
        return await _file_report(
            connection, settings, decision, message, intake_id=intake_id, now=now, new_name=new_name
        )
    if decision.deed is Deed.FORWARD:
        return await _open_forwarded(connection, settings, decision, message, now=now, new_name=new_name)
    if decision.deed is Deed.OPEN:
        return await _open(connection, settings, decision, message, automatic=automatic, now=now, new_name=new_name)
    return await _answer(connection, settings, decision, message, automatic=automatic, now=now, new_name=new_name)


async def _file_report(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    intake_id: int,
    now: datetime,
    new_name: NewName,
) -> Done:
    bounce = message.bounce
    if decision.bounced_outbox_id is not None and bounce is not None and bounce.permanent:
        is_news = await outbox.mark_bounced(connection, decision.bounced_outbox_id, reason=message.subject)
        if is_news and decision.ticket_id is not None:
            await notices.tell_of_mail(
                connection,
                settings,
                decision.ticket_id,
                occasion="bounced",
                intake_id=intake_id,
                sender=", ".join(bounce.addresses),
                reason=message.subject,
                now=now,
                new_name=new_name,
            )
    return Done(outcome=Outcome.BOUNCE, ticket_id=decision.ticket_id)


async def _open(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    automatic: bool,
    now: datetime,
    new_name: NewName,
) -> Done:
    author = decision.author or await people.ensure_customer(connection, message.sender, now)
    ticket_id = await tickets.open_ticket(
        connection,
        settings,
        customer=author,
        message=(message.text.strip() and message.text) or message.subject or NO_WORDS,
        via=Via.EMAIL,
        now=now,
        new_name=new_name,
        subject=message.subject,
        trust=decision.trust,
        tell_staff=not automatic,
    )
    if not automatic and message.verdict is not Verdict.FAIL:
        await _owe_confirmation(connection, settings, author, now=now, new_name=new_name)
    if not automatic:
        await _owe_receipt(connection, settings, ticket_id, message, decision, now=now, new_name=new_name)
    return Done(outcome=Outcome.AUTOMATIC if automatic else Outcome.TICKET, ticket_id=ticket_id)


async def _open_forwarded(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    now: datetime,
    new_name: NewName,
) -> Done:
    """Open a ticket for the first writer of a mail that staff passed on.

    What staff wrote above it is a note, for it was meant for colleagues. No receipt goes out: whether and when the
    customer hears of the ticket is for staff to decide, by answering it.
    """
    forwarded, staff = message.forwarded, decision.author
    assert forwarded is not None
    assert staff is not None
    customer = await people.ensure_customer(connection, forwarded.sender, now)
    ticket_id = await tickets.open_ticket(
        connection,
        settings,
        customer=customer,
        message=(forwarded.text.strip() and forwarded.text) or forwarded.subject or NO_WORDS,
        via=Via.EMAIL,
        now=now,
        new_name=new_name,
        subject=forwarded.subject,
        trust=decision.trust,
        written_at=min(forwarded.sent_at, now) if forwarded.sent_at else None,
    )
    await _owe_confirmation(connection, settings, customer, now=now, new_name=new_name)
    if forwarded.comment.strip():
        await tickets.add_answer(
            connection,
            settings,
            author=staff,
            by_staff=True,
            ticket_id=ticket_id,
            message=forwarded.comment,
            via=Via.EMAIL,
            now=now,
            new_name=new_name,
            kind=AnswerKind.NOTE,
            subject=message.subject,
            trust=decision.trust,
        )
    return Done(outcome=Outcome.TICKET, ticket_id=ticket_id)


async def _answer(
    connection: AsyncConnection,
    settings: Settings,
    decision: Decision,
    message: InboundMessage,
    *,
    automatic: bool,
    now: datetime,
    new_name: NewName,
) -> Done:
    assert decision.ticket_id is not None
    is_sent = decision.deed in {Deed.SENT_ANSWER, Deed.SENT_NOTE}
    by_staff = decision.deed is Deed.STAFF_ANSWER or is_sent
    is_note = decision.deed is Deed.SENT_NOTE or (automatic and (by_staff or decision.deed is Deed.NOTE))
    answer_id = await tickets.add_answer(
        connection,
        settings,
        author=decision.author or await people.ensure_customer(connection, message.sender, now),
        by_staff=by_staff,
        ticket_id=decision.ticket_id,
        message=message.visible or message.text or message.subject or NO_WORDS,
        via=Via.EMAIL,
        now=now,
        new_name=new_name,
        # A program's answer in the name of staff, or of nobody who takes part, is nothing that a customer should read.
        kind=AnswerKind.NOTE if is_note else AnswerKind.ANSWER,
        subject=message.subject,
        quoted=message.quoted,
        trust=decision.trust,
        # What lies among the sent mails has reached whom it was for.
        tell=not automatic and not is_sent,
    )
    return Done(
        outcome=Outcome.AUTOMATIC if automatic else Outcome.ANSWER, ticket_id=decision.ticket_id, answer_id=answer_id
    )


async def _owe_confirmation(
    connection: AsyncConnection, settings: Settings, customer: Person, *, now: datetime, new_name: NewName
) -> None:
    """Whoever has an account that merely claims the address gets the link that proves it, to see his tickets there."""
    claimant = await people.claiming_account(connection, customer.email) if customer.email else None
    if claimant:
        await people.owe_confirmation(connection, settings, claimant, now=now, new_name=new_name)


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
