"""Taking old mails out of an archive: many in one transaction, and nothing is owed to anybody for them.

`import_mails` does for a batch what `gateway.intake` does for one mail that arrives, with a few statements for all of
them. What an old mail becomes is planned by `gateway.import_plan`. A mail that is known already, by its fingerprint, is
left alone and gets no row: importing an archive twice changes nothing. All of a batch is stored, or nothing.

Dates are those at which the mails were written; `received_at` in the ledger is now. No receipt, notice or link is owed;
a delivery report marks nothing. Statuses stay as they are: a new ticket is unsolved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import people
from gateway.attachments import store_attachments
from gateway.config import Settings
from gateway.facts import genuine_row
from gateway.import_plan import Conversations, OldMail, Plan, PlannedAnswer, PlannedTicket, Planner, learnt
from gateway.matching import Decision, Deed
from gateway.model import Mailbox, Outcome, Person, Source, ThreadClues, clean_line, fold_key
from gateway.old_mail import IMPORTED
from gateway.schema import answers, intake, raw_mails, tickets
from gateway.schema import people as people_table

_LONGEST_REASON = 1000
_MOST_TOKENS = 20
_MOST_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a mail: its outcome, None where it was known already, and what is known of its conversation."""

    outcome: Outcome | None
    conversations: Conversations = field(default_factory=dict)


