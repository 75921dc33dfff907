"""The block of From, Sent, To, Subject that mail programs write above a mail that they pass on.

Read with much forgiveness for how it looks (bold labels, a blank or a full-width colon behind them, `>` before them,
wrapped values, values on lines of their own, blank lines between paragraphs) and with none for who it names: the
value of From holds one plain address, or nobody is named. Each line is cut before any pattern sees it, and a block
has a limited number of lines. Nothing raises. What the lines mean for the mail decides `forwards`.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.model import Mailbox, clean_line
from mail.mime import headers
from mail.words import dates, labels

LONGEST_LINE = 1000
_MOST_LINES = 60
_LONGEST_INTRODUCTION = 400
_DEEPEST_QUOTE = 10
# Later than any date that is read, for a line of which only the shape matters.
_LATEST = datetime(2101, 1, 1, tzinfo=UTC)

QUOTED = re.compile(r"[ \t]{0,3}> ?(?!From )")
_INVISIBLE = {
    ord(sign): None
    for sign in "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
}
_LABELS_IN_LINE = re.compile(
    "|".join(
        re.escape(name[:1].upper() + name[1:]) + r"\s?:\s" for name in sorted(labels.LABELS, key=len, reverse=True)
    )
)

_ADDR_SPEC = r"[^\s@<>()\[\]\",;:\u00ab\u00bb\u201c-\u201f]{1,64}@[^\s@<>()\[\]\",;:\u00ab\u00bb\u201c-\u201f]{1,255}"
_ADDRESS = re.compile(_ADDR_SPEC)
_MAILTO = re.compile(r"[<\[(]\s?mailto:([^\s<>\[\]()]{3,320})\s?[>\])]", re.IGNORECASE)
_TWICE = re.compile(rf"<\s?({_ADDR_SPEC})\s?<\1>\s?>")
_MAILBOXES = (
    re.compile(rf"(?P<name>[^<>]*)<\s?{_ADDR_SPEC}\s?>"),
    re.compile(rf"(?P<name>[^<>\[\]()]*)(?:\[\s?{_ADDR_SPEC}\s?\]|\(\s?{_ADDR_SPEC}\s?\))"),
    re.compile(rf"(?P<name>){_ADDR_SPEC}"),
    re.compile(rf"<\s?{_ADDR_SPEC}\s?>(?P<name>[^<>]*)"),
    re.compile(rf"{_ADDR_SPEC} ?\((?P<name>[^()<>@]*)\)"),
)


@dataclass(slots=True)
class Entry:
    """A line of a header block: which kind it is, its label, and its value line by line."""

    kind: str
    name: str
    values: list[str] = field(default_factory=list)

    @property
    def value(self) -> str:
        return " ".join(" ".join(self.values).split())


@dataclass(frozen=True, slots=True)
class Block:
    """A header block: its entries, the writer that it names, and the number of the line after it."""

    entries: tuple[Entry, ...]
    sender: Mailbox
    end: int

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(entry.kind for entry in self.entries)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.entries)

    def value(self, kind: str) -> str:
        return next((entry.value for entry in self.entries if entry.kind == kind), "")


def unquoted(line: str) -> tuple[int, str]:
    """How often a line is quoted, and what it says."""
    depth, position = 0, 0
    while depth < _DEEPEST_QUOTE and (match := QUOTED.match(line, position)):
        depth, position = depth + 1, match.end()
    return depth, line[position : position + LONGEST_LINE].translate(_INVISIBLE).strip()


def label(bare: str) -> Entry:
    """The label of a line and the value behind it; without a kind if it has none."""
    head, colon, value = bare[:80].replace("\uff1a", ":").partition(":")
    name = " ".join(head.strip(" \t\xa0*_").split()).lower()
    kind = (labels.LABELS.get(name) or labels.UNSURE_LABELS.get(name, "")) if colon else ""
    value = bare[len(head) + 1 :].strip()
    # The star that closes a label in bold stands behind the colon.
    return Entry(kind, name, [value.lstrip("*_ ") if head[:1] in {"*", "_"} else value])


def labels_apart(line: str) -> list[str]:
    """A header block that a program ran together into one line, a line for each label, as far as the subject."""
    starts: list[int] = []
    seen: set[str] = set()
    for match in _LABELS_IN_LINE.finditer(line[: 4 * LONGEST_LINE]):
        kind = label(match[0]).kind
        if kind not in seen:
            starts.append(match.start())
            seen.add(kind)
        if kind == "subject":
            break
    edges = [0, *(start for start in starts if start), len(line)]
    return [line[start:end] for start, end in itertools.pairwise(edges)]


def read_block(lines: list[str], start: int, depth: int) -> Block | None:
    """The header block that starts at a line, or below a few blank ones.

    It ends at the first blank line; only where there is one between its first two lines too, as in HTML with a
    paragraph for each, it may have them everywhere.
    """
    entries: list[Entry] = []
    is_airy = False
    blanks, end = 0, start
    for number in range(start, min(len(lines), start + _MOST_LINES)):
        found, bare = unquoted(lines[number])
        if not bare:
            blanks += 1
            continue
        if found < depth or blanks > 3:
            break
        entry = label(bare)
        if entry.kind:
            is_airy = bool(blanks) if len(entries) == 1 else is_airy
            is_seen = entry.kind != "cc" and any(other.kind == entry.kind for other in entries)
            if entries and blanks and (is_seen or not is_airy):
                break
            if is_seen and entry.kind in {"from", "subject"}:
                break
            entries.append(entry)
        elif written := _introduction(bare):
            if any(other.kind == "from" for other in entries):
                break
            entries += written
            end = number + 1
            break
        elif entries and not blanks and _continues(lines, number, entries):
            entries[-1].values.append(bare)
        else:
            break
        blanks, end = 0, number + 1
    writers = [entry for entry in entries if entry.kind == "from"]
    sender = read_mailbox(writers[0].value) if writers else None
    return Block(tuple(entries), sender or Mailbox(), end) if entries else None


def _continues(lines: list[str], number: int, entries: list[Entry]) -> bool:
    """Whether a line without a label goes on with the value above it, and is not the mail already."""
    last = entries[-1]
    if not last.value:
        is_stacked = any(len(entry.values) > 1 and not entry.values[0] for entry in entries[:-1])
        return last.kind in {"from", "to"} or is_stacked or _is_label_near(lines, number, entries)
    if last.kind in {"from", "to", "cc"} and ("@" in lines[number] or last.value.endswith((",", ";", "<"))):
        return True
    return _is_label_near(lines, number, entries)


def _is_label_near(lines: list[str], number: int, entries: list[Entry]) -> bool:
    """Whether one of the next lines, without a blank one between, is a new label of the same block."""
    seen = {entry.kind for entry in entries}
    for line in lines[number + 1 : number + 4]:
        bare = unquoted(line)[1]
        if not bare:
            return False
        if (kind := label(bare).kind) and (kind == "cc" or kind not in seen):
            return True
    return False


def _introduction(bare: str) -> list[Entry]:
    """The line of Yandex: a date, a comma, the writer, a colon."""
    if len(bare) > _LONGEST_INTRODUCTION or not bare.endswith(":") or "@" not in bare:
        return []
    place = bare.find(",")
    for _ in range(4):
        if place < 0:
            break
        date, writer = bare[:place], bare[place + 1 : -1]
        if read_mailbox(writer) and dates.read_date(date, carried_at=_LATEST):
            return [Entry("sent", "", [date]), Entry("from", "", [writer])]
        place = bare.find(",", place + 1)
    return []


def read_mailbox(value: str) -> Mailbox | None:
    """The name and address in the value of a From line, if it holds one plain address and nothing odd."""
    value = " ".join(value[:LONGEST_LINE].translate(_INVISIBLE).split()).strip(";, ")
    value = _TWICE.sub(r"<\1>", _MAILTO.sub(r"<\1>", value))
    tokens = [token.strip("'*") for token in _ADDRESS.findall(value)]
    found = {headers.plain_address(token).lower() for token in tokens}
    if len(found) != 1 or "" in found or re.search(r"\S@|@\S", _ADDRESS.sub("", value)):
        return None
    match = next((match for pattern in _MAILBOXES if (match := pattern.fullmatch(value))), None)
    if match is None:
        return None
    name = clean_line(match["name"].strip(" *'\"\u00ab\u00bb\u201c\u201d\u201e\u2018\u2019"), headers.LONGEST_NAME)
    return Mailbox(name="" if "@" in name else name, address=headers.plain_address(tokens[-1]))
