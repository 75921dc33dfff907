"""What the database knows about the clues of a mail: the facts on which `gateway.matching` decides.

A token is looked up and its signature checked here; one that is invalid, or belongs to a mail about no ticket,
counts as absent. Reads only; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import people
from gateway.config import Settings
from gateway.matching import Facts, ReportedFact, SentFact, TicketFact, TokenFact
from gateway.model import Audience, InboundMessage, Outcome, Person, ThreadClues, fold_key
from gateway.reply_token import is_genuine, token_name
from gateway.schema import intake, outbox, tickets
from gateway.schema import people as people_table

_MOST_TOKENS = 20
_MOST_MESSAGE_IDS = 20
_MOST_SUBJECT_IDS = 5


async def find_facts(
    connection: AsyncConnection,
    settings: Settings,
    message: InboundMessage,
    clues: ThreadClues,
    *,
    null_sender: bool,
    from_sent: bool = False,
) -> Facts:
    if from_sent:
        return await _sent_facts(connection, settings, message, clues)
    sender, passed_on = message.sender.address, message.forwarded
    automatic = null_sender or message.automatic
    token = await _token_fact(connection, settings, clues, sender)
    found: list[TicketFact] = []
    if token is None:
        owner = await people.owner_of(connection, sender) if sender else None
        found = await _ticket_facts(connection, clues, owner)
    return Facts(
        token=token,
        tickets=tuple(found),
        named=clues.subject_ids[:_MOST_SUBJECT_IDS],
        verdict=message.verdict,
        has_sender=bool(sender),
        staff=await people.staff_at(connection, sender) if sender and (found or passed_on) else None,
        forwards=passed_on is not None and plain(passed_on.sender.address) not in settings.support_addresses,
        reported=await _reported_fact(connection, settings, clues) if message.bounce and automatic else None,
        from_desk=plain(sender) in settings.support_addresses
        or await genuine_row(connection, settings, clues.own_token) is not None,
        automatic=automatic,
        bounce=message.bounce is not None,
        strict=settings.sender_policy == "strict",
        staff_by_mail=settings.staff_by_mail,
    )


async def _sent_facts(
    connection: AsyncConnection, settings: Settings, message: InboundMessage, clues: ThreadClues
) -> Facts:
    """The facts about a mail that was found among the sent ones of a mailbox: who of staff wrote it, and to whom."""
    sender = message.sender.address
    token = await _token_fact(connection, settings, clues, sender)
    found = [] if token else await _ticket_facts(connection, clues, None)
    ticket_id = token.ticket_id if token else found[0].ticket_id if found else None
    customer = await _customer_of(connection, ticket_id) if ticket_id is not None else ""
    recipients = {fold_key(address) for address in message.recipients}
    return Facts(
        token=token,
        tickets=tuple(found),
        has_sender=bool(sender),
        staff=await people.staff_at(connection, sender) if sender else None,
        from_desk=plain(sender) in settings.support_addresses,
        automatic=message.automatic or message.bounce is not None,
        sent=SentFact(
            is_ours=await genuine_row(connection, settings, clues.own_token) is not None,
            to_desk=any(plain(address) in settings.support_addresses for address in recipients),
            to_customer=bool(customer) and customer in recipients,
        ),
    )


async def _customer_of(connection: AsyncConnection, ticket_id: int) -> str:
    """The folded address of a ticket's customer; empty where there is none."""
    found = await connection.execute(
        select(people_table.c.email_key)
        .join(tickets, tickets.c.customer_id == people_table.c.id)
        .where(tickets.c.id == ticket_id)
    )
    return found.scalar_one_or_none() or ""


async def _token_fact(
    connection: AsyncConnection, settings: Settings, clues: ThreadClues, sender: str
) -> TokenFact | None:
    """The first genuine token of a mail to this sender, else the first genuine one; so nobody can lead a reply away by
    an address of his own in it. One that is invalid, or of a mail about no ticket, counts as absent."""
    foreign: TokenFact | None = None
    for token, carrier in _carried(clues)[:_MOST_TOKENS]:
        row = await genuine_row(connection, settings, token)
        if row is None or row.ticket_id is None:
            continue
        person = await people.get_person(connection, row.person_id, lock=True)
        assert person is not None
        fact = TokenFact(
            outbox_id=row.id,
            ticket_id=row.ticket_id,
            person=person,
            audience=Audience(row.audience),
            from_recipient=bool(sender) and fold_key(sender) == fold_key(row.recipient),
            carrier=carrier,
        )
        if fact.from_recipient:
            return fact
        foreign = foreign or fact
    return foreign


