"""Two forms of one text are told from two texts."""

from __future__ import annotations

import pytest

from mail.words.likeness import is_note, words_of


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("See the manual (https://x.example/a), please.", "See the manual <https://x.example/a>, please."),
        ("Good day", "[Our logo]\nGood day"),
        ("*Good* _day_", "Good day"),
        ("one two three four five six seven", "View this: one two three four five six seven"),
        ("我的打印机坏了", "我的打印机坏了。"),
        ("anything", ""),
        ("Sale today", "[Sale today]"),
    ],
)
def test_same_words_in_another_form_are_covered(text: str, other: str) -> None:
    assert words_of(text).covers(words_of(other))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Call me", "Please call back"),
        ("Yes", "No"),
        ("My printer is", "My printer is on fire, send help now"),
        ("我的打印机坏了", "我的订单在哪里"),
        ("", "Yes"),
        ("Read this", "[Sale today]"),
    ],
)
def test_other_words_are_not_covered(text: str, other: str) -> None:
    assert not words_of(text).covers(words_of(other))


@pytest.mark.parametrize(
    "text",
    [
        "Your mail program does not show HTML.",
        "View in browser: https://x.example/" + "a" * 500,
        "Это письмо в формате HTML",
        "Ihr Browser zeigt dies.",
    ],
)
def test_note_that_one_should_read_the_html_is_known(text: str) -> None:
    assert is_note(text)


@pytest.mark.parametrize("text", ["Call me.", "", "My browser shows nothing. " * 20])
def test_other_words_are_no_note(text: str) -> None:
    assert not is_note(text)
