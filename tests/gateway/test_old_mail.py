"""What becomes of an old mail, as a table: writer × tickets × kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.old_mail import OldDeed, OldFacts, Writer, decide_old

CUSTOMER, UNKNOWN = OldFacts(), OldFacts(writer=Writer.UNKNOWN)
DESK, STAFF = OldFacts(writer=Writer.DESK), OldFacts(writer=Writer.STAFF)


@pytest.mark.parametrize(
    ("facts", "deed"),
    [
        (CUSTOMER, OldDeed.OPEN),
        (replace(CUSTOMER, is_writers=True), OldDeed.ANSWER),
        # Somebody else's conversation is not his, though he was in it.
        (replace(CUSTOMER, is_known=True, is_recipients=True), OldDeed.OPEN),
        (replace(CUSTOMER, automatic=True), OldDeed.OPEN),
        (replace(CUSTOMER, automatic=True, is_writers=True), OldDeed.ANSWER),
        (replace(CUSTOMER, forwards=True), OldDeed.OPEN),
        (UNKNOWN, OldDeed.OPEN),
        (replace(UNKNOWN, is_known=True), OldDeed.OPEN),
        # Delivery reports; what only looks like one is a person's.
        (replace(CUSTOMER, bounce=True, automatic=True), OldDeed.BOUNCE),
        (replace(CUSTOMER, bounce=True, is_writers=True), OldDeed.ANSWER),
        (replace(DESK, is_copy=True, is_recipients=True), OldDeed.KEEP),
    ],
)
def test_a_mail_from_outside(facts: OldFacts, deed: OldDeed) -> None:
    assert decide_old(facts)[0] is deed


@pytest.mark.parametrize("inside", [DESK, STAFF])
@pytest.mark.parametrize(
    ("change", "deed"),
    [
        ({"is_recipients": True, "goes_out": True, "is_known": True}, OldDeed.STAFF_ANSWER),
        ({"is_recipients": True, "is_writers": True}, OldDeed.STAFF_ANSWER),
        ({"is_recipients": True, "automatic": True}, OldDeed.NOTE),
        # Nobody has a ticket yet: the desk began.
        ({"goes_out": True}, OldDeed.BEGIN),
        ({"goes_out": True, "is_known": True}, OldDeed.BEGIN),
        ({"goes_out": True, "automatic": True}, OldDeed.KEEP),
        # Among themselves.
        ({"is_known": True}, OldDeed.NOTE),
        ({"is_writers": True, "is_known": True}, OldDeed.ANSWER),
        ({}, OldDeed.OPEN),
        ({"automatic": True}, OldDeed.KEEP),
        ({"forwards": True}, OldDeed.FORWARD),
        ({"forwards": True, "goes_out": True}, OldDeed.BEGIN),
    ],
)
def test_a_mail_from_inside(inside: OldFacts, change: dict[str, bool], deed: OldDeed) -> None:
    assert decide_old(replace(inside, **change))[0] is deed
