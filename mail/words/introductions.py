"""Whether lines of text introduce a quoted mail: `On ... Ann wrote:`, in the languages of `phrases`.

An introduction is *sure* when a day stands in it beside an address, or beside a name and nothing but a name: then
everything below it may be taken for the quote. Where people tell who wrote (`On 3 March 2025 at 12:34 you wrote:`,
`the technician wrote`, `Ihr Kollege`), what follows is their own mail, and the line counts only above lines with `>`;
so does `He wrote:`. Right above such lines, what ends in a colon and holds two of a date, a time and an address is an
introduction in whatever language. Lines come in as `lines.legible` leaves them.

Forms: a date and "wrote" (`On 3 Mar 2025 Ann wrote:`, `Am 3.3.2025 schrieb Ann:`); a date and then a name with an
address (`пн, 3 мар. 2025 г. в 12:34, Ann <a@x.example>:`); a name with an address and then the date (`Ann
<a@x.example>, 3 Mar 2025, 12:34 tarihinde şunu yazdı:`). Programs wrap them, some with blank lines in between.
"""

from __future__ import annotations

import enum
import re

from mail.words import phrases
from mail.words.lines import DASHES, LONGEST_LINE, QUOTED, is_rule

_MOST_LINES = 6
_MOST_LINES_ABOVE = 4
_LONGEST = 600
_MOST_SENTENCES = 20
# How a line ends that can be the last one of an introduction; `<` and `(` go on in the next line.
_ENDS = frozenset(":>-_*)")
# The Armenian sign for "says" stands where others have a colon.
_COLONS = (":", "\u055d")
# The point behind a number is no end.
_SENTENCE_END = re.compile(r"(?:(?<=[^\W\d_]{2})\.|[!?\u2026)])\s+(?=\S)|[\u3002\uff01\uff1f]\s*(?=\S)")
_ZONE = re.compile(r"(?:GMT|UTC)[+-]\d")
_COMMAS = str.maketrans(",،、，", "    ")
_WORD_ENDS = "()\"'.,;:«»„“”‘’[]|"


class Certainty(enum.Enum):
    """Whether a statement introduces a quote: not at all, above lines with > only, or surely."""

    NONE = enum.auto()
    PERHAPS = enum.auto()
    SURE = enum.auto()


def introduction(lines: list[str], number: int, *, is_alone: bool = False) -> tuple[int, bool] | None:
    """Where an introduction that starts at this line ends, and whether it is sure; None where there is none.

    `is_alone`: every line below that could start an introduction is taken to start one.
    """
    first = lines[number].strip()
    is_open = opens(first)
    most = _MOST_LINES if is_open or ("@" in first[:200] and ("<" in first or "(" in first)) else 1
    joined = ""
    unsure: int | None = None
    place = number
    while most and place < len(lines):
        line = lines[place].strip()
        if not line:
            # Some programs put blank lines around the address; only what began like a date goes on below them.
            if not _goes_on_below_blank(joined, lines, place):
                break
            place += 1
            continue
        if len(line) > LONGEST_LINE or len(joined) > _LONGEST:
            break
        if joined and _begins_anew(lines, place, joined, is_alone=is_alone):
            break
        joined += line if not joined or joined.endswith("<") else f" {line}"
        place += 1
        most -= 1
        certainty = _introduces(joined, is_open=is_open) if line[-1] in _ENDS else Certainty.NONE
        if certainty is Certainty.SURE:
            return place, True
        if certainty is Certainty.PERHAPS:
            unsure = place
        if line[-1] == ":":
            break
    return None if unsure is None else (unsure, False)


def introduction_above(lines: list[str], start: int, lowest: int) -> int | None:
    """The number of the line where an introduction in whatever language begins that ends above lines with >; what
    stands in it are two of a date, a time and an address."""
    number = start - 1
    lowest = max(lowest, start - 2 * _MOST_LINES_ABOVE)
    while number >= lowest and not lines[number].strip():
        number -= 1
    joined = ""
    first: int | None = None
    for place in range(number, max(lowest, number - _MOST_LINES_ABOVE + 1) - 1, -1):
        line = lines[place].strip()
        ends_otherwise = bool(joined) and line.endswith((".", "!", "?", *_COLONS))
        if not line or is_rule(line) or QUOTED.match(line) or ends_otherwise or len(line) > LONGEST_LINE:
            break
        before, joined = joined, f"{line} {joined}".strip()
        if not joined.endswith(_COLONS):
            break
        # A date alone on the line above what is enough already belongs to it.
        kinds = _kinds(joined)
        if kinds >= 2 and (first is None or kinds > _kinds(before)):
            if _is_behind_sentence(joined):
                break
            first = place
    return first


