"""Taking a mail: the one service behind every road, and the ledger that it writes.

`receive_mail` is one transaction: the ledger row, the raw bytes, the attachments' list, the person, the ticket or
answer, and every mail that is owed for it; all or nothing. A mail that is known already, by its fingerprint, changes
nothing but gets a row of its own that names the first. What cannot be understood is kept as `failed`, what looks
dangerous as `held`; both can be run again by `rerun_mail`, on the same row.

What the mail says was parsed before (`mail.parse`), what it may do is decided by `matching`; here the facts are
looked up and the decision is carried out (`gateway.deeds`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import notices
from gateway.attachments import store_attachments
from gateway.config import Settings
from gateway.deeds import Done, carry_out
from gateway.errors import Conflict, NotFound
from gateway.facts import find_facts
from gateway.mailboxes import pass_mail
from gateway.matching import Deed, decide
from gateway.model import Delivery, InboundMessage, Outcome, Taken, ThreadClues, clean_line, fold_key
from gateway.outbox import NewName
from gateway.schema import insert_or_skip, intake, raw_mails

_MOST_ENVELOPE_RECIPIENTS = 100
_LONGEST_REASON = 1000
_LARGEST_NUMBER = 2**31 - 1
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
    is_seen = delivery.place is not None and await pass_mail(connection, delivery.place, now)
    if delivery.from_sent and message is not None:
        facts = await find_facts(
            connection, settings, message, reading.clues, null_sender=delivery.null_sender, from_sent=True
        )
        if decide(facts).deed is Deed.NOTHING:
            return Taken(intake_id=0, outcome=Outcome.AUTOMATIC)
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
        return await _note_duplicate(connection, delivery, message, fingerprint, now, is_seen=is_seen)
    await connection.execute(raw_mails.insert().values(intake_id=intake_id, compression=packed[0], body=packed[1]))
    if message is None:
        return Taken(intake_id=intake_id, outcome=Outcome.FAILED)
    return await _judge(
        connection,
        settings,
        intake_id=intake_id,
        null_sender=delivery.null_sender,
        from_sent=delivery.from_sent,
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
        "from_sent": delivery.from_sent,
        "size_bytes": len(delivery.raw),
    }


def _headers(message: InboundMessage | None) -> dict[str, Any]:
    return {
        "message_id": message.message_id if message else None,
        "sender_key": fold_key(message.sender.address) if message else "",
        "from_text": message.from_text if message else "",
        "subject": message.subject if message else "",
    }


async def _note_duplicate(
    connection: AsyncConnection,
    delivery: Delivery,
    message: InboundMessage | None,
    fingerprint: str,
    now: datetime,
    *,
    is_seen: bool,
) -> Taken:
    """A row for a mail that is known already; none for the very arrival that the first row is about, read again."""
    first = (await connection.execute(select(intake).where(intake.c.fingerprint == fingerprint))).one()
    known = Taken(intake_id=first.id, outcome=Outcome.DUPLICATE, ticket_id=first.ticket_id, answer_id=first.answer_id)
    if is_seen:
        return known
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
    return known


async def list_refused(
    connection: AsyncConnection,
    *,
    delivery: Delivery,
    reading: Reading,
    fingerprint: str,
    packed: tuple[str, bytes],
    outcome: Outcome,
    size_bytes: int,
    reason: str,
    now: datetime,
) -> Taken:
    """A row for a mail that lies in a mailbox and is not taken: too large, or not to be had. `delivery.raw` is its
    header, as far as there is one. Like every row, it stands there once."""
    if delivery.place is not None:
        await pass_mail(connection, delivery.place, now)
    values = {**_envelope(delivery, now), **_headers(reading.message), "size_bytes": min(size_bytes, _LARGEST_NUMBER)}
    intake_id = (
        await connection.execute(
            insert_or_skip(connection, intake)
            .values(**values, outcome=outcome, reason=reason, trust="", fingerprint=fingerprint)
            .returning(intake.c.id)
        )
    ).scalar_one_or_none()
    if intake_id is None:
        known = await connection.execute(select(intake.c.id).where(intake.c.fingerprint == fingerprint))
        return Taken(intake_id=known.scalar_one(), outcome=outcome)
    await connection.execute(raw_mails.insert().values(intake_id=intake_id, compression=packed[0], body=packed[1]))
    return Taken(intake_id=intake_id, outcome=outcome)


async def refuse_mail(
    connection: AsyncConnection,
    *,
    delivery: Delivery,
    message: InboundMessage | None,
    packed: tuple[str, bytes],
    reason: str,
    now: datetime,
) -> Taken:
    """Keep a mail that does nothing, and whose sender cannot be told so: its row and its bytes, for staff to see.

    It has no fingerprint, so the same mail is not taken for a duplicate when it comes in a way that is all right.
    """
    row = await connection.execute(
        intake.insert()
        .values(**_envelope(delivery, now), **_headers(message), outcome=Outcome.REFUSED, reason=reason, trust="")
        .returning(intake.c.id)
    )
    intake_id = int(row.scalar_one())
    await connection.execute(raw_mails.insert().values(intake_id=intake_id, compression=packed[0], body=packed[1]))
    return Taken(intake_id=intake_id, outcome=Outcome.REFUSED)


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
    await connection.execute(update(intake).where(intake.c.id == intake_id).values(**_headers(message)))
    return await _judge(
        connection,
        settings,
        intake_id=intake_id,
        null_sender=row.null_sender,
        from_sent=row.from_sent,
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
    from_sent: bool,
    message: InboundMessage,
    clues: ThreadClues,
    accept: bool,
    is_rerun: bool,
    now: datetime,
    new_name: NewName,
) -> Taken:
    """Look up the facts, decide, carry it out, and write the outcome into the ledger row."""
    facts = await find_facts(connection, settings, message, clues, null_sender=null_sender, from_sent=from_sent)
    decision = decide(facts)
    automatic = facts.automatic
    await store_attachments(connection, intake_id, message, decision)
    done = Done(outcome=Outcome.HELD, ticket_id=decision.ticket_id)
    reason = decision.reason
    if accept and decision.held:
        reason = f"accepted by staff; was {reason}"
    if accept or not decision.held:
        done = await carry_out(
            connection,
            settings,
            decision,
            message,
            intake_id=intake_id,
            automatic=automatic,
            now=now,
            new_name=new_name,
        )
    elif decision.ticket_id is not None and not automatic and not is_rerun:
        await notices.tell_of_mail(
            connection,
            settings,
            decision.ticket_id,
            occasion="held",
            intake_id=intake_id,
            sender=message.from_text,
            reason=reason,
            now=now,
            new_name=new_name,
        )
    passed_on = message.forwarded if decision.deed is Deed.FORWARD else None
    await connection.execute(
        update(intake)
        .where(intake.c.id == intake_id)
        .values(
            outcome=done.outcome,
            reason=clean_line("; ".join((reason, *message.remarks)), _LONGEST_REASON),
            trust=decision.trust,
            ticket_id=done.ticket_id,
            answer_id=done.answer_id,
            forwarded_message_id=passed_on.message_id if passed_on else None,
        )
    )
    return Taken(intake_id=intake_id, outcome=done.outcome, ticket_id=done.ticket_id, answer_id=done.answer_id)
