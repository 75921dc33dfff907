"""The text of a mail: which of its parts are it, and what they say.

Policy. The text/plain part of an alternative is its text if it says most of what the HTML says, quotes aside; else
the HTML is, and the plain text before it too, unless that is said again in the HTML or is a mere note that one should
read the HTML. Several texts one after the other are joined. A part whose words are not shown stays an attachment.

Where there are no words at all, the first of these that has some is the text: an unnamed text that is of another type,
or calls itself an attachment; what winmail.dat or an opaque signature holds; rich text; an invitation; the only file
that is text; and at last what stands around the parts of a multipart.

Every part is read once, within one budget for the whole mail; what is beyond is cut with a note and a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model import clean_text
from mail.mime import charsets, flowed, invitation, rtf, smime, tnef, uuencode
from mail.mime.parts import BODY_TYPES, Part, Tree, take_apart
from mail.words import html, likeness

LONGEST_TEXT = 1_048_576
LONGEST_SOURCE = 4 * LONGEST_TEXT
CUT_NOTE = "\n[The text was cut here; the whole mail is kept.]"
CUT = "text cut at 1 MiB"
_MOST_CHARACTERS = 2 * LONGEST_TEXT
_MOST_LEVELS = 2

_SIGNED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
# Of text types these are no words of a mail, or have readers of their own; all others are read like text/plain
# (RFC 2046, section 4.1.4).
_OTHER_TEXTS = frozenset(
    f"text/{name}"
    for name in (
        *("calendar", "css", "csv", "directory", "enriched", "javascript", "rfc822-headers", "richtext", "rtf"),
        *("vcard", "x-amp-html", "x-vcard", "xml"),
    )
)
_ENRICHED_TAG = re.compile(r"</?([A-Za-z-]{1,60})>|<<")
# Programs put a note before the first part, for readers that know no parts; in every language it names MIME.
_NOTE = re.compile(rb"\bMIME\b|multi-?part", re.IGNORECASE)
_LONGEST_NOTE = 1000
_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one leaf: all of it, what was newly written, the quote and signature that its HTML marks, and all
    but that signature."""

    whole: str
    new: str
    quoted: str
    signature: str
    unsigned: str

    @property
    def has_words(self) -> bool:
        return any(sign.isalnum() for sign in self.whole)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing on it to see, be it a word or not."""
        return not any(sign.isprintable() and sign != " " for sign in self.whole)


@dataclass(slots=True)
class Reader:
    """The texts of a mail's leaves, each read once, all within the budget of the mail."""

    tree: Tree
    characters_left: int = _MOST_CHARACTERS
    pages: dict[int, Page] = field(default_factory=dict)

    def page(self, leaf: Part) -> Page:
        """The text of a leaf; what is beyond the budget is cut."""
        if leaf.position not in self.pages:
            self.pages[leaf.position] = page = self._read(leaf)
            self.characters_left = max(0, self.characters_left - len(page.whole) - 100)
            if leaf.kind == "text/html":
                self.characters_left = max(0, self.characters_left - leaf.end + leaf.start)
        return self.pages[leaf.position]

    def _read(self, leaf: Part) -> Page:
        data = self.tree.content(leaf)
        is_multipart = leaf.fields.first("content-type").strip()[:10].lower() == "multipart/"
        if is_multipart and _says_nothing(data, leaf.parameters.get("boundary", "")):
            return self.plain("")
        if leaf.kind == "text/html":
            return self.markup(_decoded_page(data[:LONGEST_SOURCE], leaf.parameters.get("charset")))
        if leaf.kind == "text/plain" and (found := uuencode.blocks(data)):
            data = uuencode.without_blocks(data, found)
        source = charsets.decode(data[:LONGEST_SOURCE], leaf.parameters.get("charset"))
        if leaf.parameters.get("format", "").strip().lower() == "flowed":
            is_joined = leaf.parameters.get("delsp", "").strip().lower() == "yes"
            source = flowed.unflow(source, drop_blanks=is_joined)
        return self.plain(source, is_cut=len(data) > LONGEST_SOURCE)

    def plain(self, source: str, *, is_cut: bool = False) -> Page:
        """The page that a text is."""
        return self._page(html.HtmlText(source, source, "", "", source), source, LONGEST_TEXT, is_cut=is_cut)

    def markup(self, source: str) -> Page:
        """The page that a text in HTML is."""
        limit = min(self.characters_left, html.LONGEST_HTML)
        return self._page(html.read_html(source[:limit]), source, limit)

    def _page(self, read: html.HtmlText, source: str, limit: int, *, is_cut: bool = False) -> Page:
        limit = min(limit, self.characters_left)
        is_cut = is_cut or len(source) > limit
        # Where nothing is split off, the texts are one; so are then the cleaned ones.
        cleaned = {text: clean_text(text[:limit]).strip("\n") for text in read}
        whole, new, quoted, signature, unsigned = (cleaned[text] for text in read)
        if is_cut:
            self.tree.remark(CUT)
            whole, new = whole + CUT_NOTE, new + ("" if quoted else CUT_NOTE)
        return Page(whole, new, quoted, signature, unsigned)


