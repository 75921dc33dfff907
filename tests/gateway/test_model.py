from __future__ import annotations

import time

import pytest

from gateway.model import clean_line, clean_text, drop_controls, fold_key


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("tab\tstays\x00\x07\x1b[31m", "tab\tstays[31m"),
        ("cafe\u0301", "café"),
        ("\ud800", ""),
        ("и\u0306", "й"),
        ("日本語" * 200 + "か\u3099", "日本語" * 200 + "が"),
    ],
)
def test_a_mails_text_is_clean(text: str, clean: str) -> None:
    assert clean_text(text) == clean


def test_a_flood_of_accents_takes_time_that_grows_with_its_length_only() -> None:
    started = time.process_time()
    clean_text("e" + "\u0301\u0323" * 500_000)
    assert time.process_time() - started < 10, "it would be hours"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\n b\tc  d ", "a b c d"),
        ("one\u2028two\u202ethree", "one two three"),
        ("x" * 300, "x" * 255),
        ("y" * 254 + " z", "y" * 254),
    ],
)
def test_a_line_is_one(text: str, line: str) -> None:
    assert clean_line(text) == line


def test_an_api_message_loses_control_characters_and_nothing_else() -> None:
    assert drop_controls("e\u0301\u202e\r\n\t\x9f") == "e\u0301\u202e\n\t"


def test_keys_do_not_regard_case_nor_width() -> None:
    assert fold_key("STRASSE") == fold_key("straße")
    assert fold_key("ＡＢＣ") == "abc"
    assert len(fold_key("\ufdfa" * 300)) == 640
