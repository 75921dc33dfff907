"""The lines of a page divided: what was newly written, and the quote and signature that its mail program marked.

Policy. Where it errs, it errs by showing too much. Looked at are lines, after the layout, so each rule is linear:

- what stands in an element that a program writes around a quote is quoted; in a wrapper only its quotes are, since
  answers between and below quotes go into the wrapper too; a wrapper without one is a quote if it opens like one;
- a <blockquote> that no program marked is a quote if the line above introduces it: a colon at the end, and a date
  with a time or an address in it, in whatever language; or if it opens with such a line or with header lines;
- right below other words, it is the writer's own quotation if a quote follows, or if Gmail made it;
- a rule above a quote belongs to it, and so does what introduces it, a line or a block of From, Sent, To, Subject;
- below such a block all is quoted; but where the quote is in <blockquote>s, what stands outside them is an answer;
- what stands in the element of a signature is one, unless nothing but a greeting is new: then somebody wrote into it;
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
from dataclasses import dataclass, field, replace

from mail.words import text as plain
from mail.words.html_heads import (
    COLONS,
    LONGEST_LABEL,
    MOST_HEADER_LINES,
    MOST_LINES_ABOVE,
    headers_above,
    introduction_above,
    is_labelled,
    is_rule,
    is_titled_rule,
    opens_with_headers,
    opens_with_introduction,
)
from mail.words.html_marks import BLOCKQUOTES, WRAPPERS, Mark
from mail.words.html_page import RULE, Line, Page, as_text

_LONGEST_ANNOUNCEMENT = 600

_ADDRESS_ALONE = re.compile(r"[^\s@<>()]{1,64}@[^\s@<>()]{1,100}")
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
    SIGNATURE = enum.auto()

    @property
    def is_new(self) -> bool:
        return self in {Role.NEW, Role.OWN}

    @property
    def is_quoted(self) -> bool:
        return self in {Role.QUOTE, Role.INTRODUCTION}


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
    """The page as text: all of it, what is new, the quote, the signature, and all but the signature."""

    whole: str
    new: str
    quoted: str
    signature: str
    unsigned: str


def divide(page: Page, found: Found) -> Divided:
    """The lines of the page on their two sides (see the top of this module)."""
    roles = _roles(page.lines, found)
    lines = page.lines
    new = [line for line, role in zip(lines, roles, strict=True) if role.is_new]
    if _is_hardly_anything(new):
        # People write into the element of their signature; then it is what they say.
        roles = [Role.NEW if role is Role.SIGNATURE else role for role in roles]
        new = [line for line, role in zip(lines, roles, strict=True) if role.is_new]
    answers = _coloured_answers(lines, roles, new)
    for number in answers:
        roles[number] = Role.NEW
    signature = as_text(line for line, role in zip(lines, roles, strict=True) if role is Role.SIGNATURE)
    is_answered = bool(answers) or _is_answered_between(lines, roles)
    if is_answered:
        lines = [
            replace(line, depth=max(line.depth, 1)) if role is Role.QUOTE else line
            for line, role in zip(lines, roles, strict=True)
        ]
    whole = as_text(lines)
    unsigned = as_text(line for line, role in zip(lines, roles, strict=True) if role is not Role.SIGNATURE)
    if is_answered:
        return Divided(whole, unsigned, "", signature, unsigned)
    if not any(line.has_words for line in new):
        return Divided(whole, whole, "", "", whole)
    quoted = as_text(line for line, role in zip(lines, roles, strict=True) if role.is_quoted)
    # The writer's own quotations are indented, lest they be taken for a mail program's.
    shown = as_text(
        replace(line, depth=0, indent=line.indent + 4 * line.depth) if role is Role.OWN else line
        for line, role in zip(lines, roles, strict=True)
        if role.is_new
    )
    return Divided(whole, shown, quoted, signature, unsigned)


def _roles(lines: list[Line], found: Found) -> list[Role]:
    quoting = _quoting_holders(lines, found.holders)
    roles = [quoting[line.holder] for line in lines]
    start = _headed_quote(lines, roles, found.rules)
    if start is not None:
        _quote_from(lines, roles, start)
        _take_card(lines, roles, start)
    # A tail lasts until the next one at the latest.
    tails = [holder.first for holder in found.holders if holder.mark is Mark.TAIL and holder.first < len(lines)]
    for tail, end in itertools.pairwise([*tails, len(lines)]):
        _free_answers(lines, roles, tail, end)
    _keep_forwarded(lines, roles, found)
    last = max((number for number, role in enumerate(roles) if role.is_quoted), default=-1)
    for number, line in enumerate(lines):
        # Without a quote below, a plain <blockquote> may be one that its program did not introduce.
        if roles[number] is Role.OWN and number > last and found.holders[line.holder].mark is not Mark.SET_OFF:
            roles[number] = Role.NEW
    previous = Role.NEW
    for number, role in enumerate(roles):
        if role.is_quoted and not previous.is_quoted:
            _take_introduction(lines, roles, number, found.holders)
        elif role is Role.SIGNATURE and previous.is_new:
            _take_delimiter(lines, roles, number)
        previous = role
    return roles


def _headed_quote(lines: list[Line], roles: list[Role], rules: list[int]) -> int | None:
    """The first line of a quote that a drawn rule or a line of dashes with a title and then header lines begin."""
    drawn = set(rules)
    for number, line in enumerate(lines):
        is_rule = number in drawn or (is_titled_rule(line.words) and not plain.is_forward_line(line.words))
        if is_rule and not roles[number].is_quoted and opens_with_headers(lines, number):
            return number
    return None


def _quote_from(lines: list[Line], roles: list[Role], start: int) -> None:
    """All is a quote from here on, but for what is an answer below it."""
    before = roles[start:]
    roles[start:] = [Role.QUOTE] * len(before)
    _free_answers(lines, roles, start, len(lines))
    for number, role in enumerate(before, start):
        if role.is_quoted:
            roles[number] = role


def _free_answers(lines: list[Line], roles: list[Role], start: int, end: int) -> None:
    """Where header lines are followed by a <blockquote>, it holds the quote: what is outside below is an answer."""
    head, base = lines[start : start + MOST_LINES_ABOVE + MOST_HEADER_LINES], lines[start].depth
    length = next((number for number, line in enumerate(head) if line.depth > base and line.words), 0)
    if not length or not all(is_labelled(line.words) or not line.has_words for line in head[:length]):
        return
    for number in range(start + length, end):
        line = lines[number]
        if line.depth <= base and line.holder == lines[start].holder and roles[number] is Role.QUOTE:
            roles[number] = Role.NEW


def _take_card(lines: list[Line], roles: list[Role], start: int) -> None:
    """A rule, a name and an address right above the header lines are the writer's card, as some phones draw it."""
    near = range(max(0, start - MOST_LINES_ABOVE), start)
    filled = [number for number in near if lines[number].words][-4:]
    if not filled or not _ADDRESS_ALONE.fullmatch(lines[filled[-1]].words):
        return
    ruled = next((number for number in filled if lines[number].words == RULE), None)
    card = [number for number in filled if ruled is not None and number > ruled]
    if ruled is not None and len(card) <= 2 and all(len(lines[number].words) <= LONGEST_LABEL for number in card):
        roles[ruled:start] = [Role.SIGNATURE] * (start - ruled)


