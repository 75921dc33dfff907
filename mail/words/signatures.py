"""Where the signature at the end of a stretch of new text begins.

A signature is what stands last: a delimiter (`-- `), a line of a device or program ("Sent from my ..."), a closing
phrase and a name, a block of ways to reach somebody, the footer of a list, a legal notice. One may stand above
another, so they are looked for from the outside in. All of them only at the end, within a bounded number of lines.

What the writer announces with a colon is no signature (`Please use this one:`), a postscript is none either, and what
would leave nothing of the whole text is not cut. In doubt a signature stays in sight: a lost word is worse.
"""

from __future__ import annotations

from mail.words import farewells
from mail.words.introductions import DASHES

_LONGEST_SIGNATURE = 20
_LONGEST_NOTICE = 60
_LONGEST_LINE = 1000
_TRIMMED = " \t\xa0*_<>()[]|\"'"


def signatures(lines: list[str], start: int, end: int, *, has_text_above: bool, is_last: bool) -> list[tuple[int, int]]:
    """The parts of a stretch of legible lines that are signatures; a postscript below one is none.

    `has_text_above`: whether something was written above the stretch; `is_last`: whether nothing is quoted below it.
    """
    found: list[tuple[int, int]] = []
    tail = [number for number in range(start, end) if lines[number].strip()][-_LONGEST_SIGNATURE:]
    postscripts = [number for number in tail[1:] if farewells.POSTSCRIPT.match(lines[number].strip()[:20])]
    for limit in [*postscripts[-1:], end]:
        begin = _begin(lines, start, limit, has_text_above=has_text_above, is_last=is_last and limit == end)
        if begin < limit:
            found.append((begin, limit))
        has_text_above = True
        start = limit
    return found


def _begin(lines: list[str], start: int, end: int, *, has_text_above: bool, is_last: bool) -> int:
    """Where the signature in these lines begins; `end` if there is none."""
    filled = [number for number in range(start, end) if lines[number].strip()]
    first = next((number for number in filled if _has_words(lines[number])), end)
    finders = (_legal_notice, _added_footer, _list_footer, _device_line, _delimiter, _closing, _signed, _contact_block)
    for find in finders:
        while filled and filled[-1] >= end:
            filled.pop()
        found = find(lines, filled)
        if found is None or (found <= first and not has_text_above):
            continue
        if is_last and find is not _device_line and _is_announced(lines, filled, found):
            continue
        end = found
    return end


def _has_words(line: str) -> bool:
    return any(sign.isalnum() for sign in line)


def _is_announced(lines: list[str], filled: list[int], found: int) -> bool:
    above = next((number for number in reversed(filled[-_LONGEST_NOTICE - 1 :]) if number < found), None)
    return above is not None and lines[above].rstrip().endswith(":")


def _paragraphs(filled: list[int]) -> list[list[int]]:
    """The filled lines in runs without a blank one between."""
    paragraphs: list[list[int]] = []
    for number in filled:
        if paragraphs and number == paragraphs[-1][-1] + 1:
            paragraphs[-1].append(number)
        else:
            paragraphs.append([number])
    return paragraphs


def _legal_notice(lines: list[str], filled: list[int]) -> int | None:
    """Where a legal notice begins that goes on to the end: two of its turns of speech, or one and a title."""
    hits: set[str] = set()
    found: int | None = None
    for paragraph in reversed(_paragraphs(filled[-_LONGEST_NOTICE:])):
        parts = [" ".join(lines[number][:_LONGEST_LINE].lower().split()) for number in paragraph]
        words = " ".join(parts)
        turns = _turns(words)
        if turns or farewells.NOTICE_TITLE.match(words):
            start = _start_of_notice(parts, min((words.index(turn) for turn in turns), default=0))
            has_title = any(farewells.NOTICE_TITLE.match(part) for part in parts[start:])
            hits |= turns | ({"title"} if has_title else set())
            found = paragraph[start]
            if start:
                break
        elif not _is_rule(words) and (hits or any("?" in part or _is_sentence(part, most=3) for part in parts)):
            break
    if len(hits) < 2 or found is None:
        return None
    # The rule of dashes above belongs to it.
    place = filled.index(found)
    return filled[place - 1] if place and _is_rule(lines[filled[place - 1]]) else found


