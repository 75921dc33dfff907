"""The plain text of an answer, taken apart: what is new, what is quoted, what is a signature.

Policy. `quotes` finds the quotes, `signatures` what stands under the stretches of text between them. Then:

- where somebody answered between quoted lines, everything down to the last answer stays visible;
- a forwarded mail is what the writer wants to show and stays visible, with all that follows;
- the armour around a text signed with PGP is nobody's words and goes to the signature;
- where nothing new is left, the whole text is visible.

Every line ends up in exactly one of the three. A false cut is worse than a missed one: what could be the customer's
own words stays. Every pattern looks at one line, or at a few short lines joined, so that the time is linear; over
256 kB everything is visible. Known weakness: an answer in another colour inside an unmarked quote is taken for quote.
"""

from __future__ import annotations

from gateway.model import Mailbox
from mail.words.introductions import shared_line
from mail.words.lines import QUOTED, legible
from mail.words.quotes import Quote, find_quotes, is_forward_line
from mail.words.signatures import signatures
from mail.words.writer import Writer

__all__ = ["LONGEST_TEXT", "is_forward_line", "split_reply"]

LONGEST_TEXT = 262_144
_PARTS = ("new", "quoted", "signature")
_NOBODY = Mailbox()


def split_reply(text: str, *, writer: Mailbox = _NOBODY) -> tuple[str, str, str]:
    """The text as (visible, quoted, signature). Every line is in exactly one of them. The writer's name helps."""
    if len(text) > LONGEST_TEXT:
        return text, "", ""
    written = _with_shared_lines_split(text.split("\n"))
    lines = legible("\n".join(written)).split("\n")
    armour = _armour(lines)
    for number in armour:
        lines[number] = ""
    quotes, forwarded = find_quotes(lines)
    kinds = ["new"] * len(lines)
    who = Writer(writer)
    last_new = -1
    answered: list[bool] = []
    for start, end in _stretches(quotes, len(lines)):
        limit = min(end, forwarded)
        cut = signatures(lines, start, limit, writer=who, has_text_above=last_new >= 0, is_last=limit == len(lines))
        for begin, below in cut:
            kinds[begin:below] = ["signature"] * (below - begin)
        new = [number for number in range(start, end) if kinds[number] == "new" and _has_words(lines[number])]
        answered.append(bool(new))
        last_new = new[-1] if new else last_new
    for quote in quotes:
        kinds[quote.start : quote.end] = ["quoted"] * (quote.end - quote.start)
    if _is_answered_inside(quotes, answered):
        kinds[: last_new + 1] = ["new"] * (last_new + 1)
    if last_new < 0:
        return text, "", ""
    for number in armour:
        kinds[number] = "signature"
    parts = ("\n".join(line for line, kind in zip(written, kinds, strict=True) if kind == part) for part in _PARTS)
    visible, quoted, signature = (_without_blank_ends(part) for part in parts)
    return visible, quoted, signature


def _without_blank_ends(part: str) -> str:
    """The lines without blank ones above and below them; the first one keeps its indent."""
    end = part.rstrip()
    # Blanks behind the last word stay, as within the text.
    end += part[len(end) :].partition("\n")[0]
    start = len(end) - len(end.lstrip())
    return end[end.rfind("\n", 0, start) + 1 :] if end.strip() else ""


def _has_words(line: str) -> bool:
    return any(sign.isalnum() for sign in line)


def _stretches(quotes: list[Quote], count: int) -> list[tuple[int, int]]:
    """The lines before, between and after the quotes; always one more than there are quotes."""
    starts = [0, *(quote.end for quote in quotes)]
    ends = [*(quote.start for quote in quotes), count]
    return list(zip(starts, ends, strict=True))


def _is_answered_inside(quotes: list[Quote], answered: list[bool]) -> bool:
    """Whether somebody wrote between quoted lines, or under lines that he had picked out himself."""
    marked = [number for number, quote in enumerate(quotes) if quote.marked]
    if any(answered[number + 1] for number in range(marked[0], marked[-1])) if marked else False:
        return True
    return any(not quotes[number].introduced and answered[number + 1] for number in marked)


def _with_shared_lines_split(lines: list[str]) -> list[str]:
    """Some programs put `On ... wrote:` right behind the last word of the answer, on the same line."""
    result: list[str] = []
    for number, line in enumerate(lines):
        if not line.rstrip().endswith((":", "\uff1a")):
            result.append(line)
            continue
        below = next((following for following in lines[number + 1 : number + 4] if following.strip()), "")
        written = line.rstrip()
        place = shared_line(written, is_above_quote=QUOTED.match(below) is not None)
        result += [line[:place].rstrip(), line[place:].lstrip()] if place else [line]
    return result


def _armour(lines: list[str]) -> list[int]:
    """The lines that PGP wrote around a signed text: the head, and all of the signature."""
    numbers: list[int] = []
    inside = ""
    for number, line in enumerate(lines):
        mark = line.strip() if line.startswith("-----") else ""
        if mark == "-----BEGIN PGP SIGNED MESSAGE-----":
            inside = "head"
        elif mark == "-----BEGIN PGP SIGNATURE-----":
            inside = "signature"
        if inside:
            numbers.append(number)
        if mark == "-----END PGP SIGNATURE-----" or (inside == "head" and not line.strip()):
            inside = ""
    return numbers
