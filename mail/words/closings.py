"""Where a closing phrase and a name end a text.

A closing is a farewell (`Kind regards`), or thanks, or a short word that means other things elsewhere (`br`, `tak`).
A farewell with a name below is a signature. Thanks are also how an answer begins, so what stands below them has to be
the writer's name, or at least look like nothing else; a short word needs a comma and the writer's name.
"""

from __future__ import annotations

import unicodedata

from mail.words import farewells, names
from mail.words.footers import paragraphs
from mail.words.writer import Writer, folded

_MOST_LINES = 20
_LONGEST_PHRASE = 120
_MOST_WORDS = 8
_LIST_MARKS = ("- ", "* ", "> ", "# ", "+ ", "\u2022", "\u2013 ", "\u2014 ")


def closing(lines: list[str], filled: list[int], writer: Writer, *, has_text_above: bool) -> int | None:
    """Where the last closing begins, and with it the closings right above."""
    found: int | None = None
    for place in range(len(filled) - 1, max(-1, len(filled) - _MOST_LINES - 1), -1):
        kind, name = read_closing(lines[filled[place]], writer)
        if found is not None and (not kind or kind == "short" or name or not place):
            break
        below = filled[place + 1 :]
        if not kind or (found is None and not _closes(lines, filled[place], kind, name, below, writer)):
            continue
        if kind == "thanks" and not has_text_above and _is_only_greeting(lines, filled[:place], writer, below):
            # Then the thanks are what the mail says.
            if found is not None:
                return found
            return below[0] if below and not name and _is_own_name(lines[below[0]], writer) else None
        found = filled[place]
    return found


def read_closing(line: str, writer: Writer) -> tuple[str, str]:
    """The kind of closing that a line is ("" for none), and the writer's name where it stands behind it."""
    line = line[:_LONGEST_PHRASE].strip(names.DECORATION)
    if not line or line[-1] in "?\uff1f":
        return "", ""
    if kind := _kind(line):
        return kind, ""
    words = line.split()
    for count in range(min(len(words) - 1, _MOST_WORDS), 0, -1):
        head = " ".join(words[:count])
        # `LG Max`: of the short words only abbreviations stand before a name.
        kind = _kind(head) or ("farewell" if len(head) == 2 and folded(head) in farewells.SHORT else "")
        if kind and kind != "short":
            name = " ".join(words[count:]).lstrip(" ,-\u2013\u2014")
            is_his = writer.shares(name) and names.is_name(name) and len(name.split()) <= 4
            return (kind, name) if is_his else ("", "")
    return "", ""


def _kind(line: str) -> str:
    phrase = _bare(line)
    if phrase in farewells.SHORT:
        return "short" if line[-1] in ",-\u2013\u2014" else ""
    if phrase in farewells.THANKS or phrase in farewells.FAREWELLS:
        return "thanks" if phrase in farewells.THANKS else "farewell"
    place = farewells.FROM_PLACE.search(phrase)
    if place and phrase[: place.start()] in farewells.FAREWELLS:
        return "farewell"
    parts = farewells.AND.split(phrase)
    if len(parts) == 2 and all(part in farewells.THANKS or part in farewells.FAREWELLS for part in parts):
        return "thanks" if all(part in farewells.THANKS for part in parts) else "farewell"
    return ""


def _bare(phrase: str) -> str:
    """The phrase without the punctuation, the dashes and the pictures around it."""
    start, end = 0, len(phrase)
    while start < end and _is_ornament(phrase[start]):
        start += 1
    while end > start and _is_ornament(phrase[end - 1]):
        end -= 1
    return " ".join(folded(phrase[start:end]).split())


def _is_ornament(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "PSZC" or sign == "\ufe0f"


def _closes(lines: list[str], number: int, kind: str, name: str, below: list[int], writer: Writer) -> bool:
    """Whether a closing with these lines under it ends a text."""
    line = lines[number].strip(names.DECORATION)
    if name:
        return not _is_anything_said(lines, below)
    below = [lower for lower in below if not names.is_logo(lines[lower])]
    if not below:
        phrase = _bare(line)
        return kind == "farewell" and line[-1] != ":" and (" " in phrase or len(phrase) >= 7)
    first = lines[below[0]].strip(names.DECORATION)
    if _is_own_name(first, writer):
        is_signed = True
    elif kind == "short" or line[-1] in ":\uff1a":
        is_signed = False
    elif kind == "thanks":
        is_signed = names.is_honoured(first) or _looks_signed(line, first, is_next=below[0] == number + 1)
    else:
        is_signed = names.is_name(first)
    return is_signed and not _is_anything_said(lines, below[1:], from_paragraph=below[0])


def _looks_signed(thanks: str, name: str, *, is_next: bool) -> bool:
    """Whether a capitalised word or two under thanks are rather a name than an answer, as far as one can tell."""
    most = 3 if thanks.endswith((",", "\uff0c")) else 2 if thanks.endswith("!") and is_next else 0
    return len(name.split()) <= most and names.is_name(name) and not names.is_caseless(name)


def _is_own_name(line: str, writer: Writer) -> bool:
    """Whether the line is a name that the writer goes by; then a full stop and small letters are his style."""
    line = line.strip(names.DECORATION + ",.!")
    if not writer.shares(line):
        return False
    return names.is_name(line) or (len(line.split()) == 1 and line.isalpha() and len(line) <= 30)


def _is_anything_said(lines: list[str], below: list[int], *, from_paragraph: int = -1) -> bool:
    """Whether there are words of somebody in the lines under a name; in a paragraph of their own they count sooner."""
    first = below[0] if below else 0
    for paragraph in paragraphs(below):
        is_same = paragraph[0] == first and from_paragraph in {-1, first - 1}
        for number in paragraph:
            line = lines[number].strip()
            if line.startswith(_LIST_MARKS) or names.is_said(line, most=4 if is_same else 1):
                return True
    return False


def _is_only_greeting(lines: list[str], above: list[int], writer: Writer, below: list[int]) -> bool:
    if len(above) != 1:
        return False
    line = lines[above[0]].strip(names.DECORATION)
    words = line.split()
    if len(words) > 4 or (names.ends_sentence(line) and line[-1] not in "!\uff01"):
        return False
    # One word with an exclamation mark can be a whole message: then only what leaves the thanks alone is safe.
    return line[-1] not in "!\uff01" or len(words) > 1 or any(writer.shares(lines[number]) for number in below[:1])
