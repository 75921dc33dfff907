"""The plain text of an answer, taken apart: what is new, what is quoted, what is a signature.

Policy. The text is read line by line from the top. A line that introduces a quote (`On ... wrote:` in many
languages, a block of From/Sent/To/Subject lines, `-----Original Message-----`, the first line of our own mail)
starts a quote: with `>` lines under it the quote ends where they end, without them it goes on to the end. Lines with
`>` are quotes on their own. Then:

- where somebody answered between quoted lines, everything down to the last answer stays visible;
- a forwarded mail is what the writer wants to show and stays visible;
- a signature (`-- `, "Sent from my ...", a closing phrase and a name) is cut only if it ends its stretch of text;
- where nothing new is left, the whole text is visible. Every line ends up in exactly one of the three.

Every pattern is anchored and looks at one line, or at a few short lines joined, so that the time is linear; over
256 kB everything is visible. Known weakness: an answer in another colour inside an unmarked quote is taken for quote.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import quotequail

from mail import labels, phrases

LONGEST_TEXT = 262_144
OWN_FIRST_LINE = "support has reply to yor ticket:"
_LONGEST_INTRO_LINE = 400
_MOST_INTRO_LINES = 4
_LONGEST_SIGNATURE = 20
_MOST_LINES_FOR_QUOTEQUAIL = 300

_WORD = re.compile(r"[^\W_]")
_QUOTED = re.compile(r"\s{0,3}>(?!From )")
_DASHES = " -_*=~\t\u2013\u2014"


@dataclass(frozen=True, slots=True)
class _Quote:
    """Lines `start` to `end` (not included); `introduced` by a line of a mail program, `marked` with > or not."""

    start: int
    end: int
    introduced: bool
    marked: bool


def split_reply(text: str) -> tuple[str, str, str]:
    """The text as (visible, quoted, signature). Every line is in exactly one of them."""
    if len(text) > LONGEST_TEXT:
        return text, "", ""
    lines = _with_shared_lines_split(text.split("\n"))
    quotes = _quotes(lines) or _known_to_quotequail(lines)
    kinds = ["new"] * len(lines)
    last_new = -1
    stretches = _stretches(quotes, len(lines))
    answered: list[bool] = []
    for start, end in stretches:
        signature = _signature_start(lines, start, end, has_text_above=last_new >= 0)
        kinds[signature:end] = ["signature"] * (end - signature)
        written = [number for number in range(start, signature) if _WORD.search(lines[number])]
        answered.append(bool(written))
        last_new = written[-1] if written else last_new
    for quote in quotes:
        kinds[quote.start : quote.end] = ["quoted"] * (quote.end - quote.start)
    if _is_answered_inside(quotes, answered):
        kinds[: last_new + 1] = ["new"] * (last_new + 1)
    if last_new < 0:
        return text, "", ""
    parts = ("\n".join(line for line, kind in zip(lines, kinds, strict=True) if kind == part) for part in _PARTS)
    visible, quoted, signature_text = (part.strip("\n") for part in parts)
    return visible, quoted, signature_text


_PARTS = ("new", "quoted", "signature")


def _stretches(quotes: list[_Quote], count: int) -> list[tuple[int, int]]:
    """The lines before, between and after the quotes; always one more than there are quotes."""
    starts = [0, *(quote.end for quote in quotes)]
    ends = [*(quote.start for quote in quotes), count]
    return list(zip(starts, ends, strict=True))


def _is_answered_inside(quotes: list[_Quote], answered: list[bool]) -> bool:
    """Whether somebody wrote between quoted lines, or under lines that he had picked out himself."""
    marked = [number for number, quote in enumerate(quotes) if quote.marked]
    if any(answered[number + 1] for number in range(marked[0], marked[-1])) if marked else False:
        return True
    return any(not quotes[number].introduced and answered[number + 1] for number in marked)


def _with_shared_lines_split(lines: list[str]) -> list[str]:
    """Some programs put `On ... wrote:` right behind the last word of the answer."""
    if not any(line.endswith("wrote:") for line in lines):
        return lines
    result: list[str] = []
    for line in lines:
        if line.endswith("wrote:") and len(line) <= _LONGEST_INTRO_LINE and not phrases.OPENING.match(line.strip()):
            found = phrases.SHARED_LINE.search(line)
            if found and not _QUOTED.match(line) and found.start() > 0:
                result += [line[: found.start()], line[found.start() :].lstrip()]
                continue
        result.append(line)
    return result


def _quotes(lines: list[str]) -> list[_Quote]:
    quotes: list[_Quote] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if _QUOTED.match(line):
            end = _end_of_marked(lines, number)
            quotes.append(_Quote(number, end, introduced=False, marked=True))
            number = end
            continue
        bare = line.strip()
        if not bare:
            number += 1
            continue
        if is_forward_line(bare):
            break
        if _starts_original(bare) or _is_header_block(lines, number):
            quotes.append(_Quote(_with_rule_above(lines, number), len(lines), introduced=True, marked=False))
            break
        if introduction := _introduction(lines, number):
            end, is_sure = introduction
            below = next((place for place in range(end, min(end + 5, len(lines))) if lines[place].strip()), end)
            if below < len(lines) and _QUOTED.match(lines[below]):
                end = _end_of_marked(lines, below)
                quotes.append(_Quote(number, end, introduced=True, marked=True))
                number = end
                continue
            if is_sure:
                quotes.append(_Quote(number, len(lines), introduced=True, marked=False))
                break
        number += 1
    # What is quoted above the quote that a mail program introduced is what the writer himself wants to show.
    introduced = [place for place, quote in enumerate(quotes) if quote.introduced]
    return quotes[introduced[0] :] if introduced and not quotes[0].introduced else quotes


def _end_of_marked(lines: list[str], start: int) -> int:
    """Where a quote with > ends; blank lines and the torn-off ends of long lines belong to it."""
    end = number = start + 1
    while number < len(lines):
        line = lines[number]
        if _QUOTED.match(line) or (line.strip() and _is_torn_off(lines, number)):
            end = number + 1
        elif line.strip():
            break
        number += 1
    return end


def _is_torn_off(lines: list[str], number: int) -> bool:
    """Whether the line is the end of the quoted line above, which some program wrapped without a new >."""
    above, line = lines[number - 1], lines[number]
    if not _QUOTED.match(above):
        return False
    if phrases.LONE_LINK.match(line):
        return True
    opened = above.rfind("(", -_LONGEST_INTRO_LINE) > above.rfind(")", -_LONGEST_INTRO_LINE)
    closing = line.find(")", 0, _LONGEST_INTRO_LINE)
    if opened and closing >= 0 and "(" not in line[:closing]:
        return True
    between = number + 1 < len(lines) and _QUOTED.match(lines[number + 1]) is not None
    return between and len(above) >= 55 and len(line) < len(above)


def _starts_original(bare: str) -> bool:
    lowered = bare.lower() if len(bare) <= 120 else ""
    if lowered.startswith(OWN_FIRST_LINE):
        return True
    return "-" in lowered[:4] and lowered.strip(_DASHES + ":") in labels.ORIGINAL


def is_forward_line(line: str) -> bool:
    """Whether the line announces a forwarded mail below it."""
    bare = line.strip()
    if len(bare) > 120 or not (bare[-1:] in {":", "-", "_", "*"} or bare[:1] in {"-", "_"}):
        return False
    return labels.FORWARDED.fullmatch(bare.strip(_DASHES + ":")) is not None


def _introduction(lines: list[str], number: int) -> tuple[int, bool] | None:
    """Where an introduction that starts here ends, and whether it is sure to be one without > lines below it."""
    joined = ""
    for count in range(min(_MOST_INTRO_LINES, len(lines) - number)):
        line = lines[number + count].strip()
        if not line or len(line) > _LONGEST_INTRO_LINE or (count and _QUOTED.match(line)):
            return None
        joined += line if joined.endswith("<") or not joined else f" {line}"
        if (is_sure := _introduces(joined)) is not None:
            return number + count + 1, is_sure
        if not count and not phrases.OPENING.match(line.lstrip(_DASHES)):
            return None
    return None


def _introduces(line: str) -> bool | None:
    """Whether the line introduces a quote: surely, perhaps (then > lines must follow), or not at all."""
    if line[-1] not in ":\uff1a>-*":
        return None
    bare = line.strip(_DASHES)
    ends_in_colon = bare.endswith((":", "\uff1a"))
    dashed = line[0] in "-_" and line[-1] in "-_"
    ending = bare[-80:].rstrip(" :\uff1a").lower()
    says = ending.endswith(phrases.VERBS) and (ends_in_colon or dashed)
    address = phrases.ENDS_WITH_ADDRESS.search(bare, max(0, len(bare) - 330)) is not None
    if not says and ends_in_colon and phrases.OPENING.match(bare):
        says = phrases.WROTE_THEN_NAME.search(bare[-200:-1]) is not None
    if not says and not (address and (ends_in_colon or phrases.DATE_FIRST.match(bare))):
        return None
    return bool(phrases.HAS_DATE.search(bare)) and (dashed or phrases.OPENING.match(bare) is not None)


def _known_to_quotequail(lines: list[str]) -> list[_Quote]:
    """A second opinion where we found nothing; asked for short lines only, since its patterns are not linear."""
    short = itertools.takewhile(lambda line: len(line) <= _LONGEST_INTRO_LINE, lines[:_MOST_LINES_FOR_QUOTEQUAIL])
    head = "\n".join(short)
    found = quotequail.unwrap(head)
    if found is None or found["type"] != "reply" or not found.get("text_top"):
        return []
    above, below = (part for _, part in quotequail.quote(head, limit=len(lines) + 1, quote_intro_line=True))
    if not phrases.HAS_DATE.search(below[:_LONGEST_INTRO_LINE].partition("\n")[0]):
        return []
    return [_Quote(above.count("\n") + 1, len(lines), introduced=True, marked=False)]


def _label(line: str) -> str:
    """What kind of header line this is in a block that a mail program writes above a quote, or nothing."""
    head, colon, _ = line[:60].replace("\uff1a", ":").partition(":")
    return labels.LABELS.get(head.strip(" \t\xa0*_").lower(), "") if colon else ""


def _is_header_block(lines: list[str], number: int) -> bool:
    """Whether a From/Sent/To/Subject block starts here.

    Three kinds of lines and among them a subject or an address; or two, if a time and an address are in them, which
    no list of a customer's own is likely to have.
    """
    if _label(lines[number]) not in {"from", "sent", "subject"}:
        return False
    kinds: set[str] = set()
    has_address = has_time = False
    strange = 0
    for line in lines[number : number + 14]:
        if kind := _label(line):
            line = line[:1000]
            kinds |= {
                kind,
                *(labels.LABELS.get(word[:-1].lower(), kind) for word in line.split() if word.endswith(":")),
            }
            has_address = has_address or ("@" in line and kind in {"from", "to"})
            has_time = has_time or ("sent" in kinds and phrases.HAS_TIME.search(line) is not None)
            strange = 0
        else:
            strange += 1
            if strange > 2:
                break
    if len(kinds) >= 3 and "from" in kinds and ("subject" in kinds or has_address):
        return True
    return has_time and has_address and bool(kinds & {"from", "to"})


def _with_rule_above(lines: list[str], number: int) -> int:
    """The line number of a rule of dashes right above, which belongs to the quote; else the number itself."""
    above = number - 1
    while above >= max(0, number - 3) and not lines[above].strip():
        above -= 1
    if above >= 0 and len(lines[above].strip()) >= 5 and not lines[above].strip(_DASHES):
        return above
    return number


def _signature_start(lines: list[str], start: int, end: int, *, has_text_above: bool) -> int:
    """Where the signature at the end of a stretch of new text begins; `end` if there is none."""
    filled = [number for number in range(start, end) if lines[number].strip()]
    first = next((number for number in filled if _WORD.search(lines[number])), end)
    for find in (_list_footer, _device_line, _delimiter, _closing, _dash_name, _contact_block):
        found = find(lines, [number for number in filled[-_LONGEST_SIGNATURE - 1 :] if number < end])
        # What would leave nothing of the whole text is no signature.
        if found is not None and (found > first or has_text_above):
            end = found
    return end


def _list_footer(lines: list[str], filled: list[int]) -> int | None:
    for place, number in enumerate(filled):
        below = filled[place + 1 :]
        if phrases.LIST_FOOTER.match(lines[number].strip()) and 0 < len(below) <= 10:
            return number if any("@" in lines[line] or "http" in lines[line] for line in below) else None
    return None


def _device_line(lines: list[str], filled: list[int]) -> int | None:
    for number in filled[-4:]:
        bare = lines[number].strip().strip("*_<>")
        is_sentence = bare.endswith(".") and not phrases.DEVICE.search(bare)
        if len(bare) <= 100 and not is_sentence and phrases.SENT_WITH.match(bare):
            return number
    return None


def _delimiter(lines: list[str], filled: list[int]) -> int | None:
    for place, number in enumerate(filled):
        if lines[number].rstrip() in {"--", "\u2014"}:
            return number
        if lines[number].rstrip() == "---" and len(filled) - place <= 7:
            return number
        if phrases.RULE.fullmatch(lines[number].strip()):
            below = [lines[line].strip() for line in filled[place + 1 :]]
            if sum(phrases.CONTACT.fullmatch(line) is not None for line in below) >= 2 and max(map(len, below)) <= 60:
                return number
    return None


def _closing(lines: list[str], filled: list[int]) -> int | None:
    """The last closing phrase alone on its line, with a name and a few short lines under it."""
    found: int | None = None
    for place in range(len(filled) - 2, max(-1, len(filled) - 9), -1):
        is_closing = lines[filled[place]].strip(" \t*_,.!;\u2013-").lower() in phrases.CLOSINGS
        if found is None:
            below = [lines[number].strip(" \t*_") for number in filled[place + 1 :]]
            is_closing = is_closing and all(len(line) <= 70 and "?" not in line for line in below)
            if is_closing and _is_name(below[0]):
                found = filled[place]
        elif is_closing and place:
            found = filled[place]
        else:
            break
    return found


def _is_name(line: str) -> bool:
    words = line.strip(",.").split()
    return 0 < len(words) <= 4 and line[:1].isupper() and not any(sign.isdigit() for sign in line)


def _dash_name(lines: list[str], filled: list[int]) -> int | None:
    if len(filled) < 2 or lines[filled[-2]].lstrip().startswith(("-", "*", "\u2013")):
        return None
    return filled[-1] if phrases.SIGNED.fullmatch(lines[filled[-1]].strip()) else None


def _contact_block(lines: list[str], filled: list[int]) -> int | None:
    """A last paragraph of short lines, a name first and then ways to reach its owner, that nothing above announces."""
    block = [number for number in filled if number > filled[-1] - 8] if filled else []
    for place in range(len(block) - 1, 0, -1):
        if block[place] - block[place - 1] > 1:
            block = block[place:]
            break
    above = filled[: len(filled) - len(block)]
    words = [lines[number].strip(" \t*_") for number in block]
    if len(words) < 3 or not above or lines[above[-1]].rstrip().endswith(":") or block[0] - above[-1] < 2:
        return None
    contacts = sum(phrases.CONTACT.fullmatch(line) is not None for line in words)
    is_signature = contacts >= 2 and _is_name(words[0]) and all(len(line) <= 60 for line in words)
    return block[0] if is_signature else None
