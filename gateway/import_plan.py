"""The plan of an import: for each old mail which rows it is to become. Pure; what it rests on is looked up before.

Which ticket: a conversation is what hangs together by In-Reply-To and References; whoever reads the archive has found
that out from the whole of it, so the order of the mails in it does not matter. In a conversation each customer has one
ticket. Besides, a genuine token leads to its ticket, and so does an ID in the subject: to the ticket of the same
customer to which a mail of this archive with the same ID has come, or to one that was there when the mail was written.
(The number of an imported ticket has never stood in an old mail: that one is another system's.)

What a mail does there is decided by `gateway.old_mail`; the plan is carried out by `gateway.importing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.config import Settings
from gateway.deeds import NO_WORDS
from gateway.facts import plain
from gateway.intake import Reading
from gateway.model import AnswerKind, InboundMessage, Outcome, Person, Status, Via, fold_key
from gateway.old_mail import IMPORTED, OldDeed, OldFacts, Writer, decide_old

# Clocks differ; a ticket's number is in mails that were written after it was given.
_CLOCKS = timedelta(days=1)
# Stands for "whoever": any ticket of a conversation.
ANYBODY = ""
# Which ticket somebody (a folded address) has in a conversation. A negative number is an ID in subjects.
Conversations = Mapping[tuple[int, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldMail:
    """A mail from an archive. `packed` is None for one that is too large to be taken, and `refusal` says so."""

    reading: Reading
    fingerprint: str
    size_bytes: int
    packed: tuple[str, bytes] | None
    written_at: datetime
    conversation: int
    refusal: str = ""


@dataclass(slots=True, kw_only=True)
class PlannedTicket:
    """A ticket: one that is to be made, or one that is there, of which only the id is known."""

    id: int = 0
    customer: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PlannedAnswer:
    """An answer or a note that is to be made."""

    ticket: PlannedTicket
    author: str
    by_staff: Person | None
    values: dict[str, Any]
    id: int | None = None


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be done about one mail."""

    mail: OldMail
    outcome: Outcome
    reason: str
    ticket: PlannedTicket | None = None
    answer: PlannedAnswer | None = None
    forwarded: bool = False
    party: str = ""
    tags: tuple[int, ...] = ()
    intake_id: int = 0


def learnt(plan: Plan) -> dict[tuple[int, str], int]:
    """What is known of the mail's conversation once the plan is carried out."""
    if plan.ticket is None:
        return {}
    keys = (plan.mail.conversation, *(-tag for tag in plan.tags))
    learnt = {(key, plan.party): plan.ticket.id for key in keys} if plan.party else {}
    return {**learnt, (plan.mail.conversation, ANYBODY): plan.ticket.id}


