"""The words by which somebody is known: his name in the From field, and the part of his address before the @.

A line under a mail that shares a word with them is his name; without that, a name is only guessed. Both sides are
compared folded, so that `JÖRG`, `jorg` and `joerg` are the same. Chinese, Japanese and Korean names have no blanks
between their words: there two signs in a row must be the same.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from gateway.model import Mailbox

_LONGEST = 200
_WORD = re.compile(r"[^\W\d_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
# Offices, not people: before the @ they say nothing, and under a mail they may mean ours.
_OFFICES = frozenset(("info", "mail", "email", "office", "support", "service", "team", "kontakt", "contact", "admin"))


def folded(text: str) -> str:
    """The text as the tables are compared: without case, also the Turkish one, whose capital İ has two small signs."""
    return unicodedata.normalize("NFC", text).casefold().replace("i\u0307", "i").replace("\u0131", "i")


class Writer:
    """Who wrote a mail, as far as its lines can show it."""

    def __init__(self, mailbox: Mailbox) -> None:
        name = mailbox.name[:_LONGEST]
        local_part = mailbox.address.partition("@")[0] or name.rpartition("@")[0].rpartition("<")[2]
        # What begins small inside a name is no name by itself: `de`, `von`.
        own = name.partition("<")[0].split()
        own = [word for word in own if not word[0].islower()] or own
        self._names = {word for word in _spellings(" ".join(own)) if len(word) > 1} - _OFFICES
        self._parts = {word for word in _spellings(local_part) if len(word) > 2} - _OFFICES
        self._unspaced = set(_pairs(folded(name)))

    def shares(self, line: str) -> bool:
        """Whether a word of the line is one of his."""
        words = _spellings(line)
        if not words.isdisjoint(self._names | self._parts) or not self._unspaced.isdisjoint(_pairs(line[:_LONGEST])):
            return True
        # `Alex` for Alexander; `doe` in jdoe, `ann` in annlee.
        long = tuple(word for word in words if len(word) >= 3)
        is_beginning = any(known.startswith(long) for known in self._names | self._parts)
        return is_beginning or any(part.endswith(long) for part in self._parts)


def _spellings(text: str) -> set[str]:
    """The words of the text, as they are and without their accents, in both ways of writing an umlaut."""
    text = folded(text[:_LONGEST])
    plain = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return {word for spelling in (text, plain, text.translate(_UMLAUTS)) for word in _WORD.findall(spelling)}


def _pairs(text: str) -> list[str]:
    return [first + second for first, second in pairwise(UNSPACED.findall(text))]