def _start_of_notice(parts: list[str], hit: int) -> int:
    """The line at which the sentence begins that has its first turn of speech at `hit` in the lines joined."""
    place = 0
    while hit > len(parts[place]):
        hit -= len(parts[place]) + 1
        place += 1
    # A line that somebody ended himself is short, or ends a sentence.
    while place and len(parts[place - 1]) >= 50 and parts[place - 1][-1] not in ".!?:":
        place -= 1
    while place and (_is_rule(parts[place - 1]) or farewells.NOTICE_TITLE.match(parts[place - 1])):
        place -= 1
    return place


def _turns(words: str) -> set[str]:
    """The turns of speech of legal notices in these words, none of them part of another."""
    turns: set[str] = set()
    for turn in farewells.NOTICE:
        if turn in words:
            turns.add(turn)
            words = words.replace(turn, "|")
    return turns


def _is_rule(line: str) -> bool:
    return not line.strip(DASHES + "\u2500#")


def _added_footer(lines: list[str], filled: list[int]) -> int | None:
    """The last paragraph that a virus scanner and the like wrote, with nothing below but links and rules."""
    for paragraph in reversed(_paragraphs(filled[-8:])[-3:]):
        words = [lines[number].strip(_TRIMMED)[:_LONGEST_LINE] for number in paragraph]
        while words and _is_rule(words[0]):
            words.pop(0)
        if words and farewells.ADDED.match(words[0]) and len(words) <= 4 and "?" not in "".join(words):
            return paragraph[0]
        if not all(_is_rule(line) or farewells.LINK_BEHIND.fullmatch(line) for line in words):
            return None
    return None


def _list_footer(lines: list[str], filled: list[int]) -> int | None:
    tail = filled[-_LONGEST_SIGNATURE - 1 :]
    for place, number in enumerate(tail):
        block = tail[place:]
        if not farewells.LIST_FOOTER.match(lines[number].strip()[:200]) or len(block) > 11:
            continue
        is_rule = _is_rule(lines[number])
        if len(block) > is_rule and any("@" in lines[line] or "http" in lines[line] for line in block):
            above = tail[place - 1] if place else None
            return above if above is not None and _is_rule(lines[above]) else number
        return None
    return None


def _device_line(lines: list[str], filled: list[int]) -> int | None:
    """A line of a device or program among the last ones, with only lines of its own kind or links below."""
    found: int | None = None
    for number in reversed(filled[-6:]):
        bare = lines[number].strip()[:_LONGEST_LINE]
        if _is_device(bare):
            found = number
        elif not _is_rule(bare) and not farewells.LINK_BEHIND.fullmatch(bare):
            break
    if found is None:
        return None
    # A name right above belongs to it: so some programs sign.
    place = filled.index(found)
    if place >= 2 and filled[place - 1] == found - 1 and filled[place - 2] < found - 2 and place + 3 > len(filled) - 3:
        above = lines[found - 1].strip(_TRIMMED)
        if _is_name(above) and above[-1] not in "!?:":
            return found - 1
    return found


def _is_device(line: str) -> bool:
    bare = farewells.LINK_BEHIND.sub("", line).strip(_TRIMMED)
    if not bare or len(bare) > 110 or "?" in bare:
        return False
    lowered = bare.lower()
    has_device = farewells.DEVICES.search(lowered) is not None
    has_link = bare != line.strip(_TRIMMED)
    if farewells.PROGRAM.search(lowered) and len(bare) <= 60:
        ends_in_system = lowered.endswith(("ios", "android"))
        return has_link or (ends_in_system and farewells.GET_PROGRAM.match(lowered) is not None)
    if ", " in bare:
        return False
    if lowered.rstrip(".!").endswith(farewells.SENT_FROM_BEHIND) and has_device:
        return True
    if not lowered.startswith(farewells.SENT_FROM) or lowered.startswith(farewells.NEEDS_BEHIND):
        return False
    phrase = next(phrase for phrase in farewells.SENT_FROM if lowered.startswith(phrase))
    if lowered == "via mobile":
        return True
    rest = bare[len(phrase) :].split()
    if not rest or len(rest) > 14:
        return False
    is_mine = rest[0].lower() in farewells.MINE
    is_named = is_mine and any(sign.isupper() or sign.isdigit() for word in rest[1:] for sign in word)
    # A sentence that goes on from the line above begins small; what a program writes does not.
    goes_on = bare[0].islower() and not is_mine and line[0] not in "(<[*"
    return (has_device and not goes_on) or (is_named and not bare.endswith("."))


