"""The text of a mail: which of its parts are it, and what they say.

Policy. The text is the text/plain part of an alternative if there are words in it and it is no mere note that one
should read the HTML; else the HTML as text. Several texts one after the other are joined. Where there are no words
at all, the first of these that has some is the text: what winmail.dat or an opaque signature holds, rich text, an
invitation, and at last what stands around the parts of a multipart.

Every part is read once, within one budget for the whole mail; what is beyond is cut with a note and a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model import clean_text
from mail.mime import charsets, flowed, invitation, rtf, smime, tnef, uuencode
from mail.mime.parts import BODY_TYPES, Part, Tree, take_apart
from mail.words import html

LONGEST_TEXT = 1_048_576
LONGEST_SOURCE = 4 * LONGEST_TEXT
CUT_NOTE = "\n[The text was cut here; the whole mail is kept.]"
CUT = "text cut at 1 MiB"
_MOST_CHARACTERS = 2 * LONGEST_TEXT
_MOST_LEVELS = 2

_SIGNED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_META_CHARSET = re.compile(rb"<meta[^<>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_WORDS = re.compile(r"\w+")
_FEWEST_WORDS_TO_COMPARE = 5
# Two different texts of one language share up to a quarter of their words: the little ones.
_SHARED_WORDS = 0.3
_ENRICHED_TAG = re.compile(r"</?([A-Za-z-]{1,60})>|<<")
# Programs put a note before the first part, for readers that know no parts; in every language it names MIME.
_NOTE = re.compile(rb"\bMIME\b|multi-?part", re.IGNORECASE)
_LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one leaf: all of it, what was newly written, the quote that the HTML marks, and its words."""

    whole: str
    new: str
    quoted: str
    words: frozenset[str] = frozenset()


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
        if leaf.kind == "text/html":
            return self.markup(_decoded_page(data[:LONGEST_SOURCE], leaf.parameters.get("charset")))
        if found := uuencode.blocks(data):
            data = uuencode.without_blocks(data, found)
        source = charsets.decode(data[:LONGEST_SOURCE], leaf.parameters.get("charset"))
        if leaf.parameters.get("format", "").strip().lower() == "flowed":
            is_joined = leaf.parameters.get("delsp", "").strip().lower() == "yes"
            source = flowed.unflow(source, drop_blanks=is_joined)
        return self.plain(source, is_cut=len(data) > LONGEST_SOURCE)

    def plain(self, source: str, *, is_cut: bool = False) -> Page:
        """The page that a text is."""
        return self._page(html.HtmlText(source, source, ""), source, LONGEST_TEXT, is_cut=is_cut)

    def markup(self, source: str) -> Page:
        """The page that a text in HTML is."""
        limit = min(self.characters_left, html.LONGEST_HTML)
        return self._page(html.read_html(source[:limit]), source, limit)

    def _page(self, read: html.HtmlText, source: str, limit: int, *, is_cut: bool = False) -> Page:
        limit = min(limit, self.characters_left)
        is_cut = is_cut or len(source) > limit
        whole, new, quoted = (clean_text(text[:limit]).strip("\n") for text in read)
        words = frozenset(_WORDS.findall(whole.lower()))
        if is_cut:
            self.tree.remark(CUT)
            whole, new = whole + CUT_NOTE, new + ("" if quoted else CUT_NOTE)
        return Page(whole, new, quoted, words)


def _decoded_page(data: bytes, charset: str | None) -> str:
    """HTML says its charset in two places; the header's counts unless it fails."""
    if match := _META_CHARSET.search(data[:2048]):
        return charsets.decode(data, charset, match[1].decode("ascii"))
    return charsets.decode(data, charset)


def choose(reader: Reader, root: Part) -> list[Part]:
    """The leaves that make up the text; a named one only where there is no other."""
    chosen = _choose(reader, root)
    if chosen:
        return chosen
    return [leaf for leaf in reader.tree.leaves if leaf.kind in BODY_TYPES and leaf.disposition.value != "attachment"][
        :1
    ]


def text_parts(root: Part, tree: Tree, reader: Reader | None = None) -> frozenset[int]:
    """The numbers of the leaves whose text is the mail's own, or says the same in another form."""
    body = choose(reader or Reader(tree), root)
    return frozenset({leaf.position for leaf in body} | _alternatives(root))


def _choose(reader: Reader, part: Part) -> list[Part]:
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


def _is_plain_with_words(reader: Reader, leaf: Part) -> bool:
    return leaf.kind == "text/plain" and bool(reader.tree.content(leaf)[:LONGEST_SOURCE].strip())


def _says_the_same(reader: Reader, plain: list[Part], rich: list[Part]) -> bool:
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


def read_pages(reader: Reader, root: Part, level: int = 0) -> list[Page]:
    """The pages of the mail's text in their order."""
    pages: list[Page] = []
    for leaf in choose(reader, root):
        page = reader.page(leaf)
        # Some programs send the same words as text and as HTML, and do not call them an alternative.
        if page.whole and all(page.whole.split() != other.whole.split() for other in pages[-1:]):
            pages.append(page)
    if any(page.words for page in pages):
        return pages
    return next((found for found in _hidden_pages(reader, level) if any(page.words for page in found)), pages)


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