def _take_delimiter(lines: list[Line], roles: list[Role], start: int) -> None:
    """The dashes above a signature go with it."""
    near = range(max(0, start - MOST_LINES_ABOVE), start)
    above = next((number for number in reversed(near) if lines[number].words), None)
    if above is None or not roles[above].is_new:
        return
    if lines[above].words in {"--", "\u2014"} or (is_rule(lines[above].words) and not lines[above].has_words):
        roles[above:start] = [Role.SIGNATURE] * (start - above)


def _quoting_holders(lines: list[Line], holders: list[Holder]) -> list[Role]:
    """For each holder what its lines are; a parent always stands before its children."""
    wrappers_with_quotes = {0}
    in_wrapper = [False] * len(holders)
    for number, holder in enumerate(holders[1:], 1):
        # The innermost wrapper around, if any; what a quote holds is no business of ours.
        around = holders[holder.parent].parent if holders[holder.parent].mark is Mark.SIGNATURE else holder.parent
        in_wrapper[number] = holder.mark in WRAPPERS or (in_wrapper[around] and holders[around].mark in WRAPPERS)
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
        elif holder.mark is Mark.SIGNATURE:
            roles[number] = Role.SIGNATURE
        elif holder.mark in BLOCKQUOTES:
            if (
                in_wrapper[number]
                or introduction_above(lines, holder.first) is not None
                or headers_above(lines, holder.first) is not None
                or opens_with_introduction(lines, holder.first)
                or opens_with_headers(lines, holder.first)
            ):
                roles[number] = Role.QUOTE
            elif roles[number].is_new and _follows_words_of_its_writer(lines, holder.first):
                roles[number] = Role.OWN
        elif holder.mark is Mark.WRAPPER and number not in wrappers_with_quotes:
            roles[number] = Role.QUOTE
        elif holder.mark is Mark.LOOSE and number not in wrappers_with_quotes:
            # Where quote marks were typed, they tell better which lines are the quote.
            is_introduced = number not in typed and opens_with_introduction(lines, holder.first)
            is_quote = is_introduced or opens_with_headers(lines, holder.first)
            roles[number] = Role.QUOTE if is_quote else roles[holder.parent]
    return roles


