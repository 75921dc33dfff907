"""Where the quotes in a text are: under an introduction, under a block of From/Sent/To/Subject, under `-----Original
Message-----`, behind `>`, or from the first to the last line of a mail of our own.

With `>` lines under it a quote ends where they end, whatever stands above it; so it does below a sure introduction with
the other marks that programs quote with: the initials of the writer (`AL> `), a bar, an indent. Without them it goes on
to the end of the text, unless it is our own mail, whose last line is known: below it the customer may write. Where a
forwarded mail begins nothing more is looked for: what is forwarded is there to be read.

A block, or the mark of an original, that the writer announces with a colon (`These are the headers:`) is no quote but
what he wants to show; so are headers pasted from a mail's source, code between fences, and the prompts of a shell. An
introduction needs no such care: above it, a line with a colon is a greeting.

Why no library: the kept one (quotequail) was asked for a second opinion at first. Its patterns cut off prose, and
without it none of 772 real mails is understood worse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mail.words import phrases
from mail.words.header_block import SOURCE, address_above, end_of_head, labels_above, opens_block
from mail.words.introductions import introduction, introduction_above
from mail.words.lines import DASHES, LONGEST_LINE, QUOTED, Mark, label, mark, with_rule_above

_PROMPT = re.compile(r" {0,3}>>> ?[^> ]")
_GREATER = re.compile(r" {0,3}> ?=? ?\d[\d.,]{0,11} ?([^.!?]?)[^.!?]{0,40}$")
_FENCE = re.compile(r" {0,3}```")
# The initials of the writer, as The Bat! writes them, and a bar that is no table's.
_INITIALS = re.compile(r"[ \t]{0,3}[A-ZА-ЯЁ]{1,3}>{1,5}(?: |$)")
_BAR = re.compile(r"[ \t]{0,3}\|(?!.*\|$)(?: |$)")
_INDENT = re.compile(r"(?:\t| {4})[ \t]{0,16}")
# The first lines of our own mails (templates/mail/*/body.txt), and the last lines.
OWN_FIRST = re.compile(
    r"support has reply to yor ticket:|your message has reached us, and we will answer it by mail\.|"
    r"new (?:ticket|answer to ticket) #\d{1,18} from .{1,320}:$|"
    r"a mail from .{1,320} about ticket #\d{1,18} waits for your decision:|"
    r"our mail about ticket #\d{1,18} (?:could not be delivered|to .{1,320} was refused).{0,400}:$|"
    r"this answer to ticket #\d{1,18} was sent to nobody, because|more came in than one mail each could tell:|"
    r'the account ".{1,255}" was registered with this address\.',
    re.I,
)
_OWN_LAST = re.compile(
    r"(?P<link>(?:to check your ticket, press to link|ticket):)|"
    r"if it is not yours, do nothing: without the link, nobody else sees your tickets\.|and \d{1,9} more: ?http",
    re.I,
)
_LINK = re.compile(r"[<(\[]?https?://\S+$")


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines `start` to `end` (not included); `introduced` by a line of a mail program, `marked` with > or not."""

    start: int
    end: int
    introduced: bool
    marked: bool


def find_quotes(lines: list[str]) -> tuple[list[Quote], int]:
    """The quotes in legible lines, in their order, and the line at which a forwarded mail begins (else their count)."""
    # Other marks than > are rewritten in here (see _mark_plainly), and once at most.
    lines = list(lines)
    quotes: list[Quote] = []
    fences = _fences(lines)
    own_ends = _own_ends(lines)
    number = 0
    forwarded = len(lines)
    while number < len(lines):
        if number in fences:
            number = fences[number]
            continue
        lowest = quotes[-1].end if quotes else 0
        bare = lines[number].strip()
        quote: Quote | None = None
        if QUOTED.match(lines[number]):
            first = introduction_above(lines, number, lowest)
            start, end = number if first is None else first, _end_of_marked(lines, number)
            quote = Quote(start, end, introduced=first is not None, marked=True)
        elif bare and is_forward_line(bare):
            forwarded = number
            break
        elif bare and (quote := _quote_at(lines, number, own_ends, lowest)):
            quote = replace(quote, start=max(quote.start, lowest))
        if quote:
            quotes.append(quote)
        number = quote.end if quote else number + 1
    return _without_picked_out(_without_signs(lines, quotes)), forwarded


