"""Three decisions for each mail: which ticket, who wrote it, what it may do. Pure: facts in, decision out.

Which ticket, strongest first: a genuine token in the recipient address; one in In-Reply-To or References; the
stored Message-ID of a mail of that ticket in those headers; a ticket ID in the subject. The last two are for
participants only: the ticket's customer, by the address he owns.

A token says that somebody has seen that mail, not who he is. So the sender must be its recipient; else the mail is
held on the ticket for staff to look at. A staff answer by mail always needs the token of that person's own notice,
because it goes out to the customer under the desk's name. An ID grants nothing to a stranger: he gets a new ticket
of his own, and staff see what he named. Automatic mail is kept on its ticket and answered by nobody; a delivery
report is one only if its headers, too, say that a program wrote it, because people quote such reports. What would
be dangerous is held, never thrown away, and staff may let it in: then it does exactly what it would have done.

A mail that staff pass on to the desk is its first writer's: it opens a ticket for him. Because it puts words into
somebody's mouth, its sender must be staff and authenticated; from anybody else it is a mail of the sender's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.model import Audience, Person, Verdict


class Deed(StrEnum):
    """What a mail does, or would do if it were not held."""

    OPEN = "open"
    ANSWER = "answer"
    STAFF_ANSWER = "staff answer"
    NOTE = "note"
    FORWARD = "forward"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFact:
    """A genuine token: the outgoing mail it belongs to, and whether this mail's sender is that mail's recipient."""

    outbox_id: int
    ticket_id: int
    person: Person
    audience: Audience
    from_recipient: bool
    carrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFact:
    """The mail of ours that a delivery report is about, by a genuine token; `ticket_id` is None for one about none."""

    outbox_id: int
    ticket_id: int | None
    carrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFact:
    """A ticket that the mail refers to without a token, and whether the sender is its customer."""

    ticket_id: int
    from_customer: bool
    carrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision rests on. `tickets` stand strongest first; `named` are the IDs in the subject, whether
    or not there are such tickets. `staff` is the staff member who has the sender's address, `forwards` tells that the
    mail passes on one of somebody else."""

    token: TokenFact | None = None
    tickets: tuple[TicketFact, ...] = ()
    named: tuple[int, ...] = ()
    verdict: Verdict = Verdict.NONE
    has_sender: bool = True
    staff: Person | None = None
    forwards: bool = False
    reported: ReportedFact | None = None
    from_desk: bool = False
    automatic: bool = False
    bounce: bool = False
    strict: bool = False
    staff_by_mail: str = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do. `author` is who wrote it where a token says so, else the owner of the sender's address; of a mail
    that was passed on, who did that. `held` means: keep it for staff, do nothing yet."""

    deed: Deed
    reason: str
    trust: str
    ticket_id: int | None = None
    author: Person | None = None
    held: bool = False
    bounced_outbox_id: int | None = None


# The trust of a ticket that staff opened for somebody by passing on his mail: whether he wrote it, only they know.
FORWARDED = "forwarded"
_TRUST = {Verdict.PASS: "verified", Verdict.FAIL: "failed", Verdict.NONE: "unverified"}


def decide(facts: Facts) -> Decision:
    """Decide what a mail does."""
    if facts.bounce and facts.automatic and not _is_from_customer(facts):
        return _bounce(facts)
    if facts.from_desk:
        return Decision(
            deed=Deed.OPEN, held=True, trust="failed", reason="held: it says it comes from the desk itself, a loop"
        )
    if facts.token:
        return _with_token(facts, facts.token)
    return _by_reference(facts)


def _is_from_customer(facts: Facts) -> bool:
    """Whether a customer is the sender to whom we wrote: who shows us a delivery report is not one himself."""
    by_token = facts.token is not None and facts.token.from_recipient and facts.token.audience is Audience.CUSTOMER
    return facts.has_sender and (by_token or any(ticket.from_customer for ticket in facts.tickets))


def _bounce(facts: Facts) -> Decision:
    if facts.reported:
        return Decision(
            deed=Deed.BOUNCE,
            reason=f"delivery report, {facts.reported.carrier}",
            trust=_TRUST[facts.verdict],
            ticket_id=facts.reported.ticket_id,
            bounced_outbox_id=facts.reported.outbox_id,
        )
    return Decision(deed=Deed.BOUNCE, reason="delivery report without a token of ours", trust=_TRUST[facts.verdict])


def _with_token(facts: Facts, token: TokenFact) -> Decision:
    failed = facts.verdict is Verdict.FAIL
    trust = _TRUST[facts.verdict] if facts.verdict is not Verdict.NONE else "token"
    if token.audience is Audience.STAFF and token.from_recipient:
        return _staff_with_token(facts, token, trust)
    if token.from_recipient:
        note = ", although the sender's authentication failed" if failed else ""
        held = failed and facts.strict
        return Decision(
            deed=Deed.ANSWER,
            ticket_id=token.ticket_id,
            author=token.person,
            trust=trust,
            held=held,
            reason=f"{'held: ' if held else ''}{token.carrier}{note}",
        )
    if facts.automatic:
        return Decision(
            deed=Deed.NOTE,
            ticket_id=token.ticket_id,
            trust=_TRUST[facts.verdict],
            reason=f"{token.carrier}, written by a program that is not the recipient of that mail",
        )
    return Decision(
        deed=Deed.ANSWER,
        ticket_id=token.ticket_id,
        held=True,
        trust=_TRUST[facts.verdict],
        reason=f"held: {token.carrier}, but the sender is not the recipient of that mail",
    )


def _staff_with_token(facts: Facts, token: TokenFact, trust: str) -> Decision:
    refusal = ""
    if facts.staff_by_mail == "off":
        refusal = "answers of staff by mail are switched off"
    elif not (token.person.is_active and (token.person.is_staff or token.person.is_admin)):
        refusal = "the sender is not staff any more"
    elif facts.verdict is Verdict.FAIL:
        refusal = "the sender's authentication failed"
    elif facts.staff_by_mail == "authenticated" and facts.verdict is not Verdict.PASS:
        refusal = "an authenticated sender is required"
    return Decision(
        deed=Deed.STAFF_ANSWER,
        ticket_id=token.ticket_id,
        author=token.person,
        held=bool(refusal),
        trust=trust,
        reason=f"held: {token.carrier}, but {refusal}" if refusal else token.carrier,
    )


def _by_reference(facts: Facts) -> Decision:
    trust = _TRUST[facts.verdict]
    mine = next((ticket for ticket in facts.tickets if ticket.from_customer), None)
    if mine and facts.has_sender:
        refusal = ""
        if facts.verdict is Verdict.FAIL:
            refusal = "the sender's authentication failed"
        elif facts.strict and facts.verdict is Verdict.NONE:
            refusal = "the sender is not authenticated"
        return Decision(
            deed=Deed.ANSWER,
            ticket_id=mine.ticket_id,
            held=bool(refusal),
            trust=trust,
            reason=f"held: {mine.carrier}, but {refusal}" if refusal else mine.carrier,
        )
    if facts.staff and facts.tickets:
        foreign = facts.tickets[0]
        return Decision(
            deed=Deed.STAFF_ANSWER,
            ticket_id=foreign.ticket_id,
            held=True,
            trust=trust,
            reason=f"held: {foreign.carrier}, from a staff address but without the token of a notice",
        )
    if facts.staff and facts.forwards and not facts.automatic:
        return _forward(facts, facts.staff, trust)
    return Decision(deed=Deed.OPEN, trust=trust, reason=_new_reason(facts))


def _forward(facts: Facts, staff: Person, trust: str) -> Decision:
    refusal = ""
    if facts.staff_by_mail == "off":
        refusal = "the work of staff by mail is switched off"
    elif facts.verdict is not Verdict.PASS:
        refusal = "the sender is not authenticated"
    if refusal:
        return Decision(
            deed=Deed.OPEN, trust=trust, reason=f"{_new_reason(facts)}; it passes on somebody's mail, but {refusal}"
        )
    return Decision(
        deed=Deed.FORWARD, author=staff, trust=FORWARDED, reason=f"new ticket, passed on by {staff.username}"
    )


def _new_reason(facts: Facts) -> str:
    reason = "new ticket" if facts.has_sender else "new ticket of an unknown sender"
    if facts.named:
        named = ", ".join(f"#{number}" for number in facts.named)
        return f"{reason}; the subject names {named}, of which the sender is no participant"
    if facts.tickets:
        return f"{reason}; it answers a mail of #{facts.tickets[0].ticket_id}, of which the sender is no participant"
    return reason
