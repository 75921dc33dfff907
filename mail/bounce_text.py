"""What a program says in words when it could not deliver our mail: to whom, whether for good, and which mail.

There are some hundred layouts, and most differ in their words alone. So the rules here are about shape. In order of
trust: an address that stands alone in its line, or begins it, with a reason beside it or an announcement above it; an
address behind a word such as "Recipient:"; an address in a line that tells of a failure. The best kind that is found
counts, and the others do not. What stands below a mark such as "Original message follows", or what is a header with
its trace fields, is the returned mail: it gives Message-IDs and never a recipient.

The caller has made sure that a program wrote the mail. 64 KiB, 2,000 lines of 400 characters are read, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.model import clean_line
from mail import bounce_phrases as phrases
from mail.mime import headers

LONGEST_TEXT = 65_536
MOST_ADDRESSES = 100
MOST_IDS = 5
_MOST_LINES = 2000
_LONGEST_LINE = 400
_LONGEST_OPENING = 8192
# How many lines that are not empty may lie between an address and the words that go with it.
_REACH = 3

_NOT_IN_ADDRESS = r"\s<>()\[\]\",;:@|：；，、。（）＜＞「」『』【】《》“”„«»"
_ADDR = rf"[^{_NOT_IN_ADDRESS}]{{1,64}}@[^{_NOT_IN_ADDRESS}'/]{{1,190}}"
_OPENED = r"[\"'<(\[]{0,3}(?:smtp[:=]|mailto:|rfc822;\s?)?"
_CLOSED = r"[>)\]\"']{0,3}"
_AGAIN = rf"(?:\s{{0,2}}[<(\[]{{1,2}}(?:mailto:|smtp:)?{_ADDR}[>)\]]{{1,2}}){{0,2}}"
_BULLET = r"[\s>*•·|\-–—+]{0,20}"
_WHOLE = re.compile(_ADDR)
_ALONE = re.compile(rf"{_BULLET}(?:[^<>@:]{{0,80}}(?=[<(\[]))?{_OPENED}({_ADDR}){_CLOSED}{_AGAIN}\s*[:;,.]?", re.I)
_LED = re.compile(
    rf"{_BULLET}{_OPENED}({_ADDR}){_CLOSED}{_AGAIN}\s{{0,8}}([:,;\[(=]|\.\.\.|…|-|–|on\s|(?<=\s))(.*)", re.I
)
_MAY_GIVE_UP = re.compile(
    r"\b(?:if|should|when|not a|until|before)\b.{0,60}?(?:permanent\w*|returned to|"
    r"expired)",
    re.I,
)
_MID_SENTENCE = re.compile(r"[\w,]\Z")
_ANY = re.compile(rf"(?:smtp[:=]|mailto:|(?<![^{_NOT_IN_ADDRESS}'=]))({_ADDR})", re.I)
_AT_END = re.compile(rf"([^@]{{3,120}}?)[:：]?\s*{_OPENED}({_ADDR}){_CLOSED}\s*[.;,]?", re.I)
_CAME_FROM = re.compile(rf"\((?:expanded|generated|forwarded|derived) (?:from|by):?\s{{0,4}}<?({_ADDR})", re.I)
_RCPT_TO = re.compile(rf"rcpt[ -]to:?\s{{0,4}}<?({_ADDR})", re.I)

_HEADER_LINE = re.compile(r"[\s>|]{0,8}([A-Za-z][A-Za-z0-9-]{1,40}):(?!//)")
_TRACE = frozenset({"received", "return-path", "mime-version", "message-id", "dkim-signature", "x-mailer"})
_ENVELOPE = frozenset({"from", "to", "subject", "date"})
_MESSAGE_ID = re.compile(
    r"^[ \t>|]{0,8}(?:x-)?(?:[a-z]{1,20}-)?(?:original-)?message-id[ \t]{0,4}:\s{0,8}"
    r"<?([^<>\s]{1,998}@[^<>\s]{1,255})>?",
    re.I | re.M,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What such a text says. `listed` addresses stand where programs list them, `named` ones only in a sentence;
    `is_delay` and `is_final` are None where the words do not tell."""

    is_nondelivery: bool
    listed: tuple[str, ...]
    named: tuple[str, ...]
    permanent: bool | None
    message_ids: tuple[str, ...]


