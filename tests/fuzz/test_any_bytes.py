"""Whatever bytes come by SMTP, they come out of the ledger byte for byte."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.builders import DESK, Api, Desk
from tests.wire import as_it_arrives, framed, hand_over

# What the end of a mail and the beginning of its lines are made of, and what else was ever taken for a line end.
PIECES = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b".",
        b"..",
        b"\r\n.",
        b"\r\n.\r",
        b"\n.\n",
        b"\r.\r",
        b"\r\n.\r\n",
        b"\n.\r\n",
        b"\r\n\r\n",
    ),
    *(b"\0", b"\xff", b"\x1a", b"\x85", b"\xe2\x80\xa8", b"\xc0\x80", b"DATA\r\n", b"QUIT\r\n", b"BDAT 3 LAST\r\n"),
    *(b"From: ant@customer.example\r\n", b"Subject: =?", b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n"),
    *(b"\n ", b"From ", b">From ", b"Message-ID: <ant>", b"\xef\xbb\xbf", b"x" * 1500),
)
pieces = st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=30).map(b"".join)
mails = st.binary(max_size=2000) | pieces
numbers = count()


@pytest.fixture
async def staff(desk: Desk) -> Api:
    return await desk.staff()


@pytest.mark.settings(HELPDESK_API_LIMIT="off", HELPDESK_MAIL_LIMIT="off", HELPDESK_NOTIFY_STAFF="off")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mail=mails, is_marked_at_end=st.booleans())
@example(mail=b".", is_marked_at_end=True)
@example(mail=b".\r\n.\r\n..\r\n\n.\n", is_marked_at_end=True)
@example(mail=b"a\r\n.", is_marked_at_end=False)
@example(mail=b"a\r", is_marked_at_end=False)
@example(mail=b"a\r\n\r", is_marked_at_end=False)
@example(mail=bytes(range(256)), is_marked_at_end=True)
async def test_any_bytes_come_out_as_they_went_in(desk: Desk, staff: Api, mail: bytes, is_marked_at_end: bool) -> None:
    number = next(numbers)
    # The same mail twice is one, and the ledger has the bytes of the first: so each has something of its own.
    mark, sender = b"%d" % number, f"any-{number}@customer.example"
    mail = mail + mark if is_marked_at_end else mark + mail
    code, words = await asyncio.to_thread(hand_over, desk.gateway.smtp_port, mail, sender=sender, to=DESK)
    assert code == 250, words
    [row] = await staff.call("GET", f"/api/intake?envelope_from={sender}")
    assert await staff.bytes(f"/api/intake/{row['id']}/raw") == as_it_arrives(mail)
    assert row["size_bytes"] == len(as_it_arrives(mail))


async def test_an_empty_mail_is_kept_too(desk: Desk, staff: Api) -> None:
    await asyncio.to_thread(hand_over, desk.gateway.smtp_port, b"", sender="ant@customer.example", to=DESK)
    [row] = await desk.ledger(staff)
    assert await staff.bytes(f"/api/intake/{row['id']}/raw") == b""


@given(mail=mails)
def test_a_mail_is_framed_so_that_only_its_end_looks_like_one(mail: bytes) -> None:
    wire = b"\r\n" + framed(mail)
    assert wire.find(b"\r\n.\r\n") == len(wire) - 5
    assert wire[:-3].replace(b"\r\n.", b"\r\n")[2:] == as_it_arrives(mail)
