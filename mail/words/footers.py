"""Where a footer begins that a program or a firm put under a text: a legal notice, a line of a virus scanner, of a
mailing list, of a device.

All of them stand last, within a bounded number of lines. What goes on as a sentence is somebody's words.
"""

from __future__ import annotations

from mail.words import boilerplate, names
from mail.words.lines import DASHES
from mail.words.writer import Writer, folded

LONGEST_NOTICE = 60
_LONGEST_FOOTER = 20
_LONGEST_LINE = 1000
_TRIMMED = " \t\xa0*_<>()[]|\"'"


def paragraphs(filled: list[int]) -> list[list[int]]:
    """The filled lines in runs without a blank one between."""
    runs: list[list[int]] = []
    for number in filled:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def is_rule(line: str) -> bool:
    return not line.strip(DASHES + "\u2500\u2501#")


def legal_notice(lines: list[str], filled: list[int]) -> int | None:
    """Where a legal notice begins that goes on to the end: two of its turns of speech, or one and a title."""
    hits: set[str] = set()
    found: int | None = None
    for paragraph in reversed(paragraphs(filled[-LONGEST_NOTICE:])):
        parts = [" ".join(folded(lines[number][:_LONGEST_LINE]).split()) for number in paragraph]
        words = " ".join(parts)
        turns = _turns(words)
        if turns or boilerplate.NOTICE_TITLE.match(words):
            start = _start_of_notice(parts, min((words.index(turn) for turn in turns), default=0))
            has_title = any(boilerplate.NOTICE_TITLE.match(part) for part in parts[start:])
            hits |= turns | ({"title"} if has_title else set())
            found = paragraph[start]
            if start:
                break
        elif not is_rule(words) and (hits or any("?" in part or _is_sentence(part) for part in parts)):
            break
    if len(hits) < 2 or found is None:
        return None
    # The rule of dashes above belongs to it.
    place = filled.index(found)
    return filled[place - 1] if place and is_rule(lines[filled[place - 1]]) else found


def _start_of_notice(parts: list[str], hit: int) -> int:
    """The line at which the sentence begins that has its first turn of speech at `hit` in the lines joined."""
    place = 0
    while hit > len(parts[place]):
        hit -= len(parts[place]) + 1
        place += 1
    # A line that somebody ended himself is short, or ends a sentence.
    while place and len(parts[place - 1]) >= 50 and parts[place - 1][-1] not in ".!?:":
        place -= 1
    while place and (is_rule(parts[place - 1]) or boilerplate.NOTICE_TITLE.match(parts[place - 1])):
        place -= 1
    return place


def _turns(words: str) -> set[str]:
    """The turns of speech of legal notices in these words, none of them part of another."""
    turns: set[str] = set()
    for turn in boilerplate.NOTICE:
        if turn in words:
            turns.add(turn)
            words = words.replace(turn, "|")
    return turns


def _is_sentence(part: str) -> bool:
    """Whether a line, in small letters already, has more words than a title or an address."""
    small = sum(word[0].islower() for word in part.split())
    return not names.is_contact(part) and small > (2 if part[-1:] in {".", "!"} else 3)


def added_footer(lines: list[str], filled: list[int]) -> int | None:
    """The last paragraph that a virus scanner and the like wrote, with nothing below but links and rules."""
    for paragraph in reversed(paragraphs(filled[-8:])[-3:]):
        words = [lines[number].strip(_TRIMMED)[:_LONGEST_LINE] for number in paragraph]
        while words and is_rule(words[0]):
            words.pop(0)
        if words and boilerplate.ADDED.match(words[0]) and len(words) <= 4 and "?" not in "".join(words):
            return paragraph[0]
        if not all(is_rule(line) or boilerplate.LINK_BEHIND.fullmatch(line) for line in words):
            return None
    return None