def _decoded_page(data: bytes, charset: str | None) -> str:
    """HTML says its charset in two places; the header's counts unless it fails."""
    if match := _META_CHARSET.search(data[:2048]):
        return charsets.decode(data, charset, match[1].decode("ascii"))
    return charsets.decode(data, charset)


def _says_nothing(data: bytes, boundary: str) -> bool:
    """Whether a multipart without parts holds nothing but its own lines, or a note on top of them."""
    name = re.escape(boundary.encode("utf-8", "replace").rstrip())
    words = re.sub(rb"^--" + name + rb"(?:--)?[ \t\r]*$", b"", data, flags=re.MULTILINE) if name else data
    words = words.strip()
    is_note = len(words) <= _LONGEST_NOTE and not _BLANK_LINE.search(words) and _NOTE.search(words) is not None
    return not words or is_note


def choose(reader: Reader, root: Part) -> list[Part]:
    """The leaves that make up the text; where none says anything, an unnamed text of another kind."""
    leaves = reader.tree.leaves
    chosen = _choose(reader, root)
    if any(not reader.page(leaf).is_blank for leaf in chosen):
        return chosen
    if not chosen:
        chosen = [leaf for leaf in leaves if leaf.kind in BODY_TYPES and leaf.disposition.value != "attachment"][:1]
    own = {leaf.position for leaf in chosen}
    others = [leaf for leaf in leaves if _is_other_text(leaf) and not leaf.name and leaf.position not in own]
    return others if len(others) == 1 else chosen


def _is_other_text(leaf: Part) -> bool:
    """Whether a part is text that is not meant, or not called, as the text of a mail is."""
    is_text = leaf.kind.startswith("text/") or leaf.kind == "plain/text"
    return is_text and leaf.kind not in _OTHER_TEXTS and not leaf.in_encrypted


def text_parts(root: Part, tree: Tree, reader: Reader | None = None) -> frozenset[int]:
    """The numbers of the leaves whose text is the mail's own, or says the same in another form."""
    reader = reader or Reader(tree)
    body = choose(reader, root)
    said = likeness.words_of("\n".join(reader.page(leaf).whole for leaf in body))
    own = {leaf.position for leaf in body}
    others = (leaf for leaf in _alternatives(root) if leaf.position not in own)
    return frozenset(own | {leaf.position for leaf in others if _is_said(reader.page(leaf), said)})


def _choose(reader: Reader, part: Part) -> list[Part]:
    if not part.children:
        return [part] if part.is_inline_text else []
    options = [option for child in part.children if (option := _choose(reader, child))]
    if part.kind == "multipart/alternative":
        return _best(reader, options)
    if part.kind == "multipart/related":
        return next(iter(options), [])
    return [leaf for option in options for leaf in option]


def _best(reader: Reader, options: list[list[Part]]) -> list[Part]:
    """Of the forms of one text the one to read; both, if each says what the other does not."""
    options = [option for option in options if any(not reader.page(leaf).is_blank for leaf in option)] or options[-1:]
    plain = next((option for option in options if any(leaf.kind == "text/plain" for leaf in option)), [])
    rich = next((option for option in reversed(options) if option is not plain), [])
    if not plain or not rich:
        return plain or rich
    texts, pages = ([reader.page(leaf) for leaf in option] for option in (plain, rich))
    written, shown = ("\n".join(page.whole for page in found) for found in (texts, pages))
    said = likeness.words_of(written)
    if all(_is_said(page, said) for page in pages):
        return plain
    is_again = likeness.words_of(shown).covers(said)
    return rich if is_again or likeness.is_note(written) else [*plain, *rich]


def _is_said(page: Page, said: likeness.Words) -> bool:
    """Whether the words tell what was newly written on a page; its quotes may be left out."""
    return said.covers(likeness.words_of(page.new))


