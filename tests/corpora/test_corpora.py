"""The open corpora through the real SMTP door and the API: how much of what is expected of each mail is met."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from tests.builders import DESK, Api, Desk, a_mail
from tests.corpora.cases import MISSING, Case, as_answer, cases, suites, with_message_id
from tests.corpora.conftest import TALLY
from tests.corpora.judging import Seen, judge
from tests.corpora.left_over import LEFT_OVER
from tests.wire import as_it_arrives, hand_over

LEAST_RATE = 0.97
# A mail that cannot be understood is kept all the same, and nothing is told of it.
NOTHING_READ: dict[str, Any] = {
    "from": {"name": "", "address": ""},
    **dict.fromkeys(("subject", "text", "visible"), ""),
    **dict.fromkeys(("automatic", "auto_reply"), False),
    "bounce": None,
    "attachments": [],
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not suites(), reason=MISSING),
    pytest.mark.settings(
        HELPDESK_MAIL_LIMIT="off",
        HELPDESK_API_LIMIT="off",
        HELPDESK_STAFF_NOTICE_LIMIT="off",
        HELPDESK_ACKNOWLEDGE="off",
        HELPDESK_ACCESS_TOKEN_MINUTES="1440",
    ),
]


async def _take(desk: Desk, staff: Api, mail: bytes, message_id: str) -> dict[str, Any]:
    """Hand a mail over; returns its ledger row."""
    port = desk.gateway.smtp_port
    code, words = await asyncio.to_thread(hand_over, port, mail, sender="mx@customer.example", to=DESK)
    assert code == 250, words
    [row] = await staff.call("GET", f"/api/intake?message_id={message_id}")
    return row  # type: ignore[no-any-return]


async def _deliver(desk: Desk, staff: Api, case: Case, number: int) -> Seen:
    """Hand a case over as it is meant to come, and look at what the desk shows of it."""
    message_id = f"case-{number}@corpora.example"
    mail = with_message_id(case.raw, message_id)
    if case.is_answer:
        customer = f"customer-{number}@corpora.example"
        opening = a_mail(sender=customer, name=f"opening-{number}")
        opened = await _take(desk, staff, opening, f"opening-{number}@customer.example")
        mail = as_answer(mail, customer=customer, ticket_id=opened["ticket"])
    row = await _take(desk, staff, mail, message_id)
    detail = await staff.call("GET", f"/api/intake/{row['id']}")
    parsed = detail["parsed"] or NOTHING_READ
    attached = {
        part["id"]: hashlib.sha256(await staff.bytes(f"/api/attachment/{part['id']}")).hexdigest()
        for part in parsed["attachments"]
    }
    return Seen(
        parsed=parsed,
        message=await _message(staff, row, opened["ticket"] if case.is_answer else row["ticket"]),
        is_intact=await staff.bytes(f"/api/intake/{row['id']}/raw") == as_it_arrives(mail),
        attached=attached,
    )


async def _message(staff: Api, row: dict[str, Any], ticket_id: int | None) -> str:
    """What stands of the mail in the conversation; nothing for a delivery report, which has no place there."""
    if ticket_id is None:
        return ""
    messages = await staff.call("GET", f"/api/ticket/{ticket_id}/messages")
    [message] = [message["message"] for message in messages if message["id"] == row["comment"]]
    return message  # type: ignore[no-any-return]


@pytest.mark.parametrize("suite", suites() or ["none"])
async def test_expectations_of_real_mails_are_met(desk: Desk, suite: str, record_property: Any) -> None:
    staff = await desk.staff()
    judged = passed = 0
    failing: dict[str, list[str]] = {}
    all_cases = cases(suite)
    for number, case in enumerate(all_cases):
        trouble = ""
        try:
            seen = await _deliver(desk, staff, case, number)
        except Exception as error:
            seen, trouble = None, f"{type(error).__name__}: {error}"
        checks = judge(case, seen)
        judged += len(checks)
        passed += sum(check.passed for check in checks)
        name = f"{suite}/{case.name}"
        if failed := [f"{check.key} {check.wanted[:200]!r}" for check in checks if not check.passed]:
            failing[name] = [trouble, *failed] if trouble else failed
    record_property(TALLY, (suite, len(all_cases), judged, passed))
    unlisted = [f"{name}: {'; '.join(checks)}" for name, checks in failing.items() if name not in LEFT_OVER]
    assert not unlisted, "\n".join([f"{len(unlisted)} cases fail and are not in LEFT_OVER:", *unlisted])
    stale = [name for name in LEFT_OVER if name.partition("/")[0] == suite and name not in failing]
    assert not stale, f"strike it from the list: {stale}"
    assert passed >= LEAST_RATE * judged, f"{passed} of {judged} checks of {suite} pass"
