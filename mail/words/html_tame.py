"""Markup of a stranger made harmless for the parser, in one linear pass.

Lexbor follows the HTML5 rules, some of which are not linear: 49 kB of unclosed formatting elements became 2.4 GB of
elements in 7 seconds here, and deep nesting or a tag with very many attributes is quadratic. Others make words vanish:
an unclosed `<iframe>`, `<select>` or `<title>` swallows the rest of the mail. So:

- a formatting element becomes a harmless void one, but for a `<font>` with a colour, which becomes a `<span>`;
- nesting is capped, and so are attributes;
- comments, scripts, style sheets and elements that hold no text to read are cut out here; one that never ends hides
  nothing. What a style sheet hides by a plain rule (`.name {display: none}`, not in `@media`) is noted.

Every sign is looked at a fixed number of times, and nothing recurses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

_DEEPEST = 200
_MOST_ATTRIBUTE_SIGNS = 400
_LONGEST_SHEETS = 100_000
_MOST_HIDDEN_NAMES = 500

# Linear, since only the last quote of each kind can be without its partner, and nothing is tried twice.
_TAG = re.compile(r"""<!--|<(/?)([a-zA-Z][^\s/<>"']*)((?:[^<>"']|"[^"]*"|'[^']*')*+)>?""")
_BETWEEN_ATTRIBUTES = re.compile("[\\s/\"']")
_FONT_COLOUR = re.compile(r"""[\s"']color\s*=\s*["']?\s*([#a-z0-9]{1,30})""", re.IGNORECASE)


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_FORMATTING = _set("b big code em font i nobr s small strike strong tt u")
_VOID = _set("area base br col embed hr img input link meta param source track wbr")
_END_IS_OPTIONAL = _set("a body colgroup dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr")
_CUT_OUT = _set(
    "audio canvas datalist iframe math noembed noframes object script select style svg template title video"
)
# Their content is text like any other, but the parser would take it, and all that follows, without its tags.
_TAGS_DROPPED = _set("frameset plaintext textarea xmp") | _CUT_OUT
_ENDS = {name: re.compile(f"</{name}(?![a-z0-9])[^<>]*>?", re.IGNORECASE) for name in _CUT_OUT}
_END_OF_COMMENT = re.compile("--!?>")

_BRACE = re.compile("[{}]")
_PLAIN_SELECTOR = re.compile(r"(?:[a-z][a-z0-9]{0,20})?([.#][\w-]{1,80})", re.IGNORECASE)


class Tamed(NamedTuple):
    """The markup, and the classes (`.name`) and ids (`#name`) whose elements a style sheet in it hides."""

    markup: str
    hidden: frozenset[str]


@dataclass(slots=True)
class _State:
    depth: int = 0
    # One for each open <font>: whether it became a <span>.
    fonts: list[bool] = field(default_factory=list)
    # What was looked for once and never ends.
    endless: set[str] = field(default_factory=set)
    sheets: list[str] = field(default_factory=list)
    sheet_signs: int = 0


def tame(html: str) -> Tamed:
    """The markup with what could make the parser slow, or words vanish, taken out."""
    pieces: list[str] = []
    state, position = _State(), 0
    while match := _TAG.search(html, position):
        pieces.append(html[position : match.start()])
        position = match.end()
        if match[2] is None:
            position = _end_of_comment(html, position, state)
            continue
        name = match[2].lower()
        closing, attributes = match[1], match[3]
        if name in _TAGS_DROPPED:
            position = position if closing or name not in _CUT_OUT else _end_of_element(html, name, position, state)
            continue
        if name in _FORMATTING:
            pieces.append(_formatting(name, closing, attributes, state))
            continue
        if (
            len(attributes) > _MOST_ATTRIBUTE_SIGNS
            and len(_BETWEEN_ATTRIBUTES.findall(attributes)) > _MOST_ATTRIBUTE_SIGNS
        ):
            attributes = ""
        if name in _VOID or name in _END_IS_OPTIONAL or _may_stand(closing, state):
            pieces.append(f"<{closing}{name}{attributes}>")
    pieces.append(html[position:])
    return Tamed("".join(pieces), _hidden_names("".join(state.sheets)))


def _may_stand(closing: str, state: _State) -> bool:
    """Whether a tag is within the depth that we allow."""
    if closing:
        state.depth = max(0, state.depth - 1)
    is_too_deep = state.depth >= _DEEPEST
    state.depth += not closing
    return not is_too_deep


def _formatting(name: str, closing: str, attributes: str, state: _State) -> str:
    """What stands for a formatting element: a void one, or a span for a colour, which may mark an answer."""
    if name != "font":
        return "<wbr>"
    if closing:
        is_span = bool(state.fonts) and state.fonts.pop()
        return "</span>" if is_span and _may_stand(closing, state) else "<wbr>"
    colour = _FONT_COLOUR.search(attributes[:_MOST_ATTRIBUTE_SIGNS]) if len(state.fonts) < _DEEPEST else None
    is_span = colour is not None and _may_stand("", state)
    if len(state.fonts) < _DEEPEST:
        state.fonts.append(is_span)
    return f'<span style="color:{colour[1]}">' if colour and is_span else "<wbr>"


def _end_of_comment(html: str, position: int, state: _State) -> int:
    """Behind a comment; `<!-->` is a whole one, as in `<!--[if !mso]><!-->`."""
    if html.startswith((">", "->"), position):
        return html.index(">", position) + 1
    end = _END_OF_COMMENT.search(html, position) if "!--" not in state.endless else None
    if end is None:
        state.endless.add("!--")
        return position
    return end.end()


def _end_of_element(html: str, name: str, position: int, state: _State) -> int:
    """Behind an element that is cut out; a style sheet is kept to be read."""
    end = _ENDS[name].search(html, position) if name not in state.endless else None
    if end is None:
        state.endless.add(name)
        return position
    if name == "style" and state.sheet_signs < _LONGEST_SHEETS:
        sheet = html[position : min(end.start(), position + _LONGEST_SHEETS)]
        state.sheets.append(sheet + "\n")
        state.sheet_signs += len(sheet)
    return end.end()


def _hidden_names(sheet: str) -> frozenset[str]:
    """The classes and ids that a plain rule hides; a later rule that shows them again wins."""
    hidden: set[str] = set()
    sheet = "".join(part.rpartition("*/")[2] if number else part for number, part in enumerate(sheet.split("/*")))
    sheet = sheet.replace("<!--", " ").replace("-->", " ")
    position = depth = at_rule = 0
    selectors = ""
    for brace in _BRACE.finditer(sheet):
        text = sheet[position : brace.start()]
        position = brace.end()
        if brace[0] == "{":
            depth += 1
            if depth == 1:
                # What comes before the last semicolon is a rule without braces, like @import.
                selectors = text.rpartition(";")[2].strip()
                at_rule = selectors.startswith("@")
            continue
        depth = max(0, depth - 1)
        if depth == 0 and not at_rule:
            _note_rule(selectors, "".join(text.lower().split()), hidden)
    return frozenset(hidden)


def _note_rule(selectors: str, declarations: str, hidden: set[str]) -> None:
    if "display:" not in declarations or len(selectors) > 2000:
        return
    hides = "display:none" in declarations
    for selector in selectors.split(","):
        if name := _PLAIN_SELECTOR.fullmatch(selector.strip()):
            if not hides:
                hidden.discard(name[1])
            elif len(hidden) < _MOST_HIDDEN_NAMES:
                hidden.add(name[1])
