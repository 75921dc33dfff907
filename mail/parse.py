"""The bytes of a mail in, an `InboundMessage` out; and the bytes of one of its attachments.

Each of the things that make up a message has a module of its own; here they are put together, and each is guarded, so
that one field that nobody can read does not take the others with it. The text is found by `mail.body`, the rest of
the parts are attachments (`mail.mime.attachments`), and what is only in the raw mail, or odd, is said in `remarks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.model import AttachmentInfo, Bounce, Forwarded, InboundMessage, Mailbox, clean_line
from gateway.reply_token import LOOP_FIELD
from mail import bounces, rules
from mail.body import LONGEST_TEXT, Page, Reader, capped, read_pages, text_parts
from mail.mime import headers
from mail.mime.attachments import (
    MOST_ATTACHMENTS,
    attachment_bytes,
    enclosed_attachments,
    enclosed_mail,
    list_attachments,
)
from mail.mime.parts import Part, Tree, read_header, take_apart
from mail.words import dates, forwards
from mail.words.text import split_reply

__all__ = ["LONGEST_TEXT", "MOST_ATTACHMENTS", "Unreadable", "attachment_bytes", "parse_message"]

T = TypeVar("T")
UNNAMED = "the sender cannot be named without doubt"
LONGEST_LOOP_MARK = 100
CROWD = "more than 100 addresses: the rest is in the raw mail only"
_MAIL_TYPES = frozenset({"message/rfc822", "message/global"})
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")


class Unreadable(Exception):
    """The mail cannot be understood at all."""


def parse_message(raw: bytes) -> InboundMessage:
    """Everything that is understood of a mail. Raises Unreadable, and nothing else, where that is nothing."""
    if not raw.strip():
        raise Unreadable("there is nothing in it")
    try:
        return _read(raw)
    except Exception as error:
        raise Unreadable(type(error).__name__) from error


def _read(raw: bytes, *, is_enclosed: bool = False) -> InboundMessage:
    root, tree = take_apart(raw)
    reader, fields = Reader(tree), root.fields
    # Programs that send raw 8-bit headers write them in the charset of their text.
    charset = next((leaf.parameters["charset"] for leaf in tree.leaves[:10] if leaf.parameters.get("charset")), None)
    subject = _guarded(lambda: clean_line(headers.decode_text(fields.first("subject"), charset=charset)), "")
    hidden = [""] if fields.hides_from else []
    sender = _guarded(lambda: headers.sender([*fields.all("from"), *hidden], charset), Mailbox())
    recipients = [value for name in _RECIPIENT_FIELDS for value in fields.all(name)]
    own_text: frozenset[int] = _guarded(lambda: text_parts(root, tree, reader), frozenset())
    pages: list[Page] = _guarded(lambda: read_pages(reader, root), [])
    text, visible, quoted, signature = _guarded(lambda: _texts(pages, subject, sender), ("", "", "", ""))
    attached: tuple[AttachmentInfo, ...] = _guarded(lambda: list_attachments(root, tree, own_text), ())
    signs = _guarded(lambda: rules.classify(fields, sender.address, subject, tree.leaves), rules.Signs(no_receipt=True))
    bounce: Bounce | None = _guarded(
        lambda: bounces.find_bounce(root, tree, subject, [page.whole for page in pages]), None
    )
    return InboundMessage(
        message_id=_guarded(lambda: headers.message_id(fields.all("message-id")), None),
        sender=sender,
        from_text=_guarded(lambda: _from_text(fields.all("from"), charset), ""),
        subject=subject,
        text=text,
        visible=visible,
        quoted=quoted,
        signature=signature,
        in_reply_to=_guarded(lambda: headers.message_ids(" ".join(fields.all("in-reply-to"))), ()),
        references=_guarded(lambda: headers.message_ids(" ".join(fields.all("references"))), ()),
        recipients=_guarded(lambda: headers.addresses(recipients), ()),
        automatic=signs.automatic,
        auto_reply=signs.auto_reply,
        no_receipt=signs.no_receipt or bounce is not None,
        bounce=bounce,
        attachments=attached,
        forwarded=None
        if is_enclosed or bounce
        else _guarded(lambda: _forwarded(raw, root, tree, subject, pages, is_automatic=signs.automatic), None),
        remarks=_remarks(tree, sender, recipients),
        loop_mark=clean_line(headers.unfolded(fields.first(LOOP_FIELD.lower())), LONGEST_LOOP_MARK),
    )


def _guarded(read: Callable[[], T], default: T) -> T:
    """One field that nobody can read does not take the others with it."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception:
        return default


def _from_text(values: list[str], charset: str | None) -> str:
    return clean_line(", ".join(headers.decode_text(value, charset=charset) for value in values[:10]), 998)


def _texts(pages: list[Page], subject: str, writer: Mailbox) -> tuple[str, str, str, str]:
    """The whole text and its three parts: visible, quoted, signature."""
    text = capped("\n\n".join(page.whole for page in pages))
    if forwards.is_kept_whole(subject, text):
        return text, text, "", ""
    visible, quoted, signature = split_reply(capped("\n\n".join(page.new for page in pages)), writer=writer)
    quotes = (quoted, *(page.quoted for page in pages))
    signatures = (signature, *(page.signature for page in pages))
    return text, visible, _joined(quotes), _joined(signatures)


def _joined(parts: tuple[str, ...]) -> str:
    return "\n\n".join(part for part in parts if part)


def _forwarded(
    raw: bytes, root: Part, tree: Tree, subject: str, pages: list[Page], *, is_automatic: bool
) -> Forwarded | None:
    """What the mail passes on. What a program encloses is its evidence, and no forward."""
    # The mails of a digest do not say what they are.
    said = [leaf for leaf in tree.leaves if leaf.fields.first("content-type")]
    mails = [leaf for leaf in said if leaf.kind in _MAIL_TYPES or leaf.name.lower().endswith(".eml")]

    def enclosed() -> Forwarded | None:
        if (data := enclosed_mail(tree, mails[0])) is None:
            return None
        attached: tuple[AttachmentInfo, ...] = _guarded(lambda: enclosed_attachments(raw, mails[0].position), ())
        return forwards.read_enclosed(_read(data, is_enclosed=True), read_header(data).first("date"), attached)

    is_one = len(mails) == 1 and not is_automatic and root.kind not in {"multipart/report", "multipart/digest"}
    text = capped("\n\n".join(page.unsigned for page in pages))
    carried_at = dates.header_date(root.fields.first("date"))
    return forwards.find_forward(subject, text, carried_at, enclosed if is_one else None)


def _remarks(tree: Tree, sender: Mailbox, recipients: list[str]) -> tuple[str, ...]:
    """What is only in the raw mail, and what is odd about it; called last."""
    unnamed = [UNNAMED] if sender.name and not sender.address else []
    is_crowd = sum(value.count("@") for value in recipients) > headers.MOST_ADDRESSES
    return (*unnamed, *([CROWD] if is_crowd else []), *tree.remarks)
