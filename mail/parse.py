"""The bytes of a mail in, an `InboundMessage` out; and the bytes of one of its attachments.

Policy. A mail is cut into its parts by the boundaries, from the outside to the inside: a part ends where the part
around it says so, whatever is missing inside. At most 1,000 parts, 50 levels, 1,000 fields or 256 KiB of header for
each part; what is beyond is only in the raw mail. What calls itself multipart and has no usable boundary is text. An
enclosed mail (message/rfc822) is one attachment and is not looked into.

The text is the text/plain part of an alternative if there are words in it, else the HTML as text; several texts one
after the other are joined. Everything else is an attachment. A part is found again by its number among the parts
without parts, in the order in which they stand in the mail.

Why not the parser of the standard library: it handles a mail line by line on every level (50 levels and 1 MB of short
lines take 1.5 s, 25 MB would take half a minute), keeps a string for each line (25 MB of them 0.8 GB), and recurses.
Here each level is one search for its boundary. Known weakness: uuencoded files inside a text stay text.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.model import AttachmentInfo, Bounce, InboundMessage, Mailbox, clean_line, clean_text
from mail import charsets, headers, html, rules
from mail.headers import Fields, Parameterised
from mail.text import split_reply

T = TypeVar("T")
LONGEST_TEXT = 1_048_576
MOST_ATTACHMENTS = 50
LONGEST_FILE_NAME = 200
_MOST_PARTS = 1000
_DEEPEST = 50
_MOST_FIELDS = 1000
_LONGEST_HEADER = 262_144
_LONGEST_BOUNDARY = 2048
_MOST_BOUNDARY_TRIES = 100_000
_LONGEST_BODY_READ = 4 * LONGEST_TEXT
_MOST_CHARACTERS = 2 * LONGEST_TEXT
_CUT_NOTE = "\n[The text was cut here; the whole mail is kept.]"

_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_FORWARD_SUBJECT = re.compile(r"(?:\[[^\[\]]{0,80}\]\s*)*(?:fwd?|wg|tr|rv|enc|vs|vb|пересл|fs)\s*:", re.IGNORECASE)
_GUESSED_BOUNDARY = re.compile(rb"\s*--([^\r\n]{1,200}?)[ \t]*\r?\n(?=content-|\r?\n)", re.IGNORECASE)
_MOST_BASE64_BLOCKS = 200
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OUTSIDE_BASE64 = bytes(set(range(256)) - set(_BASE64))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/\s]")
_WORDS = re.compile(r"\w+")
_FEWEST_WORDS_TO_COMPARE = 5
_SHARED_WORDS = 0.2
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_BODY_TYPES = frozenset({"text/plain", "text/html"})
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


@dataclass(slots=True)
class _Part:
    """One part: a leaf with its number and the place of its content, or a multipart with its children."""

    fields: Fields
    kind: str
    parameters: dict[str, str]
    disposition: Parameterised
    start: int
    end: int
    position: int = -1
    in_related: bool = False
    children: list[_Part] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.disposition.parameters.get("filename") or self.parameters.get("name") or ""

    @property
    def is_inline_text(self) -> bool:
        return self.kind in _BODY_TYPES and self.disposition.value != "attachment" and not self.name


@dataclass(frozen=True, slots=True)
class _Page:
    """The text of one leaf: all of it, what was newly written, the quote that the HTML marks, and its words."""

    whole: str
    new: str
    quoted: str
    words: frozenset[str]


@dataclass(slots=True)
class _Tree:
    """A mail taken apart. Everything is bounded by counting down."""

    raw: bytes
    leaves: list[_Part] = field(default_factory=list)
    parts_left: int = _MOST_PARTS
    tries_left: int = _MOST_BOUNDARY_TRIES
    characters_left: int = _MOST_CHARACTERS
    pages: dict[int, _Page] = field(default_factory=dict)

    def content(self, part: _Part) -> bytes:
        """The decoded bytes of a leaf."""
        return _decoded(self.raw[part.start : part.end], part.fields.token("content-transfer-encoding"))

    def page(self, leaf: _Part) -> _Page:
        """The text of a leaf, read once; what is beyond the budget of the mail is cut."""
        if leaf.position not in self.pages:
            self.pages[leaf.position] = page = _read_page(self.content(leaf), leaf, self.characters_left)
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
    _, tree = _take_apart(raw)
    if not 0 <= position < len(tree.leaves):
        raise LookupError(f"no part {position}")
    return tree.content(tree.leaves[position])


def _read(raw: bytes) -> InboundMessage:
    root, tree = _take_apart(raw)
    fields = root.fields
    subject = _guarded(lambda: clean_line(headers.decode_text(fields.first("subject"))), "")
    sender = _guarded(lambda: headers.sender(fields.all("from")), Mailbox())
    body = _choose(tree, root)
    if not body:
        body = [leaf for leaf in tree.leaves if leaf.kind in _BODY_TYPES and leaf.disposition.value != "attachment"][:1]
    text, visible, quoted, signature = _guarded(lambda: _texts(tree, body, subject), ("", "", "", ""))
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
        automatic=signs.automatic or bounce is not None,
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


# Taking apart.


def _take_apart(raw: bytes) -> tuple[_Part, _Tree]:
    # A carriage return alone ends a line only where nothing else does: inside a header it would start a field that
    # other programs do not see (reliability: M9).
    tree = _Tree(raw if b"\n" in raw else raw.replace(b"\r", b"\n"))
    start = 0
    while tree.raw[start : start + 1] in {b"\r", b"\n"}:
        start += 1
    if tree.raw.startswith((b"From ", b">From "), start):
        start = tree.raw.find(b"\n", start) + 1 or len(raw)
    return _part(tree, start, len(tree.raw), depth=0, default="text/plain"), tree


def _part(tree: _Tree, start: int, end: int, *, depth: int, default: str, in_related: bool = False) -> _Part:
    tree.parts_left -= 1
    fields, body = _fields(tree.raw, start, end)
    content = headers.parameterised(fields.first("content-type"))
    kind = content.value if _TYPE.fullmatch(content.value) else default if not content.value else "text/plain"
    if content.value and kind != content.value and "/" in content.value:
        kind = "application/octet-stream"
    disposition = headers.parameterised(fields.first("content-disposition"))
    part = _Part(fields, kind, content.parameters, disposition, body, end, in_related=in_related)
    if kind.startswith("multipart/") and depth < _DEEPEST:
        boundary = content.parameters.get("boundary", "").encode("utf-8", "replace").rstrip()
        for first, last in _pieces(tree, body, end, boundary):
            child_default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            related = in_related or kind == "multipart/related"
            part.children.append(_part(tree, first, last, depth=depth + 1, default=child_default, in_related=related))
    if not part.children:
        part.kind = "text/plain" if kind.startswith("multipart/") else kind
        part.position = len(tree.leaves)
        tree.leaves.append(part)
    return part


def _fields(raw: bytes, start: int, end: int) -> tuple[Fields, int]:
    """The header fields from `start`, and where the content begins."""
    found: list[tuple[bytes, list[bytes]]] = []
    position, length = start, 0
    while position < end:
        stop = raw.find(b"\n", position, end)
        stop = end if stop < 0 else stop
        if length >= _LONGEST_HEADER or len(found) > _MOST_FIELDS:
            position = _end_of_header(raw, position, end)
            break
        line = raw[position : min(stop, position + _LONGEST_HEADER)].rstrip(b"\r")
        if not line:
            position = stop + 1
            break
        if line[:1] in b" \t" and found:
            found[-1][1].append(line)
        elif match := _FIELD_NAME.match(line):
            found.append((match[1], [line[match.end() :]]))
        else:
            # No field: the text begins here without a blank line before it, as most programs read it.
            break
        length += len(line)
        position = stop + 1
    pairs = (
        (name.decode("ascii").lower(), b"\n".join(lines).decode("ascii", "surrogateescape").strip())
        for name, lines in found[:_MOST_FIELDS]
    )
    return Fields(tuple(pairs)), min(position, end)


def _end_of_header(raw: bytes, position: int, end: int) -> int:
    """Behind the next blank line."""
    blank = _BLANK_LINE.search(raw, max(0, position - 2), end)
    return blank.end() if blank else end


def _pieces(tree: _Tree, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts of a multipart are. Without a usable boundary, what looks like one is tried."""
    found = _cut(tree, start, end, boundary) if 0 < len(boundary) <= _LONGEST_BOUNDARY else []
    if not found and (match := _GUESSED_BOUNDARY.match(tree.raw, start, min(end, start + 4096))):
        found = _cut(tree, start, end, match[1])
    return found