def _delimiter(lines: list[str], filled: list[int]) -> int | None:
    tail = filled[-_LONGEST_SIGNATURE - 1 :]
    bare_delimiters = [number for number in tail if lines[number].strip() in {"--", "\u2014"}]
    for place, number in enumerate(tail):
        line = lines[number].rstrip()
        # Without its blank `--` is also a line between sections: then only the last one counts.
        if line in {"--", "- --"} and lines[number].endswith("-- "):
            return number
        if line in {"--", "\u2014"} and not any(lower > number + 1 for lower in bare_delimiters):
            stands_apart = place == 0 or number - tail[place - 1] > 1
            below = [words for lower in tail[place + 1 :] if (words := lines[lower].strip()) != "--"]
            return number if stands_apart or not below or not _is_sentence(below[0], most=2) else None
        if line == "---" and len(tail) - place <= 7:
            return number
        if farewells.RULE.fullmatch(line.strip()):
            below = [lines[lower].strip() for lower in tail[place + 1 :]]
            if sum(_is_contact(words) for words in below) >= 2 and max(map(len, below)) <= 60:
                return number
    return None


def _closing(lines: list[str], filled: list[int]) -> int | None:
    """The last closing phrase alone on its line, with a name and a few short lines under it."""
    found: int | None = None
    for place in range(len(filled) - 1, max(-1, len(filled) - 11), -1):
        bare = lines[filled[place]][:120].strip(" \t*_,.!;\u2013-\uff0c\u3002\u060c").lower()
        is_closing = bare in farewells.CLOSINGS
        if found is None:
            below = filled[place + 1 :]
            if is_closing and (_is_signed_by(lines, below) if below else _is_formal(bare)):
                found = filled[place]
        elif is_closing and place:
            found = filled[place]
        else:
            break
    return found


def _is_formal(closing: str) -> bool:
    """Whether a closing phrase says nothing but goodbye, so that it needs no name below."""
    return closing not in farewells.THANKS and (" " in closing or len(closing) >= 7)


def _is_signed_by(lines: list[str], below: list[int]) -> bool:
    """Whether a name stands in the first of these lines, and below it nothing that anybody would say."""
    words = [lines[number].strip(" \t*_") for number in below]
    if not _is_name(words[0]) or any(len(line) > 80 or "?" in line for line in words):
        return False
    paragraphs = _paragraphs(below)
    later = {number for paragraph in paragraphs[1:] for number in paragraph if number > below[0]}
    return not any(
        _is_sentence(line, most=3 if number in later else 5) for number, line in zip(below[1:], words[1:], strict=True)
    )


def _is_sentence(line: str, *, most: int) -> bool:
    """Whether more words than in a title or an address begin small, or the line ends as sentences do."""
    if _is_contact(line):
        return False
    names = line.split()
    small = sum(name[0].islower() for name in names)
    return small > most or (line[-1] in ".!" and small >= 3)


def _is_name(line: str) -> bool:
    line = line.strip(",. \t*_")
    words = line.split()
    begins_like_one = line[:1].isalpha() and not line[:1].islower()
    has_verb = any(word[0].islower() and word not in farewells.PARTICLES for word in words)
    is_short = 0 < len(words) <= 5 and len(line) <= 60
    return is_short and begins_like_one and not has_verb and not any(sign.isdigit() for sign in line)


def _is_contact(line: str) -> bool:
    return farewells.CONTACT.fullmatch(line[:200]) is not None


def _signed(lines: list[str], filled: list[int]) -> int | None:
    """A last line that is a name behind a dash, with no list above it."""
    if len(filled) < 2:
        return None
    above, line = lines[filled[-2]].strip(), lines[filled[-1]].strip()
    if (
        above.startswith(("-", "*", "\u2013", "\u2022", "+"))
        or above.endswith(":")
        or not farewells.SIGNED.fullmatch(line)
    ):
        return None
    # With a blank behind the dash it looks like a list of one thing, so it has to stand apart.
    return None if line[1:2] == " " and filled[-1] - filled[-2] < 2 else filled[-1]


def _contact_block(lines: list[str], filled: list[int]) -> int | None:
    """A last paragraph of short lines, a name first and then ways to reach its owner, that nothing above announces."""
    paragraphs = _paragraphs(filled[-9:])
    if len(paragraphs) < 2:
        return None
    block = paragraphs[-1]
    words = [lines[number].strip(" \t*_") for number in block]
    if not 3 <= len(words) <= 8 or lines[paragraphs[-2][-1]].rstrip().endswith(":"):
        return None
    contacts = sum(_is_contact(line) for line in words)
    return block[0] if contacts >= 2 and _is_name(words[0]) and all(len(line) <= 60 for line in words) else None
