"""The bytes of a mail in, an `InboundMessage` out; and the bytes of one of its attachments.

Policy. The text is the text/plain part of an alternative if there are words in it, else the HTML as text; several
texts one after the other are joined. Everything else is an attachment. A part is found again by its number among the
parts without parts, in the order in which they stand in the mail.

Known weakness: uuencoded files inside a text stay text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.model import AttachmentInfo, Bounce, InboundMessage, Mailbox, clean_line, clean_text
from mail import charsets, headers, html, rules
from mail.parts import BODY_TYPES, Part, Tree, take_apart
from mail.text import split_reply

T = TypeVar("T")
LONGEST_TEXT = 1_048_576
MOST_ATTACHMENTS = 50
LONGEST_FILE_NAME = 200
_LONGEST_BODY_READ = 4 * LONGEST_TEXT
_MOST_CHARACTERS = 2 * LONGEST_TEXT
_CUT_NOTE = "\n[The text was cut here; the whole mail is kept.]"

_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_FORWARD_SUBJECT = re.compile(r"(?:\[[^\[\]]{0,80}\]\s*)*(?:fwd?|wg|tr|rv|enc|vb|пересл)\s*:", re.IGNORECASE)
_WORDS = re.compile(r"\w+")
_FEWEST_WORDS_TO_COMPARE = 5
_SHARED_WORDS = 0.2
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_ENDINGS = {
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/msword": "doc",
    "audio/mpeg": "mp3",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "message/rfc822": "eml",
    "message/delivery-status": "txt",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/rfc822-headers": "txt",
    "text/vcard": "vcf",
    "video/mp4": "mp4",
}


class Unreadable(Exception):
    """The mail cannot be understood at all."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The text of one leaf: all of it, what was newly written, the quote that the HTML marks, and its words."""

    whole: str
    new: str
    quoted: str
    words: frozenset[str]


@dataclass(slots=True)
class _Reader:
    """The texts of a mail's leaves, each read once, all within the budget of the mail."""

    tree: Tree
    characters_left: int = _MOST_CHARACTERS
    pages: dict[int, _Page] = field(default_factory=dict)

    def page(self, leaf: Part) -> _Page:
        """The text of a leaf; what is beyond the budget is cut."""
        if leaf.position not in self.pages:
            self.pages[leaf.position] = page = _read_page(self.tree.content(leaf), leaf, self.characters_left)
            self.characters_left = max(0, self.characters_left - len(page.whole) - 100)
            if leaf.kind == "text/html":
                self.characters_left = max(0, self.characters_left - leaf.end + leaf.start)
        return self.pages[leaf.position]


def parse_message(raw: bytes) -> InboundMessage:
    """Everything that is understood of a mail. Raises Unreadable, and nothing else, where that is nothing."""
    if not raw.strip():
        raise Unreadable("there is nothing in it")
    try:
        return _read(raw)
    except Exception as error:
        raise Unreadable(type(error).__name__) from error


def attachment_bytes(raw: bytes, position: int) -> bytes:
    """The bytes of the part at `position`, decoded. Raises LookupError where there is no such part."""
    _, tree = take_apart(raw)
    if not 0 <= position < len(tree.leaves):
        raise LookupError(f"no part {position}")
    return tree.content(tree.leaves[position])


def _read(raw: bytes) -> InboundMessage:
    root, tree = take_apart(raw)
    reader, fields = _Reader(tree), root.fields
    subject = _guarded(lambda: clean_line(headers.decode_text(fields.first("subject"))), "")
    sender = _guarded(lambda: headers.sender(fields.all("from")), Mailbox())
    body = _choose(reader, root)
    if not body:
        body = [leaf for leaf in tree.leaves if leaf.kind in BODY_TYPES and leaf.disposition.value != "attachment"][:1]
    text, visible, quoted, signature = _guarded(lambda: _texts(reader, body, subject), ("", "", "", ""))
    texts = {leaf.position for leaf in body} | _alternatives(root)
    attached = [leaf for leaf in tree.leaves if leaf.position not in texts]
    reports = [tree.content(leaf) for leaf in attached if leaf.kind.endswith("delivery-status")]
    signs = _guarded(lambda: rules.classify(fields, sender.address, subject), rules.Signs(no_receipt=True))
    bounce: Bounce | None = _guarded(lambda: rules.find_bounce(fields, tree.raw, reports, subject), None)
    return InboundMessage(
        message_id=_guarded(lambda: headers.message_id(fields.all("message-id")), None),
        sender=sender,
        from_text=_guarded(lambda: clean_line(", ".join(map(headers.decode_text, fields.all("from")[:10])), 998), ""),
        subject=subject,
        text=text,
        visible=visible,
        quoted=quoted,
        signature=signature,
        in_reply_to=_guarded(lambda: headers.message_ids(" ".join(fields.all("in-reply-to"))), ()),
        references=_guarded(lambda: headers.message_ids(" ".join(fields.all("references"))), ()),
        recipients=_guarded(
            lambda: headers.addresses([value for name in _RECIPIENT_FIELDS for value in fields.all(name)]), ()
        ),
        automatic=signs.automatic,
        auto_reply=signs.auto_reply,
        no_receipt=signs.no_receipt or bounce is not None,
        bounce=bounce,
        attachments=tuple(_attachment(tree, leaf) for leaf in attached[:MOST_ATTACHMENTS]),
    )