def _cut(tree: _Tree, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    raw, delimiter = tree.raw, b"--" + boundary
    found: list[tuple[int, int]] = []
    opened = -1
    position = start
    while tree.tries_left > 0 and len(found) < tree.parts_left:
        hit = raw.find(delimiter, position, end)
        if hit < 0:
            break
        tree.tries_left -= 1
        position = hit + len(delimiter)
        if hit > start and raw[hit - 1] not in b"\r\n":
            continue
        stop = raw.find(b"\n", position, min(end, position + 200))
        rest = raw[position : stop if stop >= 0 else min(end, position + 200)].strip(b" \t\r")
        if rest not in {b"", b"--"}:
            continue
        if opened >= 0:
            found.append((opened, _without_line_end(raw, opened, hit)))
            opened = -1
        if rest:
            return found
        opened = min(end, stop + 1 if stop >= 0 else end)
    if opened >= 0 and len(found) < tree.parts_left:
        found.append((opened, end))
    return found


def _without_line_end(raw: bytes, start: int, end: int) -> int:
    """The line break before a boundary belongs to the boundary (RFC 2046, section 5.1.1)."""
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
    if end > start and raw[end - 1 : end] == b"\r":
        end -= 1
    return max(start, end)


def _decoded(data: bytes, encoding: str) -> bytes:
    """The content without its transfer encoding; as it stands where the encoding is unknown or a lie."""
    try:
        if encoding == "base64":
            return _from_base64(data)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(data)
    except binascii.Error:
        return data
    return data


def _from_base64(data: bytes) -> bytes:
    """Decode what can be; a second block behind the padding is data too, but a mailing list's footer is not."""
    result = b""
    for number, block in enumerate(data.split(b"=", _MOST_BASE64_BLOCKS)):
        if number and _NOT_BASE64.search(block):
            break
        block = block.translate(None, _OUTSIDE_BASE64)
        block = block[: len(block) - (len(block) % 4 == 1)]
        result += binascii.a2b_base64(block + b"=" * (-len(block) % 4))
    return result


# Choosing the text.


def _choose(tree: _Tree, part: _Part) -> list[_Part]:
    """The leaves that make up the text."""
    if not part.children:
        return [part] if part.is_inline_text else []
    options = [option for child in part.children if (option := _choose(tree, child))]
    if part.kind == "multipart/alternative":
        plain = next((option for option in options if any(_is_plain_with_words(tree, leaf) for leaf in option)), None)
        rich = next((option for option in reversed(options) if option is not plain), [])
        if plain is None:
            return rich or next(iter(options), [])
        return plain if _says_the_same(tree, plain, rich) else [*plain, *rich]
    if part.kind == "multipart/related":
        return next(iter(options), [])
    return [leaf for option in options for leaf in option]


def _is_plain_with_words(tree: _Tree, leaf: _Part) -> bool:
    return leaf.kind == "text/plain" and bool(tree.content(leaf)[:_LONGEST_BODY_READ].strip())


def _says_the_same(tree: _Tree, plain: list[_Part], rich: list[_Part]) -> bool:
    """Whether the text is a true alternative: not a mere note that one should read the HTML."""
    said = set().union(*(tree.page(leaf).words for leaf in plain))
    wanted = set().union(*(tree.page(leaf).words for leaf in rich))
    return len(wanted) < _FEWEST_WORDS_TO_COMPARE or len(wanted & said) >= _SHARED_WORDS * len(wanted)


def _alternatives(part: _Part, *, inside: bool = False) -> set[int]:
    """The numbers of the leaves that say the same as another one in another form."""
    if not part.children:
        return {part.position} if inside and part.is_inline_text else set()
    inside = inside or part.kind == "multipart/alternative"
    return set().union(*(_alternatives(child, inside=inside) for child in part.children))


def _texts(tree: _Tree, body: list[_Part], subject: str) -> tuple[str, str, str, str]:
    """The whole text and its three parts: visible, quoted, signature."""
    pages: list[_Page] = []
    for leaf in body:
        page = tree.page(leaf)
        # Some programs send the same words as text and as HTML, and do not call them an alternative.
        if page.whole and all(page.whole.split() != other.whole.split() for other in pages[-1:]):
            pages.append(page)
    text = _capped("\n\n".join(page.whole for page in pages))
    if _FORWARD_SUBJECT.match(subject):
        return text, text, "", ""
    visible, quoted, signature = split_reply(_capped("\n\n".join(page.new for page in pages)))
    quotes = (quoted, *(page.quoted for page in pages))
    return text, visible, "\n\n".join(quote for quote in quotes if quote), signature


def _read_page(data: bytes, leaf: _Part, limit: int) -> _Page:
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


# Attachments.


def _attachment(tree: _Tree, leaf: _Part) -> AttachmentInfo:
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


def _file_name(leaf: _Part) -> str:
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