def is_forward_line(line: str) -> bool:
    """Whether the line announces a forwarded mail below it."""
    return mark(line) is Mark.FORWARD


def _quote_at(lines: list[str], number: int, own_ends: list[int], lowest: int) -> Quote | None:
    """The quote that starts at this line without a > of its own; nothing above the lowest line belongs to it."""
    bare = lines[number].strip()
    if OWN_FIRST.match(bare):
        end = _end_of_own(lines, number, own_ends)
        is_answer = bare[:7].lower() == "support"
        return Quote(number, end or len(lines), introduced=True, marked=False) if end or is_answer else None
    if mark(bare) is Mark.ORIGINAL or opens_block(lines, number):
        if _is_announced(lines, number):
            return None
        start = min(with_rule_above(lines, number), address_above(lines, number, lowest))
        below = _first_filled(lines, end_of_head(lines, number))
        if below is not None and QUOTED.match(lines[below]):
            return Quote(start, _end_of_marked(lines, below), introduced=True, marked=True)
        return Quote(start, _end_of_unmarked(lines, number, own_ends), introduced=True, marked=False)
    if not (found := introduction(lines, number)):
        return None
    end, is_sure = found
    start = labels_above(lines, number, lowest) if is_sure else number
    below = _first_filled(lines, end)
    if is_sure and below is not None and not lowest:
        _mark_plainly(lines, below)
    if below is not None and QUOTED.match(lines[below]):
        is_from_program = is_sure or any("@" in line or phrases.DAY.search(line) for line in lines[number:end])
        return Quote(start, _end_of_marked(lines, below), introduced=is_from_program, marked=True)
    if not is_sure:
        return None
    return Quote(start, _end_of_unmarked(lines, end, own_ends), introduced=True, marked=False)


def _first_filled(lines: list[str], start: int) -> int | None:
    """The first of a few lines that is not blank."""
    return next((place for place in range(start, min(start + 5, len(lines))) if lines[place].strip()), None)


def _mark_plainly(lines: list[str], below: int) -> None:
    """Writes > for the other marks of quoted lines, from the line below an introduction on, if it has one."""
    first = lines[below]
    found = _INITIALS.match(first) or _BAR.match(first[:LONGEST_LINE])
    indent = _INDENT.match(first)
    if found:
        pattern = found.re
        for number in range(below, len(lines)):
            if match := pattern.match(lines[number][:LONGEST_LINE]):
                lines[number] = f"> {lines[number][match.end() :]}"
    elif indent:
        for number in range(below, len(lines)):
            if lines[number].startswith(indent[0]) and lines[number].strip():
                lines[number] = f"> {lines[number][len(indent[0]) :]}"


def _fences(lines: list[str]) -> dict[int, int]:
    """For each line that opens a fence around code, the line after the one that closes it."""
    fences: dict[int, int] = {}
    opened: int | None = None
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            if opened is None:
                opened = number
            else:
                fences[opened], opened = number + 1, None
    return fences


def _without_signs(lines: list[str], quotes: list[Quote]) -> list[Quote]:
    """The quotes, but for > that means "greater" or is the prompt of a shell."""
    if any(quote.introduced for quote in quotes):
        return quotes
    if all(_PROMPT.match(line) for quote in quotes for line in lines[quote.start : quote.end] if line.strip()):
        return []
    return [quote for quote in quotes if quote.end - quote.start > 1 or not _is_greater(lines, quote.start)]


def _is_greater(lines: list[str], number: int) -> bool:
    """Whether the > compares: before a share, or before a number in a sentence that goes on from the line above."""
    if not (compared := _GREATER.match(lines[number])):
        return False
    above = lines[number - 1].strip() if number else ""
    return compared[1] == "%" or (bool(above) and above[-1] not in ".!?:;,)")


