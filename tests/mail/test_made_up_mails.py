"""Every mail in tests/data is understood as the file beside it says; see the README there."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.model import AttachmentInfo, InboundMessage
from mail.parse import attachment_bytes, parse_message

DATA = Path(__file__).parent.parent / "data"
MAILS = sorted(DATA.rglob("*.eml"))
KEYS = {
    *("rule", "why", "from", "from_name", "subject", "text", "visible", "quoted", "signature", "text_contains"),
    *("text_lacks", "visible_contains", "visible_lacks", "quoted_contains", "automatic", "auto_reply", "no_receipt"),
    *("bounce", "attachments", "forwarded", "remarks"),
}


def _name(path: Path) -> str:
    return path.relative_to(DATA).with_suffix("").as_posix()


@pytest.mark.parametrize("path", MAILS, ids=_name)
def test_made_up_mail_is_understood(path: Path) -> None:
    expected = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
    assert expected.keys() <= KEYS
    assert expected["rule"]
    assert expected["why"]
    raw = path.read_bytes()
    message = parse_message(raw)
    for key in ("text", "visible", "quoted", "signature"):
        if key in expected:
            assert getattr(message, key).strip() == expected[key].strip(), key
    for key in ("text_contains", "visible_contains", "quoted_contains"):
        for fragment in expected.get(key, []):
            assert fragment in getattr(message, key.partition("_")[0])
    for key in ("text_lacks", "visible_lacks"):
        for fragment in expected.get(key, []):
            assert fragment not in getattr(message, key.partition("_")[0])
    for key in ("subject", "automatic", "auto_reply", "no_receipt"):
        if key in expected:
            assert getattr(message, key) == expected[key], key
    if "from" in expected:
        assert message.sender.address == expected["from"]
    if "from_name" in expected:
        assert message.sender.name == expected["from_name"]
    if "remarks" in expected:
        assert list(message.remarks) == expected["remarks"]
    if "attachments" in expected:
        _compare(raw, message.attachments, expected["attachments"])
    _compare_bounce(message, expected)
    _compare_forwarded(raw, message, expected)


def _compare_bounce(message: InboundMessage, expected: dict[str, Any]) -> None:
    if "bounce" not in expected:
        return
    if not expected["bounce"]:
        assert message.bounce is None
        return
    assert message.bounce is not None, "no bounce was seen"
    assert sorted(message.bounce.addresses) == sorted(expected["bounce"]["addresses"])
    assert message.bounce.permanent == expected["bounce"]["permanent"]
    if "message_ids" in expected["bounce"]:
        assert list(message.bounce.message_ids) == expected["bounce"]["message_ids"]


def _compare_forwarded(raw: bytes, message: InboundMessage, expected: dict[str, Any]) -> None:
    if "forwarded" not in expected:
        return
    if not expected["forwarded"]:
        assert message.forwarded is None
        return
    found, wanted = message.forwarded, expected["forwarded"]
    assert found is not None, "no forwarded mail was seen"
    assert found.sender.address == wanted["sender"]
    assert found.sender.name == wanted.get("name", found.sender.name)
    for key in ("subject", "text", "comment", "message_id"):
        if key in wanted:
            assert (getattr(found, key) or "").strip() == wanted[key].strip(), key
    if "sent_at" in wanted:
        assert (found.sent_at.isoformat() if found.sent_at else "") == wanted["sent_at"]
    if "attachments" in wanted:
        _compare(raw, found.attachments, wanted["attachments"])


def _compare(raw: bytes, found: tuple[AttachmentInfo, ...], wanted: list[dict[str, Any]]) -> None:
    assert [part.name for part in found] == [part["name"] for part in wanted]
    for part, expected in zip(found, wanted, strict=True):
        data = attachment_bytes(raw, part.position)
        assert len(data) == part.size_bytes == expected.get("size", len(data))
        assert hashlib.sha256(data).hexdigest() == part.sha256 == expected.get("sha256", part.sha256)
        assert part.content_type == expected.get("content_type", part.content_type)
        assert part.inline is expected.get("inline", part.inline)
        if "text" in expected:
            assert data.decode("utf-8") == expected["text"]


def test_every_expectation_has_its_mail() -> None:
    assert sorted(DATA.rglob("*.toml")) == [path.with_suffix(".toml") for path in MAILS]
