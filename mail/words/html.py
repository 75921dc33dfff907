"""HTML of a mail in, text that people can read out; and the quotes of well-known mail programs split off.

Parsing is selectolax (lexbor, in C), after `html_tame` took out what could make it slow. The layout is ours:
paragraphs, lists, quotes as `> `, cells parted by tabs, links as `text <address>`, images as `[what they show]`.
Styles, scripts, comments, hidden elements and images without words are gone. What is quoted is decided afterwards, on
lines (`html_quotes`). Nothing here recurses. Known weakness: of what a style sheet hides, only plain rules for a
class or an id are known; hidden by a size or a colour it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mail.words.html_links import shown_address
from mail.words.html_marks import WRAPPERS, Attributes, Mark, mark_of, style_of
from mail.words.html_page import List, Page
from mail.words.html_quotes import Found, Holder, divide
from mail.words.html_tables import Table
from mail.words.html_tame import tame

LONGEST_HTML = 524_288
_LONGEST_ALTERNATIVE = 200
_HIGHEST_NUMBER = 999_999


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_DROPPED = _set("embed frame head link meta")
_VOID = _set("br hr img")
_PARAGRAPHS = _set("blockquote dl fieldset form h1 h2 h3 h4 h5 h6 ol p pre table ul")
_BLOCKS = _PARAGRAPHS | _set(
    "address article aside body caption center dd details dir div dt figcaption figure footer header hgroup hr html "
    "legend li main menu nav option section summary tbody td tfoot th thead tr"
)
# Paragraphs of programs that leave no gap between them, and write an empty one where they want it.
_TIGHT_CLASS = re.compile(r"(?:^|\s)(?:x_)*x?(?:mso(?:normal|plaintext|listparagraph|nospacing)|p\d)\b", re.IGNORECASE)
_TIGHT_STYLE = re.compile(r"(?:^|;)margin(?:-top|-bottom)?:0(?:px|pt|cm|in|em)?(?:;|!|$|0)")
# Only what no program shows: `font-size:0` and `mso-hide` stand on elements with readable content far too often.
_HIDDEN = re.compile(
    r"display:none|visibility:hidden|(?:^|;)opacity:0(?:\.0+)?(?:;|!|$)|"
    r"(?:^|;)(?:max-)?height:0(?:px|pt|em|%)?(?:;|!|$).{0,500}overflow:hidden|"
    r"overflow:hidden.{0,500};(?:max-)?height:0(?:px|pt|em|%)?(?:;|!|$)"
)
_SHOWN = re.compile(r"(?:^|;)display:(?!none)")
_TINY = re.compile(r"(?:^|;)(?:max-)?(?:width|height):[01](?:\.0+)?(?:px|pt)?(?:;|!|$)")
_WHITE_SPACE = re.compile(r"(?:^|;)white-space:(pre|break-spaces)?")
_COLOUR = re.compile(r"(?:^|;)color:([^;!]{1,40})")
_HEX = re.compile("#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})")
# The names that editors write for the colours of an answer; all others are grey enough or rare.
_BRIGHT = _set(
    "red blue green purple magenta fuchsia orange crimson darkred darkblue darkgreen maroon teal violet lime"
)
_LEAST_BRIGHT = 90
_BLANKS = re.compile("[ \t\r\n\f]+")
_ITEM_STYLE = re.compile(r"(?:^|;)list-style(?:-type)?:(?:[^;]{0,40}\b)?((?:low|upp)er)-(alpha|latin|roman)")


class HtmlText(NamedTuple):
    """A page as text: all of it, what was newly written, and the quote and signature that the mail program marked.

    The quote is empty where none is marked, where nothing would be left, and where somebody answered between the
    quoted lines; `text.split_reply` looks at the new part afterwards in any case. Every word of the whole is in one
    of the other three.
    """

    whole: str
    new: str
    quoted: str
    signature: str
    # The whole without the signature: what somebody says above a mail that he forwards.
    unsigned: str


def read_html(html: str) -> HtmlText:
    """The page as text, with the quotes of well-known mail programs split off."""
    divided = divide(*_render(html))
    return HtmlText(divided.whole, divided.new, divided.quoted, divided.signature, divided.unsigned)


def _render(html: str) -> tuple[Page, Found]:
    markup, hidden = tame(html[:LONGEST_HTML])
    root = LexborHTMLParser(markup).root
    if root is None:
        return Page(), Found()
    page, found = _Walk(hidden).over(root)
    if not any(line.words for line in page.lines):
        # A mail that hides everything still said something.
        page, found = _Walk(None).over(root)
    return page, found


@dataclass(slots=True)
class _Open:
    """What leaving an element has to undo or to add."""

    tag: str
    is_block: bool = False
    is_paragraph: bool = False
    is_quote: bool = False
    has_colour: bool = False
    has_white_space: bool = False
    holder: int | None = None
    mark: Mark | None = None
    link: str = ""
    images: int = 0
    at: tuple[int, int] = (0, 0)


class _Walk:
    """One visit of every node in document order. Without names of hidden elements nothing counts as hidden."""

    def __init__(self, hidden: frozenset[str] | None) -> None:
        self._hidden = hidden
        self._page = Page()
        self._found = Found()
        self._last_link = ""
        # Whether the next block is the signature: some programs mark its beginning, not the whole of it.
        self._signature_is_next = False
        # How many images were shown so far that say nothing.
        self._images = 0

    def over(self, root: LexborNode) -> tuple[Page, Found]:
        """The page and what was found on it; an entry without a node closes an element."""
        stack: list[tuple[LexborNode | None, _Open | None]] = [(root, None)]
        while stack:
            node, opened = stack.pop()
            if node is None:
                if opened:
                    self._leave(opened)
                continue
            if following := node.next:
                stack.append((following, None))
            if node.is_text_node:
                self._write_text(node.text_content or "")
                continue
            tag = node.tag or ""
            if not node.is_element_node or tag in _DROPPED:
                continue
            attributes = node.attributes
            style = style_of(attributes)
            if self._is_hidden(attributes, style):
                continue
            stack.append((None, self._enter(tag, attributes, style)))
            if child := node.child:
                stack.append((child, None))
        self._page.end_line()
        return self._page, self._found

    def _is_hidden(self, attributes: Attributes, style: str) -> bool:
        if self._hidden is None or not attributes:
            return False
        if "hidden" in attributes or (style and _HIDDEN.search(style)):
            return True
        if not self._hidden or (style and _SHOWN.search(style)):
            return False
        names = [f".{name}" for name in (attributes.get("class") or "").split()]
        return not self._hidden.isdisjoint((*names, f"#{attributes.get('id') or ''}"))

    def _write_text(self, words: str) -> None:
        page = self._page
        if page.preformatted and page.preformatted[-1]:
            first, *rest = words.replace("\r\n", "\n").split("\n")
            page.write(first)
            for line in rest:
                page.break_line()
                page.write(line)
            return
        words = _BLANKS.sub(" ", words)
        if page.wants_no_space:
            words = words.lstrip(" ")
        words = words.replace("\xa0", " ")
        if not page.pieces:
            bare = words.lstrip(" ")
            page.keep_space(words[: len(words) - len(bare)])
            words = bare
        self._signature_is_next = self._signature_is_next and not words
        page.write(words)

    def _enter(self, tag: str, attributes: Attributes, style: str) -> _Open:
        page = self._page
        opened = _Open(tag, is_block=tag in _BLOCKS, is_paragraph=tag in _PARAGRAPHS)
        if opened.is_paragraph and (
            (tag == "p" and (page.items or _is_tight(attributes, style)))
            or (tag in {"ul", "ol", "dl"} and page.lists)
            or (tag == "table" and page.is_in_row)
        ):
            opened.is_paragraph = False
        mark = mark_of(tag, attributes, style) if attributes or tag in {"blockquote", "includetail"} else None
        if mark is None and self._signature_is_next and tag in {"div", "p", "table"}:
            mark = Mark.SIGNATURE
        if opened.is_paragraph:
            page.blank()
        elif opened.is_block or mark is not None:
            page.end_line()
        if mark is not None:
            self._open_mark(mark, opened)
        if tag == "blockquote" and mark is not None:
            opened.is_quote = True
            page.depth += 1
        if style:
            self._open_style(tag, style, opened)
        if tag == "pre" and not opened.has_white_space:
            opened.has_white_space = True
            page.preformatted.append(True)
        if opened.is_block:
            self._open_block(tag, attributes, style)
        elif tag == "br":
            page.break_line()
        elif tag == "img":
            self._write_image(attributes, style)
        elif tag == "a":
            opened.link = shown_address(attributes.get("href") or "")
            opened.images = self._images
        opened.at = (len(page.lines), len(page.pieces))
        return opened

    def _open_mark(self, mark: Mark, opened: _Open) -> None:
        page, found = self._page, self._found
        around = page.holder
        is_in_signature = found.holders[around].mark is Mark.SIGNATURE
        if is_in_signature and mark is not Mark.SIGNATURE:
            # Whoever writes on inside the element of his signature may quote there: it hides no other mark.
            around = found.holders[around].parent
        is_outside_quotes = found.holders[around].mark in {Mark.ROOT, *WRAPPERS}
        self._signature_is_next = mark is Mark.SIGNATURE and opened.tag == "br" and not page.depth and is_outside_quotes
        if mark is Mark.SIGNATURE and (opened.tag in _VOID or is_in_signature or page.depth or not is_outside_quotes):
            return
        # Whatever happens here, a row of a table with a mark in it is no row of data.
        page.holders += 1
        if mark is Mark.RULE:
            found.rules.append(len(page.lines))
        elif mark is Mark.FORWARD:
            found.forwards.append(len(page.lines))
        elif mark is not Mark.TAIL or is_outside_quotes:
            # A tail lasts to the end of the mark around it, all others to the end of their element.
            opened.holder = page.holder if mark is not Mark.TAIL else None
            opened.mark = mark
            found.holders.append(Holder(mark, around if mark is Mark.TAIL else page.holder, len(page.lines)))
            page.holder = len(found.holders) - 1

    def _open_style(self, tag: str, style: str, opened: _Open) -> None:
        if tag != "a" and (colour := _COLOUR.search(style)):
            opened.has_colour = True
            self._page.colours.append(_is_bright(colour[1]))
        if white_space := _WHITE_SPACE.search(style):
            opened.has_white_space = True
            self._page.preformatted.append(white_space[1] is not None)

    def _open_block(self, tag: str, attributes: Attributes, style: str) -> None:
        page = self._page
        if tag == "hr":
            page.rule()
        elif tag == "table":
            page.tables.append(Table((attributes.get("border") or "0") not in {"0", ""}, page.holders))
        elif tag == "tr":
            page.open_row()
        elif tag in {"td", "th"}:
            page.open_cell()
        elif tag in {"ul", "ol"}:
            first = _number(attributes.get("start"), 1) if tag == "ol" else None
            page.lists.append(List(first, _item_style(attributes, style) or "1"))
        elif tag == "li":
            if page.lists and page.lists[-1].next_number is not None:
                page.lists[-1].next_number = _number(attributes.get("value"), page.lists[-1].next_number)
                page.lists[-1].style = _item_style(attributes, style) or page.lists[-1].style
            page.items += 1
            page.mark_item(page.item_marker())
        elif tag == "dd":
            page.mark_item("  ")

    def _leave(self, opened: _Open) -> None:
        page, tag = self._page, opened.tag
        if opened.link:
            self._write_link(opened)
        if opened.is_block or opened.holder is not None:
            page.end_line()
        inner = self._found.holders[page.holder].mark
        # A tail that began inside a signature goes on.
        if opened.holder is not None and (opened.mark is not Mark.SIGNATURE or inner is Mark.SIGNATURE):
            page.holder = opened.holder
        page.depth -= opened.is_quote
        if opened.has_colour:
            page.colours.pop()
        if opened.has_white_space:
            page.preformatted.pop()
        if tag in {"ul", "ol"}:
            page.lists.pop()
        elif tag in {"li", "dd"}:
            page.items -= tag == "li"
            page.drop_marker()
        elif tag == "tr":
            page.close_row()
        elif tag == "table":
            page.close_table()
        if opened.is_paragraph:
            page.blank()

    def _write_link(self, opened: _Open) -> None:
        """The address behind the words of a link, unless they say it already, or nobody could read it."""
        page = self._page
        line, piece = opened.at
        is_same_line = line == len(page.lines)
        # A link around whole blocks gets its address where its last words are.
        words = "".join(page.pieces[piece if is_same_line else 0 :])
        if not words.strip() and not is_same_line:
            near = page.lines[max(line, len(page.lines) - 3) :]
            words = next((above.words for above in reversed(near) if above.words), "")
        link = opened.link
        if not words.strip():
            if self._images > opened.images:
                # An image that says nothing: where it leads is all that can be shown.
                page.write(("" if page.wants_no_space else " ") + f"<{link}>")
            return
        bare = re.sub(r"^(?:https?://|tel:)(?:www\.)?|/$", "", link, flags=re.IGNORECASE).lower()
        if not bare or bare in words.lower():
            return
        if link[:4].lower() == "tel:" and _digits(link) and _digits(link) in _digits(words):
            return
        if link != self._last_link or is_same_line:
            page.write_behind(f" <{link}>")
        self._last_link = link

    def _write_image(self, attributes: Attributes, style: str) -> None:
        words = " ".join((attributes.get("alt") or "").split())[:_LONGEST_ALTERNATIVE]
        sizes = {(attributes.get(name) or "").strip().removesuffix("px") for name in ("width", "height")}
        if sizes & {"0", "1"} or _TINY.search(style):
            return
        if words:
            # The alternative of an emoji is the emoji itself.
            self._page.write(f"[{words}]" if any(sign.isalnum() for sign in words) else words)
        else:
            self._images += 1


def _digits(words: str) -> str:
    return "".join(sign for sign in words if sign.isdigit())


def _number(value: str | None, default: int) -> int:
    value = (value or "").strip()
    return int(value) if value.isascii() and value.isdigit() and int(value[:7]) <= _HIGHEST_NUMBER else default


def _item_style(attributes: Attributes, style: str) -> str:
    """How the items of a list are numbered: `1`, `a`, `A`, `i` or `I`; empty where nothing says it."""
    if (kind := (attributes.get("type") or "").strip()) in {"1", "a", "A", "i", "I"}:
        return kind
    if not (found := _ITEM_STYLE.search(style)):
        return ""
    kind = "i" if found[2] == "roman" else "a"
    return kind.upper() if found[1] == "upper" else kind


def _is_tight(attributes: Attributes, style: str) -> bool:
    return bool(_TIGHT_CLASS.search((attributes.get("class") or "")[:200]) or _TIGHT_STYLE.search(style))


def _is_bright(colour: str) -> bool:
    """Whether a colour is one in which people set off an answer: far from black, grey and white."""
    if match := _HEX.fullmatch(colour):
        digits = match[1] if len(match[1]) == 6 else "".join(sign * 2 for sign in match[1])
        parts = [int(digits[place : place + 2], 16) for place in (0, 2, 4)]
    elif rgb := _RGB.match(colour):
        parts = [int(part) for part in rgb.groups()]
    else:
        return colour in _BRIGHT
    return max(parts) - min(parts) >= _LEAST_BRIGHT
