"""The lines of a page divided: what was newly written, and the quote that the writer's mail program marked.

Policy. Where it errs, it errs by showing too much. Looked at are lines, after the layout, so each rule is linear:

- what stands in an element that a program writes around a quote is quoted; in a wrapper only its quotes are, since
  answers between and below quotes go into the wrapper too; a wrapper without one is a quote if it opens like one;
- a <blockquote> that no program marked is a quote if the line above introduces it: a colon at the end, and a date
  with a time or an address in it, in whatever language; or if it opens with such a line or with header lines;
- right below other words, it is the writer's own quotation if a quote follows, or if Gmail made it;
- a rule above a quote belongs to it, and so does the line that introduces it;
- from a line that announces a forwarded mail on, everything is what the writer wants to show;
- where somebody answered between quoted lines, or in another colour inside the quote and says so, nothing is split off:
  the whole text is new, quotes with their `>`, and answers without.

`text.split_reply` looks at the new part afterwards in any case. Known weakness: an answer between the lines of a
quote that neither a colour nor an element sets apart is taken for the quote.
"""

from __future__ import annotations

import enum
import itertools
import re
from dataclasses import dataclass, field

from mail.words import labels
from mail.words import text as plain
from mail.words.html_marks import BLOCKQUOTES, WRAPPERS, Mark
from mail.words.html_page import RULE, Line, Page, as_text

_LONGEST_INTRODUCTION = 400
_MOST_LINES_ABOVE = 8
_MOST_INTRODUCTION_LINES = 4
_MOST_HEADER_LINES = 12
_LONGEST_LABEL = 40
_LONGEST_TITLE = 100
_LONGEST_ANNOUNCEMENT = 600

