"""A mail taken apart by its boundaries: which parts it has, where each is, and its bytes without transfer encoding.

Policy. From the outside to the inside: a part ends where the part around it says so, whatever is missing inside. At
most 1,000 parts, 50 levels, 1,000 fields or 256 KiB of header for each part; what is beyond is only in the raw mail.
What calls itself multipart and has no usable boundary is text. An enclosed mail (message/rfc822) is not looked into.
Where two programs may see different parts (reliability: T37) we list all that either may see, and say so in a remark:
parts behind the end, a boundary that is only guessed, two types for one part, no end at all.

Why not the parser of the standard library: it handles a mail line by line on every level (50 levels and 1 MB of short
lines take 1.5 s, 25 MB would take half a minute), keeps a string for each line (25 MB of them 0.8 GB), and recurses.
Here each level is one search for its boundary.
"""

from __future__ import annotations

import binascii
import codecs
import re
from dataclasses import dataclass, field

from mail.mime import headers, uuencode
from mail.mime.headers import Fields, Parameterised

MOST_PARTS = 1000
_DEEPEST = 50
_MOST_FIELDS = 1000
_LONGEST_HEADER = 262_144
_LONGEST_BOUNDARY = 2048
_MOST_BOUNDARY_TRIES = 100_000
_MOST_LEFTOVERS = 20
_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_NEAR_BYTES = 4096
_MOST_STRANGE_LINES = 20
_EVERY_MAIL = re.compile(
    rb"\n(from|to|subject|date|message-id|mime-version|content-type|received)[ \t]*:", re.IGNORECASE
)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_GUESSED_BOUNDARY = re.compile(rb"\s*--([^\r\n]{1,200})\r?\n(?=content-|\r?\n)", re.IGNORECASE)
_FROM_LINE = re.compile(rb"^from[ \t]*:", re.IGNORECASE | re.MULTILINE)
_PART_LINE = re.compile(rb"^content-(?:type|disposition|transfer-encoding)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_MOST_BASE64_BLOCKS = 200
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OUTSIDE_BASE64 = bytes(set(range(256)) - set(_BASE64))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/\s]")
# What the encodings call themselves; some mailers put the word of another header here, which then means nothing.
_UUENCODED = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})
_SINGLE_FIELDS = ("content-type", "content-transfer-encoding", "content-disposition")
BODY_TYPES = frozenset({"text/plain", "text/html"})

BROKEN = "its MIME structure is broken"
TOO_MANY_PARTS = "more than 1,000 parts: the rest is in the raw mail only"
TOO_DEEP = "nested deeper than 50: what is inside is not taken apart"
LONG_HEADER = "header too long: the rest of it is in the raw mail only"


@dataclass(slots=True)
class Part:
    """One part: a leaf with its number and the place of its content, or a multipart with its children."""

    fields: Fields
    kind: str
    parameters: dict[str, str]
    disposition: Parameterised
    start: int
    end: int
    position: int = -1
    in_related: bool = False
    in_encrypted: bool = False
    children: list[Part] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.disposition.parameters.get("filename") or self.parameters.get("name") or ""

    @property
    def is_inline_text(self) -> bool:
        return self.kind in BODY_TYPES and self.disposition.value != "attachment" and not self.name