def list_footer(lines: list[str], filled: list[int]) -> int | None:
    tail = filled[-_LONGEST_FOOTER - 1 :]
    for place, number in enumerate(tail):
        block = tail[place:]
        if not boilerplate.LIST_FOOTER.match(lines[number].strip()[:200]) or len(block) > 11:
            continue
        if len(block) > is_rule(lines[number]) and any("@" in lines[line] or "http" in lines[line] for line in block):
            above = tail[place - 1] if place else None
            return above if above is not None and is_rule(lines[above]) else number
        return None
    return None


def device_line(lines: list[str], filled: list[int], writer: Writer) -> int | None:
    """A line of a device or program among the last ones, with only lines of its own kind or links below."""
    found: int | None = None
    for number in reversed(filled[-6:]):
        bare = lines[number].strip()[:_LONGEST_LINE]
        if _is_device(bare):
            found = number
        elif not is_rule(bare) and not boilerplate.LINK_BEHIND.fullmatch(bare):
            break
    if found is None:
        return None
    # A rule or a name right above belongs to it: so some programs sign.
    place = filled.index(found)
    if place >= 1 and filled[place - 1] == found - 1 and is_rule(lines[found - 1]):
        return found - 1
    if place >= 2 and filled[place - 1] == found - 1 and filled[place - 2] < found - 2:
        name, above = lines[found - 1].strip(_TRIMMED), lines[filled[place - 2]]
        # Of anybody else only a full name, and not where it could be the answer to a question.
        is_full = len(name.split()) >= 2 and all(word[1:].islower() and len(word) > 2 for word in name.split())
        if names.is_name(name) and (writer.shares(name) or (is_full and above.rstrip().endswith((".", "!")))):
            return found - 1
    return found


def _is_device(line: str) -> bool:
    bare = boilerplate.LINK_BEHIND.sub("", line).strip(_TRIMMED)
    if not bare or len(bare) > 160 or "?" in bare:
        return False
    low = folded(bare)
    has_link = bare != line.strip(_TRIMMED)
    if boilerplate.PROGRAM.search(low) and len(bare) <= 60 and not low.startswith(boilerplate.SENT_FROM):
        ends_in_system = low.endswith(("ios", "android"))
        return has_link or (ends_in_system and boilerplate.GET_PROGRAM.match(low) is not None)
    device = boilerplate.DEVICES.search(low)
    if low.rstrip(".!").endswith(boilerplate.SENT_FROM_BEHIND) and device and ", " not in bare:
        return True
    phrase = next((phrase for phrase in boilerplate.SENT_FROM if low.startswith(phrase)), "")
    if not phrase or low.startswith(boilerplate.NEEDS_BEHIND):
        return False
    if low == "via mobile":
        return True
    # A sentence that goes on from the line above begins small; what a program writes does not.
    if bare[0].islower() and line[0] not in "(<[*":
        return False
    rest = low[len(phrase) :].split()
    if not rest:
        return has_link and boilerplate.DEVICES.search(line.lower()) is not None
    said = bare.split()[-len(rest) :]
    marks = [sign for word in said[1:] for sign in word]
    is_model = any(sign.isupper() or sign.isdigit() for sign in marks)
    is_named = rest[0] in boilerplate.MINE and is_model and not bare.endswith(".")
    has_program = device is not None or (any(map(str.isupper, marks)) and boilerplate.APP.search(low) is not None)
    return len(rest) <= 20 and (has_program or is_named) and not _goes_on(bare, low)


def _goes_on(bare: str, low: str) -> bool:
    """Whether a sentence goes on behind the device; an excuse for the style may."""
    ends = [match.end() for match in boilerplate.DEVICES.finditer(low)] or [len(low)]
    tail = low[ends[-1] :].partition(" ")[2]
    if not tail:
        return ", " in bare
    if boilerplate.EXCUSE.search(tail):
        return False
    words = bare.split()[-len(tail.split()) :]
    small = sum(word.islower() and word not in boilerplate.MINE for word in words)
    has_name = any(sign.isupper() for word in words for sign in word)
    return ", " in bare or small >= 5 or (small >= 2 and not has_name)
