from __future__ import annotations

import pytest

from gateway.model import Audience
from gateway.reply_token import TOKEN, is_genuine, make_token, random_name, token_name

KEY = b"k" * 32
BOUND = {"name": "abcdefghij", "ticket_id": 66, "person_id": 7, "audience": Audience.CUSTOMER}


def test_a_token_is_short_lower_case_and_genuine() -> None:
    token = make_token(KEY, **BOUND)
    assert TOKEN.fullmatch(token)
    assert len("a-longer-desk-name-0000+" + token) <= 64
    assert token_name(token) == "abcdefghij"
    assert is_genuine(token, KEY, **BOUND)


@pytest.mark.parametrize(
    "change",
    [{"name": "abcdefghik"}, {"ticket_id": 67}, {"person_id": 8}, {"audience": Audience.STAFF}],
)
def test_a_token_is_bound_to_mail_ticket_recipient_and_audience(change: dict[str, object]) -> None:
    assert not is_genuine(make_token(KEY, **BOUND), KEY, **{**BOUND, **change})


def test_a_token_of_another_key_or_with_one_changed_letter_is_false() -> None:
    token = make_token(KEY, **BOUND)
    assert not is_genuine(token, b"l" * 32, **BOUND)
    for place in range(2, len(token)):
        changed = token[:place] + ("b" if token[place] == "a" else "a") + token[place + 1 :]
        assert not is_genuine(changed, KEY, **BOUND)


def test_names_are_made_of_chance() -> None:
    assert random_name(b"\x00" * 7) == "aaaaaaaaaa"
    assert random_name(b"\xff" * 7) == "7777777777"
