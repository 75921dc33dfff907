"""The open corpora: real mails with what is expected of them, read from a folder beside the checkout.

Nothing of them is part of this project; where the folder is missing, nothing is judged. Its own README tells the
format. A case becomes a mail to be delivered here: with a Message-ID of its own, because theirs repeat, and for an
answer with the ticket's ID in the Subject and the customer in From. No other byte is touched.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "shared" / "corpora"
MISSING = f"the open corpora are not there: {FOLDER}"
# An mbox separator, or empty lines, that somebody left at the top of a mail: its header begins behind them.
_BEFORE_HEADER = re.compile(rb"[\r\n]*(?:>?From [^\n]*\n)?")
_FIELD = rb"^%s[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"


@dataclass(frozen=True, slots=True)
class Case:
    """One real mail and what is expected of it. `policies` are the rules in which its source and we may differ."""

    suite: str
    name: str
    raw: bytes
    expect: dict[str, Any]
    is_answer: bool
    policies: frozenset[str]


def suites() -> list[str]:
    """The names of the suites, in order; none where the folder is missing."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def cases(suite: str) -> list[Case]:
    """All cases of a suite, in their order."""
    with (FOLDER / f"{suite}.jsonl").open(encoding="utf-8") as lines:
        return [_case(suite, json.loads(line)) for line in lines if line.strip()]


def _case(suite: str, line: dict[str, Any]) -> Case:
    meta = line.get("meta", {})
    return Case(
        suite=suite,
        name=line["case"],
        raw=base64.b64decode(line["raw_b64"]),
        expect=line["expect"],
        is_answer=meta.get("deliver") == "reply",
        policies=frozenset(meta.get("policy") or ()),
    )


def with_message_id(raw: bytes, message_id: str) -> bytes:
    """The mail under another Message-ID."""
    return with_field(raw, b"Message-ID", f"<{message_id}>".encode())


def as_answer(raw: bytes, *, customer: str, ticket_id: int) -> bytes:
    """The mail as that customer's answer: the ticket's ID stands behind what the Subject says."""
    subject = b"Re: your ticket"
    if found := _field(b"Subject").search(_header(raw)):
        subject = found[0].partition(b":")[2].strip()
    raw = with_field(raw, b"Subject", subject + b" [#%d]" % ticket_id)
    return with_field(raw, b"From", customer.encode())


def with_field(raw: bytes, name: bytes, value: bytes) -> bytes:
    """The mail with this one header field of that name, at the top; its lines end as the others do."""
    header = _header(raw)
    body = raw[_header_start(raw) + len(header) :]
    line_end = b"\r\n" if b"\r\n" in raw else b"\n" if b"\n" in raw else b"\r"
    return raw[: _header_start(raw)] + name + b": " + value + line_end + _field(name).sub(b"", header) + body


def _field(name: bytes) -> re.Pattern[bytes]:
    return re.compile(_FIELD % re.escape(name), re.IGNORECASE | re.MULTILINE)


def _header_start(raw: bytes) -> int:
    match = _BEFORE_HEADER.match(raw)
    return match.end() if match else 0


def _header(raw: bytes) -> bytes:
    """The header's lines, without the empty line under them."""
    start = _header_start(raw)
    blank = re.compile(rb"^\r?$", re.MULTILINE).search(raw, start)
    return raw[start : blank.start() if blank else len(raw)]
