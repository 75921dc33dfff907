"""Forwarded mails: what somebody passed on to the desk inside his own mail, and who wrote it first.

Policy. A wrong answer puts words into another person's mouth, so where there is doubt nothing was forwarded. What
counts is the outermost forward, and one of these:

- a mark (`---------- Forwarded message ---------`, `Begin forwarded message:`) with a block of From, Date, Subject
  under it, or with the one line that Yandex writes there;
- a prefix in the subject (Fwd, WG, TR, ...) with a block of From, Sent, To or Subject in the text, with or without
  `-----Original Message-----` or a rule above it;
- a prefix in the subject with one introduction that names its writer by a plain address (`On ..., "Ann" <a@x.example>
  wrote:`), as Outlook for Mac forwards;
- exactly one mail attached as a whole, with such a prefix in the subject or with hardly a word beside it.

An answer ("Re: Fwd: ...") is never a forward; nor is what has quoted history above the block, and a block whose From
holds anything but one plain address. What stands above the block is the comment; what stands below is the mail, down
to where the quote or an end mark ends it. No word is lost between comment, signature, block and mail.

Nothing raises on foreign text, and the time is linear: the block is looked for in the first lines only, and each of
its lines is cut before any pattern sees it. Known weakness: in a forward without `>` a signature of the forwarder
below the mail cannot be told from the mail.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.model import AttachmentInfo, Forwarded, InboundMessage, clean_line
from mail.words import dates, labels
from mail.words.header_block import Block, introduced_block, labels_apart, read_block
from mail.words.lines import QUOTED, Mark, label, legible, mark, unquoted, with_rule_above
from mail.words.text import split_reply

_MOST_LINES_ABOVE = 500
_MOST_LABELS_ABOVE = 50
_LONGEST_SHORT_COMMENT = 200
_TORN_FROM = 55

_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_MARK_AND_BLOCK = re.compile(r"[-=]{3,40}\s*([^\s=-][^=-]{2,78})[-=]{3,40}\s*(?=[^\s=-])")
_PREFIX = re.compile(
    r"\s*(?:\[[^\[\]]{0,80}\]\s*)*([^\W\d_][^:\uff1a\[\]()]{0,24}?)\s?(?:[\[(]\d{1,3}[\])])?\s?[:\uff1a]"
)
_BRACKETED_FORWARD = re.compile(r"\s*\[fwd?:\s*(.*)\]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cut:
    """A text with a forward, cut in pieces, none of which loses a word: what the forwarder wrote above and below, his
    signatures, the lines of the header block, the mail, and the mark at its end."""

    comment: str
    signature: str
    head: str
    text: str
    foot: str
    block: Block


def find_forward(
    subject: str,
    text: str,
    carried_at: datetime | None = None,
    enclosed: Callable[[], Forwarded | None] | None = None,
) -> Forwarded | None:
    """What a mail with this subject and whole text passes on, or None.

    `carried_at` is the mail's own date; `enclosed` reads the mail that is attached as a whole, if there is exactly one.
    """
    prefix, bare_subject = read_subject(subject)
    if prefix == "reply":
        return None
    if (cut := cut_forward(text, prefix)) is not None:
        block = cut.block
        return Forwarded(
            sender=block.sender,
            subject=clean_line(block.value("subject")) or bare_subject,
            text=cut.text,
            comment=cut.comment,
            sent_at=dates.read_date(
                block.value("sent"),
                carried_at=carried_at,
                month_first="from" in block.names and bool(block.names & {"sent", "date"}),
                croatian=bool(block.names & {"šalje", "poslano", "naslov", "prima", "predmet"}),
            ),
        )
    if enclosed is None:
        return None
    own = _without_signature(text)
    if own is None or not (prefix == "forward" or len(own[0]) <= _LONGEST_SHORT_COMMENT):
        return None
    found = enclosed()
    return found and replace(found, comment=own[0])


def read_enclosed(message: InboundMessage, date: str, attachments: tuple[AttachmentInfo, ...] = ()) -> Forwarded | None:
    """A mail that was attached as a whole, if its sender is sure; `date` is the raw value of its Date field."""
    if not message.sender.address:
        return None
    sent_at = dates.header_date(date)
    return Forwarded(
        sender=message.sender,
        subject=message.subject,
        text=message.text,
        sent_at=sent_at.astimezone(UTC) if sent_at else dates.read_date(date),
        message_id=message.message_id,
        attachments=attachments,
    )


def read_subject(subject: str) -> tuple[str, str]:
    """What the outermost prefix says (forward, reply, either, or nothing), and the subject without forward prefixes.

    Tags in brackets before such a prefix were put there after the mail was passed on, and go with it.
    """
    if match := _BRACKETED_FORWARD.fullmatch(subject[:998]):
        return "forward", match[1].strip()
    outermost = ""
    while match := _PREFIX.match(subject):
        word = match[1].strip().rstrip(".").lower()
        if word in labels.FORWARD_PREFIXES:
            found = "forward"
        elif word in labels.EITHER_PREFIXES:
            found = "either"
        else:
            return outermost or ("reply" if word in labels.REPLY_PREFIXES else ""), subject.strip()
        outermost = outermost or found
        subject = subject[match.end() :]
    return outermost, subject.strip()


def cut_forward(text: str, prefix: str) -> Cut | None:
    """The text cut at its outermost forward; None if there is none, or if it is a part of quoted history."""
    lines = text.split("\n")
    readable = legible(text).split("\n") if prefix == "forward" else []
    labels_left = _MOST_LABELS_ABOVE
    for number in range(min(len(lines), _MOST_LINES_ABOVE)):
        depth, bare = unquoted(lines[number])
        if not bare:
            continue
        found = mark(bare)
        if found is Mark.FORWARD or _has_mark_in_front(lines, number, bare):
            return _cut(lines, number, number + 1, fewest=2)
        is_original = found is Mark.ORIGINAL
        if not is_original and not (labels_left and label(bare).kind):
            block = introduced_block(readable, number) if readable and not depth else None
            if block is not None:
                below = next((line for line in lines[block.end : block.end + 4] if line.strip()), "")
                # Whoever quotes with > answers. Outlook for Mac shifts the mail to the right instead.
                cut = None if QUOTED.match(below) else _cut_at(lines, number, block, 0)
                return cut and replace(cut, text=_BLANK_LINES.sub("", textwrap.dedent(cut.text)))
            continue
        labels_left -= not is_original
        block = read_block(lines, number + is_original, depth, is_below_mark=is_original)
        is_history = block is not None and len(block.kinds) >= 3 and block.kinds >= {"from", "sent"}
        if is_original or is_history:
            is_forward = prefix == "forward" or (prefix == "either" and block is not None and "fra" in block.names)
            return _cut(lines, with_rule_above(lines, number), number + is_original, fewest=3) if is_forward else None
    return None


def is_kept_whole(subject: str, text: str) -> bool:
    """Whether all of a text is there to be read, because it was forwarded and not answered."""
    prefix, _ = read_subject(subject)
    return prefix == "forward" or (prefix == "either" and cut_forward(text, prefix) is not None)


def _has_mark_in_front(lines: list[str], number: int, bare: str) -> bool:
    """Whether a mark and the block below it ran together into one line (Yahoo), which is taken apart here."""
    found = _MARK_AND_BLOCK.match(bare[:120])
    place = lines[number].find(found[0]) if found and labels.FORWARDED.fullmatch(found[1].strip()) else -1
    if found is None or place < 0:
        return False
    place += len(found[0])
    lines[number : number + 1] = [lines[number][:place], *labels_apart(lines[number][place:])]
    return True


def _cut(lines: list[str], start: int, below: int, *, fewest: int) -> Cut | None:
    """The lines cut at the mark, rule or block in the line `start`, with the block in or under the line `below`."""
    first = next((number for number in range(below, min(below + 4, len(lines))) if unquoted(lines[number])[1]), below)
    depth = unquoted(lines[first])[0] if first < len(lines) else 0
    block = read_block(lines, first, depth, is_below_mark=below > start)
    if block is None or not block.sender.address:
        return None
    if len(block.kinds) < fewest or not block.kinds & {"sent", "subject"}:
        return None
    return _cut_at(lines, start, replace(block, end=_below_repeated(lines, start, block.end)), depth)


def _below_repeated(lines: list[str], start: int, end: int) -> int:
    """Where the mail below the block begins: Zoho writes its mark below the block too. With a block of its own, it is
    the mark of another forward."""
    again = next((number for number in range(end, min(end + 3, len(lines))) if lines[number].strip()), None)
    if again is None or lines[again] != lines[start] or mark(unquoted(lines[again])[1]) is not Mark.FORWARD:
        return end
    inner = read_block(lines, again + 1, unquoted(lines[again])[0])
    return end if inner and len(inner.kinds) >= 2 else again + 1


def _cut_at(lines: list[str], start: int, block: Block, depth: int) -> Cut | None:
    """The lines cut at what starts in the line `start`, which ends with the block; None if there is history above."""
    above = _without_signature("\n".join(lines[:start]), is_above_quote=unquoted(lines[start])[0] > 0)
    if above is None:
        return None
    mail, rest = _split_below(lines[block.end :], depth)
    foot = rest.pop(0) if rest and _is_end(rest[0]) else ""
    under = _without_signature("\n".join(rest)) or ("\n".join(rest), "")
    if foot and under[0].strip():
        # An end may have been put there by the writer himself, to have the words below it taken for the forwarder's.
        return None
    return Cut(
        comment="\n\n".join(part for part in (above[0], under[0].strip()) if part),
        signature="\n\n".join(part for part in (above[1], under[1]) if part),
        head="\n".join(lines[start : block.end]),
        text=_BLANK_LINES.sub("", "\n".join(mail)).rstrip(),
        foot=foot,
        block=block,
    )


def _split_below(lines: list[str], depth: int) -> tuple[list[str], list[str]]:
    """The lines of the mail, without the > of the forward, and what the forwarder wrote below them."""
    if depth:
        quoted = [number for number, line in enumerate(lines) if unquoted(line)[0] >= depth]
        end = quoted[-1] + 1 if quoted else 0
        if end and end < len(lines) and lines[end].strip() and len(lines[end - 1]) >= _TORN_FROM:
            end += 1
    else:
        ends = (number for number in range(len(lines) - 1, -1, -1) if _is_end(lines[number]))
        end = next(ends, len(lines))
        depth = 1
    mail, rest = lines[:end], lines[end:]
    filled = [number for number, line in enumerate(mail) if line.strip()]
    plain = {number for number in filled if unquoted(mail[number])[0] < depth}
    # A line torn off by wrapping stands right under a line with >; anything else without > is an answer in between.
    torn = {number for number in plain if number and number - 1 not in plain and len(mail[number - 1]) >= _TORN_FROM}
    if not filled or plain - torn or filled[0] in plain:
        return mail, rest
    return [_at_depth(line, depth) if number not in plain else line for number, line in enumerate(mail)], rest


def _without_signature(text: str, *, is_above_quote: bool = False) -> tuple[str, str] | None:
    """What somebody wrote, and his signature; None if there is quoted history in it.

    A word above and a quote below let a signature or an introduction alone be seen as what it is.
    """
    quote = "> x" if is_above_quote else ""
    visible, quoted, signature = split_reply(f"x\n\n{text}\n{quote}")
    if quoted.strip() != quote or not visible.startswith("x"):
        return None
    return visible[1:].strip("\n"), signature.strip("\n")


def _at_depth(line: str, depth: int) -> str:
    """The line without as many > as the depth."""
    position = 0
    for _ in range(depth):
        if match := QUOTED.match(line, position):
            position = match.end()
    return line[position:]


def _is_end(line: str) -> bool:
    return mark(line) is Mark.FORWARD_END