def read_notice(text: str, subject: str, own: Iterable[str] = ()) -> Notice:
    """Read the text of a report. `own` are the addresses of those who wrote and who got it: hardly ever the victims."""
    text = text[:LONGEST_TEXT]
    lines = [line[:_LONGEST_LINE].strip() for line in text.split("\n")[:_MOST_LINES]]
    report = _without_returned(lines)
    opening = "\n".join(report)[:_LONGEST_OPENING]
    found = _recipients(report, {address.lower() for address in own})
    best = min(found.values(), default=0)
    addresses = tuple(address for address, level in found.items() if level == best)[:MOST_ADDRESSES]
    return Notice(
        is_nondelivery=phrases.UNDELIVERED.search(" ".join(opening.split())) is not None,
        listed=addresses if best == 1 else (),
        named=addresses if best != 1 else (),
        permanent=_is_permanent(opening, subject),
        message_ids=_message_ids(text),
    )


def plain_address(text: str) -> str:
    """The address, where the text is one; also one with letters beyond ASCII (RFC 6531)."""
    text = text.strip(" \t\r\n<>\"';,.:").removeprefix("mailto:")
    if text.isascii():
        return headers.plain_address(text)
    if not _WHOLE.fullmatch(text) or "." not in text.rpartition("@")[2] or clean_line(text, len(text)) != text:
        return ""
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _without_returned(lines: list[str]) -> list[str]:
    """The lines of the report itself, up to the mark or the header where the returned mail begins."""
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if line and len(line) < 160 and phrases.RETURNED.fullmatch(line) and any(kept):
            return kept
        end, names = _header_block(lines, number)
        if len(names) >= 3 and names & _TRACE and names & _ENVELOPE:
            if names & {"received", "return-path", "mime-version"} and any(kept):
                return kept
            # A few fields of the mail that it is about, above the report proper.
            number = end
            continue
        kept.append(line)
        number += 1
    return kept


def _header_block(lines: list[str], start: int) -> tuple[int, frozenset[str]]:
    """Where the lines that look like header fields end, and the names of the fields; at most 40 lines are looked at."""
    if not _HEADER_LINE.match(lines[start]):
        return start, frozenset()
    names: set[str] = set()
    number = start
    unnamed = 0
    while number < min(len(lines), start + 40) and lines[number]:
        match = _HEADER_LINE.match(lines[number])
        unnamed = 0 if match else unnamed + 1
        if unnamed > 8:
            break
        if match:
            names.add(match[1].lower())
        number += 1
    return number, frozenset(names)


def _recipients(lines: list[str], own: set[str]) -> dict[str, int]:
    """The addresses of the report, each with the level of its best place. Those who wrote and got it come last."""
    found: dict[str, int] = {}
    fails = [_tells_failure(line) for line in lines]
    filled = [number for number, line in enumerate(lines) if line]
    place = {number: index for index, number in enumerate(filled)}
    announced = sent_by = False
    for number in filled:
        line = lines[number]
        if "@" not in line:
            sent_by = phrases.SENDER.search(line) is not None
            announced = _announces(lines, filled, place[number], fails)
            continue
        if sent_by:
            # It is the sender, whom reports to third parties name before the victim.
            sent_by = False
            continue
        explained = _reason_follows(lines, filled, place[number], fails)
        goes_on = number > 0 and _MID_SENTENCE.search(lines[number - 1]) is not None
        for level, address in _in_line(line, announced, explained, fails[number], goes_on):
            if (address := plain_address(address)) and len(found) < 10 * MOST_ADDRESSES:
                key = address.lower()
                level += 10 * (key in own) + 10 * (key.partition("@")[0] in {"postmaster", "mailer-daemon"})
                found[address] = min(level, found.get(address, 99))
        if not _ALONE.fullmatch(line):
            announced = announced and line.endswith(":") if not fails[number] else line.endswith(":")
    return _each_once(found)


