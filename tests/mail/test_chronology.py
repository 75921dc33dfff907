"""The order of an archive, as tables."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from mail.chronology import Chronology, written_at

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MAY = datetime(2020, 5, 1, 12, tzinfo=UTC)
JUNE = datetime(2020, 6, 1, 12, tzinfo=UTC)
DATE_MAY, DATE_JUNE = b"Fri, 1 May 2020 12:00:00 +0000", b"Mon, 1 Jun 2020 14:00:00 +0200"


@pytest.mark.parametrize(
    ("date", "received", "filed_at", "expected"),
    [
        (DATE_MAY, b"from a by b; " + DATE_JUNE, JUNE, MAY),
        (None, b"from a by b; " + DATE_JUNE, MAY, JUNE),
        (b"yesterday", b"from a by b", MAY, MAY),
        # Clocks that were never set, or run ahead.
        (b"Thu, 1 Jan 1970 00:00:00 +0000", b"x; " + DATE_JUNE, None, JUNE),
        (b"Tue, 1 Jan 2036 00:00:00 +0000", None, MAY, MAY),
        (b"Mon, 23 Nov 2026 03:00:00 +0000", None, MAY, NOW),
        (None, None, datetime(2030, 1, 1, tzinfo=UTC), NOW),
        (None, None, None, None),
    ],
)
def test_when_a_mail_was_written(
    date: bytes | None, received: bytes | None, filed_at: datetime | None, expected: datetime | None
) -> None:
    assert written_at(date, received, filed_at, NOW) == expected


def head(name: str, day: int | None, *answers: str) -> bytes:
    lines = [f"Message-ID: <{name}>"]
    if day:
        lines.append(f"Date: {day} May 2020 12:00:00 +0000")
    if answers:
        lines.append(f"References: {' '.join(f'<{answer}>' for answer in answers)}")
    return "\n".join(lines).encode() + b"\n"


def ordered(*heads: bytes) -> str:
    chronology = Chronology(NOW)
    for one in heads:
        chronology.add(one, None)
    return "".join(heads[position][13:14].decode() for position in chronology.order())


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([head("a", 1), head("b", 2), head("c", 3)], "abc"),
        # An answer never comes before what it answers, whatever the clocks said.
        ([head("a", 9), head("b", 2, "a"), head("c", 3, "a", "b")], "abc"),
        # Without a date it goes with what it answers.
        ([head("a", 1), head("b", None, "a"), head("c", 3)], "abc"),
    ],
)
def test_the_order_does_not_depend_on_where_a_mail_stands(heads: list[bytes], expected: str) -> None:
    assert {ordered(*some) for some in permutations(heads)} == {expected}


def test_circles_and_mails_that_answer_themselves_have_an_order() -> None:
    assert sorted(ordered(head("a", 2, "b"), head("b", 1, "a"), head("c", 3, "c"))) == ["a", "b", "c"]


def test_a_chain_of_thousands_of_answers_is_followed() -> None:
    chronology = Chronology(NOW)
    for number in reversed(range(2_000)):
        chronology.add(f"Message-ID: <{number}>\nIn-Reply-To: <{number - 1}>\n".encode(), None)
    assert chronology.order() == list(reversed(range(2_000)))
    assert {chronology.conversation(position) for position in range(2_000)} == {chronology.conversation(0)}


def test_a_conversation_hangs_together_over_mails_that_are_missing() -> None:
    chronology = Chronology(NOW)
    for one in (head("a", 1, "lost"), head("b", 2, "gone", "lost"), head("c", 3), head("d", 4, "gone")):
        chronology.add(one, None)
    chronology.order()
    first, second, third, fourth = map(chronology.conversation, range(4))
    assert first == second == fourth != third
    assert dict(chronology.conversations())["lost"] == first


def test_mails_without_any_id_are_conversations_of_their_own() -> None:
    chronology = Chronology(NOW)
    chronology.add(b"Subject: x\n", None)
    chronology.add(b"Subject: x\n", None)
    assert chronology.conversation(0) != chronology.conversation(1)
