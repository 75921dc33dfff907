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

_FIELD_LIMIT_BYTES = 4096
_MOST_FIELDS = 1000
_DMARC = re.compile(r"^dmarc\s*=\s*([a-z]+)")
_HEADER_FROM = re.compile(r"\bheader\.from\s*=\s*\"?(?:[^\s\"@;]*@)?([^\s\";]+)")


def verdict(raw: bytes, *, sender: str, authserv_id: str, trusted: bool) -> Verdict:
    """The verdict on `sender` (an address). `authserv_id` empty or `trusted` false: none."""
    if not authserv_id or not trusted or not sender:
        return Verdict.NONE
    for number, (name, value, _) in enumerate(read_fields(raw)):
        if number > _MOST_FIELDS:
            break
        if name != "authentication-results" or len(value) > _FIELD_LIMIT_BYTES:
            continue
        first, *results = _without_comments(value.decode("ascii", "replace").lower()).split(";")
        if first.split()[:1] != [authserv_id]:
            continue
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


def _without_comments(text: str) -> str:
    """The text without its (nested) comments; one that never ends takes the rest with it."""
    depth, kept = 0, []
    for character in text:
        if character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(character)
    return "".join(kept)
