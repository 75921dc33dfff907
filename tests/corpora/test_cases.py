"""How a case becomes a mail to be delivered, and how it is judged: with mails made up here, none of the corpora."""

from __future__ import annotations

import pytest

from tests.corpora.cases import Case, as_answer, with_message_id
from tests.corpora.judging import Seen, comparable, judge

PARSED = {
    "from": {"name": "Ant", "address": "ant@customer.example"},
    "subject": "Fire",
    "text": "It  burns.\n\n-- \nAnt",
    "visible": "It  burns.",
    "automatic": False,
    "auto_reply": False,
    "bounce": {"addresses": ["bee@customer.example"], "permanent": True},
    "attachments": [{"id": 7, "name": "a.txt", "size_bytes": 1, "sha256": "ca978112", "inline": False}],
}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: a\r\n\r\nb\r\n", b"Message-ID: <new@x>\r\nSubject: a\r\n\r\nb\r\n"),
        (
            b"A: a\nMessage-id:\n <old@x>\nB: b\n\nMessage-ID: c\n",
            b"Message-ID: <new@x>\nA: a\nB: b\n\nMessage-ID: c\n",
        ),
        (b"From ant Monday\nA: a\n\nb", b"From ant Monday\nMessage-ID: <new@x>\nA: a\n\nb"),
        (b"\r\n\r\nA: a\r\n\r\nb", b"\r\n\r\nMessage-ID: <new@x>\r\nA: a\r\n\r\nb"),
        (b"A: a", b"Message-ID: <new@x>\rA: a"),
        (b"Message-ID: <old@x>", b"Message-ID: <new@x>\r"),
    ],
)
def test_nothing_but_the_message_id_is_touched(raw: bytes, expected: bytes) -> None:
    assert with_message_id(raw, "new@x") == expected


def test_an_answer_names_the_ticket_and_comes_from_its_customer() -> None:
    raw = b"From: old@x\r\nSubject: Re:\r\n the fire\r\n\r\nFrom: b\r\n"
    answer = as_answer(raw, customer="ant@x", ticket_id=66)
    assert answer == b"From: ant@x\r\nSubject: Re:\r\n the fire [#66]\r\n\r\nFrom: b\r\n"


@pytest.mark.parametrize(
    ("key", "wanted", "passed"),
    [
        ("from", "ANT@customer.example", True),
        ("subject", " Fire ", True),
        ("body_contains", ["It burns.", "water"], False),
        ("body_not_contains", ["water"], True),
        ("body_text", "It burns. -- Ant", True),
        ("reply_contains", ["It burns."], True),
        ("signature_not_contains", ["Ant"], True),
        ("reply_text_any", ["water", "It burns."], True),
        ("empty_body", True, False),
        ("is_bounce", True, True),
        ("is_temporary", True, False),
        ("bounced", ["Bee@customer.example"], True),
        ("bounced", [], False),
        ("attachments", [{"name": "a.txt", "size": 1, "sha256": "ca978112"}], True),
        ("attachments", [{"name": "b.txt"}], False),
        ("attachments_count", 1, True),
    ],
)
def test_each_key_is_judged(key: str, wanted: object, passed: bool) -> None:
    case = Case("made-up", "ant", b"", {key: wanted}, is_answer=False, policies=frozenset())
    seen = Seen(PARSED, message="", is_intact=True, attached={7: "ca978112"})
    assert all(check.passed for check in judge(case, seen)) is passed
    assert not any(check.passed for check in judge(case, None))


def test_the_whole_reply_is_not_judged_where_its_source_has_other_rules() -> None:
    expect = {"reply_text": "It", "reply_contains": ["It"], "compare": "ws"}
    case = Case("made-up", "ant", b"", expect, is_answer=True, policies=frozenset({"inline"}))
    seen = Seen(PARSED, message="It burns.", is_intact=True, attached={})
    assert [(check.key, check.passed) for check in judge(case, seen)] == [("reply_contains", True)]


def test_texts_are_compared_as_their_source_does() -> None:
    assert comparable("a\n----\n b", "ws") == "a b"
    assert comparable("a\n b", "nows") == "ab"
    assert comparable("*a*\n# b", "md") == "a b"
