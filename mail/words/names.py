"""What the lines of a signature look like: names, ways to reach somebody, titles; and what a sentence looks like.

Names are told by their capitals. Many scripts have none; there a name is a short line without the signs and endings of
a sentence. In doubt a line is somebody's words, and no name.
"""

from __future__ import annotations

import re

from mail.words import farewells
from mail.words.writer import UNSPACED, folded

DECORATION = " \t\xa0*_"
_SENTENCE_ENDS = ".!?\u3002\uff01\uff1f\u061f\u0964"
_CLAUSE_SIGNS = re.compile(r"[.,!?:;\u3001\u3002\uff0c\uff01\uff1f\u060c\u061b\u061f\u0964]")
_UNSPACED_ENDS = re.compile(r"(?:です|ます|した|ません|ください|た|다|요|니다|까|了|吗|吧|呢|的)$")
# What follows a name in Japan and Korea, and says that it is one.
_HONOURS = re.compile(r"\s?(?:드림|올림|拝|より|敬上|謹啓)$")
_FIRM = re.compile(r"会社|公司|株式|事務所|주식회사|(?:部|課|科|店|팀|부)$")
# A point that ends no sentence: `Ph.D.`, `J.`, `Ltd.`
_SHORTENED = re.compile(
    r"(?:^|\s)(?:(?:\w{1,4}\.){2,4}|[A-ZА-Я]\.|(?:jr|sr|inc|ltd|co|corp|esq|ing|dr|llc|bhd|pty|kg)\.)$", re.I
)
_PARTS = re.compile(r"\s+[-\u2013\u2014/]\s+|\s*[|\u2022\u00b7]\s*")
_LOGO = re.compile(r"\[[^\[\]]{1,60}\]")
_CONTACT = re.compile(
    r"(?:[^\W\d_][\w. ()/-]{0,14}[.:\uff1a]{1,2} ?)?(?:[^@\s]+@[^@\s]+\.\w+|https?://\S+|www\.\S+)"
    r"|(?:[^\W\d_][\w. ()/-]{0,14}[.:\uff1a]{1,2} ?|[^\W\d_]{1,6} ?)?\+?[\d(][\d\s().+/-]{5,24}\d"
)


def is_contact(line: str) -> bool:
    """Whether the line is nothing but addresses and numbers, each behind its label."""
    parts = [part for part in _PARTS.split(line[:200].strip(DECORATION + "<>|")) if part]
    return bool(parts) and all(_CONTACT.fullmatch(part) is not None for part in parts)


def is_logo(line: str) -> bool:
    return _LOGO.fullmatch(line.strip()) is not None


def ends_sentence(line: str) -> bool:
    line = line.rstrip(DECORATION)
    return line.endswith(tuple(_SENTENCE_ENDS)) and not _SHORTENED.search(line)


def is_name(line: str) -> bool:
    """Whether the line can be a name; behind a | or a dash its title may follow."""
    line = line.strip(DECORATION)
    if len(line) > 100 or ends_sentence(line):
        return False
    head, *titles = [part for part in _PARTS.split(line) if part] or [""]
    if any(small_words(title) > 2 or ends_sentence(title) for title in titles):
        return False
    return _is_bare_name(head.strip(",. " + DECORATION))


def _is_bare_name(line: str) -> bool:
    words = line.split()
    if not 0 < len(words) <= 5 or len(line) > 60 or any(sign.isdigit() for sign in line):
        return False
    if is_caseless(line):
        return is_caseless_name(line)
    begins_like_one = line[:1].isalpha() and not line[:1].islower()
    return begins_like_one and small_words(line) == 0 and not is_answer(line)


def is_answer(line: str) -> bool:
    """Whether the line is what people answer in a word: `Approved`, `Ja`."""
    words = folded(line).strip(" .,!-\u2013\u2014*_").split()
    return len(words) <= 3 and any(word.strip(",.!") in farewells.ANSWERS for word in words)


def is_caseless(line: str) -> bool:
    """Whether a letter of the line has no case."""
    return any(sign.isalpha() and sign.lower() == sign.upper() for sign in line)


def is_honoured(line: str) -> bool:
    """Whether the line says itself that it is a name, as `김철수 드림` does."""
    line = line.strip(DECORATION)
    return _HONOURS.search(line) is not None and is_caseless_name(line)


def is_caseless_name(line: str) -> bool:
    """Whether a line in a script without capitals is short enough for a name, and no clause."""
    line = _HONOURS.sub("", line.strip(DECORATION))
    if not line or _CLAUSE_SIGNS.search(line) or _UNSPACED_ENDS.search(line):
        return False
    if UNSPACED.search(line):
        return 2 <= len("".join(line.split())) <= 6
    return len(line.split()) <= 3


def small_words(line: str) -> int:
    """How many words begin small and are no part of names."""
    words = (word.strip(",.;:()") for word in line.split())
    return sum(word[:1].islower() and folded(word) not in farewells.PARTICLES for word in words)


def is_said(line: str, *, most: int) -> bool:
    """Whether somebody says this, rather than it being a title, a firm, or a street. `most` words may begin small."""
    line = line.strip(DECORATION)
    if not line or is_contact(line) or is_logo(line):
        return False
    if line[-1] in "?\uff1f\u061f" or len(line) > 100:
        return True
    if is_caseless(line):
        is_title = _FIRM.search(line) is not None and len(line) <= 25 and not _UNSPACED_ENDS.search(line)
        return not is_title and not line[0].isdigit() and not is_caseless_name(line)
    if any(
        folded(word).strip(",.!;:()") in farewells.SAYS for word in line.split() if len(word) == 1 or not word.isupper()
    ):
        return True
    small = small_words(line)
    if ends_sentence(line) and (small >= 2 or line[-1] == "!"):
        return True
    return small > (2 if line[0].islower() else most) or small > most
