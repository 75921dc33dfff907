"""What was understood of a mail, held against what is expected of it; the keys are told in the corpora's README.

Every expectation is a check of its own: each fragment, each attachment. What a source says about its whole reply is
not judged where `policies` say that it cuts by other rules than ours; its fragments are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.corpora.cases import Case

# Keys that say how to compare, or what their source made of the mail; nothing is judged by them.
_REMARKS = {"compare", "signature"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail as the API shows it: `parsed` of its ledger row, the message that stands in the ticket's conversation,
    whether its bytes came out as they went in, and the SHA-256 of what each attachment's id gives."""

    parsed: dict[str, Any]
    message: str
    is_intact: bool
    attached: dict[int, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: whether it was met, and what was wanted."""

    key: str
    passed: bool
    wanted: str = ""


def judge(case: Case, seen: Seen | None) -> list[Check]:
    """Every check of a case. All of them fail where nothing was seen of the mail.

    Stricter than the README where it lets a fragment stand in the HTML alternative alone: the desk shows one text.
    """
    if seen is None:
        return [Check(key, False, "the mail to be taken and shown") for key, _ in _expected(case)]
    return [Check(key, _is_met(key, wanted, case, seen), str(wanted)) for key, wanted in _expected(case)]


def _expected(case: Case) -> Iterator[tuple[str, Any]]:
    """The expectations that are judged, each fragment for itself."""
    for key, wanted in case.expect.items():
        if key in _REMARKS or (key in {"reply_text", "reply_text_any"} and case.policies):
            continue
        # Of an answer the sender and the subject are ours.
        if case.is_answer and key in {"from", "from_name", "subject", "no_sender", "empty_subject"}:
            continue
        whole = not isinstance(wanted, list) or key.endswith("_any") or key == "bounced"
        yield from [(key, wanted)] if whole else [(key, one) for one in wanted]


def _is_met(key: str, wanted: Any, case: Case, seen: Seen) -> bool:
    parsed, text, mode = seen.parsed, seen.parsed["text"], case.expect.get("compare", "ws")
    visible = seen.message if case.is_answer else parsed["visible"]
    bounce = parsed["bounce"] or {"addresses": [], "permanent": None}
    match key:
        case "accepted":
            return seen.is_intact is wanted
        case "from":
            return _squeezed(parsed["from"]["address"]).lower() == _squeezed(wanted).lower()
        case "from_name":
            return _squeezed(parsed["from"]["name"]) == _squeezed(wanted)
        case "subject":
            return _squeezed(parsed["subject"]) == _squeezed(wanted)
        case "body_contains" | "body_contains_full":
            return _squeezed(wanted) in _squeezed(text)
        case "body_not_contains":
            return _squeezed(wanted) not in _squeezed(text)
        case "body_contains_any":
            return any(all(_squeezed(one) in _squeezed(text) for one in fragments) for fragments in wanted)
        case "body_text":
            return _squeezed(wanted) == _squeezed(text)
        case "reply_text":
            return comparable(visible, mode) == comparable(wanted, mode)
        case "reply_text_any":
            return comparable(visible, mode) in {comparable(one, mode) for one in wanted}
        case "reply_contains":
            return _squeezed(wanted) in _squeezed(visible)
        case "reply_not_contains" | "signature_not_contains":
            return _squeezed(wanted) not in _squeezed(visible)
        case "empty_reply":
            return (not parsed["visible"].strip()) is wanted
        case "empty_body":
            return (not text.strip()) is wanted
        case "empty_subject":
            return (not parsed["subject"].strip()) is wanted
        case "no_sender":
            return (not parsed["from"]["address"]) is wanted
        case "is_auto_reply":
            return parsed["auto_reply"] is wanted
        case "is_automatic":
            return parsed["automatic"] is wanted
        case "is_bounce":
            return (parsed["bounce"] is not None) is wanted
        case "is_temporary":
            return bounce["permanent"] is (not wanted)
        case "bounced":
            return sorted(map(str.lower, bounce["addresses"])) == sorted(map(str.lower, wanted))
        case "attachments":
            return any(_is_attachment(one, wanted, seen) for one in parsed["attachments"])
        case "attachments_count":
            return bool(len(parsed["attachments"]) == wanted)
    raise ValueError(f"{case.suite}/{case.name} expects something unknown: {key}")


def _is_attachment(found: dict[str, Any], wanted: dict[str, Any], seen: Seen) -> bool:
    names = {"name": "name", "size": "size_bytes", "sha256": "sha256", "inline": "inline"}
    are_true = seen.attached[found["id"]] == found["sha256"]
    return are_true and all(found[names[key]] == value for key, value in wanted.items())


def _squeezed(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def comparable(text: str, mode: str) -> str:
    """A text as it is compared: `ws`, `nows` or `md`."""
    if mode == "nows":
        return "".join(unicodedata.normalize("NFC", text).split())
    if mode == "md":
        text = re.sub(r"[*_#]", "", text)
    lines = (line for line in text.splitlines() if line.strip("-_=* \t"))
    return _squeezed("\n".join(lines))