async def find_conversations(connection: AsyncConnection, message_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """For each of the Message-IDs that the desk knows: who has which ticket there."""
    found: dict[str, dict[str, int]] = {}
    for start in range(0, len(message_ids), _MOST_IDS_AT_ONCE):
        some = message_ids[start : start + _MOST_IDS_AT_ONCE]
        for column in (intake.c.message_id, intake.c.forwarded_message_id):
            rows = await connection.execute(
                select(column, intake.c.ticket_id, people_table.c.email_key)
                .join(tickets, tickets.c.id == intake.c.ticket_id)
                .join(people_table, people_table.c.id == tickets.c.customer_id)
                .where(
                    column.in_(some),
                    intake.c.outcome.in_([Outcome.TICKET, Outcome.ANSWER, Outcome.AUTOMATIC]),
                )
                .order_by(intake.c.id)
            )
            for message_id, ticket_id, key in rows:
                found.setdefault(message_id, {})[key] = ticket_id
    return found


async def import_mails(
    connection: AsyncConnection,
    settings: Settings,
    *,
    mails: Sequence[OldMail],
    conversations: Conversations,
    now: datetime,
) -> list[Imported]:
    """Store a batch of old mails, oldest first, and what they become. Returns the fate of each, in their order."""
    known = await known_fingerprints(connection, [mail.fingerprint for mail in mails])
    planner = Planner(
        settings,
        conversations,
        staff=await people.all_staff(connection),
        numbered=await _numbered_tickets(connection, mails),
    )
    plans: list[Plan | None] = []
    for mail in mails:
        if mail.fingerprint in known:
            plans.append(None)
            continue
        known.add(mail.fingerprint)
        clues = mail.reading.clues
        has_tokens = clues.address_tokens or clues.reference_tokens or clues.own_token
        plans.append(
            planner.plan(
                mail,
                tokens=await _by_token(connection, settings, clues) if has_tokens else {},
                copy=await genuine_row(connection, settings, clues.own_token) if clues.own_token else None,
            )
        )
    new = [plan for plan in plans if plan]
    await _store(connection, new, planner, now)
    return [
        Imported(outcome=plan.outcome, conversations=learnt(plan)) if plan else Imported(outcome=None) for plan in plans
    ]


async def known_fingerprints(connection: AsyncConnection, fingerprints: Sequence[str]) -> set[str]:
    """Which of these mails the ledger has."""
    rows = await connection.execute(select(intake.c.fingerprint).where(intake.c.fingerprint.in_(fingerprints)))
    return set(rows.scalars())


async def _numbered_tickets(
    connection: AsyncConnection, mails: Sequence[OldMail]
) -> dict[tuple[int, str], tuple[int, datetime]]:
    """The tickets that the subjects may mean, with the instants at which they were made."""
    numbers = {number for mail in mails for number in mail.reading.clues.subject_ids}
    if not numbers:
        return {}
    rows = await connection.execute(
        select(tickets.c.id, tickets.c.created_at, people_table.c.email_key)
        .join(people_table, people_table.c.id == tickets.c.customer_id)
        .where(tickets.c.id.in_(numbers), tickets.c.trust != IMPORTED)
    )
    return {(row.id, row.email_key): (row.id, row.created_at) for row in rows}


async def _by_token(connection: AsyncConnection, settings: Settings, clues: ThreadClues) -> dict[str, int]:
    """Whose ticket the genuine tokens of a mail lead to."""
    found: dict[str, int] = {}
    for token in (*clues.address_tokens, *clues.reference_tokens)[:_MOST_TOKENS]:
        row = await genuine_row(connection, settings, token)
        if row is not None and row.ticket_id is not None:
            customer = (
                select(people_table.c.email_key)
                .join(tickets, tickets.c.customer_id == people_table.c.id)
                .where(tickets.c.id == row.ticket_id)
            )
            found.setdefault((await connection.execute(customer)).scalar_one(), row.ticket_id)
    return found


async def _store(connection: AsyncConnection, plans: list[Plan], planner: Planner, now: datetime) -> None:
    """Write all of it: people, tickets, answers, rows of the ledger, the mails' bytes, the lists of attachments."""
    if not plans:
        return
    # Several mails of a batch may come to one new ticket.
    new_tickets = list({id(plan.ticket): plan.ticket for plan in plans if plan.ticket and not plan.ticket.id}.values())
    new_answers = [plan.answer for plan in plans if plan.answer]
    customers = await _customers(connection, new_tickets, new_answers, planner, now)
    ids = await _insert(
        connection,
        tickets,
        [{**ticket.values, "customer_id": customers[ticket.customer].id} for ticket in new_tickets],
    )
    for ticket, ticket_id in zip(new_tickets, ids, strict=True):
        ticket.id = ticket_id
    ids = await _insert(
        connection,
        answers,
        [
            {
                **answer.values,
                "ticket_id": answer.ticket.id,
                "author_id": (answer.by_staff or customers[answer.author]).id,
            }
            for answer in new_answers
        ],
    )
    for answer, answer_id in zip(new_answers, ids, strict=True):
        answer.id = answer_id
    ids = await _insert(connection, intake, [_ledger_row(plan, now) for plan in plans])
    for plan, intake_id in zip(plans, ids, strict=True):
        message = plan.mail.reading.message
        if message is not None and (message.attachments or plan.forwarded) and plan.mail.packed:
            deed = Deed.FORWARD if plan.forwarded else Deed.OPEN
            await store_attachments(
                connection, intake_id, message, Decision(deed=deed, reason=plan.reason, trust=IMPORTED)
            )
        plan.intake_id = intake_id
    bodies = [
        {"intake_id": plan.intake_id, "compression": plan.mail.packed[0], "body": plan.mail.packed[1]}
        for plan in plans
        if plan.mail.packed
    ]
    if bodies:
        await connection.execute(raw_mails.insert(), bodies)


async def _insert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> list[int]:
    """Insert many rows with one statement; returns their ids, in their order.

    PostgreSQL gives the ids out and tells which row got which. SQLite does not tell; but there a unit of work has the
    database to itself, so the next ids can be known beforehand.
    """
    if not rows:
        return []
    if connection.dialect.name == "sqlite":
        last = await connection.execute(
            text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
        )
        first_id = (last.scalar_one_or_none() or 0) + 1
        ids = list(range(first_id, first_id + len(rows)))
        await connection.execute(table.insert(), [{**row, "id": row_id} for row, row_id in zip(rows, ids, strict=True)])
        return ids
    given = await connection.execute(table.insert().returning(table.c.id, sort_by_parameter_order=True), rows)
    return list(given.scalars())


async def _customers(
    connection: AsyncConnection,
    new_tickets: list[PlannedTicket],
    new_answers: list[PlannedAnswer],
    planner: Planner,
    now: datetime,
) -> dict[str, Person]:
    """Everybody by his folded address; nobody in particular, by the empty one, has no address."""
    keys = {ticket.customer for ticket in new_tickets} | {answer.author for answer in new_answers}
    addresses = [planner.addresses[key] for key in sorted(keys - {""})]
    found = await people.ensure_customers(connection, addresses, now)
    if "" in keys:
        found[""] = await people.ensure_customer(connection, Mailbox(), now)
    return found


def _ledger_row(plan: Plan, now: datetime) -> dict[str, Any]:
    mail, message = plan.mail, plan.mail.reading.message
    passed_on = message.forwarded if message and plan.forwarded else None
    remarks = message.remarks if message else ()
    return {
        "received_at": now,
        "source": Source.IMPORT,
        "envelope_from": "",
        "envelope_to": [],
        "null_sender": False,
        "trusted": False,
        "message_id": message.message_id if message else None,
        "forwarded_message_id": passed_on.message_id if passed_on else None,
        "sender_key": fold_key(message.sender.address) if message else "",
        "from_text": message.from_text if message else "",
        "subject": message.subject if message else "",
        "size_bytes": mail.size_bytes,
        "outcome": plan.outcome,
        "reason": clean_line("; ".join((plan.reason, *remarks)), _LONGEST_REASON),
        "trust": IMPORTED if message else "",
        "ticket_id": plan.ticket.id if plan.ticket else None,
        "answer_id": plan.answer.id if plan.answer else None,
        "fingerprint": mail.fingerprint,
    }
