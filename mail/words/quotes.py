"""Where the quotes in a text are: under an introduction, under a block of From/Sent/To/Subject, under `-----Original
Message-----`, behind `>`, or from the first to the last line of a mail of our own.

With `>` lines under it a quote ends where they end; without them it goes on to the end of the text, unless it is our
own mail, whose last line is known: below it the customer may write. Where a forwarded mail begins nothing more is
looked for: what is forwarded is there to be read.

What the writer announces with a colon (`These are the headers:`) is no quote but what he wants to show; so are
headers pasted from a mail's source, code between fences, and the prompts of a shell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mail.words import labels, phrases
from mail.words.introductions import DASHES, LONGEST_LINE, introduction

QUOTED = re.compile(r" {0,3}>(?!From )")
_PROMPT = re.compile(r" {0,3}>>> ?[^> ]")
_GREATER = re.compile(r" {0,3}> ?=? ?\d[\d.,]{0,11} ?([^.!?]?)[^.!?]{0,40}$")
_FENCE = re.compile(r" {0,3}```")
# Header fields that no mail program shows above a quote: whoever shows them pasted the source of a mail.
_SOURCE = re.compile(
    r"(?:received|return-path|delivered-to|message-id|mime-version|content-type|dkim-signature|x-[\w-]{2,40}):", re.I
)
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
    r"(?:to check your ticket, press to link|ticket):|"
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
    quotes: list[Quote] = []
    fences = _fences(lines)
    own_ends = _own_ends(lines)
    number = 0
    forwarded = len(lines)
    while number < len(lines):
        if number in fences:
            number = fences[number]
            continue
        line = lines[number]
        if QUOTED.match(line):
            end = _end_of_marked(lines, number)
            quotes.append(Quote(number, end, introduced=False, marked=True))
            number = end
            continue
        bare = line.strip()
        if bare and is_forward_line(bare):
            forwarded = number
            break
        quote = _quote_at(lines, number, own_ends) if bare else None
        if quote:
            quotes.append(quote)
        number = quote.end if quote else number + 1
    return _without_picked_out(_without_signs(lines, quotes)), forwarded


def is_forward_line(line: str) -> bool:
    """Whether the line announces a forwarded mail below it."""
    bare = line.strip()
    if len(bare) > 120 or not (bare[-1:] in {":", "-", "_", "*", "="} or bare[:1] in {"-", "_", "="}):
        return False
    return labels.FORWARDED.fullmatch(bare.strip(DASHES + ":")) is not None


def _quote_at(lines: list[str], number: int, own_ends: list[int]) -> Quote | None:
    """The quote that starts at this line without a > of its own."""
    bare = lines[number].strip()
    if OWN_FIRST.match(bare):
        end = _end_of_own(lines, number, own_ends)
        is_answer = bare[:7].lower() == "support"
        return Quote(number, end or len(lines), introduced=True, marked=False) if end or is_answer else None
    if _is_original(bare) or _is_header_block(lines, number):
        if _is_announced(lines, number):
            return None
        end = _end_of_unmarked(lines, number, own_ends)
        return Quote(_with_rule_above(lines, number), end, introduced=True, marked=False)
    if not (found := introduction(lines, number)):
        return None
    end, is_sure = found
    below = next((place for place in range(end, min(end + 5, len(lines))) if lines[place].strip()), end)
    if below < len(lines) and QUOTED.match(lines[below]):
        is_from_program = is_sure or any("@" in line or phrases.DAY.search(line) for line in lines[number:end])
        return Quote(number, _end_of_marked(lines, below), introduced=is_from_program, marked=True)
    if not is_sure:
        return None
    return Quote(number, _end_of_unmarked(lines, end, own_ends), introduced=True, marked=False)


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
        if bare and not _label(bare) and not _is_original(bare) and bare.strip(DASHES):
            break
    return len(lines)


def _own_ends(lines: list[str]) -> list[int]:
    """For each line: how far in stands whichever last line of our own mails, from here on, is the least far in."""
    nearest = 1 << 30
    ends: list[int] = []
    for line in reversed(lines):
        bare = line.lstrip()
        if _OWN_LAST.match(bare):
            nearest = min(nearest, len(line) - len(bare))
        ends.append(nearest)
    return ends[::-1]


def _end_of_own(lines: list[str], first: int, own_ends: list[int]) -> int | None:
    """The line after the last one of our own mail, or nothing if it was cut off.

    What our mail cites stands behind tabs, so its last line is the first one that is not farther in than its first.
    """
    indent = len(lines[first]) - len(lines[first].lstrip())
    if own_ends[first] > indent:
        return None
    for number in range(first + 1, len(lines)):
        bare = lines[number].lstrip()
        if _OWN_LAST.match(bare) and len(lines[number]) - len(bare) <= indent:
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            return number + 2 if _LINK.fullmatch(below) else number + 1
    return None


def _is_original(bare: str) -> bool:
    lowered = bare.lower() if len(bare) <= 120 else ""
    return lowered[:1] in {"-", "*", "_", "="} and lowered.strip(DASHES + ":") in labels.ORIGINAL


def _is_announced(lines: list[str], number: int) -> bool:
    """Whether the writer's own line above says that he shows what follows, or the source of a mail is pasted."""
    above = number - 1
    while above >= max(0, number - 14) and (_label(lines[above]) or _SOURCE.match(lines[above])):
        if _SOURCE.match(lines[above]):
            return True
        above -= 1
    nearest = (lines[place].strip() for place in range(above, max(-1, above - 2), -1))
    return next((line for line in nearest if line), "").endswith(":")


def _label(line: str) -> str:
    """What kind of header line this is in a block that a mail program writes above a quote, or nothing."""
    head, colon, _ = line[:60].partition(":")
    return labels.LABELS.get(head.strip(DASHES).lower(), "") if colon else ""


def _is_header_block(lines: list[str], number: int) -> bool:
    """Whether a From/Sent/To/Subject block starts here.

    A sender, a date and a third kind of line, with a subject or an address among them; a date without a digit needs an
    address beside it or a rule above. Two kinds are enough if a time and an address are in them; then the block begins
    with the sender or with the date, as the one in a delivery report does not.
    """
    first = _label(lines[number])
    if not first:
        return False
    kinds: set[str] = set()
    has_address = has_time = has_digit = False
    strange = 0
    for line in lines[number : number + 14]:
        if _SOURCE.match(line):
            return False
        if kind := _label(line):
            line = line[:1000]
            others = (labels.LABELS.get(word.strip("*_:").lower(), kind) for word in line.split() if ":" in word[-2:])
            kinds |= {kind, *others}
            has_address = has_address or ("@" in line and kind in {"from", "to"})
            has_digit = has_digit or ("sent" in kinds and any(sign.isdigit() for sign in line))
            has_time = has_time or ("sent" in kinds and phrases.TIME_OF_BLOCK.search(line) is not None)
            strange = 0
        else:
            strange += 1
            if strange > 2:
                break
    is_whole = has_address or _with_rule_above(lines, number) < number
    is_dated = "sent" in kinds and (has_digit or is_whole)
    if len(kinds) >= 3 and "from" in kinds and is_dated and ("subject" in kinds or has_address):
        return True
    return has_time and has_address and ("from" in kinds or (first == "sent" and "to" in kinds))


def _with_rule_above(lines: list[str], number: int) -> int:
    """The line number of a rule of dashes right above, which belongs to the quote; else the number itself."""
    above = number - 1
    while above >= max(0, number - 3) and not lines[above].strip():
        above -= 1
    if above >= 0 and len(lines[above].strip()) >= 5 and not lines[above].strip(DASHES):
        return above
    return number