def _guarded(read: Callable[[], T], default: T) -> T:
    """One field that nobody can read does not take the others with it."""
    try:
        return read()
    except Exception:
        return default


def _choose(reader: _Reader, part: Part) -> list[Part]:
    """The leaves that make up the text."""
    if not part.children:
        return [part] if part.is_inline_text else []
    options = [option for child in part.children if (option := _choose(reader, child))]
    if part.kind == "multipart/alternative":
        plain = next((option for option in options if any(_is_plain_with_words(reader, leaf) for leaf in option)), None)
        rich = next((option for option in reversed(options) if option is not plain), [])
        if plain is None:
            return rich or next(iter(options), [])
        return plain if _says_the_same(reader, plain, rich) else [*plain, *rich]
    if part.kind == "multipart/related":
        return next(iter(options), [])
    return [leaf for option in options for leaf in option]


def _is_plain_with_words(reader: _Reader, leaf: Part) -> bool:
    return leaf.kind == "text/plain" and bool(reader.tree.content(leaf)[:_LONGEST_BODY_READ].strip())


def _says_the_same(reader: _Reader, plain: list[Part], rich: list[Part]) -> bool:
    """Whether the text is a true alternative: not a mere note that one should read the HTML."""
    said = set().union(*(reader.page(leaf).words for leaf in plain))
    wanted = set().union(*(reader.page(leaf).words for leaf in rich))
    return len(wanted) < _FEWEST_WORDS_TO_COMPARE or len(wanted & said) >= _SHARED_WORDS * len(wanted)


def _alternatives(part: Part, *, inside: bool = False) -> set[int]:
    """The numbers of the leaves that say the same as another one in another form."""
    if not part.children:
        return {part.position} if inside and part.is_inline_text else set()
    inside = inside or part.kind == "multipart/alternative"
    return set().union(*(_alternatives(child, inside=inside) for child in part.children))


def _texts(reader: _Reader, body: list[Part], subject: str) -> tuple[str, str, str, str]:
    """The whole text and its three parts: visible, quoted, signature."""
    pages: list[_Page] = []
    for leaf in body:
        page = reader.page(leaf)
        # Some programs send the same words as text and as HTML, and do not call them an alternative.
        if page.whole and all(page.whole.split() != other.whole.split() for other in pages[-1:]):
            pages.append(page)
    text = _capped("\n\n".join(page.whole for page in pages))
    if _FORWARD_SUBJECT.match(subject):
        return text, text, "", ""
    visible, quoted, signature = split_reply(_capped("\n\n".join(page.new for page in pages)))
    quotes = (quoted, *(page.quoted for page in pages))
    return text, visible, "\n\n".join(quote for quote in quotes if quote), signature


def _read_page(data: bytes, leaf: Part, limit: int) -> _Page:
    """The text of a leaf, at most `limit` characters of its source read."""
    charset = leaf.parameters.get("charset")
    if leaf.kind == "text/html" and not charset and (match := _META_CHARSET.search(data[:2048])):
        charset = match[1].decode("ascii")
    source = charsets.decode(data[:_LONGEST_BODY_READ], charset)
    limit = min(limit, html.LONGEST_HTML if leaf.kind == "text/html" else LONGEST_TEXT)
    is_cut = len(source) > limit or len(data) > _LONGEST_BODY_READ
    source = source[:limit]
    read = html.read_html(source) if leaf.kind == "text/html" else html.HtmlText(source, source, "")
    whole, new, quoted = (clean_text(text).strip("\n") for text in read)
    words = frozenset(_WORDS.findall(whole.lower()))
    if is_cut:
        whole, new = whole + _CUT_NOTE, new + ("" if quoted else _CUT_NOTE)
    return _Page(whole, new, quoted, words)


def _capped(text: str) -> str:
    data = text.encode("utf-8")
    if len(data) <= LONGEST_TEXT:
        return text
    return data[: LONGEST_TEXT - len(_CUT_NOTE)].decode("utf-8", "ignore").removesuffix(_CUT_NOTE) + _CUT_NOTE


def _attachment(tree: Tree, leaf: Part) -> AttachmentInfo:
    data = tree.content(leaf)
    content_id = _guarded(lambda: headers.message_id(leaf.fields.all("content-id")), None) or ""
    return AttachmentInfo(
        position=leaf.position,
        name=_guarded(lambda: _file_name(leaf), f"part-{leaf.position}"),
        content_type=leaf.kind,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inline=bool(content_id) and (leaf.disposition.value == "inline" or leaf.in_related),
        content_id=content_id,
    )


def _file_name(leaf: Part) -> str:
    """A name to show and to save under: no folders, no control characters; made from the type where there is none."""
    name = clean_line(re.split(r"[/\\]", leaf.name.replace("\0", "").rstrip("/\\"))[-1], 10 * LONGEST_FILE_NAME)
    name = name.lstrip(". ")
    if not name:
        ending = _ENDINGS.get(leaf.kind) or re.sub("[^a-z0-9]", "", leaf.kind.partition("/")[2].removeprefix("x-"))[:10]
        return f"{leaf.kind.partition('/')[0]}-{leaf.position}.{ending or 'bin'}"
    stem, dot, ending = name.rpartition(".")
    if len(name) > LONGEST_FILE_NAME and dot and len(ending) <= 20:
        return stem[: LONGEST_FILE_NAME - len(ending) - 1] + dot + ending
    return name[:LONGEST_FILE_NAME]