def _keep_forwarded(lines: list[Line], roles: list[Role], found: Found) -> None:
    """From a forwarded mail on nothing is taken away; one that is quoted itself does not count."""
    starts = [number for number in found.forwards if number >= len(roles) or roles[number] is not Role.QUOTE]
    is_first = True
    for number, line in enumerate(lines):
        if not line.words:
            continue
        is_quoted = roles[number].is_quoted
        is_open = not is_quoted or (is_first and introduction_above(lines, number) is None)
        if is_open and plain.is_forward_line(line.words):
            starts.append(number)
            break
        is_first = not is_quoted
    if starts:
        first = min(starts)
        roles[first:] = [Role.NEW] * (len(roles) - first)


def _take_introduction(lines: list[Line], roles: list[Role], start: int, holders: list[Holder]) -> None:
    """The rule above a quote and the line that introduces it go with it."""
    first = introduction_above(lines, start)
    if first is None:
        first = headers_above(lines, start)
    if first is None:
        first = _only_line_above(lines, start, holders)
    number = start if first is None else first
    roles[number:start] = [Role.INTRODUCTION] * (start - number)
    above = number - 1
    while above >= max(0, number - MOST_LINES_ABOVE) and not lines[above].words:
        above -= 1
    if above >= 0 and is_rule(lines[above].words) and roles[above].is_new:
        roles[above:number] = [Role.INTRODUCTION] * (number - above)


def _follows_words_of_its_writer(lines: list[Line], start: int) -> bool:
    """Whether above a quotation stands what introduces nothing: no program writes that, so a person set it off."""
    above = next((line for line in reversed(lines[max(0, start - MOST_LINES_ABOVE) : start]) if line.words), None)
    return above is not None and not above.depth and above.has_words and not above.words.endswith((*COLONS, ">", "-"))


def _only_line_above(lines: list[Line], start: int, holders: list[Holder]) -> int | None:
    """The number of the line above, if it ends in a colon and is all that stands in the wrapper above its quote."""
    filled = [number for number in range(max(0, start - MOST_LINES_ABOVE), start) if lines[number].words]
    above = lines[filled[-1]].words if filled else ""
    if not above.endswith(COLONS) or not any(sign.isdigit() or sign == "@" for sign in above):
        return None
    holder = lines[filled[-1]].holder
    is_first = len(filled) == 1 or filled[-2] < holders[holder].first <= filled[-1]
    return filled[-1] if holders[holder].mark in WRAPPERS and is_first else None


def _is_answered_between(lines: list[Line], roles: list[Role]) -> bool:
    """Whether somebody wrote between quoted lines."""
    roles_of_words = (role for line, role in zip(lines, roles, strict=True) if line.has_words)
    kinds = [role.is_quoted for role in roles_of_words if role is not Role.SIGNATURE]
    runs = [kind for kind, _ in itertools.groupby(kinds)]
    return runs.count(True) > 1


def _is_hardly_anything(new: list[Line]) -> bool:
    """Whether there are no words on the lines, or a greeting at most."""
    words = " ".join(line.words for line in new if line.has_words)[:_LONGEST_ANNOUNCEMENT]
    return not words or _greets(words)


def _greets(words: str) -> bool:
    return len(words.split()) <= 4 and words.rstrip().endswith((",", "\uff0c", "\u060c"))


def _coloured_answers(lines: list[Line], roles: list[Role], new: list[Line]) -> list[int]:
    """The quoted lines in a colour of their own, where the writer says that his answers are there, or merely greets."""
    coloured = [number for number, line in enumerate(lines) if roles[number] is Role.QUOTE and line.coloured]
    if not coloured:
        return []
    others = sum(role is Role.QUOTE and line.has_words for line, role in zip(lines, roles, strict=True)) - len(coloured)
    words = " ".join(line.words for line in new)
    if others and len(words) <= _LONGEST_ANNOUNCEMENT and (_greets(words) or _ANNOUNCEMENT.search(words)):
        return coloured
    return []