def _carried(clues: ThreadClues) -> list[tuple[str, str]]:
    return [
        *((token, "token in the recipient address") for token in clues.address_tokens),
        *((token, "token in In-Reply-To or References") for token in clues.reference_tokens),
    ]


async def _reported_fact(connection: AsyncConnection, settings: Settings, clues: ThreadClues) -> ReportedFact | None:
    """The mail of ours that a delivery report answers, or encloses."""
    enclosed = ((token, "token in the mail that it encloses") for token in clues.enclosed_tokens)
    for token, carrier in [*_carried(clues), *enclosed][:_MOST_TOKENS]:
        if row := await genuine_row(connection, settings, token):
            return ReportedFact(outbox_id=row.id, ticket_id=row.ticket_id, carrier=carrier)
    return None


def plain(address: str) -> str:
    """The address without what stands behind a plus."""
    local, _, domain = fold_key(address).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


async def genuine_row(connection: AsyncConnection, settings: Settings, token: str) -> Any:
    """The outbox row of the mail that a genuine token was made for, else None."""
    if not token:
        return None
    row = (await connection.execute(select(outbox).where(outbox.c.name == token_name(token)))).first()
    if row is None or not is_genuine(
        token,
        settings.secret_key,
        name=row.name,
        ticket_id=row.ticket_id or 0,
        person_id=row.person_id,
        audience=Audience(row.audience),
    ):
        return None
    return row


async def _tickets_by_relay_id(connection: AsyncConnection, message_ids: tuple[str, ...]) -> list[int]:
    """The tickets of our mails to which the relay gave another Message-ID: its id for the mail is that, or stands in it
    before the @."""
    ranks: dict[str, int] = {}
    for place, message_id in enumerate(message_ids):
        ranks.setdefault(message_id, place)
        ranks.setdefault(message_id.rpartition("@")[0], place)
    ranks.pop("", None)
    rows = await connection.execute(
        select(outbox.c.relay_id, outbox.c.ticket_id)
        .where(outbox.c.relay_id.in_(list(ranks)), outbox.c.ticket_id.is_not(None))
        .order_by(outbox.c.id)
        .limit(200)
    )
    ordered = sorted(rows, key=lambda row: ranks[row.relay_id])
    return list(dict.fromkeys(row.ticket_id for row in ordered))


async def _ticket_facts(connection: AsyncConnection, clues: ThreadClues, owner: Person | None) -> list[TicketFact]:
    """The tickets that exist among those referred to, strongest first."""
    found: list[TicketFact] = []

    async def add(ticket_ids: list[int], carrier: str) -> None:
        customers: Mapping[int, int] = {
            row.id: row.customer_id
            for row in await connection.execute(
                select(tickets.c.id, tickets.c.customer_id).where(tickets.c.id.in_(ticket_ids))
            )
        }
        found.extend(
            TicketFact(
                ticket_id=ticket_id,
                from_customer=owner is not None and customers[ticket_id] == owner.id,
                carrier=carrier,
            )
            for ticket_id in ticket_ids
            if ticket_id in customers
        )

    message_ids = clues.message_ids[:_MOST_MESSAGE_IDS]
    if message_ids:
        # Several mails may bear one Message-ID; each of their tickets counts, the sender decides which is his.
        rows = await connection.execute(
            select(intake.c.message_id, intake.c.forwarded_message_id, intake.c.ticket_id)
            .where(
                intake.c.message_id.in_(message_ids) | intake.c.forwarded_message_id.in_(message_ids),
                intake.c.ticket_id.is_not(None),
                intake.c.outcome.in_([Outcome.TICKET, Outcome.ANSWER, Outcome.AUTOMATIC]),
            )
            .order_by(intake.c.id)
            .limit(200)
        )
        rank = {message_id: place for place, message_id in enumerate(message_ids)}
        last = len(rank)
        ordered = sorted(
            rows, key=lambda row: min(rank.get(row.message_id, last), rank.get(row.forwarded_message_id, last))
        )
        await add(list(dict.fromkeys(row.ticket_id for row in ordered)), "answers a known Message-ID")
        await add(await _tickets_by_relay_id(connection, message_ids), "answers a Message-ID that the relay gave")
    if clues.subject_ids:
        await add(list(clues.subject_ids[:_MOST_SUBJECT_IDS]), "ticket ID in the subject")
    return found
