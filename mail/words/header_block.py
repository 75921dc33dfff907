"""The block of From, Sent, To, Subject that mail programs write above a mail that they quote or pass on.

Two questions are answered: whether a block starts at a line and where it ends, for the readers of quotes, with legible
lines; and what a block says, for the readers of forwards. It is read with much forgiveness for how it looks (bold
labels, a blank or a full-width colon behind them, none at all right under a mark, a table, `>` before them, wrapped
values, values on lines of their own, blank lines between paragraphs) and with none for who it names: the value of
From holds one plain address, or nobody is named. Each line is cut before any pattern sees it, and a block has a
limited number of lines. Nothing raises. What the lines mean for the mail decides `forwards`.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.model import Mailbox, clean_line
from mail.mime import headers
from mail.words import dates, introductions, labels, phrases
from mail.words.lines import (
    QUOTED,
    label,
    mark,
    unquoted,
    with_rule_above,
    without_steering,
)

LONGEST_LINE = 1000
_MOST_LINES = 60
_LONGEST_INTRODUCTION = 400
_MOST_LINES_OF_QUOTE = 14
# Later than any date that is read, for a line of which only the shape matters.
_LATEST = datetime(2101, 1, 1, tzinfo=UTC)

# Header fields that no mail program shows above a quote: whoever shows them pasted the source of a mail.
SOURCE = re.compile(
    r"(?:received|return-path|delivered-to|message-id|mime-version|content-type|dkim-signature|x-[\w-]{2,40}):", re.I
)
_CELLS = re.compile(r"\|\s*([^|]{1,60}?)\s*\|\s*([^|]{0,900}?)\s*\|?")
_ANY_LABEL = re.compile(r"[^\W\d_][^\d:@<>\u2022]{0,28}:\s*(?=\S)")
_REPLY_PREFIX = re.compile(r"[^\W\d_]{1,6}(?:\[\d{1,3}\])?: ?\S")
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


def opens_block(lines: list[str], number: int) -> bool:
    """Whether a block above a quote starts at this one of the legible lines.

    A sender, a date and a third kind of line, with a subject or an address among them; a date without a digit needs an
    address beside it or a rule above. Two kinds are enough if a time and an address are in them; then the block begins
    with the sender or with the date, as the one in a delivery report does not. Labels of languages that we do not know
    do as well, if what stands behind them is a sender, a date with a time, and another address or a subject of an
    answer.
    """
    first = label(lines[number])
    if not (first.kind and first.is_sure):
        return _opens_block_of_any_language(lines, number)
    kinds: set[str] = set()
    has_address = has_time = has_digit = False
    strange = 0
    for line in lines[number : number + _MOST_LINES_OF_QUOTE]:
        if SOURCE.match(line):
            return False
        if kind := _sure_kind(line):
            line = line[:LONGEST_LINE]
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
    is_whole = has_address or with_rule_above(lines, number) < number
    is_dated = "sent" in kinds and (has_digit or is_whole)
    if len(kinds) >= 3 and "from" in kinds and is_dated and ("subject" in kinds or has_address):
        return True
    return has_time and has_address and ("from" in kinds or (first.kind == "sent" and "to" in kinds))


def _opens_block_of_any_language(lines: list[str], number: int) -> bool:
    """Three labels or more, the first one with a name and an address. A form that somebody filled in says when, too,
    so that the other labels are ones that we know, or there is a rule above, or another address or an answer's subject
    among four."""
    if not _ANY_LABEL.match(lines[number]) or "@" not in lines[number][:LONGEST_LINE]:
        return False
    if not phrases.NAME_AND_ADDRESS.match(lines[number].partition(":")[2].strip()[:LONGEST_LINE]):
        return False
    labelled: list[str] = []
    for line in lines[number : number + _MOST_LINES_OF_QUOTE]:
        if not _ANY_LABEL.match(line):
            break
        labelled.append(line[:LONGEST_LINE])
    others = labelled[1:]
    if len(others) < 2 or not any(phrases.DAY.search(line) and phrases.CLOCK.search(line) for line in others):
        return False
    kinds = {_sure_kind(line) for line in others} - {""}
    if len(kinds) >= 3 or with_rule_above(lines, number) < number:
        return True
    values = [line.partition(":")[2].strip() for line in others]
    return len(others) >= 3 and any("@" in value or _REPLY_PREFIX.match(value) for value in values)


def end_of_head(lines: list[str], number: int) -> int:
    """The line after the last one of a mark, and of the block and the introduction below it."""
    end = number + 1
    place = end
    is_below_mark = mark(lines[number]) is not None and _opens_without_colon(lines, end)
    while place < min(len(lines), number + _MOST_LINES):
        bare = lines[place].strip()
        if not bare:
            place += 1
            continue
        if QUOTED.match(lines[place]):
            break
        is_label = _sure_kind(bare) or (place == end and _ANY_LABEL.match(bare))
        is_label = is_label or (place <= end + 1 and _entry(bare, is_below_mark=is_below_mark).kind)
        if is_label or (place == end and _is_label_near(lines, place, [])):
            place = end = place + 1
            continue
        found = introductions.introduction(lines, place)
        return found[0] if found and found[1] else end
    return end


def _sure_kind(line: str) -> str:
    found = label(line)
    return found.kind if found.is_sure else ""


def labels_above(lines: list[str], number: int, lowest: int) -> int:
    """The first of the lines To and Subject right above an introduction (the robots of Yandex); else the number."""
    kinds: set[str] = set()
    place = number
    while place > lowest and (kind := _sure_kind(lines[place - 1])) in {"to", "cc", "subject"} and kind not in kinds:
        kinds.add(kind)
        place -= 1
    return place if kinds >= {"to", "subject"} else number


def address_above(lines: list[str], number: int, lowest: int) -> int:
    """The line of a lone address above a block whose From has none, where Foxmail puts it; else the number."""
    if _sure_kind(lines[number]) != "from" or "@" in lines[number]:
        return number
    filled = [place for place in range(max(lowest, number - 4), number) if lines[place].strip()]
    if not filled or not _ADDRESS.fullmatch(lines[filled[-1]].strip()[: headers.LONGEST_NAME]):
        return number
    is_apart = filled[-1] == lowest or not lines[filled[-1] - 1].strip()
    is_announced = len(filled) > 1 and lines[filled[-2]].rstrip().endswith(":")
    return filled[-1] if is_apart and not is_announced else number


def _entry(bare: str, *, is_below_mark: bool = False) -> Entry:
    """A line of a block; right under a mark the label may stand in a table, or without a colon."""
    found = label(bare)
    if not found.kind and is_below_mark:
        if cells := _CELLS.fullmatch(bare):
            found = label(f"{cells[1]}: {cells[2]}")
        elif ":" not in (words := bare.partition(" "))[0]:
            known = label(f"{words[0]}: {words[2]}")
            found = known if known.is_sure else found
    return Entry(found.kind, found.name, [found.value])


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


def read_block(lines: list[str], start: int, depth: int, *, is_below_mark: bool = False) -> Block | None:
    """The header block that starts at a line, or below a few blank ones.

    It ends at the first blank line; only where there is one between its first two lines too, as in HTML with a
    paragraph for each, it may have them everywhere.
    """
    entries: list[Entry] = []
    is_airy = False
    # Labels without a colon are taken only where the first line has one.
    is_below_mark = is_below_mark and _opens_without_colon(lines, start)
    blanks, end = 0, start
    for number in range(start, min(len(lines), start + _MOST_LINES)):
        found, bare = unquoted(lines[number], LONGEST_LINE)
        if not bare:
            blanks += 1
            continue
        if found < depth or blanks > 3:
            break
        entry = _entry(bare, is_below_mark=is_below_mark)
        if entry.kind:
            is_airy = bool(blanks) if len(entries) == 1 else is_airy
            is_seen = entry.kind != "cc" and any(other.kind == entry.kind for other in entries)
            if entries and blanks and (is_seen or not is_airy):
                break
            if is_seen and entry.kind in {"from", "subject"}:
                break
            entries.append(entry)
        elif is_below_mark and bare.startswith("|") and not bare.strip("|-: "):
            pass
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


def _opens_without_colon(lines: list[str], start: int) -> bool:
    """Whether the first line is From with an address behind it, in a table or without a colon."""
    first = next((bare for line in lines[start : start + 4] if (bare := unquoted(line, LONGEST_LINE)[1])), "")
    entry = _entry(first, is_below_mark=True)
    return not label(first).kind and entry.kind == "from" and read_mailbox(entry.value) is not None


def introduced_block(lines: list[str], start: int) -> Block | None:
    """What an introduction that starts at this one of the legible lines says: who wrote, and when; nothing if it is
    not sure, or names nobody by one plain address."""
    found = introductions.introduction(lines, start)
    if not found or not found[1]:
        return None
    words = " ".join(line.strip() for line in lines[start : found[0]])
    if not (address := phrases.ADDRESS.search(words)):
        return None
    if len({token.lower() for token in phrases.ADDRESS.findall(words)}) != 1:
        return None
    head = words[: address.start()].partition("mailto:")[0].rstrip("<([ ")
    name = introductions.writer_in(head.replace('"', " "))
    sender = read_mailbox(f"{name} <{address[0]}>")
    if sender is None:
        return None
    date = f"{head.removesuffix(name)} {words[address.end() :]}"
    # Mac programs write days in the order of the place; English without a point is the American one first.
    names = ("date", "from") if words.startswith("On ") else ("", "")
    return Block((Entry("sent", names[0], [date]), Entry("from", names[1], [name])), sender, found[0])


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
        bare = unquoted(line, LONGEST_LINE)[1]
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
    value = " ".join(without_steering(value[:LONGEST_LINE]).split()).strip(";, ")
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
