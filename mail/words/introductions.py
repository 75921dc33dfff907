"""Whether lines of text introduce a quoted mail: `On ... Ann wrote:`, in the languages of `phrases`.

An introduction is *sure* when a day and a time, an address or a day of the week stand in it where mail programs put
them: then everything below it may be taken for the quote. Without those it is a sentence that anybody may write (`He
wrote:`), and counts only above lines with `>`. Lines come in as `phrases.legible` leaves them.

Forms: a date and "wrote" (`On 3 Mar 2025 Ann wrote:`, `Am 3.3.2025 schrieb Ann:`); a date and then a name with an
address (`пн, 3 мар. 2025 г. в 12:34, Ann <a@x.example>:`); a name with an address and then the date (`Ann
<a@x.example>, 3 Mar 2025, 12:34 tarihinde şunu yazdı:`). Programs wrap them, some with blank lines in between.
"""

from __future__ import annotations

import re

from mail.words import phrases

DASHES = " -_*=~\t\u2013\u2014"
LONGEST_LINE = 400
_MOST_LINES = 6
_LONGEST = 600
_BESIDE_WROTE = frozenset(("a", "ha", "hat", "heeft", "je", "har", "va", "đã"))
# How a line ends that can be the last one of an introduction; `<` and `(` go on in the next line.
_ENDS = frozenset(":>-_*)")


def introduction(lines: list[str], number: int, *, is_alone: bool = False) -> tuple[int, bool] | None:
    """Where an introduction that starts at this line ends, and whether it is sure; None where there is none.

    `is_alone`: every line below that could start an introduction is taken to start one.
    """
    first = lines[number].strip()
    is_open = opens(first)
    most = _MOST_LINES if is_open or ("@" in first[:200] and ("<" in first or "(" in first)) else 1
    joined = ""
    unsure: tuple[int, bool] | None = None
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
        is_sure = _introduces(joined, is_open=is_open) if line[-1] in _ENDS else None
        if is_sure or (is_sure is not None and line[-1] == ":"):
            return place, is_sure
        if line[-1] == ":":
            break
        if is_sure is not None:
            unsure = place, False
    return unsure


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


def _introduces(joined: str, *, is_open: bool) -> bool | None:
    """Whether the statement introduces a quote: surely, perhaps, or not at all."""
    bare = joined.strip(DASHES)
    dashed = joined[0] in "-_" and joined[-1] in "-_"
    body = bare.rstrip(" :")
    if not body or not (dashed or bare.endswith(":")):
        # An old form of Gmail has no colon; lines of logs look like it.
        is_old_form = phrases.BEGINS_WITH_DATE.match(bare) and phrases.NAME_AND_ADDRESS.search(bare[-400:])
        return False if is_old_form else None
    address = phrases.ADDRESS.search(body)
    ends_in_verb, verb = _verb(body)
    if is_open and _has_date_soon(bare):
        if ends_in_verb or (verb is not None and _is_writer(body[verb:])):
            return _is_sure(body, has_address=address is not None, dashed=dashed)
        if address and _is_date_then_writer(body, address.start()):
            return True
        if address and _ends_with_speech(body):
            return _is_sure(body, has_address=True, dashed=dashed)
    elif address and (ends_in_verb or verb is not None) and _is_writer_then_date(body, address):
        return True
    is_perhaps = ends_in_verb or _ends_with_speech(body) or (verb is not None and _is_writer_or_date(body[verb:]))
    return False if is_perhaps or (address and bare.endswith(">:")) else None


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
    return follows or len(names) == 1 or all(name[0].isupper() or not name[0].isalpha() for name in names)


def _is_writer_or_date(words: str) -> bool:
    return _is_writer(words) or (len(words.split()) <= 8 and phrases.DAY.search(words) is not None)


def _is_sure(body: str, *, has_address: bool, dashed: bool) -> bool:
    """Whether a date and "wrote" are the work of a program: a day, and a time or an address or a day of the week."""
    head = body.partition("<")[0]
    clock = _end_of_clock(head)
    if not has_address and clock and _is_told(head[clock:]):
        return False
    first = body.lstrip(DASHES).split(None, 2)
    names_weekday = any(word.lower().rstrip(".,") in phrases.WEEKDAYS for word in first[:2])
    day = phrases.DAY.search(head)
    return day is not None and bool(clock or has_address or names_weekday or dashed or _is_only_name(head[day.end() :]))


def _is_told(words: str) -> bool:
    """Whether a person tells who wrote (`the technician`, `your colleague Bob`), as no program does."""
    names = words.split()
    return len(names) > 12 or any(name.strip(",") in phrases.TOLD for name in names)


def _is_only_name(words: str) -> bool:
    """Whether there is nothing but a name beside "wrote"."""
    names = [name for name in words.replace(",", " ").split() if name.lower() not in phrases.WROTE | _BESIDE_WROTE]
    return 0 < len(names) <= 4 and "I" not in names and all(name[0].isupper() for name in names)


def _is_date_then_writer(body: str, address: int) -> bool:
    """Whether a day, a time, a name and an address follow one another, and nothing else."""
    head = body[:address]
    end = _end_of_clock(head)
    return bool(end and phrases.DAY.search(head) and phrases.NAME_AND_ADDRESS.fullmatch(body, end))


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
