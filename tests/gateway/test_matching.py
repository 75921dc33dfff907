"""The decision about a mail, as a table: carrier × sender × verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.matching import Deed, Facts, ReportedFact, SentFact, TicketFact, TokenFact, decide
from gateway.model import Audience, Person, Verdict

MARIA = Person(
    id=7,
    username="maria",
    email="maria@customer.example",
    is_active=True,
    is_staff=False,
    is_admin=False,
    is_account=False,
    owns_address=True,
)
OLGA = replace(MARIA, id=1, username="olga", email="olga@desk.example", is_staff=True, is_account=True)
CUSTOMER_TOKEN = TokenFact(
    outbox_id=5, ticket_id=66, person=MARIA, audience=Audience.CUSTOMER, from_recipient=True, carrier="token"
)
STAFF_TOKEN = replace(CUSTOMER_TOKEN, person=OLGA, audience=Audience.STAFF)
OURS = ReportedFact(outbox_id=5, ticket_id=66, carrier="token")
MINE = (TicketFact(ticket_id=66, from_customer=True, carrier="ID"),)
FOREIGN = (TicketFact(ticket_id=66, from_customer=False, carrier="ID"),)
PASS, FAIL, NONE = Verdict.PASS, Verdict.FAIL, Verdict.NONE


@pytest.mark.parametrize(
    ("facts", "deed", "ticket_id", "held", "trust"),
    [
        # A customer's token from the customer: his answer, whatever the verdict; a failed one is marked.
        (Facts(token=CUSTOMER_TOKEN, verdict=PASS), Deed.ANSWER, 66, False, "verified"),
        (Facts(token=CUSTOMER_TOKEN, verdict=NONE), Deed.ANSWER, 66, False, "token"),
        (Facts(token=CUSTOMER_TOKEN, verdict=FAIL), Deed.ANSWER, 66, False, "failed"),
        # The token in other hands: held on the ticket.
        (Facts(token=replace(CUSTOMER_TOKEN, from_recipient=False)), Deed.ANSWER, 66, True, "unverified"),
        (Facts(token=replace(CUSTOMER_TOKEN, from_recipient=False), verdict=PASS), Deed.ANSWER, 66, True, "verified"),
        # His own ticket by reference or ID.
        (Facts(tickets=MINE, verdict=PASS), Deed.ANSWER, 66, False, "verified"),
        (Facts(tickets=MINE, verdict=NONE), Deed.ANSWER, 66, False, "unverified"),
        (Facts(tickets=MINE, verdict=NONE, strict=True), Deed.ANSWER, 66, True, "unverified"),
        (Facts(tickets=MINE, verdict=PASS, strict=True), Deed.ANSWER, 66, False, "verified"),
        (Facts(tickets=MINE, verdict=FAIL), Deed.ANSWER, 66, True, "failed"),
        # A stranger who names a ticket, or whom nobody can name: a new ticket.
        (Facts(tickets=FOREIGN, named=(66,)), Deed.OPEN, None, False, "unverified"),
        (Facts(named=(9999,)), Deed.OPEN, None, False, "unverified"),
        (Facts(tickets=MINE, has_sender=False), Deed.OPEN, None, False, "unverified"),
        (Facts(), Deed.OPEN, None, False, "unverified"),
        (Facts(verdict=PASS), Deed.OPEN, None, False, "verified"),
        # Somebody else's ticket before one's own: one's own counts.
        (Facts(tickets=(*FOREIGN, replace(MINE[0], ticket_id=67))), Deed.ANSWER, 67, False, "unverified"),
        # Staff by mail.
        (Facts(token=STAFF_TOKEN, verdict=NONE), Deed.STAFF_ANSWER, 66, False, "token"),
        (Facts(token=STAFF_TOKEN, verdict=PASS), Deed.STAFF_ANSWER, 66, False, "verified"),
        (Facts(token=STAFF_TOKEN, verdict=FAIL), Deed.STAFF_ANSWER, 66, True, "failed"),
        (Facts(token=STAFF_TOKEN, staff_by_mail="off"), Deed.STAFF_ANSWER, 66, True, "token"),
        (Facts(token=STAFF_TOKEN, staff_by_mail="authenticated"), Deed.STAFF_ANSWER, 66, True, "token"),
        (
            Facts(token=STAFF_TOKEN, staff_by_mail="authenticated", verdict=PASS),
            Deed.STAFF_ANSWER,
            66,
            False,
            "verified",
        ),
        (Facts(token=replace(STAFF_TOKEN, from_recipient=False)), Deed.ANSWER, 66, True, "unverified"),
        (Facts(token=replace(STAFF_TOKEN, person=replace(OLGA, is_staff=False))), Deed.STAFF_ANSWER, 66, True, "token"),
        (
            Facts(token=replace(STAFF_TOKEN, person=replace(OLGA, is_active=False))),
            Deed.STAFF_ANSWER,
            66,
            True,
            "token",
        ),
        (Facts(tickets=FOREIGN, staff=OLGA), Deed.STAFF_ANSWER, 66, True, "unverified"),
        (Facts(tickets=FOREIGN, staff=OLGA, verdict=PASS), Deed.STAFF_ANSWER, 66, True, "verified"),
        (Facts(staff=OLGA), Deed.OPEN, None, False, "unverified"),
        # Our own mail, come back.
        (Facts(from_desk=True), Deed.OPEN, None, True, "failed"),
        (Facts(from_desk=True, token=CUSTOMER_TOKEN), Deed.OPEN, None, True, "failed"),
        # Delivery reports never open a ticket.
        (Facts(bounce=True, automatic=True), Deed.BOUNCE, None, False, "unverified"),
        (Facts(bounce=True, automatic=True, reported=OURS), Deed.BOUNCE, 66, False, "unverified"),
        # Mail that staff pass on: its first writer's ticket, if it is staff without doubt.
        (Facts(forwards=True, staff=OLGA, verdict=PASS), Deed.FORWARD, None, False, "forwarded"),
        (Facts(forwards=True, staff=OLGA, verdict=NONE), Deed.OPEN, None, False, "unverified"),
        (Facts(forwards=True, staff=OLGA, verdict=FAIL), Deed.OPEN, None, False, "failed"),
        (Facts(forwards=True, staff=OLGA, verdict=PASS, staff_by_mail="off"), Deed.OPEN, None, False, "verified"),
        (Facts(forwards=True, staff=OLGA, verdict=PASS, automatic=True), Deed.OPEN, None, False, "verified"),
        (Facts(forwards=True, verdict=PASS), Deed.OPEN, None, False, "verified"),
        (Facts(forwards=True, staff=OLGA, verdict=PASS, tickets=FOREIGN), Deed.STAFF_ANSWER, 66, True, "verified"),
        (Facts(forwards=True, staff=OLGA, verdict=PASS, tickets=MINE), Deed.ANSWER, 66, False, "verified"),
        (Facts(forwards=True, staff=OLGA, verdict=PASS, token=STAFF_TOKEN), Deed.STAFF_ANSWER, 66, False, "verified"),
    ],
)
def test_what_a_mail_may_do(facts: Facts, deed: Deed, ticket_id: int | None, held: bool, trust: str) -> None:
    decision = decide(facts)
    assert (decision.deed, decision.ticket_id, decision.held, decision.trust) == (deed, ticket_id, held, trust)
    assert decision.held == decision.reason.startswith("held: ")


def test_what_a_stranger_names_is_told_to_staff() -> None:
    assert "#66, #5" in decide(Facts(named=(66, 5))).reason


def test_only_a_genuine_token_marks_a_bounce() -> None:
    assert decide(Facts(bounce=True, automatic=True)).bounced_outbox_id is None
    assert decide(Facts(bounce=True, automatic=True, reported=OURS)).bounced_outbox_id == 5
    about_no_ticket = decide(Facts(bounce=True, automatic=True, reported=replace(OURS, ticket_id=None)))
    assert (about_no_ticket.ticket_id, about_no_ticket.bounced_outbox_id) == (None, 5)


def test_a_customer_who_shows_a_delivery_report_is_no_delivery_report() -> None:
    assert decide(Facts(bounce=True, automatic=True, token=CUSTOMER_TOKEN)).deed is Deed.ANSWER
    assert decide(Facts(bounce=True, automatic=True, tickets=MINE)).deed is Deed.ANSWER
    assert decide(Facts(bounce=True, automatic=True, tickets=FOREIGN)).deed is Deed.BOUNCE


def test_a_person_who_quotes_a_delivery_report_opens_a_ticket() -> None:
    assert decide(Facts(bounce=True)).deed is Deed.OPEN
    stranger = replace(CUSTOMER_TOKEN, from_recipient=False)
    assert decide(Facts(bounce=True, token=stranger)).held


def test_what_a_staff_members_mailbox_says_never_goes_out_as_his_answer() -> None:
    assert decide(Facts(bounce=True, automatic=True, token=STAFF_TOKEN)).deed is Deed.BOUNCE


def test_why_a_mail_that_was_passed_on_stays_the_senders_is_told() -> None:
    assert "not authenticated" in decide(Facts(forwards=True, staff=OLGA)).reason
    assert "switched off" in decide(Facts(forwards=True, staff=OLGA, staff_by_mail="off")).reason
    assert "olga" in decide(Facts(forwards=True, staff=OLGA, verdict=PASS)).reason


SENT = SentFact(is_ours=False, to_desk=False, to_customer=True)


@pytest.mark.parametrize(
    ("facts", "deed", "ticket_id", "held"),
    [
        (Facts(sent=SENT, tickets=FOREIGN, staff=OLGA), Deed.SENT_ANSWER, 66, False),
        (Facts(sent=SENT, token=CUSTOMER_TOKEN, staff=OLGA), Deed.SENT_ANSWER, 66, False),
        (Facts(sent=SENT, tickets=FOREIGN, staff=OLGA, staff_by_mail="off"), Deed.SENT_ANSWER, 66, False),
        # Written from a mailbox that several share: in the name of the desk.
        (Facts(sent=SENT, tickets=FOREIGN, from_desk=True), Deed.SENT_ANSWER, 66, False),
        # Not to the customer: not for him to read.
        (Facts(sent=replace(SENT, to_customer=False), tickets=FOREIGN, staff=OLGA), Deed.SENT_NOTE, 66, False),
        # By nobody whom we know.
        (Facts(sent=SENT, tickets=FOREIGN), Deed.SENT_ANSWER, 66, True),
        # No business of ours.
        (Facts(sent=SENT, staff=OLGA), Deed.NOTHING, None, False),
        (Facts(sent=SENT, named=(9999,), staff=OLGA), Deed.NOTHING, None, False),
        (Facts(sent=SENT, tickets=FOREIGN, staff=OLGA, automatic=True), Deed.NOTHING, None, False),
        (Facts(sent=replace(SENT, to_desk=True), tickets=FOREIGN, staff=OLGA), Deed.NOTHING, None, False),
        (Facts(sent=replace(SENT, is_ours=True), token=CUSTOMER_TOKEN, from_desk=True), Deed.NOTHING, None, False),
    ],
)
def test_a_mail_found_among_the_sent_ones(facts: Facts, deed: Deed, ticket_id: int | None, held: bool) -> None:
    decision = decide(facts)
    assert (decision.deed, decision.ticket_id, decision.held) == (deed, ticket_id, held)
    assert decision.author in {facts.staff, None}
