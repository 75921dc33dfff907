"""What stands above a quote on the lines of a page: an introduction, a block of header lines, a rule.

An introduction is known in whatever language: it ends in a colon, and a date with a time or an address is in it. A
rule is a line of dashes, with or without a title. Each question looks at a few lines around a place, so what is asked
once for each line stays linear.
"""

from __future__ import annotations

import re

from mail.words import labels
from mail.words.html_page import RULE, Line

_LONGEST_INTRODUCTION = 400
MOST_LINES_ABOVE = 8
MOST_HEADER_LINES = 12
LONGEST_LABEL = 40
COLONS = (":", "\uff1a")
_MOST_INTRODUCTION_LINES = 4
_LONGEST_TITLE = 100
_TIME = re.compile(r"\d{1,2}\s?[:.h\u66ff\u6642\u65f6\uc2dc]\s?\d{2}|\d{1,2} ?[ap]\.?m\b", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_ADDRESS = re.compile(r"[^\s@<>()]{1,64}@[^\s@<>()]{1,64}\.\w")
_SENTENCE_END = re.compile(r"[.!?]\s+\S|[\u3002\uff01\uff1f]\S")
_NAME_AND_ADDRESS = re.compile(r":\s*[^\s@<\[][^@<\[]{0,100}[<\[(](?:mailto:)?[^\s@<>()]{1,64}@")


def introduction_above(lines: list[Line], start: int) -> int | None:
    """The number of the line where an introduction begins that ends right above; nothing if there is none."""
    number = start - 1
    lowest = max(0, start - MOST_LINES_ABOVE)
    while number >= lowest and (not lines[number].words or is_rule(lines[number].words)):
        number -= 1
    joined = ""
    for first in range(number, max(lowest, number - _MOST_INTRODUCTION_LINES + 1) - 1, -1):
        words = lines[first].words
        if not words or len(words) + len(joined) > _LONGEST_INTRODUCTION or lines[first].depth:
            return None
        if joined and words.endswith((".", "!", "?", *COLONS)):
            # A sentence of its own, not the beginning of an introduction that was wrapped.
            return None
        joined = f"{words} {joined}".strip()
        if not joined.rstrip("- ").endswith(COLONS):
            return None
        if _introduces(joined):
            return first
    return None


def headers_above(lines: list[Line], start: int) -> int | None:
    """The number of the line where a block of header lines begins that ends right above; nothing if there is none."""
    number = start - 1
    while number >= max(0, start - MOST_LINES_ABOVE) and not lines[number].words:
        number -= 1
    first: int | None = None
    for place in range(number, max(-1, number - MOST_HEADER_LINES), -1):
        words = lines[place].words
        if not words or lines[place].depth or not is_labelled(words):
            break
        if labels.LABELS.get(words[:LONGEST_LABEL].partition(":")[0].strip(" \t*_").lower()) == "from":
            first = place
    return first if first is not None and opens_with_headers(lines, first) else None


def _introduces(words: str) -> bool:
    """Whether the words introduce a quote in whatever language; they end in a colon."""
    date, time, address = (pattern.search(words) for pattern in (_DATE, _TIME, _ADDRESS))
    if sum(found is not None for found in (date, time, address)) < 2:
        return False
    before = words[: min(found.start() for found in (date, time, address) if found)]
    # An answer may stand on the same line; then nothing of the line may go.
    ends = _SENTENCE_END.finditer(before)
    return not any(end[0][-1].isupper() or end[0][0] in "\u3002\uff01\uff1f" for end in ends)


def opens_with_introduction(lines: list[Line], start: int) -> bool:
    """Whether an introduction starts here, on a line that says when or who, and not behind other words."""
    joined = ""
    for line in [line for line in lines[start : start + MOST_LINES_ABOVE] if line.words][:_MOST_INTRODUCTION_LINES]:
        joined = f"{joined} {line.words[:_LONGEST_INTRODUCTION]}"
        if not any(pattern.search(joined) for pattern in (_DATE, _TIME, _ADDRESS)):
            return False
        if joined.rstrip("- ").endswith(COLONS):
            return _introduces(joined)
    return False


def opens_with_headers(lines: list[Line], start: int) -> bool:
    """Whether a block of header lines starts here.

    Three labels that we know, From among them, and an address or a subject; or three of any language, the first with
    an address behind a name, and another with a date and a time. A form that somebody filled in is neither.
    """
    kinds: set[str] = set()
    labelled: list[str] = []
    for line in lines[start : start + MOST_HEADER_LINES]:
        words = line.words[:_LONGEST_INTRODUCTION]
        if not line.has_words or is_rule(words):
            continue
        head, colon, _ = words[: LONGEST_LABEL + 1].replace("\uff1a", ":").partition(":")
        if not colon or not any(sign.isalpha() for sign in head):
            break
        labelled.append(words)
        if kind := labels.LABELS.get(head.strip(" \t*_").lower()):
            kinds.add(kind)
    has_address = any(_ADDRESS.search(words) for words in labelled)
    if len(kinds) >= 3 and "from" in kinds and (has_address or "subject" in kinds):
        return True
    has_instant = any(_DATE.search(words) and _TIME.search(words) for words in labelled[1:])
    return len(labelled) >= 3 and has_instant and _NAME_AND_ADDRESS.search(labelled[0]) is not None


def is_labelled(words: str) -> bool:
    """Whether the line begins like a header line, or introduces what follows."""
    head, colon, _ = words[: LONGEST_LABEL + 1].replace("\uff1a", ":").partition(":")
    return is_rule(words) or words.endswith(COLONS) or bool(colon and any(sign.isalpha() for sign in head))


def is_rule(words: str) -> bool:
    """Whether the line is one of dashes, with nothing or with a title in it."""
    if words == RULE or (len(words) >= 5 and not words.strip("-_=\u2014\u2013* ")):
        return True
    return len(words) <= _LONGEST_TITLE and words.startswith("---") and words.endswith("---")


def is_titled_rule(words: str) -> bool:
    """Whether the line is one of dashes around a title."""
    return is_rule(words) and any(sign.isalpha() for sign in words)