_TIME = re.compile(r"\d{1,2}\s?[:.h\u66ff\u6642\u65f6\uc2dc]\s?\d{2}|\d{1,2} ?[ap]\.?m\b", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
_ADDRESS = re.compile(r"[^\s@<>()]{1,64}@[^\s@<>()]{1,64}\.\w")
_SENTENCE_END = re.compile(r"[.!?]\s+\S|[\u3002\uff01\uff1f]\S")
_COLONS = (":", "\uff1a")
_NAME_AND_ADDRESS = re.compile(r":\s*[^\s@<\[][^@<\[]{0,100}[<\[(](?:mailto:)?[^\s@<>()]{1,64}@")
# How people say that their answers stand in the quote; asked only where something in it has a colour of its own.
_ANNOUNCEMENT = re.compile(
    r"\b(?:in|en|em|med|i|op|in het|w kolorze) (?:[\w-]{1,12} )?(?:red|blue|green|purple|pink|orange|bold|colou?r|rot|"
    r"blau|grün|farbe|fett|rouge|bleu|vert|couleur|gras|rojo|azul|verde|color|negrita|vermelho|rosso|blu|rood|blauw|groen|"
    r"czerwonym|röd|rött|blått|blå|rød|rødt)\b|in-?line\b|\b(?:below|interspersed|highlighted|unten|weiter unten|"
    r"ci-dessous|abajo|abaixo|sotto|di seguito|hieronder|onder|poniżej|nedan|nedenfor|alla|níže|aşağıda)\b|"
    r"(?:красн|син|зел[её]н|цветн|жирн)\w{1,4}\b|\bниже\b|\bнижче\b|черво\w{1,4}\b|цветом|以下|下面|下記|红色|紅色|赤字",
    re.IGNORECASE,
)


class Role(enum.Enum):
    """Whose a line is; what the writer himself set off as a quotation is OWN, and new."""

    NEW = enum.auto()
    OWN = enum.auto()
    QUOTE = enum.auto()
    INTRODUCTION = enum.auto()

    @property
    def is_new(self) -> bool:
        return self in {Role.NEW, Role.OWN}


@dataclass(frozen=True, slots=True)
class Holder:
    """An element that looks like a mail program's own; `first` is the number of its first line."""

    mark: Mark
    parent: int
    first: int


@dataclass(slots=True)
class Found:
    """What the walk over a page found; holder 0 is the page itself."""

    holders: list[Holder] = field(default_factory=lambda: [Holder(Mark.ROOT, 0, 0)])
    # Where a rule was drawn above something, and where a forwarded mail was marked: numbers of lines.
    rules: list[int] = field(default_factory=list)
    forwards: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Divided:
    """The page as text: all of it, what is new, and the quote."""

    whole: str
    new: str
    quoted: str


def divide(page: Page, found: Found) -> Divided:
    """The lines of the page on their two sides (see the top of this module)."""
    roles = _roles(page.lines, found)
    lines = page.lines
    new = [line for line, role in zip(lines, roles, strict=True) if role.is_new]
    answers = _coloured_answers(lines, roles, new)
    for number in answers:
        roles[number] = Role.NEW
    if answers or _is_answered_between(lines, roles):
        whole = as_text(
            Line(line.words, max(line.depth, 1), 0) if role is Role.QUOTE and line.words else line
            for line, role in zip(lines, roles, strict=True)
        )
        return Divided(whole, whole, "")
    whole = as_text(lines)
    if not any(line.has_words for line in new):
        return Divided(whole, whole, "")
    quoted = as_text(line for line, role in zip(lines, roles, strict=True) if not role.is_new)
    # The writer's own quotations are indented, lest they be taken for a mail program's.
    shown = as_text(
        Line("    " * line.depth + line.words, 0, 0) if role is Role.OWN and line.words else line
        for line, role in zip(lines, roles, strict=True)
        if role.is_new
    )
    return Divided(whole, shown, quoted)


def _roles(lines: list[Line], found: Found) -> list[Role]:
    quoting = _quoting_holders(lines, found.holders)
    roles = [quoting[line.holder] for line in lines]
    for number in found.rules:
        if number < len(lines) and roles[number].is_new and _opens_with_headers(lines, number):
            roles[number:] = [Role.QUOTE] * (len(lines) - number)
            break
    _keep_forwarded(lines, roles, found)
    last = max((number for number, role in enumerate(roles) if not role.is_new), default=-1)
    for number, line in enumerate(lines):
        # Without a quote below, a plain <blockquote> may be one that its program did not introduce.
        if roles[number] is Role.OWN and number > last and found.holders[line.holder].mark is not Mark.SET_OFF:
            roles[number] = Role.NEW
    previous = Role.NEW
    for number, role in enumerate(roles):
        if previous.is_new and not role.is_new:
            _take_introduction(lines, roles, number, found.holders)
        previous = role
    return roles


def _quoting_holders(lines: list[Line], holders: list[Holder]) -> list[Role]:
    """For each holder what its lines are; a parent always stands before its children."""
    wrappers_with_quotes = {0}
    in_wrapper = [False] * len(holders)
    for number, holder in enumerate(holders[1:], 1):
        # The innermost wrapper around, if any; what a quote holds is no business of ours.
        in_wrapper[number] = holder.mark in WRAPPERS or (
            in_wrapper[holder.parent] and holders[holder.parent].mark in WRAPPERS
        )
        if holder.mark in {*BLOCKQUOTES, Mark.QUOTE} and in_wrapper[number]:
            parent = holder.parent
            while parent not in wrappers_with_quotes:
                wrappers_with_quotes.add(parent)
                parent = holders[parent].parent
    typed = {line.holder for line in lines if line.words.startswith(">")}
    roles = [Role.NEW] * len(holders)
    for number, holder in enumerate(holders[1:], 1):
        roles[number] = roles[holder.parent]
        if roles[number] is Role.QUOTE:
            continue
        if holder.mark is Mark.INTRODUCTION:
            roles[number] = Role.INTRODUCTION
        elif holder.mark in {Mark.QUOTE, Mark.TAIL}:
            roles[number] = Role.QUOTE
        elif holder.mark in BLOCKQUOTES:
            if (
                in_wrapper[number]
                or _introduction_above(lines, holder.first) is not None
                or _opens_with_introduction(lines, holder.first)
                or _opens_with_headers(lines, holder.first)
            ):
                roles[number] = Role.QUOTE
            elif _follows_words_of_its_writer(lines, holder.first):
                roles[number] = Role.OWN
        elif holder.mark is Mark.WRAPPER and number not in wrappers_with_quotes:
            roles[number] = Role.QUOTE
        elif holder.mark is Mark.LOOSE and number not in wrappers_with_quotes:
            # Where quote marks were typed, they tell better which lines are the quote.
            is_introduced = number not in typed and _opens_with_introduction(lines, holder.first)
            is_quote = is_introduced or _opens_with_headers(lines, holder.first)
            roles[number] = Role.QUOTE if is_quote else Role.NEW
    return roles


def _keep_forwarded(lines: list[Line], roles: list[Role], found: Found) -> None:
    """From a forwarded mail on nothing is taken away; one that is quoted itself does not count."""
    starts = [number for number in found.forwards if number >= len(roles) or roles[number] is not Role.QUOTE]
    is_first = True
    for number, line in enumerate(lines):
        if roles[number].is_new:
            is_first = True
        elif not line.words:
            continue
        if is_first and line.words and plain.is_forward_line(line.words):
            starts.append(number)
            break
        is_first = roles[number].is_new
    if starts:
        first = min(starts)
        roles[first:] = [Role.NEW] * (len(roles) - first)


def _take_introduction(lines: list[Line], roles: list[Role], start: int, holders: list[Holder]) -> None:
    """The rule above a quote and the line that introduces it go with it."""
    first = _introduction_above(lines, start)
    if first is None:
        first = _only_line_above(lines, start, holders)
    number = start if first is None else first
    roles[number:start] = [Role.INTRODUCTION] * (start - number)
    above = number - 1
    while above >= max(0, number - _MOST_LINES_ABOVE) and not lines[above].words:
        above -= 1
    if above >= 0 and _is_rule(lines[above].words) and roles[above].is_new:
        roles[above:number] = [Role.INTRODUCTION] * (number - above)


def _introduction_above(lines: list[Line], start: int) -> int | None:
    """The number of the line where an introduction begins that ends right above; nothing if there is none."""
    number = start - 1
    lowest = max(0, start - _MOST_LINES_ABOVE)
    while number >= lowest and (not lines[number].words or _is_rule(lines[number].words)):
        number -= 1
    joined = ""
    for first in range(number, max(lowest, number - _MOST_INTRODUCTION_LINES + 1) - 1, -1):
        words = lines[first].words
        if not words or len(words) + len(joined) > _LONGEST_INTRODUCTION or lines[first].depth:
            return None
        if joined and words.endswith((".", "!", "?", *_COLONS)):
            # A sentence of its own, not the beginning of an introduction that was wrapped.
            return None
        joined = f"{words} {joined}".strip()
        if not joined.rstrip("- ").endswith(_COLONS):
            return None
        if _introduces(joined):
            return first
    return None


def _follows_words_of_its_writer(lines: list[Line], start: int) -> bool:
    """Whether above a quotation stands what introduces nothing: no program writes that, so a person set it off."""
    above = next((line for line in reversed(lines[max(0, start - _MOST_LINES_ABOVE) : start]) if line.words), None)
    return above is not None and not above.depth and above.has_words and not above.words.endswith((*_COLONS, ">", "-"))


def _only_line_above(lines: list[Line], start: int, holders: list[Holder]) -> int | None:
    """The number of the line above, if it ends in a colon and is all that stands in the wrapper above its quote."""
    filled = [number for number in range(max(0, start - _MOST_LINES_ABOVE), start) if lines[number].words]
    above = lines[filled[-1]].words if filled else ""
    if not above.endswith(_COLONS) or not any(sign.isdigit() or sign == "@" for sign in above):
        return None
    holder = lines[filled[-1]].holder
    is_first = len(filled) == 1 or filled[-2] < holders[holder].first <= filled[-1]
    return filled[-1] if holders[holder].mark in WRAPPERS and is_first else None


def _introduces(words: str) -> bool:
    """Whether the words introduce a quote in whatever language; they end in a colon."""
    date, time, address = (pattern.search(words) for pattern in (_DATE, _TIME, _ADDRESS))
    if sum(found is not None for found in (date, time, address)) < 2:
        return False
    before = words[: min(found.start() for found in (date, time, address) if found)]
    # An answer may stand on the same line; then nothing of the line may go.
    ends = _SENTENCE_END.finditer(before)
    return not any(end[0][-1].isupper() or end[0][0] in "\u3002\uff01\uff1f" for end in ends)


def _opens_with_introduction(lines: list[Line], start: int) -> bool:
    """Whether an introduction starts here, on a line that says when or who, and not behind other words."""
    joined = ""
    for line in [line for line in lines[start : start + _MOST_LINES_ABOVE] if line.words][:_MOST_INTRODUCTION_LINES]:
        joined = f"{joined} {line.words[:_LONGEST_INTRODUCTION]}"
        if not any(pattern.search(joined) for pattern in (_DATE, _TIME, _ADDRESS)):
            return False
        if joined.rstrip("- ").endswith(_COLONS):
            return _introduces(joined)
    return False


def _opens_with_headers(lines: list[Line], start: int) -> bool:
    """Whether a block of header lines starts here.

    Three labels that we know, From among them, and an address or a subject; or three of any language, the first with
    an address behind a name, and another with a date and a time. A form that somebody filled in is neither.
    """
    kinds: set[str] = set()
    labelled: list[str] = []
    for line in lines[start : start + _MOST_HEADER_LINES]:
        words = line.words[:_LONGEST_INTRODUCTION]
        if not line.has_words or _is_rule(words):
            continue
        head, colon, _ = words[: _LONGEST_LABEL + 1].replace("\uff1a", ":").partition(":")
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


def _is_rule(words: str) -> bool:
    """Whether the line is one of dashes, with nothing or with a title in it."""
    if words == RULE or (len(words) >= 5 and not words.strip("-_=\u2014\u2013* ")):
        return True
    return len(words) <= _LONGEST_TITLE and words.startswith("---") and words.endswith("---")


def _is_answered_between(lines: list[Line], roles: list[Role]) -> bool:
    """Whether somebody wrote between quoted lines."""
    kinds = [not role.is_new for line, role in zip(lines, roles, strict=True) if line.has_words]
    runs = [kind for kind, _ in itertools.groupby(kinds)]
    return runs.count(True) > 1


def _coloured_answers(lines: list[Line], roles: list[Role], new: list[Line]) -> list[int]:
    """The quoted lines in a colour of their own, where the writer says that his answers are there, or merely greets."""
    coloured = [number for number, line in enumerate(lines) if roles[number] is Role.QUOTE and line.coloured]
    if not coloured:
        return []
    others = sum(role is Role.QUOTE and line.has_words for line, role in zip(lines, roles, strict=True)) - len(coloured)
    words = " ".join(line.words for line in new)
    greets = len(words.split()) <= 4 and words.rstrip().endswith(",")
    if others and len(words) <= _LONGEST_ANNOUNCEMENT and (greets or _ANNOUNCEMENT.search(words)):
        return coloured
    return []
