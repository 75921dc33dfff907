"""What a trusted server says of the sender: the verdict of its Authentication-Results (RFC 8601).

Believed only when the road may bring it (a trusted relay) and an authserv-id is configured; then the top-most such
field with that id counts and no other, because everything below it may have been written by the sender. Only an
aligned result is a verdict: DMARC, whose `header.from`, where given, must be the domain of the sender. SPF or DKIM
alone say nothing about the From that people see.
"""

from __future__ import annotations

import re

from gateway.model import Verdict
from mail.fields import read_fields

_FIELD_LIMIT_BYTES = 65_536
_MOST_FIELDS = 1000
_WORD = re.compile(r"[a-z0-9._-]{1,255}")
_DMARC = re.compile(r"^dmarc\s*=\s*([a-z]+)")
_HEADER_FROM = re.compile(r"\bheader\.from\s*=\s*\"?(?:[^\s\"@;]*@)?([^\s\";]+)")


def verdict(raw: bytes, *, sender: str, authserv_id: str, trusted: bool) -> Verdict:
    """The verdict on `sender` (an address). `authserv_id` empty or `trusted` false: none."""
    if not authserv_id or not trusted or not sender:
        return Verdict.NONE
    for number, (name, value, _) in enumerate(read_fields(raw)):
        if number > _MOST_FIELDS:
            break
        if name != "authentication-results":
            continue
        words = _plain_words(value[:_FIELD_LIMIT_BYTES].decode("ascii", "replace").lower())
        first, *results = words.split(";")
        if first.split()[:1] != [authserv_id]:
            continue
        if len(value) > _FIELD_LIMIT_BYTES:
            # It is the one that counts, and too long to be read: then nothing is known, whatever stands below it.
            return Verdict.NONE
        return _judge(results, sender.rpartition("@")[2].lower())
    return Verdict.NONE


def _judge(results: list[str], domain: str) -> Verdict:
    for result in results:
        if found := _DMARC.match(result.strip()):
            claimed = _HEADER_FROM.search(result)
            if claimed and claimed[1] != domain:
                return Verdict.NONE
            return {"pass": Verdict.PASS, "fail": Verdict.FAIL}.get(found[1], Verdict.NONE)
    return Verdict.NONE


def _plain_words(text: str) -> str:
    """The text without its (nested) comments and quoted strings, whose words are the sender's and not the verifier's.

    A quoted string that is a plain word is that word; any other becomes `?`. A comment or a quoted string that never
    ends takes the rest with it.
    """
    depth, quoted, kept = 0, None, []
    characters = iter(text)
    for character in characters:
        if character == "\\" and (depth or quoted is not None):
            next(characters, "")
            quoted = None if quoted is None else quoted + "?"
        elif quoted is not None:
            if character == '"':
                kept.append(quoted if _WORD.fullmatch(quoted) else "?")
                quoted = None
            else:
                quoted += character
        elif character == "(":
            depth += 1
        elif depth:
            depth -= character == ")"
        elif character == '"':
            quoted = ""
        else:
            kept.append(character)
    return "".join(kept)