def _each_once(found: dict[str, int]) -> dict[str, int]:
    """The same address in another case is the same for our purpose."""
    first: dict[str, str] = {}
    for address, level in found.items():
        known = first.setdefault(address.lower(), address)
        found[known] = min(level, found[known])
    return {address: found[address] for address in first.values()}


def _in_line(line: str, announced: bool, explained: bool, fails: bool, goes_on: bool) -> list[tuple[int, str]]:
    """The addresses of a line, each with how far its place is to be trusted: 1 listed, 2 behind a key word, 3 beside a
    failure, 4 in the neighbourhood of one. A line that `goes_on` with a sentence lists nothing by its beginning."""
    if match := _CAME_FROM.search(line):
        # The address that we wrote to, which led to the one that failed.
        first = _ALONE.match(line) if not line.startswith("(") else None
        return [(1, match[1]), *([(1, first[1])] if first else [])]
    if match := _ALONE.fullmatch(line):
        return [(1, match[1])] if announced or explained else [(4, match[1])]
    if phrases.CONTACT.search(line) and not phrases.CODE.search(line):
        return []
    if (match := _LED.fullmatch(line)) and (match[2] or not goes_on) and (explained or _tells_failure(match[3])):
        return [(1, match[1])]
    if match := _RCPT_TO.search(line):
        return [(2, match[1])]
    if (match := phrases.RECIPIENT_KEY.match(line)) and (address := _ANY.search(line, match.end())):
        return [(2, address[1])]
    if (match := _AT_END.fullmatch(line)) and phrases.FAILURE.search(match[1]):
        return [(3, match[2])]
    if not (fails or announced or explained):
        return []
    if phrases.SENDER.search(line.partition("@")[0].rpartition(" ")[0][-40:]):
        return []
    return [(3 if fails else 4, match[1]) for match in list(_ANY.finditer(line))[:10]]


def _tells_failure(line: str) -> bool:
    return phrases.CODE.search(line) is not None or phrases.FAILURE.search(line) is not None


def _announces(lines: list[str], filled: list[int], place: int, fails: list[bool]) -> bool:
    """Whether the line announces addresses that failed, with those just before it that belong to it."""
    line = lines[filled[place]]
    if phrases.SENDER.search(line) or (phrases.CONTACT.search(line) and not line.endswith(":")):
        return False
    above = filled[max(0, place - _REACH + 1) : place + 1]
    return any(fails[number] for number in above)


def _reason_follows(lines: list[str], filled: list[int], place: int, fails: list[bool]) -> bool:
    """Whether one of the next lines, before another address, gives a reason."""
    for number in filled[place + 1 : place + 1 + _REACH]:
        if fails[number]:
            return True
        if "@" in lines[number]:
            return False
    return False


def _is_permanent(opening: str, subject: str) -> bool | None:
    """Whether the words or the codes tell of a failure for good; None where they say nothing."""
    words = " ".join(opening.split())
    trying = phrases.STILL_TRYING.search(words) or re.search(r"\bdelay|задержк|verzöger|retard", subject, re.I)
    words = _MAY_GIVE_UP.sub("", words)
    if trying and not phrases.GIVEN_UP.search(words):
        return False
    if (
        phrases.GIVEN_UP.search(f"{subject}\n{words}")
        or phrases.OVER.search(subject)
        or phrases.GONE_FOR_GOOD.search(words)
    ):
        return True
    return False if phrases.NOT_NOW.search(words) else None


def _message_ids(text: str) -> tuple[str, ...]:
    """The Message-IDs of the header lines in a text, in their order."""
    found = dict.fromkeys(one for match in _MESSAGE_ID.finditer(text) for one in headers.message_ids(f"<{match[1]}>"))
    return tuple(found)[:MOST_IDS]