def _without_picked_out(quotes: list[Quote]) -> list[Quote]:
    """What is quoted above the quote that a mail program introduced is what the writer himself wants to show."""
    introduced = [place for place, quote in enumerate(quotes) if quote.introduced]
    return quotes[introduced[0] :] if introduced else quotes


def _end_of_marked(lines: list[str], start: int) -> int:
    """Where a quote with > ends; blank lines and the torn-off ends of long lines belong to it."""
    end = number = start + 1
    while number < len(lines):
        line = lines[number]
        if QUOTED.match(line) or (line.strip() and _is_torn_off(lines, number)):
            end = number + 1
        elif line.strip():
            break
        number += 1
    return end


def _is_torn_off(lines: list[str], number: int) -> bool:
    """Whether the line is the end of the quoted line above, which some program wrapped without a new >."""
    above, line = lines[number - 1], lines[number]
    if not QUOTED.match(above):
        return False
    if phrases.LONE_LINK.match(line):
        return True
    opened = above.rfind("(", -LONGEST_LINE) > above.rfind(")", -LONGEST_LINE)
    closing = line.find(")", 0, LONGEST_LINE)
    if opened and closing >= 0 and "(" not in line[:closing]:
        return True
    between = number + 1 < len(lines) and QUOTED.match(lines[number + 1]) is not None
    return between and len(above) >= 55 and len(line) < len(above)


def _end_of_unmarked(lines: list[str], number: int, own_ends: list[int]) -> int:
    """Where a quote without > ends: with the text, or with the last line of our own mail if that is what it quotes."""
    for place in range(number, min(number + 16, len(lines))):
        bare = lines[place].strip()
        if OWN_FIRST.match(bare):
            return _end_of_own(lines, place, own_ends) or len(lines)
        if bare and not _has_label(bare) and mark(bare) is not Mark.ORIGINAL and bare.strip(DASHES):
            break
    return len(lines)


def _own_ends(lines: list[str]) -> list[int]:
    """For each line: how far in stands whichever last line of our own mails, from here on, is the least far in."""
    nearest = 1 << 30
    ends: list[int] = []
    for number in range(len(lines) - 1, -1, -1):
        if _is_own_last(lines, number):
            nearest = min(nearest, len(lines[number]) - len(lines[number].lstrip()))
        ends.append(nearest)
    return ends[::-1]


def _is_own_last(lines: list[str], number: int) -> bool:
    """Whether this is a last line of our own mails; where it has a link, that may stand in the line below."""
    bare = lines[number].lstrip()
    match = _OWN_LAST.match(bare)
    if not match or not match["link"]:
        return match is not None
    rest = bare[match.end() : match.end() + LONGEST_LINE].strip()
    return "http" in rest if rest else any("http" in line[:LONGEST_LINE] for line in lines[number + 1 : number + 3])


def _end_of_own(lines: list[str], first: int, own_ends: list[int]) -> int | None:
    """The line after the last one of our own mail, or nothing if it was cut off.

    What our mail cites stands behind tabs, so its last line is the first one that is not farther in than its first.
    """
    indent = len(lines[first]) - len(lines[first].lstrip())
    if own_ends[first] > indent:
        return None
    for number in range(first + 1, len(lines)):
        if own_ends[number] > indent:
            break
        if _is_own_last(lines, number) and len(lines[number]) - len(lines[number].lstrip()) <= indent:
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            return number + 2 if _LINK.fullmatch(below) else number + 1
    return None


def _is_announced(lines: list[str], number: int) -> bool:
    """Whether the writer's own line above says that he shows what follows, or the source of a mail is pasted."""
    above = number - 1
    while above >= max(0, number - 14) and (_has_label(lines[above]) or SOURCE.match(lines[above])):
        if SOURCE.match(lines[above]):
            return True
        above -= 1
    nearest = (lines[place].strip() for place in range(above, max(-1, above - 2), -1))
    return next((line for line in nearest if line), "").endswith(":")


def _has_label(line: str) -> bool:
    found = label(line)
    return bool(found.kind) and found.is_sure