def _alternatives(part: Part, *, inside: bool = False) -> list[Part]:
    """The leaves that are a form of a text that has others."""
    if not part.children:
        return [part] if inside and part.is_inline_text else []
    inside = inside or part.kind == "multipart/alternative"
    return [leaf for child in part.children for leaf in _alternatives(child, inside=inside)]


def read_pages(reader: Reader, root: Part, level: int = 0) -> list[Page]:
    """The pages of the mail's text in their order."""
    pages: list[Page] = []
    for leaf in choose(reader, root):
        page = reader.page(leaf)
        # Some programs send the same words as text and as HTML, and do not call them an alternative.
        if page.whole and all(page.whole.split() != other.whole.split() for other in pages[-1:]):
            pages.append(page)
    if any(page.has_words for page in pages):
        return pages
    return next((found for found in _hidden_pages(reader, level) if any(page.has_words for page in found)), pages)


def may_be_signed(leaf: Part) -> bool:
    """Whether a part says that it is an S/MIME container."""
    return leaf.kind in _SIGNED_TYPES or leaf.name.lower().endswith(".p7m")


def _hidden_pages(reader: Reader, level: int) -> Iterator[list[Page]]:
    """What else may hold the text of a mail without any, best first."""
    tree = reader.tree
    leaves = [leaf for leaf in tree.leaves if leaf.disposition.value != "attachment" or not leaf.name]
    for leaf in tree.leaves:
        if tnef.is_tnef(tree.beginning(leaf)):
            yield [_container_page(reader, tnef.unpack(tree.content(leaf)))]
    for leaf in tree.leaves:
        is_open = may_be_signed(leaf) and level < _MOST_LEVELS
        if is_open and (signed := smime.signed_content(tree.content(leaf))):
            inner_root, inner = take_apart(signed)
            pages = read_pages(Reader(inner, reader.characters_left), inner_root, level + 1)
            for remark in inner.remarks:
                tree.remark(remark)
            yield pages
    for leaf in leaves:
        if leaf.kind in {"text/rtf", "application/rtf", "text/enriched", "text/richtext"}:
            yield [_rich_page(reader, leaf)]
    for leaf in tree.leaves:
        if leaf.kind == "text/calendar":
            source = charsets.decode(tree.content(leaf)[:LONGEST_SOURCE], leaf.parameters.get("charset") or "utf-8")
            yield [reader.plain(invitation.read_invitation(source))]
    # Where there is an empty text beside it, its writer wanted to send a file and say nothing.
    files = [leaf for leaf in tree.leaves if _is_other_text(leaf)]
    if len(files) == 1:
        yield [reader.page(files[0])]
    notes = (tree.raw[start : min(end, start + LONGEST_TEXT)].strip() for start, end in tree.leftovers)
    words = [note for note in notes if len(note) > _LONGEST_NOTE or not _NOTE.search(note)]
    yield [reader.plain(charsets.decode(b"\n\n".join(words)[:LONGEST_SOURCE]))]


def _container_page(reader: Reader, found: tnef.Tnef) -> Page:
    if found.text.strip():
        return reader.plain(found.text)
    if found.html.strip():
        return reader.markup(found.html)
    return _rtf_page(reader, rtf.decompressed(found.rtf))


def _rtf_page(reader: Reader, data: bytes) -> Page:
    text, markup = rtf.read_rtf(data)
    return reader.markup(markup) if markup else reader.plain(text)


def _rich_page(reader: Reader, leaf: Part) -> Page:
    data = reader.tree.content(leaf)
    if leaf.kind.endswith("/rtf"):
        return _rtf_page(reader, data)
    return reader.plain(_without_enriched(charsets.decode(data[:LONGEST_TEXT], leaf.parameters.get("charset"))))


def _without_enriched(source: str) -> str:
    """The text of the old text/enriched (RFC 1896) and text/richtext, without their commands."""
    # One line end alone is a blank, of several the first one counts for nothing.
    source = re.sub(r"\n+", lambda ends: ends[0][1:] or " ", source.replace("\r\n", "\n"))
    return _ENRICHED_TAG.sub(lambda tag: "<" if tag[0] == "<<" else "\n" if tag[1].lower() == "nl" else "", source)


def capped(text: str) -> str:
    """The text, cut at 1 MiB of UTF-8 with a note."""
    data = text.encode("utf-8")
    if len(data) <= LONGEST_TEXT:
        return text
    return data[: LONGEST_TEXT - len(CUT_NOTE)].decode("utf-8", "ignore").removesuffix(CUT_NOTE) + CUT_NOTE
