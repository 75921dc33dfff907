"""Every line that the door says, and the table from fate to reply."""

from __future__ import annotations

import asyncio
import errno
import re

import pytest

from gateway.errors import Conflict, SpaceShort
from gateway.model import Outcome, Taken
from mail import replies

LINES = {name: value for name, value in vars(replies).items() if name.isupper() and not name.startswith("_")}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_digits_of_both_codes_agree(line: str) -> None:
    if line.startswith("354"):
        return
    match = re.fullmatch(r"([245])[0-5][0-9] ([245])\.([0-7])\.([0-9]{1,2}) [A-Z][ -~]*", line)
    assert match, line
    assert match[1] == match[2]
    assert len(line) < 510


def test_constants_were_found() -> None:
    assert len(LINES) > 20
    assert len(set(LINES.values())) == len(LINES)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_gets_the_same_answer(outcome: Outcome) -> None:
    assert replies.for_taken(Taken(intake_id=17, outcome=outcome, ticket_id=3)) == "250 2.0.0 Ok: stored as 17"


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (SpaceShort(), replies.SPACE_SHORT),
        (OSError(errno.ENOSPC, "No space left on device"), replies.SPACE_SHORT),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), replies.SPACE_SHORT),
        (OSError(errno.EIO, "Input/output error"), replies.TROUBLE),
        (TimeoutError(), replies.TROUBLE),
        (asyncio.CancelledError(), replies.TROUBLE),
        (Conflict(), replies.TROUBLE),
        (MemoryError(), replies.TROUBLE),
        (ValueError("secret\r\n250 Ok"), replies.TROUBLE),
    ],
)
def test_exceptions_are_temporary_and_show_nothing(error: BaseException, reply: str) -> None:
    assert replies.for_exception(error) == reply
    assert reply.startswith("45")


def test_space_and_trouble_have_the_codes_of_the_contract() -> None:
    assert replies.SPACE_SHORT.startswith("452 4.3.1 ")
    assert replies.TROUBLE.startswith("451 4.3.0 ")


def test_hello_marks_its_last_line() -> None:
    assert replies.hello("example.org") == "250 example.org"
    assert replies.hello("example.org", ("SIZE 9", "PIPELINING")) == "250-example.org\r\n250-SIZE 9\r\n250 PIPELINING"


def test_greeting_names_only_domain_and_protocol() -> None:
    assert replies.greeting("example.org", lmtp=False) == "220 example.org ESMTP"
    assert replies.greeting("example.org", lmtp=True) == "220 example.org LMTP"
