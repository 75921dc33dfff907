"""A line of a mail, as all readers of quotes, introductions, header blocks and forwards look at it: how often it is
quoted with `>`, whether it is a rule of dashes, the mark of a forward or of an original, a line with a label.

Each question is asked here only, so that no two readers answer it differently. Each looks at one line, cut to a fixed
length; nothing raises. What the lines mean together is the business of the readers.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass

from mail.words import labels

LONGEST_LINE = 400
_LONGEST_MARK = 120
_LONGEST_LABEL = 80
_DEEPEST_QUOTE = 10
_SHORTEST_RULE = 5
_MOST_ABOVE = 3

# The signs that rules and marks are drawn with, and those with the blanks between them.
_DRAWN = "-_*=~\u2013\u2014"
DASHES = f" \t\xa0{_DRAWN}"
QUOTED = re.compile(r"[ \t]{0,3}> ?(?!From )")
# `[Original Message processed by ...]`, as the servers of Tobit write it.
_PROCESSED = re.compile(r"\[([^\[\]]{5,60}?) (?:processed by|verarbeitet (?:von|durch)) [^\[\]]{1,40}\]")
# How help desks ask to answer above their history, in the frame of Zendesk or between dashes.
_ANSWER_ABOVE = re.compile(
    r"##- ?[^#]{5,100}? ?-##"
    r"|[-=#*_ ]{2,40}(?:please )?(?:(?:type|write|enter|add) your )?(?:reply|answer) above this line[-=#*_ .]{0,40}",
    re.IGNORECASE,
)

# What only steers the display becomes nothing; the joiners of Persian and Hindi stay, for they are letters' shapes.
_STEERING = dict.fromkeys([0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
# The many blanks, colons, brackets and digits of the world become plain ones.
_LEGIBLE = {
    **_STEERING,
    **dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "),
    **dict.fromkeys([0xFF1A, 0xFE55, 0xFE13, 0x2236], ":"),
    **dict(zip(map(ord, "＜＞（）＠｜"), "<>()@|", strict=True)),
    **{zero + digit: str(digit) for zero in (0x660, 0x6F0, 0x966, 0xE50, 0xFF10) for digit in range(10)},
}
_LONGEST_COMPOSED = 400


class Mark(enum.Enum):
    """What a line in a frame of dashes says about the lines below it, or above it."""

    FORWARD = enum.auto()
    FORWARD_END = enum.auto()
    ORIGINAL = enum.auto()


@dataclass(frozen=True, slots=True)
class Label:
    """What stands before the colon of a line in a header block, which kind of line that makes it, and its value."""

    kind: str
    name: str
    value: str

    @property
    def is_sure(self) -> bool:
        """Whether the label is no everyday word too."""
        return self.name in labels.LABELS


def legible(text: str) -> str:
    """The text as the patterns read it: as many lines, without signs that only steer its display."""
    if text.isascii():
        return text
    # Composing the letters of a long line can take the square of its length.
    return "\n".join(
        unicodedata.normalize("NFC", line) if len(line) <= _LONGEST_COMPOSED else line
        for line in text.translate(_LEGIBLE).split("\n")
    )


def without_steering(text: str) -> str:
    """The text without signs that only steer its display; what is shown of it stays as it was written."""
    return text if text.isascii() else text.translate(_STEERING)


def unquoted(line: str, longest: int = LONGEST_LINE) -> tuple[int, str]:
    """How often a line is quoted, and what it says."""
    depth, position = 0, 0
    while depth < _DEEPEST_QUOTE and (match := QUOTED.match(line, position)):
        depth, position = depth + 1, match.end()
    return depth, without_steering(line[position : position + longest]).strip()


def is_rule(line: str) -> bool:
    """Whether the line is drawn: dashes and nothing else."""
    bare = line.strip()
    return len(bare) >= _SHORTEST_RULE and not bare.strip(_DRAWN)


def mark(line: str) -> Mark | None:
    """The mark that the line is, if it is one."""
    bare = line.strip()
    if not 0 < len(bare) <= _LONGEST_MARK:
        return None
    title = _title(bare)
    is_drawn = bare[0] in _DRAWN
    if (is_drawn or bare[-1] in f"{_DRAWN}:\uff1a") and labels.FORWARDED.fullmatch(title):
        return Mark.FORWARD
    lowered = title.lower()
    if is_drawn and lowered in labels.FORWARDED_END:
        return Mark.FORWARD_END
    is_framed = is_drawn and bare[-1] in _DRAWN
    if (is_drawn and lowered in labels.ORIGINAL) or (is_framed and lowered in labels.ORIGINAL_IN_FRAME):
        return Mark.ORIGINAL
    if _ANSWER_ABOVE.fullmatch(bare):
        return Mark.ORIGINAL
    processed = _PROCESSED.fullmatch(bare)
    return Mark.ORIGINAL if processed and processed[1].lower() in labels.ORIGINAL else None


def label(line: str) -> Label:
    """The label of a line, with the value behind it; without a kind if it has none that we know."""
    head, colon, value = line[: LONGEST_LINE * 3].replace("\uff1a", ":", 1).partition(":")
    if not colon or len(head) >= _LONGEST_LABEL:
        return Label("", "", "")
    name = " ".join(head.strip(DASHES).split()).lower()
    kind = labels.LABELS.get(name) or labels.UNSURE_LABELS.get(name, "")
    value = value.strip()
    # The star that closes a label in bold stands behind the colon.
    return Label(kind, name, value.lstrip("*_ ") if head.lstrip()[:1] in {"*", "_"} else value)


def with_rule_above(lines: list[str], number: int) -> int:
    """The number of a rule, or of the bare title of an original, right above; it belongs to what is below. Else the
    number itself."""
    for above in range(number - 1, max(-1, number - 1 - _MOST_ABOVE), -1):
        if bare := unquoted(lines[above])[1]:
            return above if is_rule(bare) or _title(bare).lower() in labels.ORIGINAL else number
    return number


def _title(bare: str) -> str:
    return bare[: _LONGEST_MARK + 1].strip(f"{DASHES}:\uff1a")
