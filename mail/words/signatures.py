"""Where the signature at the end of a stretch of new text begins.

A signature is what stands last: a delimiter (`-- `), a line of a device or program ("Sent from my ..."), a closing
phrase and a name, a block of ways to reach somebody, the footer of a list, a legal notice. One may stand above
another, so they are looked for from the outside in. All of them only at the end, within a bounded number of lines.

What the writer announces with a colon is no signature (`Please use this one:`), a postscript is none either, and what
would leave nothing of the whole text is not cut. Who wrote the mail is the best evidence there is: a line with a word
of his name is his name, and any other one may be an answer. In doubt a signature stays in sight: a lost word is worse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.model import Mailbox
from mail.words import closings, farewells, footers, names
from mail.words.footers import is_rule, paragraphs
from mail.words.writer import Writer, folded

_LONGEST_SIGNATURE = 20
_LIST_MARKS = ("-", "*", "\u2013", "\u2022", "+")
# What begins a heading, an item of a list, a line of a quote or of a comparison.
_MARKS = ("#", "- ", "* ", "+ ", "< ", "> ", "\u2022", "\u2013 ", "\u2014 ", "|")


def signatures(
    lines: list[str], start: int, end: int, *, writer: Writer, has_text_above: bool, is_last: bool
) -> list[tuple[int, int]]:
    """The parts of a stretch of legible lines that are signatures; a postscript below one is none.

    `has_text_above`: whether something was written above the stretch; `is_last`: whether nothing is quoted below it.
    """
    found: list[tuple[int, int]] = []
    tail = [number for number in range(start, end) if lines[number].strip()][-_LONGEST_SIGNATURE:]
    postscripts = [number for number in tail[1:] if farewells.POSTSCRIPT.match(lines[number].strip()[:20])]
    for limit in [*postscripts[-1:], end]:
        begin = _begin(lines, start, limit, writer, has_text_above=has_text_above, is_last=is_last and limit == end)
        if begin < limit:
            found.append((begin, limit))
        has_text_above = True
        start = limit
    return found


def _begin(lines: list[str], start: int, end: int, writer: Writer, *, has_text_above: bool, is_last: bool) -> int:
    """Where the signature in these lines begins; `end` if there is none."""
    filled = [number for number in range(start, end) if lines[number].strip()]
    first = next((number for number in filled if _has_words(lines[number])), end)
    device_line = partial(footers.device_line, writer=writer)
    finders: tuple[Callable[[list[str], list[int]], int | None], ...] = (
        footers.legal_notice,
        footers.added_footer,
        footers.list_footer,
        device_line,
        partial(_delimiter, writer=writer),
        partial(closings.closing, writer=writer, has_text_above=has_text_above),
        partial(_signed, writer=writer),
        partial(_contact_block, writer=writer),
    )
    for find in finders:
        while filled and filled[-1] >= end:
            filled.pop()
        found = find(lines, filled)
        if found is None or (found <= first and not has_text_above):
            continue
        if is_last and find is not device_line and _is_announced(lines, filled, found):
            continue
        end = found
    return end


def _has_words(line: str) -> bool:
    return any(sign.isalnum() for sign in line)


def _is_announced(lines: list[str], filled: list[int], found: int) -> bool:
    above = next((number for number in reversed(filled[-footers.LONGEST_NOTICE - 1 :]) if number < found), None)
    return above is not None and lines[above].rstrip().endswith(":")


def _delimiter(lines: list[str], filled: list[int], writer: Writer) -> int | None:
    tail = filled[-_LONGEST_SIGNATURE - 1 :]
    bare_delimiters = [number for number in tail if lines[number].strip() in {"--", "\u2014"}]
    for place, number in enumerate(tail):
        line = lines[number].rstrip()
        if line in {"--", "- --"} and lines[number].endswith("-- "):
            return number
        # Without its blank it is also a line between sections: then only the last one counts.
        is_bare = line in {"--", "\u2014"} and not any(lower > number + 1 for lower in bare_delimiters)
        if is_bare or (line == "---" and len(tail) - place <= 7):
            is_apart = place == 0 or number - tail[place - 1] > 1
            if _is_signature_under(lines, number, tail[place + 1 :], writer, is_apart=is_apart):
                return number
        elif farewells.RULE.fullmatch(line.strip()):
            below = [lines[lower].strip() for lower in tail[place + 1 :]]
            is_framed = len(below) > 1 and farewells.RULE.fullmatch(below[-1]) is not None
            if (len(line.strip()) >= 5 or is_framed) and _is_block(below):
                return number
    return None


def _is_signature_under(lines: list[str], number: int, below: list[int], writer: Writer, *, is_apart: bool) -> bool:
    """Whether what stands under dashes, which also divide sections, is nothing that anybody says."""
    words = [line for lower in below if not is_rule(line := lines[lower].strip()) and not names.is_logo(line)]
    if not words:
        above = lines[number - 1][:1] if number else ""
        return above not in {"<", ">", "+", "-"}
    if any(line.startswith(_MARKS) or _is_numbered(line) for line in words):
        return False
    is_next = below[0] == number + 1
    if is_apart and is_next and len(below) == 1 and lines[number].strip() == "--":
        # A divider has a blank line on both sides.
        is_small = words[0][0].islower() or names.is_answer(words[0])
        return not is_small and not names.ends_sentence(words[0]) and ":" not in words[0]
    first = words.pop(0)
    is_own = writer.shares(first)
    is_closing = _is_closing(first, writer)
    if not (is_closing or names.is_name(first) or names.is_contact(first)):
        return False
    if not (is_next or is_own or is_closing or len(first.split()) > 1 or any(map(names.is_contact, words))):
        return False
    # Other dashes than two divide lists as well, and more than a name of somebody else may be such a list.
    if words and lines[number].strip() != "--" and not (is_own or is_closing or any(map(names.is_contact, words))):
        return False
    words = [line for line in words if not _is_closing(line, writer)]
    return not any(names.ends_sentence(line) or names.is_said(line, most=3 if is_own else 1) for line in words)


def _is_block(words: list[str]) -> bool:
    """Whether the short lines under a rule are ways to reach somebody; bare numbers may be anything."""
    contacts = [line for line in words if names.is_contact(line)]
    is_labelled = any(
        "@" in line or "www." in line or (line[0].isalpha() and (":" in line or "." in line)) for line in contacts
    )
    is_said = any(names.ends_sentence(line) or len(line) > 60 for line in words)
    return len(contacts) >= 2 and is_labelled and not is_said


def _is_numbered(line: str) -> bool:
    head = line[:4].partition(" ")[0]
    return head[:-1].isdigit() and head[-1] in ".)"


def _signed(lines: list[str], filled: list[int], writer: Writer) -> int | None:
    """A last line that is a name behind a dash, with no list above it."""
    if len(filled) < 2:
        return None
    above, line = lines[filled[-2]].strip(), lines[filled[-1]].strip()
    if above.startswith(_LIST_MARKS) or above.endswith(":") or not farewells.SIGNED.fullmatch(line):
        return None
    is_item = line[1:2] == " "
    # With a blank behind the dash it looks like a list of one thing, so it has to stand apart.
    if is_item and filled[-1] - filled[-2] < 2:
        return None
    # Anybody else's name is only a word: not below what goes on, nor below a question.
    ends = ("!",) if is_item else (".", "!")
    is_name = writer.shares(line) or (above.endswith(ends) and not names.is_answer(line))
    return filled[-1] if is_name else None


def _contact_block(lines: list[str], filled: list[int], writer: Writer) -> int | None:
    """A last paragraph of short lines, a name first and then ways to reach its owner, that nothing above hands over."""
    runs = paragraphs(filled[-9:])
    if len(runs) < 2:
        return None
    block = runs[-1]
    words = [lines[number].strip(names.DECORATION) for number in block]
    above = lines[runs[-2][-1]].strip(names.DECORATION)
    contacts = [line for line in words if names.is_contact(line)]
    if not 3 <= len(words) <= 8 or len(contacts) < 2 or any(len(line) > 60 for line in words):
        return None
    is_end = names.ends_sentence(above) and above[-1] not in "?\uff1f\u061f"
    if not (is_end and not farewells.HANDS_OVER.search(folded(above[-300:]))) and not _is_closing(above, writer):
        return None
    is_his = writer.shares(words[0]) and names.is_name(words[0]) and "@" not in words[0]
    return block[0] if is_his or _is_card(words) else None


def _is_closing(line: str, writer: Writer) -> bool:
    return closings.read_closing(line, writer)[0] != ""


def _is_card(words: list[str]) -> bool:
    """Whether the block is one that a program puts under each mail: a name, an address of that name, a home page."""
    owner = Writer(Mailbox(name=words[0]))
    has_address = any("@" in line and owner.shares(line.partition("@")[0]) for line in words[1:])
    has_page = any(folded(line).startswith(("www.", "http")) for line in words[1:])
    return names.is_name(words[0]) and has_address and has_page
