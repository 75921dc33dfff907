"""What must be true of every mail that is read, whatever its bytes are."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gateway.model import AttachmentInfo, InboundMessage
from mail.fingerprint import fingerprint
from mail.parse import LONGEST_TEXT, MOST_ATTACHMENTS, Unreadable, attachment_bytes, parse_message

MOST_ADDRESSES = 100
MOST_MESSAGE_IDS = 100
LONGEST_MESSAGE_ID = 998
LONGEST_LINE = 998
LONGEST_ATTACHMENT_NAME = 200
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WORDS = re.compile(r"\w+")
_CUT = "[The text was cut here"


class Broken(Exception):
    """Something that must be true of every mail is not."""


def take_nets_away() -> None:
    """Let a field that nobody can read be seen: where the parser goes on without it, here it raises."""
    nets = [module for name, module in sys.modules.items() if name.startswith("mail.") and hasattr(module, "_guarded")]
    if not nets:
        raise Broken("the parser guards its fields in another way now: this must follow it")
    for module in nets:
        module._guarded = lambda read, _default: read()  # type: ignore[attr-defined]


def read_thoroughly(raw: bytes) -> None:
    """Read the mail and each attachment. Raises Broken, or what the parser raised where it must not."""
    try:
        message = parse_message(raw)
    except Unreadable as nothing:
        # With a cause it is not a mail in which there is nothing, but one over which the parser stumbled.
        if nothing.__cause__:
            raise nothing.__cause__ from None
        return
    for name, text in _texts(message, ""):
        _hold(not _CONTROLS.search(text), f"{name} holds a control character")
        _hold(_is_unicode(text), f"{name} cannot be written as UTF-8")
        _hold(unicodedata.is_normalized("NFC", text), f"{name} is not NFC")
    _hold_caps(message)
    _hold_parts(message)
    _hold_attachments(raw, message.attachments)
    fingerprint(raw)


def _hold(truth: bool, words: str) -> None:
    if not truth:
        raise Broken(words)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text in a message, with the name of the field that it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one, name)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name), f"{name}.{field.name}")


def _hold_caps(message: InboundMessage) -> None:
    for name in ("text", "visible", "quoted", "signature"):
        # What is quoted is joined from the text and from what the HTML marks, which may be blank lines more.
        size = len(getattr(message, name).encode())
        _hold(size <= LONGEST_TEXT * (2 if name == "quoted" else 1), f"{name} has {size} bytes")
    _hold(len(message.subject) <= 255, "the subject is too long")
    _hold(len(message.from_text) <= LONGEST_LINE, "the text of From is too long")
    _hold(len(message.sender.name) <= 128, "the sender's name is too long")
    _hold(len(message.sender.address) <= 254, "the sender's address is too long")
    _hold(len(message.recipients) <= MOST_ADDRESSES, "too many recipients")
    ids = [message.in_reply_to, message.references, message.bounce.message_ids if message.bounce else ()]
    _hold(all(len(found) <= MOST_MESSAGE_IDS for found in ids), "too many Message-IDs")
    every_id = [message.message_id or "", *(one for found in ids for one in found)]
    _hold(all(len(one) <= LONGEST_MESSAGE_ID for one in every_id), "a Message-ID is too long")
    _hold(not any(sign in one for one in every_id for sign in "\n<>"), "a Message-ID holds a bracket or a line end")
    _hold(len(message.attachments) <= MOST_ATTACHMENTS, "too many attachments")


def _hold_parts(message: InboundMessage) -> None:
    """No word of the text is lost when it is split."""
    if message.visible == message.text or _CUT in message.text:
        return
    parts = Counter(_WORDS.findall(f"{message.visible}\n{message.quoted}\n{message.signature}"))
    lost = Counter(_WORDS.findall(message.text)) - parts
    _hold(not lost, f"words of the text are in none of its parts: {list(lost)[:5]}")


def _hold_attachments(raw: bytes, attachments: tuple[AttachmentInfo, ...]) -> None:
    positions = [part.position for part in attachments]
    _hold(len(set(positions)) == len(positions), "two attachments have the same position")
    for part in attachments:
        data = attachment_bytes(raw, part.position)
        _hold(len(data) == part.size_bytes, f"attachment {part.position} has another size")
        _hold(hashlib.sha256(data).hexdigest() == part.sha256, f"attachment {part.position} has other bytes")
        _hold(0 < len(part.name) <= LONGEST_ATTACHMENT_NAME, f"attachment {part.position} has a name of no good length")
        _hold(not re.search(r"[/\\\n\t]", part.name), f"attachment {part.position} has a name that is a path")
