"""HTML of a mail in, text that people can read out; and the quotes of well-known mail programs split off.

Parsing is selectolax (lexbor, in C); the layout is ours: paragraphs, lists, quotes as `> `, cells parted by tabs,
links as `text <address>`. Styles, scripts, comments, hidden elements and images without words are gone.

Lexbor follows the HTML5 rules, some of which are not linear: 49 kB of unclosed formatting elements became 2.4 GB of
elements in 7 seconds here, and deep nesting or a tag with very many attributes is quadratic. So the markup is tamed
first by one linear pass: formatting elements become harmless void ones, nesting is capped, and so are attributes.
Nothing here recurses. Known weakness: what only a style sheet hides is shown.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mail import text as plain

LONGEST_HTML = 524_288
_DEEPEST = 200
_MOST_ATTRIBUTE_SIGNS = 400
_DEEPEST_QUOTE = 10
_LONGEST_LINK = 500

# Linear, since only the last quote of each kind can be without its partner, and nothing is tried twice.
_TAG = re.compile(r"""<!--|<(/?)([a-zA-Z][^\s/<>"']*)((?:[^<>"']|"[^"]*"|'[^']*')*+)>?""")


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_FORMATTING = _set("b big code em font i nobr s small strike strong tt u")
_VOID = _set("area base br col embed hr img input link meta param source track wbr")
_END_IS_OPTIONAL = _set("a body colgroup dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr")
_RAW_ENDS = {
    "!--": re.compile("-->"),
    "script": re.compile("</script[^<>]*>", re.IGNORECASE),
    "style": re.compile("</style[^<>]*>", re.IGNORECASE),
}
_BETWEEN_ATTRIBUTES = re.compile("[\\s/\"']")
_DROPPED = _set(
    "audio canvas datalist embed frame frameset head iframe link math meta object script select style svg template "
    "title video"
)
_PARAGRAPHS = _set("blockquote dl fieldset form h1 h2 h3 h4 h5 h6 ol p pre table ul")
_BLOCKS = _PARAGRAPHS | _set(
    "address article aside body center dd details dir div dt figcaption figure footer header hgroup hr html legend li "
    "main menu nav option section summary tbody tfoot thead tr"
)
# Only what no program shows: `font-size:0` and `mso-hide` stand on elements with readable content far too often.
_HIDDEN = re.compile(r"display:none|visibility:hidden|(?:^|;)opacity:0(?:\.0+)?(?:;|!|$)|max-height:0.*overflow:hidden")
_BLANKS = re.compile("[ \t\r\n\f]+")
# Fillers that newsletters put behind their preview text; alone on a line they mean nothing.
_FILLERS = re.compile("[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060\u2800\u3164\ufeff]+")

# Elements that hold a quote as a whole, and elements after which everything is the quoted mail.
_QUOTE_NAMES = _set(
    "gmail_attr gmail_quote gmail_quote_container yahoo_quoted moz-cite-prefix protonmail_quote tutanota_quote "
    "zmail_extra freshdesk_quote front-blockquote mailru-blockquote HOEnZb mail-quote #reply-intro #isReplyContent "
    "#replySplit #yahoo_quoted #mail-quote"
)
_TAIL_NAMES = _set(
    "OutlookMessageHeader outlookmessageheader gorgias-reply-marker #divRplyFwdMsg #OLK_SRC_BODY_SECTION "
    "#stopSpelling #zwchr #appendonsend"
)
_SIGNATURE_NAMES = _set(
    "gmail_signature moz-signature ms-outlook-mobile-signature protonmail_signature_block-user #Signature #signature "
    "#ms-outlook-mobile-signature #AppleMailSignature"
)


@dataclass(slots=True)
class _Page:
    """The lines written so far, each with whether it is part of a quote that a mail program marked."""

    lines: list[tuple[str, bool]] = field(default_factory=list)
    line: str = ""
    line_is_quote: bool = False
    quote_depth: int = 0
    container_depth: int = 0
    tail: bool = False
    pre_depth: int = 0
    # One for each open list: the number of its next item, 0 for a list without numbers.
    numbers: list[int] = field(default_factory=list)

    @property
    def quoted(self) -> bool:
        return self.tail or self.container_depth > 0

    def write(self, words: str) -> None:
        if not self.line:
            self.line_is_quote = self.quoted
        self.line += words

    def end_line(self) -> None:
        if self.line:
            self._put(self.line)
        self.line = ""

    def break_line(self) -> None:
        """A line break that the author wrote: ends the line, or is a blank one."""
        if not self.line:
            self.line_is_quote = self.quoted
        self._put(self.line)
        self.line = ""

    def blank(self) -> None:
        """A gap before or after a paragraph, one at most."""
        self.end_line()
        if self.lines:
            if not self.lines[-1][0].strip("> "):
                self.lines.pop()
            self.line_is_quote = self.quoted
            self._put("")

    def _put(self, words: str) -> None:
        words = words.rstrip(" \t\xa0")
        if not _FILLERS.sub("", words).strip():
            words = ""
        if words.startswith(">") and not self.quote_depth:
            # A quote that somebody typed stays one; there is no way to tell it from text that begins with >.
            self.lines.append((words, self.line_is_quote))
            return
        prefix = "> " * min(self.quote_depth, _DEEPEST_QUOTE)
        self.lines.append(((prefix + words).rstrip() if prefix else words, self.line_is_quote))


class HtmlText(NamedTuple):
    """A page as text: all of it, what was newly written, and the quote that the writer's mail program marked.

    The quote is empty where none is marked, where nothing would be left, and where somebody answered between the
    quoted lines; `mail.text.split_reply` looks at the new part afterwards in any case.
    """

    whole: str
    new: str
    quoted: str


def read_html(html: str) -> HtmlText:
    """The page as text, with the quotes of well-known mail programs split off."""
    lines = _render(html)
    whole = _joined([line for line, _ in lines])
    runs = _runs(lines)
    new = [number for number, is_quote in enumerate(runs) if not is_quote]
    quotes = [number for number, is_quote in enumerate(runs) if is_quote]
    if not quotes or not new or any(quotes[0] < number < quotes[-1] for number in new):
        return HtmlText(whole, whole, "")
    new_lines, quoted_lines = ([line for line, is_quote in lines if is_quote is kind] for kind in (False, True))
    return HtmlText(whole, _joined(new_lines), _joined(quoted_lines))


def html_to_text(html: str) -> str:
    """The whole page as text."""
    return _joined([line for line, _ in _render(html)])


def _runs(lines: list[tuple[str, bool]]) -> list[bool]:
    """For each run of neighbouring lines of one kind that hold words: whether they are a quote."""
    kinds = [is_quote for line, is_quote in lines if any(sign.isalnum() for sign in line)]
    return [kind for kind, _ in itertools.groupby(kinds)]


def _joined(lines: list[str]) -> str:
    """The lines as one text with at most one blank line in a row."""
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).strip("\n")


def _render(html: str) -> list[tuple[str, bool]]:
    root = LexborHTMLParser(_tamed(html[:LONGEST_HTML])).root
    if root is None:
        return []
    lines = _walk(root, show_hidden=False)
    if not any(line.strip("> ") for line, _ in lines):
        # A mail that hides everything still said something.
        lines = _walk(root, show_hidden=True)
    return lines


def _tamed(html: str) -> str:
    """The markup with what could make the parser slow taken out, in one pass (see the top of this module)."""
    pieces: list[str] = []
    position, depth = 0, 0
    endless: set[str] = set()
    while match := _TAG.search(html, position):
        pieces.append(html[position : match.start()])
        position = match.end()
        name = (match[2] or "!--").lower()
        closing, attributes = match[1], match[3]
        if name in _RAW_ENDS:
            position = _end_of_raw(html, name, position, endless) if not closing else position
            continue
        if name in _FORMATTING:
            pieces.append("<wbr>")
            continue
        if (
            len(attributes) > _MOST_ATTRIBUTE_SIGNS
            and len(_BETWEEN_ATTRIBUTES.findall(attributes)) > _MOST_ATTRIBUTE_SIGNS
        ):
            attributes = ""
        if name not in _VOID and name not in _END_IS_OPTIONAL:
            if closing:
                depth = max(0, depth - 1)
            is_too_deep = depth >= _DEEPEST
            depth += not closing
            if is_too_deep:
                continue
        pieces.append(f"<{closing}{name}{attributes}>")
    pieces.append(html[position:])
    return "".join(pieces)


def _end_of_raw(html: str, name: str, position: int, endless: set[str]) -> int:
    """Behind a comment, a script or a style; one that never ends is looked for once and hides nothing."""
    end = _RAW_ENDS[name].search(html, position) if name not in endless else None
    if end is None:
        endless.add(name)
        return position
    return end.end()


class _Open(NamedTuple):
    """What leaving an element has to undo or to add."""

    quote: bool = False
    container: bool = False
    link: str = ""
    at: tuple[int, int] = (0, 0)


def _walk(root: LexborNode, *, show_hidden: bool) -> list[tuple[str, bool]]:
    """Visit every node once in document order; an entry without a node closes the element of its tag."""
    page = _Page()
    stack: list[tuple[LexborNode | None, str, _Open]] = [(root, "", _Open())]
    while stack:
        node, tag, opened = stack.pop()
        if node is None:
            _leave(page, tag, opened)
            continue
        if following := node.next:
            stack.append((following, "", _Open()))
        tag = node.tag or ""
        if node.is_text_node:
            _write_text(page, node.text_content or "")
            continue
        if not node.is_element_node or tag in _DROPPED:
            continue
        attributes = node.attributes
        if not show_hidden and _is_hidden(attributes):
            continue
        stack.append((None, tag, _enter(page, node, tag, attributes)))
        if child := node.child:
            stack.append((child, "", _Open()))
    page.end_line()
    return page.lines


def _write_text(page: _Page, words: str) -> None:
    if page.pre_depth:
        first, *rest = words.replace("\r\n", "\n").split("\n")
        page.write(first)
        for line in rest:
            page.break_line()
            page.write(line)
        return
    words = _BLANKS.sub(" ", words).replace("\xa0", " ")
    if not page.line or page.line.endswith((" ", "\t")):
        words = words.lstrip(" ")
    if words:
        page.write(words)


def _enter(page: _Page, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> _Open:
    quote, container = _is_quote(page, node, tag, attributes)
    if tag in _PARAGRAPHS:
        page.blank()
    elif tag in _BLOCKS:
        page.end_line()
    if not page.quoted and _names(attributes) & _TAIL_NAMES:
        page.tail = True
    if not page.quoted and _names(attributes) & _SIGNATURE_NAMES:
        _mark_signature(page, node)
    page.quote_depth += quote
    page.container_depth += container
    if tag == "br":
        page.break_line()
    elif tag == "hr":
        page.end_line()
        page.write("-" * 20)
        page.end_line()
    elif tag in {"td", "th"}:
        if page.line.strip():
            page.write("\t")
    elif tag == "li":
        ordered = page.numbers[-1:] != [0] and bool(page.numbers)
        page.write("  " * min(len(page.numbers) - 1, 8) + (f"{page.numbers[-1]}. " if ordered else "- "))
        if ordered:
            page.numbers[-1] += 1
    elif tag in {"ul", "ol"}:
        page.numbers.append(int(tag == "ol"))
    elif tag == "pre":
        page.pre_depth += 1
    elif tag == "img":
        _write_image(page, attributes)
    link = (attributes.get("href") or "").strip() if tag == "a" else ""
    return _Open(bool(quote), bool(container), link, (len(page.lines), len(page.line)))


def _leave(page: _Page, tag: str, opened: _Open) -> None:
    if opened.link:
        _write_link(page, opened)
    if tag in _BLOCKS:
        page.end_line()
    page.quote_depth -= opened.quote
    page.container_depth -= opened.container
    if tag == "pre":
        page.pre_depth -= 1
    elif tag in {"ul", "ol"} and page.numbers:
        page.numbers.pop()
    if tag in _PARAGRAPHS:
        page.blank()


def _write_link(page: _Page, opened: _Open) -> None:
    words = page.line[opened.at[1] :].strip() if opened.at[0] == len(page.lines) else ""
    link = "".join(opened.link.split())
    if link[:7].lower() == "mailto:":
        link = link[7:].partition("?")[0]
    elif not re.match(r"(?:https?|ftp|tel):", link, re.IGNORECASE):
        return
    bare = re.sub(r"^(?:https?://|tel:)(?:www\.)?|/$", "", link, flags=re.IGNORECASE).lower()
    if words and bare and bare not in words.lower() and len(link) <= _LONGEST_LINK:
        page.write(f" <{link}>")


def _write_image(page: _Page, attributes: dict[str, str | None]) -> None:
    words = " ".join((attributes.get("alt") or "").split())
    tiny = {attributes.get("width"), attributes.get("height")} & {"0", "1", "0px", "1px"}
    if words and not tiny:
        # The alternative of an emoji is the emoji itself.
        page.write(f"[{words[:200]}]" if any(sign.isalnum() for sign in words) else words[:200])


def _mark_signature(page: _Page, node: LexborNode) -> None:
    """Put the usual delimiter before a signature that is only marked in the HTML."""
    page.end_line()
    above = next((line for line, _ in reversed(page.lines[-5:]) if line), "")
    if above and above.strip() != "--" and not node.text()[:200].lstrip().startswith("--") and node.text().strip():
        page.write("-- ")
        page.break_line()


def _names(attributes: dict[str, str | None]) -> frozenset[str]:
    """The classes of an element, and its id with a # before it."""
    return frozenset((*(attributes.get("class") or "").split(), f"#{attributes.get('id') or ''}"))


def _is_quote(page: _Page, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> tuple[bool, bool]:
    """Whether the element is set off with > and whether it is a quote that a mail program marked."""
    names = _names(attributes)
    style = "".join((attributes.get("style") or "").lower().split())
    # Gmail and others indent by means of a quote without a border.
    indented = "border:none" in style and "gmail_quote" not in names and attributes.get("type") != "cite"
    marked = bool(names & _QUOTE_NAMES) or (tag == "blockquote" and attributes.get("type") == "cite")
    marked = marked or (tag == "div" and attributes.get("name") == "quote")
    quote = tag == "blockquote" and not indented
    if not page.quoted and not page.quote_depth and (quote or marked):
        if plain.is_forward_line(next((line for line in node.text(separator="\n").split("\n") if line.strip()), "")):
            return False, False
        # Gmail writes answers between quoted lines into the very element that holds the quotes.
        if marked and tag != "blockquote" and node.css_first("blockquote") is not None:
            marked = False
    return quote, marked


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return bool(style) and _HIDDEN.search("".join((style or "")[:2000].lower().split())) is not None