@dataclass(slots=True)
class Tree:
    """A mail taken apart: its bytes, and the parts without parts in their order. Bounded by counting down."""

    raw: bytes
    leaves: list[Part] = field(default_factory=list)
    # What stands in multiparts before the first and behind the last part.
    leftovers: list[tuple[int, int]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    parts_left: int = MOST_PARTS
    tries_left: int = _MOST_BOUNDARY_TRIES

    def remark(self, words: str) -> None:
        """Say something odd about the mail, once."""
        if words not in self.remarks:
            self.remarks.append(words)

    def beginning(self, part: Part) -> bytes:
        """The first decoded bytes of a leaf, a few dozen at least where there are as many."""
        return _decoded(
            self.raw[part.start : min(part.end, part.start + 200)], part.fields.token("content-transfer-encoding")
        )

    def content(self, part: Part) -> bytes:
        """The decoded bytes of a leaf."""
        return _decoded(self.raw[part.start : part.end], part.fields.token("content-transfer-encoding"))


def take_apart(raw: bytes) -> tuple[Part, Tree]:
    """The outermost part, and the mail with all of its leaves."""
    # A carriage return alone ends a line only where nothing else does: inside a header it would start a field that
    # other programs do not see (reliability: M9).
    tree = Tree(raw if b"\n" in raw.rstrip(b"\r\n") else raw.replace(b"\r", b"\n"))
    # Some programs save a mail with a byte order mark and send it so.
    start = 3 if tree.raw.startswith(codecs.BOM_UTF8) else 0
    blank = re.compile(rb"[\r\n]*").match(tree.raw, start)
    start = blank.end() if blank else start
    if tree.raw.startswith((b"From ", b">From "), start):
        start = tree.raw.find(b"\n", start) + 1 or len(raw)
    root = _part(tree, start, len(tree.raw), depth=0, default="text/plain")
    _list_leftovers(tree)
    _mark_related(root)
    return root, tree


def _list_leftovers(tree: Tree) -> None:
    """What stands around the parts of a multipart and looks like a part itself is one to some programs: a file here."""
    for start, end in tree.leftovers:
        if tree.parts_left > 0 and _PART_LINE.search(tree.raw, start, min(end, start + _LONGEST_HEADER)):
            tree.parts_left -= 1
            tree.remark(BROKEN)
            nothing = Parameterised("attachment", {})
            leftover = Part(Fields(), "application/octet-stream", {}, nothing, start, end, position=len(tree.leaves))
            tree.leaves.append(leftover)


def _mark_related(part: Part) -> None:
    for child in part.children:
        child.in_related = part.in_related or part.kind == "multipart/related"
        _mark_related(child)


def read_header(raw: bytes) -> Fields:
    """The header fields at the beginning of a mail; nothing else of it is looked at."""
    return _fields(Tree(raw), 0, len(raw))[0]


def _part(tree: Tree, start: int, end: int, *, depth: int, default: str) -> Part:
    tree.parts_left -= 1
    fields, body = _fields(tree, start, end)
    content = headers.parameterised(fields.first("content-type"))
    kind = content.value if _TYPE.fullmatch(content.value) else default if not content.value else "text/plain"
    if content.value and kind != content.value and "/" in content.value:
        kind = "application/octet-stream"
    disposition = headers.parameterised(fields.first("content-disposition"))
    is_repeated = any(len(set(fields.all(name))) > 1 for name in _SINGLE_FIELDS)
    if is_repeated or content.is_ambiguous or disposition.is_ambiguous:
        tree.remark(BROKEN)
    part = Part(fields, kind, content.parameters, disposition, body, end)
    if kind.startswith("multipart/"):
        if depth < _DEEPEST:
            boundary = content.parameters.get("boundary", "").encode("utf-8", "replace").rstrip()
            _read_children(tree, part, boundary, depth)
        else:
            tree.remark(TOO_DEEP)
    if not part.children:
        part.kind = "text/plain" if kind.startswith("multipart/") else kind
        part.position = len(tree.leaves)
        tree.leaves.append(part)
    return part


def _read_children(tree: Tree, part: Part, boundary: bytes, depth: int) -> None:
    pieces = _pieces(tree, part.start, part.end, boundary)
    if not pieces:
        # An empty multipart hides nothing from anybody.
        if tree.raw[part.start : part.end].strip():
            tree.remark(BROKEN)
        return
    default = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
    for first, last in pieces:
        if tree.parts_left <= 0:
            tree.remark(TOO_MANY_PARTS)
            return
        child = _part(tree, first, last, depth=depth + 1, default=default)
        child.in_encrypted = part.kind == "multipart/encrypted"
        part.children.append(child)


def _fields(tree: Tree, start: int, end: int) -> tuple[Fields, int]:
    """The header fields from `start`, and where the content begins."""
    raw = tree.raw
    found: list[tuple[bytes, list[bytes]]] = []
    position, length, strange, stopped = start, 0, 0, -1
    while position < end:
        stop = raw.find(b"\n", position, end)
        stop = end if stop < 0 else stop
        if length >= _LONGEST_HEADER or len(found) > _MOST_FIELDS:
            tree.remark(LONG_HEADER)
            stopped = position
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
        elif found and strange < _MOST_STRANGE_LINES and _goes_on(raw, stop, end):
            # The rest of a field that somebody folded without a blank; its words are nobody's.
            strange += 1
            tree.remark(BROKEN)
        else:
            # No field: the text begins here without a blank line before it, as most programs read it.
            stopped = position
            break
        length += len(line)
        position = stop + 1
    pairs = (
        (name.decode("ascii").lower(), b"\n".join(lines).decode("ascii", "surrogateescape").strip(" \t\r\n"))
        for name, lines in found[:_MOST_FIELDS]
    )
    # Where another program may read on, nobody can say that there is but one From.
    header_end = _end_of_header(raw, stopped, end) if stopped >= 0 else 0
    hides_from = stopped >= 0 and _FROM_LINE.search(raw, stopped, header_end) is not None
    return Fields(tuple(pairs), hides_from), min(position, end)


def _goes_on(raw: bytes, position: int, end: int) -> bool:
    """Whether the header goes on behind a line that is no field: only fields that every mail has are proof."""
    near = raw[position : min(end, position + _NEAR_BYTES)]
    blank = _BLANK_LINE.search(near)
    return blank is not None and len(set(map(bytes.lower, _EVERY_MAIL.findall(near, 0, blank.start())))) >= 2


def _end_of_header(raw: bytes, position: int, end: int) -> int:
    """Behind the next blank line."""
    blank = _BLANK_LINE.search(raw, max(0, position - 2), end)
    return blank.end() if blank else end


def _pieces(tree: Tree, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts of a multipart are. Without a usable boundary, what looks like one is tried."""
    found = _cut(tree, start, end, boundary) if 0 < len(boundary) <= _LONGEST_BOUNDARY else []
    if not found and (match := _GUESSED_BOUNDARY.match(tree.raw, start, min(end, start + 4096))):
        found = _cut(tree, start, end, match[1].rstrip())
        tree.remark(BROKEN)
    return found


def _cut(tree: Tree, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """The pieces between the lines of a boundary.

    The closing line does not end the search: some programs use one boundary on two levels, and others hide a part
    from scanners behind it.
    """
    raw, delimiter = tree.raw, b"--" + boundary
    found: list[tuple[int, int]] = []
    opened, closed = -1, -1
    position = start
    while True:
        if tree.tries_left <= 0 or len(found) >= tree.parts_left:
            tree.remark(TOO_MANY_PARTS)
            break
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
        elif closed < 0:
            _keep_leftover(tree, start, hit)
        elif not rest:
            tree.remark(BROKEN)
        behind = min(end, stop + 1 if stop >= 0 else end)
        opened, closed = (-1, behind) if rest else (behind, closed)
    if opened >= 0:
        # A mail that was cut off on its way looks like this too.
        tree.remark(BROKEN)
        if len(found) < tree.parts_left:
            found.append((opened, end))
    elif found and closed >= 0:
        _keep_leftover(tree, closed, end)
    return found


def _keep_leftover(tree: Tree, start: int, end: int) -> None:
    """Remember what stands around the parts of a multipart."""
    if len(tree.leftovers) < _MOST_LEFTOVERS and end - start > 2 and tree.raw[start : start + 4096].strip():
        tree.leftovers.append((start, end))


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
        if encoding in _UUENCODED:
            return uuencode.decode(data)
    except binascii.Error:
        return data
    return data


def _from_base64(data: bytes) -> bytes:
    """Decode what can be; a second block behind the padding is data too, but a mailing list's footer is not."""
    padding = data.find(b"=")
    if padding < 0 or not data[padding:].strip(b"=\r\n \t"):
        # Nearly every part is like this, and may be as large as the mail: here it is not copied once more.
        try:
            return binascii.a2b_base64(data)
        except binascii.Error:
            pass
    result = b""
    for number, block in enumerate(data.split(b"=", _MOST_BASE64_BLOCKS)):
        if number and _NOT_BASE64.search(block):
            break
        block = block.translate(None, _OUTSIDE_BASE64)
        block = block[: len(block) - (len(block) % 4 == 1)]
        result += binascii.a2b_base64(block + b"=" * (-len(block) % 4))
    return result
