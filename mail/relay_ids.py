"""What the relay calls a letter that it took: the id in its 250, by which its log and its support find the letter.

Some relays write that id into the Message-ID, in place of ours (Amazon SES does), so an answer to such a letter names
it. There is no standard for the words around it, so: an address in angle brackets (Exchange, Brevo) is the id; else
what stands behind `queued as` or `id=` (Postfix, Exim, SendGrid, Yandex); else the longest word that looks like one,
of at least ten characters with a digit among them, and not digits alone, which are a time (SES, Gmail, sendmail,
SparkPost). Where nothing looks like an id, there is none. Pure.
"""

from __future__ import annotations

import re

_MOST_CHARACTERS = 1000
_LONGEST_ID = 250
_STATUS = re.compile(r"[0-9]{3}[ -]?(?:[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$))?")
_BRACKETS = re.compile(r"<([!-;=?-~]{3,250}@[!-;=?-~]{1,250})>")
_NAMED = re.compile(r"(?:\bqueued\b.{0,100}?\bas|\bid\s?=)\s*<?([A-Za-z0-9][!-;=?-~]{3,249})", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+=-]{9,249}")


def relay_id(reply: str) -> str:
    """The id in a relay's answer to a letter, or nothing."""
    words = _STATUS.sub("", reply[:_MOST_CHARACTERS], count=1)
    if found := _BRACKETS.search(words) or _NAMED.search(words):
        return found[1].rstrip(".,;:)")[:_LONGEST_ID]
    looks_like_one = [word for word in _WORD.findall(words) if _is_id(word)]
    return max(looks_like_one, key=len, default="").rstrip(".")


def _is_id(word: str) -> bool:
    return any(character.isdigit() for character in word) and not word.isdigit()
