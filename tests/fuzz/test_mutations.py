"""Mutated mails, read by themselves and through the real SMTP door: none raises, hangs, takes all memory or gets lost.

Here are a few of them, and in the slow suite some thousand; `make fuzz` reads a hundred thousand.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail.parse import parse_message
from tests.builders import DESK, Api, Desk
from tests.fuzz.campaign import run
from tests.fuzz.mutations import Mutator, made_up_mails
from tests.fuzz.reading import Broken, read_thoroughly
from tests.wire import as_it_arrives, hand_over

SEED = 1
TAKING_SECONDS = 10
no_limits = pytest.mark.settings(
    HELPDESK_MAIL_LIMIT="off",
    HELPDESK_API_LIMIT="off",
    HELPDESK_STAFF_NOTICE_LIMIT="off",
    HELPDESK_RECEIPT_LIMIT="off",
    HELPDESK_RECEIPT_LIMIT_TOTAL="off",
    HELPDESK_ACCESS_TOKEN_MINUTES="1440",
)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(150, id="few"),
        pytest.param(5000, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_mutated_mails_are_read_in_time_and_within_bounds(count: int, tmp_path: Path) -> None:
    report = run(SEED, range(count), tmp_path)
    assert not report.failures, str(report)
    assert report.count == count


def test_a_mutation_can_be_made_again_from_its_number() -> None:
    mails = [Mutator(SEED).mail(number) for number in range(50)]
    again = Mutator(SEED)
    assert [again.mail(number) for number in reversed(range(50))] == mails[::-1]
    assert len(set(mails)) > 40
    # Now and then a mutation changes nothing: bytes are put where they stood.
    assert len(set(mails) & set(made_up_mails())) <= 5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"visible": "something else"}, "in none of its parts"),
        ({"subject": "a\x07"}, "control character"),
        ({"subject": "\ud800"}, "UTF-8"),
        ({"subject": "e\u0301"}, "NFC"),
        ({"references": ("ant>",)}, "bracket"),
        ({"recipients": ("ant@customer.example",) * 101}, "recipients"),
    ],
)
def test_what_is_not_true_of_a_mail_is_told(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], words: str) -> None:
    mail = made_up_mails()[0]
    read_thoroughly(mail)
    message = replace(parse_message(mail), **wrong)
    monkeypatch.setattr("tests.fuzz.reading.parse_message", lambda _: message)
    with pytest.raises(Broken, match=words):
        read_thoroughly(mail)


async def _row(staff: Api, sender: str) -> dict[str, Any]:
    [row] = await staff.call("GET", f"/api/intake?envelope_from={sender}")
    return row  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(10, id="few"),
        pytest.param(300, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
@no_limits
async def test_mutated_mails_are_taken_kept_and_shown(desk: Desk, count: int) -> None:
    staff, mutator = await desk.staff(), Mutator(SEED)
    bodies: dict[int, bytes] = {}
    for number in range(count):
        mail, sender = mutator.mail(number), f"mutation-{number}@customer.example"
        async with asyncio.timeout(TAKING_SECONDS):
            code, words = await asyncio.to_thread(hand_over, desk.gateway.smtp_port, mail, sender=sender, to=DESK)
        assert code == 250, f"{number}: {words}"
        row = await _row(staff, sender)
        if row["outcome"] == "duplicate":
            await staff.call("GET", f"/api/intake/{row['id']}/raw", status=404)
            assert int(row["reason"].rpartition(" ")[2]) in bodies, number
        else:
            bodies[row["id"]] = await staff.bytes(f"/api/intake/{row['id']}/raw")
            assert bodies[row["id"]] == as_it_arrives(mail), number
        await _look_at(staff, row)
    assert not await staff.call("GET", "/api/outbox?state=failed")


async def _look_at(staff: Api, row: dict[str, Any]) -> None:
    """Everything that the API shows of a mail can be shown."""
    detail = await staff.call("GET", f"/api/intake/{row['id']}")
    for part in (detail["parsed"] or {}).get("attachments", []):
        assert len(await staff.bytes(f"/api/attachment/{part['id']}")) == part["size_bytes"]
    if row["ticket"] is not None:
        await staff.call("GET", f"/api/ticket/{row['ticket']}")
        await staff.call("GET", f"/api/ticket/{row['ticket']}/messages")
    if row["comment"] is not None:
        await staff.call("GET", f"/api/comment/{row['comment']}")