class Planner:
    """Decides for one mail after the other; a mail knows the tickets of those before it."""

    def __init__(
        self,
        settings: Settings,
        conversations: Conversations,
        *,
        staff: dict[str, Person],
        numbered: dict[tuple[int, str], tuple[int, datetime]],
    ) -> None:
        self._settings = settings
        self._conversations = conversations
        self._numbered = numbered
        self._planned: dict[tuple[int, str], PlannedTicket] = {}
        self._staff = staff
        # As they are written, by their folded forms.
        self.addresses: dict[str, str] = {}

    def plan(self, mail: OldMail, *, tokens: dict[str, int], copy: Any) -> Plan:
        """What is to be done about a mail. `tokens` are the tickets that its tokens lead to, by their customers;
        `copy` is the row of the outbox that it is a copy of."""
        message = mail.reading.message
        if mail.refusal:
            return Plan(mail=mail, outcome=Outcome.REFUSED, reason=mail.refusal)
        if message is None:
            return Plan(mail=mail, outcome=Outcome.FAILED, reason=mail.reading.failure)
        writer = self._key(message.sender.address)
        outside = [address for address in message.recipients if not self._is_inside(address)]
        recipient, there = self._first_with_ticket(mail, outside, tokens)
        own = self._ticket(mail, writer, tokens) if writer else None
        anybody = self._ticket(mail, ANYBODY, {})
        kind = self._writer(writer)
        forwarded = message.forwarded
        facts = OldFacts(
            writer=kind,
            is_writers=own is not None,
            is_recipients=there is not None,
            is_known=anybody is not None,
            goes_out=self._goes_out(kind, message, outside),
            forwards=forwarded is not None and not self._is_inside(forwarded.sender.address),
            automatic=message.automatic,
            bounce=message.bounce is not None,
            is_copy=copy is not None,
        )
        deed, reason = decide_old(facts)
        plan = Plan(mail=mail, outcome=Outcome.AUTOMATIC if message.automatic else Outcome.ANSWER, reason=reason)
        plan.tags = mail.reading.clues.subject_ids
        if deed is OldDeed.KEEP:
            plan.outcome = Outcome.AUTOMATIC
            if copy is not None and copy.ticket_id is not None:
                plan.ticket = PlannedTicket(id=copy.ticket_id)
        elif deed is OldDeed.BOUNCE:
            plan.outcome = Outcome.BOUNCE
            plan.ticket = next((PlannedTicket(id=ticket_id) for ticket_id in tokens.values()), None)
        elif deed is OldDeed.OPEN:
            self._open(plan, writer, message.text, message.subject)
        elif deed is OldDeed.BEGIN:
            self._open(plan, self._key(outside[0]), "", message.subject)
            self._answer(plan, writer)
        elif deed is OldDeed.FORWARD:
            assert forwarded is not None
            party = self._key(forwarded.sender.address)
            written_at = min(forwarded.sent_at or mail.written_at, mail.written_at)
            self._open(plan, party, forwarded.text, forwarded.subject, written_at)
            plan.forwarded = True
            if forwarded.comment.strip():
                self._answer(plan, writer, AnswerKind.NOTE, forwarded.comment)
        elif deed is OldDeed.ANSWER:
            plan.ticket, plan.party = own, writer
            self._answer(plan, writer)
        else:
            plan.ticket, plan.party = there or anybody, recipient
            self._answer(plan, writer, AnswerKind.NOTE if deed is OldDeed.NOTE else AnswerKind.ANSWER)
        self._remember(plan)
        return plan

    def _key(self, address: str) -> str:
        """The address as it is compared; how it is written is remembered for whom a person must be made."""
        key = fold_key(address)
        self.addresses.setdefault(key, address)
        return key

    def _is_inside(self, address: str) -> bool:
        return self._writer(fold_key(address)) in {Writer.DESK, Writer.STAFF}

    def _writer(self, key: str) -> Writer:
        if not key:
            return Writer.UNKNOWN
        if plain(key) in self._settings.support_addresses:
            return Writer.DESK
        return Writer.STAFF if key in self._staff else Writer.CUSTOMER

    def _goes_out(self, writer: Writer, message: InboundMessage, outside: list[str]) -> bool:
        """Whether it was written to somebody outside first. What staff write to the desk is for the desk."""
        if not outside:
            return False
        first = next(address for address in message.recipients if fold_key(address) not in self._staff)
        return writer is Writer.DESK or first == outside[0]

    def _first_with_ticket(
        self, mail: OldMail, outside: list[str], tokens: dict[str, int]
    ) -> tuple[str, PlannedTicket | None]:
        for address in outside:
            if ticket := self._ticket(mail, fold_key(address), tokens):
                return fold_key(address), ticket
        return "", None

    def _ticket(self, mail: OldMail, party: str, tokens: dict[str, int]) -> PlannedTicket | None:
        """The ticket that somebody has, strongest clue first: a token, the conversation, an ID in the subject."""
        if party in tokens:
            return PlannedTicket(id=tokens[party])
        tags = mail.reading.clues.subject_ids if party else ()
        for number in (mail.conversation, *(-tag for tag in tags)):
            if planned := self._planned.get((number, party)):
                return planned
            if ticket_id := self._conversations.get((number, party)):
                return PlannedTicket(id=ticket_id)
        for tag in tags:
            ticket_id, made_at = self._numbered.get((tag, party), (0, mail.written_at))
            if ticket_id and mail.written_at >= made_at - _CLOCKS:
                return PlannedTicket(id=ticket_id)
        return None

    def _open(self, plan: Plan, customer: str, text: str, subject: str, written_at: datetime | None = None) -> None:
        plan.outcome = plan.outcome if plan.outcome is Outcome.AUTOMATIC else Outcome.TICKET
        plan.party = customer
        plan.ticket = PlannedTicket(
            customer=customer,
            values={
                "subject": subject,
                "message": (text.strip() and text) or subject or NO_WORDS,
                "status": Status.UNSOLVED,
                "via": Via.EMAIL,
                "trust": IMPORTED,
                "created_at": written_at or plan.mail.written_at,
            },
        )

    def _answer(self, plan: Plan, author: str, kind: AnswerKind = AnswerKind.ANSWER, text: str = "") -> None:
        message = plan.mail.reading.message
        assert message is not None
        assert plan.ticket is not None
        plan.answer = PlannedAnswer(
            ticket=plan.ticket,
            author=author,
            # What a member of staff writes on a ticket of his own he writes as its customer.
            by_staff=self._staff.get(author) if author != plan.party else None,
            values={
                "kind": kind,
                "subject": message.subject,
                "message": text or message.visible or message.text or message.subject or NO_WORDS,
                "quoted": "" if text else message.quoted,
                "via": Via.EMAIL,
                "trust": IMPORTED,
                "created_at": plan.mail.written_at,
            },
        )

    def _remember(self, plan: Plan) -> None:
        if plan.ticket is None:
            return
        self._planned[plan.mail.conversation, ANYBODY] = plan.ticket
        if plan.party:
            for number in (plan.mail.conversation, *(-tag for tag in plan.tags)):
                self._planned[number, plan.party] = plan.ticket