def shared_line(line: str, *, is_above_quote: bool) -> int:
    """Where on the line an introduction begins behind the last words of an answer; 0 where none does."""
    if not line.endswith(":") or len(line) > LONGEST_LINE or QUOTED.match(line):
        return 0
    if line.endswith("wrote:") and not opens(line.strip()) and (found := phrases.SHARED_LINE.search(line)):
        return found.start()
    if not is_above_quote and "@" not in line:
        return 0
    if opens(line.strip()) and introduction([line], 0):
        return 0
    if not _kinds(line) or not _is_behind_sentence(line):
        return 0
    for number, end in enumerate(_SENTENCE_END.finditer(line)):
        if number == _MOST_SENTENCES:
            break
        rest = line[end.end() :]
        if opens(rest) and _introduces(rest, is_open=True) is Certainty.SURE:
            return end.end()
    return 0


def _kinds(words: str) -> int:
    """How many of a date, a time and an address stand in the words."""
    return sum(pattern.search(words) is not None for pattern in (phrases.DAY, phrases.CLOCK, phrases.ADDRESS))


def _is_behind_sentence(words: str) -> bool:
    """Whether the date or address stands behind the end of a sentence, so that the line is not a program's alone."""
    matches = (pattern.search(words) for pattern in (phrases.DAY, phrases.CLOCK, phrases.ADDRESS))
    before = words[: min(found.start() for found in matches if found)]
    # The points of abbreviated days and months stand behind few letters, or before a number.
    return (
        re.search(r"[^\W\d_]{2}\. +(?:[^\W\d_]|\d{1,2}[./-]\d)|[:;]-?\)|[!?\u2026\u3002\uff01\uff1f]", before)
        is not None
    )


def _goes_on_below_blank(joined: str, lines: list[str], place: int) -> bool:
    following = next((line.strip() for line in lines[place : place + 3] if line.strip()), "")
    goes_on = following.startswith("<") or joined.endswith("<") or following.rstrip(" :").lower() in phrases.WROTE
    return goes_on and phrases.DATE_SOON.match(joined) is not None


def _begins_anew(lines: list[str], place: int, joined: str, *, is_alone: bool) -> bool:
    """Whether an introduction, a quote or a list starts at this line, so that it does not go on the one above."""
    line = lines[place].strip()
    if line[0] == ">":
        return joined.count("<") <= joined.count(">")
    if line.startswith(("- ", "* ")):
        return True
    if " " not in joined or not opens(line) or not phrases.FULL_DATE.search(line[:60]):
        return False
    if is_alone:
        return True
    found = introduction(lines, place, is_alone=True)
    if not found or not found[1]:
        return False
    # Where words are not parted by blanks, the name stands above the date.
    statement = " ".join(lines[place : found[0]])
    return "@" in statement or not statement.rstrip(" :").endswith(phrases.WROTE_UNSPACED)


def opens(line: str) -> bool:
    """Whether the line begins with a word or a date that introductions begin with."""
    line = line[:80].lstrip(DASHES)
    if not line:
        return False
    if line[0].isdigit() or line[0] in "\"'(":
        return phrases.BEGINS_WITH_DATE.match(line) is not None
    if line.startswith(phrases.UNSPACED_OPENINGS):
        return True
    word = line.split(None, 1)[0].lower().rstrip(".,،:")
    return word in phrases.OPENINGS or word in phrases.WEEKDAYS


def _has_date_soon(line: str) -> bool:
    return phrases.DATE_SOON.match(line.lstrip(DASHES)) is not None


def _introduces(joined: str, *, is_open: bool) -> Certainty:
    """Whether the statement introduces a quote: surely, perhaps, or not at all."""
    bare = joined.strip(DASHES)
    dashed = joined[0] in "-_" and joined[-1] in "-_"
    body = bare.rstrip(" :")
    if not body or not (dashed or bare.endswith(":")):
        # An old form of Gmail has no colon; lines of logs look like it.
        is_old_form = phrases.BEGINS_WITH_DATE.match(bare) and phrases.NAME_AND_ADDRESS.search(bare[-400:])
        return Certainty.PERHAPS if is_old_form else Certainty.NONE
    address = phrases.ADDRESS.search(body)
    ends_in_verb, verb = _verb(body)
    is_sure = False
    if is_open and _has_date_soon(bare):
        if ends_in_verb or (verb is not None and _is_writer(body[verb:])) or (address and _ends_with_speech(body)):
            is_sure = _is_sure(body, has_address=address is not None, dashed=dashed)
            if not is_sure:
                return Certainty.PERHAPS
        is_sure = is_sure or (address is not None and _is_date_then_writer(body, address.start()))
    elif address and (ends_in_verb or verb is not None):
        is_sure = _is_writer_then_date(body, address)
    elif verb is not None and phrases.WROTE_BY_EITHER.search(body):
        # `Ann писал(а) 2025-03-03 12:34:`
        is_sure = len(body.split()) <= 8 and _kinds(body) >= 2
    if is_sure:
        return Certainty.SURE
    is_perhaps = ends_in_verb or _ends_with_speech(body) or (verb is not None and _is_writer_or_date(body[verb:]))
    return Certainty.PERHAPS if is_perhaps or (address and bare.endswith(">:")) else Certainty.NONE


