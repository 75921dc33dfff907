"""What becomes of a mail from an archive. Pure: facts in, decision out.

An archive is what the operator vouches for, so nobody has to prove here that he is who he says; that is the only thing
that is easier than for a mail that arrives (`gateway.matching`). What a customer sees of others is not: a ticket
belongs to one customer, and a mail joins it only if that customer wrote it, or if the desk or its staff wrote it to
him. In one conversation, by In-Reply-To and References, each customer so has a ticket of his own.

The desk's own address, and the people who are staff now, are the desk. What they wrote to a customer is an answer on
his ticket, whoever signed it; what they wrote among themselves is a note that no customer sees. A mail with which the
desk began, to a customer or to a third party, opens a ticket of the one to whom it was written. Programs of the desk
(receipts, newsletters) answer nobody: on a ticket they are notes, elsewhere they stay in the ledger. So do delivery
reports, and copies of mails that this desk has sent, whose words the ticket has already. Nothing is ever held.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# The trust of everything that came so: the operator vouches for it.
IMPORTED = "imported"
_HIS_OWN = "belongs to a ticket of its sender"


class Writer(StrEnum):
    """Who wrote an old mail, as far as the desk is concerned."""

    CUSTOMER = "customer"
    STAFF = "staff"
    DESK = "desk"
    UNKNOWN = "unknown"


class OldDeed(StrEnum):
    """What an old mail does."""

    OPEN = "open"
    ANSWER = "answer"
    BEGIN = "begin"
    STAFF_ANSWER = "staff answer"
    NOTE = "note"
    FORWARD = "forward"
    KEEP = "keep"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldFacts:
    """All that the decision rests on.

    Of the mail's conversation: whether the writer, or somebody to whom he wrote, has a ticket in it (`is_writers`,
    `is_recipients`), or somebody at all (`is_known`). Of the mail: whether it was written to somebody outside the desk
    before anybody else (`goes_out`), whether it passes on a mail of somebody outside (`forwards`), and whether it is a
    mail that this very desk has sent (`is_copy`).
    """

    writer: Writer = Writer.CUSTOMER
    is_writers: bool = False
    is_recipients: bool = False
    is_known: bool = False
    goes_out: bool = False
    forwards: bool = False
    automatic: bool = False
    bounce: bool = False
    is_copy: bool = False


def decide_old(facts: OldFacts) -> tuple[OldDeed, str]:
    """Decide what an old mail does, and say why."""
    if facts.is_copy:
        return OldDeed.KEEP, "a copy of a mail that the desk has sent"
    if facts.bounce and facts.automatic:
        return OldDeed.BOUNCE, "delivery report in an archive"
    if facts.writer in {Writer.DESK, Writer.STAFF}:
        return _from_inside(facts)
    if facts.is_writers:
        return OldDeed.ANSWER, _HIS_OWN
    if facts.writer is Writer.UNKNOWN:
        return OldDeed.OPEN, "new ticket, the sender cannot be named without doubt"
    return OldDeed.OPEN, "new ticket"


def _from_inside(facts: OldFacts) -> tuple[OldDeed, str]:
    who = "the desk" if facts.writer is Writer.DESK else "staff"
    if facts.is_recipients:
        if facts.automatic:
            return OldDeed.NOTE, f"written by a program of {who} to the ticket's customer"
        return OldDeed.STAFF_ANSWER, f"written by {who} to the ticket's customer"
    if facts.is_writers:
        return OldDeed.ANSWER, _HIS_OWN
    if facts.automatic:
        return OldDeed.KEEP, f"written by a program of {who} in no conversation with a customer"
    if facts.goes_out:
        return OldDeed.BEGIN, f"new ticket, which {who} began"
    if facts.forwards:
        return OldDeed.FORWARD, f"new ticket, passed on by {who}"
    if facts.is_known:
        return OldDeed.NOTE, f"written by {who} to nobody outside"
    return OldDeed.OPEN, f"new ticket of {who}"
