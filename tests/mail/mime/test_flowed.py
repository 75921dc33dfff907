"""Flowed text gets the lines that its writer meant, and quotes stay quotes."""

from __future__ import annotations

import time

import pytest

from mail.mime.flowed import unflow
from mail.parse import parse_message


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("one \ntwo \nthree\nfour", "one two three\nfour"),
        ("one\ntwo", "one\ntwo"),
        ("one \n\ntwo", "one \n\ntwo"),
        ("> one \n> two\nthree", "> one two\nthree"),
        ("> one \n>> two \n>> three", "> one \n>> two three"),
        (">>one \n>>two", ">> one two"),
        (" From here \n on", "From here on"),
        (" > no quote", "> no quote"),
        ("words \n-- \nAnn \nLee", "words \n-- \nAnn Lee"),
        ("> words\n> -- \n> Ann", "> words\n> -- \n> Ann"),
        ("one \r\ntwo\r\n", "one two\n"),
        (">\n> a", ">\n> a"),
        ("", ""),
    ],
)
def test_soft_line_ends_are_joined(source: str, text: str) -> None:
    assert unflow(source, drop_blanks=False) == text


def test_delsp_drops_the_blank_at_the_joint() -> None:
    assert unflow("印刷 \n機が \n壊れ", drop_blanks=True) == "印刷機が壊れ"
    assert unflow("one  \ntwo\n-- \nAnn", drop_blanks=True) == "one two\n-- \nAnn"


def test_only_text_that_says_so_is_flowed() -> None:
    body = "It is \nbroken.\n\n> How is \n> it?"
    flowed = parse_message(f"Content-Type: text/plain; format=Flowed\r\n\r\n{body}".encode())
    fixed = parse_message(f"Content-Type: text/plain\r\n\r\n{body}".encode())
    assert flowed.visible == "It is broken."
    assert flowed.quoted == "> How is it?"
    assert fixed.visible == "It is \nbroken."


def test_long_paragraphs_are_joined_in_time() -> None:
    started = time.process_time()
    unflow("> a \n" * 200_000 + ">" * 500_000, drop_blanks=True)
    assert time.process_time() - started < 2