def _verb(body: str) -> tuple[bool, int | None]:
    """Whether the statement ends in "wrote", and where its last "wrote" ends."""
    tail = body[-LONGEST_LINE:].lower()
    if tail.endswith(phrases.WROTE_UNSPACED):
        return True, len(body)
    position, last = len(body) - len(tail), None
    for word in tail.split(" "):
        position += len(word) + 1
        # The address may stand right before it: `<ann@x.example>wrote`.
        if word.rpartition(">")[2].strip("(),.;'\"") in phrases.WROTE or word in phrases.WROTE:
            last = min(position, len(body))
    return last == len(body), last


def _ends_with_speech(body: str) -> bool:
    return body[-40:].lower().rpartition(" ")[2] in phrases.SAYS


def _is_writer(words: str) -> bool:
    """Whether the words behind "wrote" can be a name: with an address, in capitals, or a single one."""
    names = words.split()
    if phrases.ADDRESS.search(words):
        return phrases.NAME_AND_ADDRESS.fullmatch(words) is not None or len(names) == 1
    if not names or len(names) > 8:
        return False
    follows = names[-1].lower() in phrases.SAYS
    return follows or len(names) == 1 or not any(name[0].islower() for name in names)


def _is_writer_or_date(words: str) -> bool:
    return _is_writer(words) or (len(words.split()) <= 8 and phrases.DAY.search(words) is not None)


def _is_sure(body: str, *, has_address: bool, dashed: bool) -> bool:
    """Whether a date and "wrote" are the work of a program: a day, and an address or a name and nothing else."""
    head = body.partition("<")[0]
    if not phrases.DAY.search(head):
        return False
    if has_address or dashed or (_end_of_clock(head) and phrases.WROTE_BY_EITHER.search(body)):
        return True
    words = _words_beside_date(head)
    # `Monday, March 3, 2025, 12:34:56 PM, you wrote:` is a program's after all.
    if len(words) == 1 and phrases.EXACT_CLOCK.search(head) and words[0].lower() in phrases.TOLD:
        return True
    return _is_name(words)


def writer_in(words: str) -> str:
    """The name that stands behind the date and "wrote", or alone; nothing if the words are not only a name."""
    names = _words_beside_date(words)
    return " ".join(names) if _is_name(names) else ""


def _words_beside_date(words: str) -> list[str]:
    """The words behind the date and the time, without "wrote" and what programs write beside it."""
    ends = [found.end() for pattern in (phrases.DAY, phrases.CLOCK) for found in pattern.finditer(words)]
    result: list[str] = []
    for word in words[max(ends, default=0) : _LONGEST].translate(_COMMAS).split():
        bare = word.strip(_WORD_ENDS)
        known = {word.lower(), bare.lower()}
        if not any(sign.isalpha() for sign in bare) or not known.isdisjoint(phrases.WROTE | phrases.SAYS):
            continue
        if _ZONE.match(bare):
            continue
        if known.isdisjoint(phrases.BESIDE_WROTE) and bare not in phrases.WROTE_UNSPACED:
            result.append(bare)
    return result


def _is_name(words: list[str]) -> bool:
    """Whether the words are somebody's name: one to five in capitals, or up to three where there are none."""
    if not words or len(words) > 5:
        return False
    first = words[0].lower()
    if first in phrases.TOLD and not (len(words) > 1 and first in phrases.NAMES_TOO):
        return False
    # Where words are not parted by blanks, a name that "wrote" is glued to stands in a sentence of its own; the
    # articles of Arabic and Hebrew, and the ending of a Korean subject, make a word of the name.
    if words[-1].endswith(phrases.WROTE_UNSPACED) or re.match("ال|ה", first) or re.search("[가-힣][이가]$", words[-1]):
        return False
    cased = [word for word in words if word.lower() != word.upper()]
    small = [word for word in cased if word == word.lower()]
    if any(word not in phrases.PARTICLES for word in small) or words[0] in small:
        return False
    return len(words) - len(cased) <= 3


def _is_date_then_writer(body: str, address: int) -> bool:
    """Whether a day, a time, a name and an address follow one another, and nothing else."""
    head = body[:address]
    end = _end_of_clock(head)
    if not end or not phrases.DAY.search(head) or not phrases.NAME_AND_ADDRESS.fullmatch(body, end):
        return False
    # In a log, other words stand between the time to the second and an address.
    words = _words_beside_date(head)
    return not phrases.EXACT_CLOCK.search(head) or not words or '"' in head[end:] or _is_name(words)


def _is_writer_then_date(body: str, address: re.Match[str]) -> bool:
    """Whether a name and an address come first, then "wrote" and the date in whatever order."""
    name, rest = body[: address.start()], body[address.end() :]
    if len(name.split()) > 7 or any(sign in "?!;:=[]{}|" for sign in name) or rest[:1] not in {">", ")"}:
        return False
    clock = _end_of_clock(rest)
    if not clock or not phrases.DAY.search(rest):
        return False
    # Only a time zone and the like may follow the time: a sentence goes on.
    return len(rest[clock:].strip(" ().,")) <= 12 or _verb(rest)[0]


def _end_of_clock(words: str) -> int:
    """Where the last time of day in the words ends; 0 if there is none."""
    return max((clock.end() for clock in phrases.CLOCK.finditer(words)), default=0)
