"""One line of a mail: its quote marks, the marks of forwards and originals, rules, labels."""

from __future__ import annotations

import pytest

from mail.words.lines import Mark, is_rule, label, legible, mark, unquoted, with_rule_above


@pytest.mark.parametrize(
    ("line", "depth", "words"),
    [
        ("word", 0, "word"),
        ("> word", 1, "word"),
        (">>> word", 3, "word"),
        ("  > > word ", 2, "word"),
        ("\t> word", 1, "word"),
        (">From here", 0, ">From here"),
        ("> \u200eword\u200f", 1, "word"),
    ],
)
def test_depth_of_a_quote(line: str, depth: int, words: str) -> None:
    assert unquoted(line) == (depth, words)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("---------- Forwarded message ---------", Mark.FORWARD),
        ("~~~~ Forwarded message ~~~~", Mark.FORWARD),
        ("Begin forwarded message:", Mark.FORWARD),
        ("Начало пересылаемого сообщения：", Mark.FORWARD),
        ("*Begin forwarded message:*", Mark.FORWARD),
        ("Forwarded message", None),
        ("-- End of forwarded message --", Mark.FORWARD_END),
        ("-----Original Message-----", Mark.ORIGINAL),
        ("-----Original-----", Mark.ORIGINAL),
        ("- Original", None),
        ("Original message", None),
        ("##- Type your reply above this line -##", Mark.ORIGINAL),
        ("[Original message processed by the server]", Mark.ORIGINAL),
        ("[Invoice processed by the server]", None),
        ("----------", None),
        ("", None),
        ("-" * 500 + "Forwarded message", None),
    ],
)
def test_marks(line: str, found: Mark | None) -> None:
    assert mark(line) is found


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        ("From: Ann", "from", "Ann"),
        ("*From:* Ann", "from", "Ann"),
        ("*From*: Ann", "from", "Ann"),
        ("De\xa0: Ann", "from", "Ann"),
        ("发件人：Ann", "from", "Ann"),
        ("From Ann", "", ""),
        ("Note: Ann", "", "Ann"),
    ],
)
def test_labels(line: str, kind: str, value: str) -> None:
    assert (label(line).kind, label(line).value) == (kind, value)


def test_label_that_is_an_everyday_word_is_not_sure() -> None:
    assert label("No: Ann").kind == "from"
    assert not label("No: Ann").is_sure
    assert label("From: Ann").is_sure


def test_rules() -> None:
    assert is_rule("_____")
    assert is_rule(" - - - - -".replace(" ", "-"))
    assert not is_rule("----")
    assert not is_rule("")
    assert with_rule_above(["-----", "", "From: Ann"], 2) == 0
    assert with_rule_above(["原始邮件", "From: Ann"], 1) == 0
    assert with_rule_above(["Hello", "From: Ann"], 1) == 1


def test_legible_text_has_as_many_lines() -> None:
    assert legible("＞ a＠x\u200b：\u00a0１２\nb") == "> a@x: 12\nb"
