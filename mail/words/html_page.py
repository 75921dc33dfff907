"""The text of a page while it is being laid out: lines, paragraphs, lists.

A `Line` knows how deep in quotes it stands and which holder it belongs to, that is, the innermost element which looks
like a mail program's own (see `html_quotes`). Quote marks are written at the very end by `as_text`, so that a
line can still change sides. Rows of tables are `html_tables`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mail.words.html_tables import Table

_DEEPEST_QUOTE = 10
_DEEPEST_LIST = 8
_DEEPEST_INDENT = 80
_ROMAN = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_LONGEST_ROMAN = 399
# Fillers that newsletters put behind their preview text, and marks of direction; alone on a line they mean nothing.
_FILLERS = dict.fromkeys(
    (
        *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2060, 0x2800, 0x3164, 0xFEFF),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
)
RULE = "-" * 20


@dataclass(slots=True)
class Line:
    """One line: its words, how deep it is quoted and indented, its holder, whether words are in an answer's colour."""

    words: str
    depth: int
    holder: int
    coloured: bool = False
    indent: int = 0

    @property
    def has_words(self) -> bool:
        return any(sign.isalnum() for sign in self.words)


@dataclass(slots=True)
class List:
    """An open list: the number of its next item, if its items have numbers, and how these are written."""

    next_number: int | None
    style: str = "1"


@dataclass(slots=True)
class Page:
    """The lines written so far, and the pieces of the one that is being written."""

    lines: list[Line] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    depth: int = 0
    holder: int = 0
    holders: int = 0
    # Whether the words being written are in a colour of their own, as an answer between quoted lines may be.
    colours: list[bool] = field(default_factory=list)
    preformatted: list[bool] = field(default_factory=list)
    lists: list[List] = field(default_factory=list)
    # How many items of lists are open.
    items: int = 0
    tables: list[Table] = field(default_factory=list)
    _marker: str = ""
    _is_coloured: bool = False
    # Blanks at the beginning of the line that the author wants to be seen; alone on it they are a blank line.
    _space: str = ""

    @property
    def wants_no_space(self) -> bool:
        """Whether a blank would stand at the beginning of the line or behind another one."""
        return not self.pieces or self.pieces[-1].endswith((" ", "\t"))

    @property
    def is_in_row(self) -> bool:
        return any(table.row is not None for table in self.tables[-1:])

    def write(self, words: str) -> None:
        if not words:
            return
        if not self.pieces:
            if start := self._marker or self._space:
                self.pieces.append(start)
            self._marker = self._space = ""
        self._is_coloured = self._is_coloured or bool(self.colours and self.colours[-1] and words.strip())
        self.pieces.append(words)

    def write_behind(self, words: str) -> None:
        """Put words right behind what was written last, be it on this line or on one above; no blank before them."""
        if any(piece.strip() for piece in self.pieces[-3:]):
            self.pieces[-1] = self.pieces[-1].rstrip(" ")
            self.pieces.append(words)
        elif above := self.last_line():
            above.words += words

    def last_line(self) -> Line | None:
        """The last line with words, if it is near."""
        return next((line for line in reversed(self.lines[-3:]) if line.words), None)

    def mark_item(self, marker: str) -> None:
        """What stands before the first words of a list's item."""
        self.end_line()
        self._marker = marker

    def drop_marker(self) -> None:
        self._marker = ""

    def keep_space(self, blanks: str) -> None:
        """Blanks before the first words of a line that the author wants to be seen."""
        self._space = (self._space + blanks[:_DEEPEST_INDENT])[:_DEEPEST_INDENT]

    def end_line(self) -> None:
        if self.pieces or self._space:
            self.break_line()

    def break_line(self) -> None:
        """A line break that the author wrote: ends the line, or is a blank one."""
        self._put("".join(self.pieces))
        self.pieces.clear()
        self._space = ""

    def rule(self) -> None:
        self.end_line()
        self._put(RULE)

    def blank(self) -> None:
        """A gap before or after a paragraph, one at most, and none between a list's mark and its words."""
        self.end_line()
        if self.lines and not self._marker:
            if self.lines[-1].words:
                self._put("")
            else:
                self.lines[-1] = Line("", self.depth, self.holder)

    def _put(self, words: str) -> None:
        words = words.rstrip(" \t\xa0")
        if not words.translate(_FILLERS).strip():
            words = ""
        bare = words.lstrip(" ")
        indent = min(len(words) - len(bare), _DEEPEST_INDENT)
        self.lines.append(Line(bare, self.depth, self.holder, self._is_coloured and bool(words), indent))
        self._is_coloured = False

    def item_marker(self) -> str:
        """The mark of the next item of the innermost list."""
        indent = "  " * min(max(len(self.lists) - 1, 0), _DEEPEST_LIST)
        innermost = self.lists[-1] if self.lists else List(None)
        if innermost.next_number is None:
            return indent + "- "
        number = innermost.next_number
        innermost.next_number += 1
        return f"{indent}{_numbered(number, innermost.style)}. "

    def open_row(self) -> None:
        self.end_line()
        if self.tables:
            self.tables[-1].open_row(self.holders)

    def open_cell(self) -> None:
        self.end_line()
        if self.tables:
            self.tables[-1].open_cell(len(self.lines))

    def close_row(self) -> None:
        self.end_line()
        if self.tables:
            self.tables[-1].close_row(self.lines, self.holders)

    def close_table(self) -> None:
        self.end_line()
        self.tables.pop().close(self.lines, self.holders)


def _numbered(number: int, style: str) -> str:
    """The number as `<ol type>` wants it; where letters or Roman numerals do not reach, as it is."""
    written = ""
    if style in {"a", "A"} and 0 < number <= 26 * 27:
        more, last = divmod(number - 1, 26)
        written = (chr(96 + more) if more else "") + chr(97 + last)
    elif style in {"i", "I"} and 0 < number <= _LONGEST_ROMAN:
        for value, signs in _ROMAN:
            written += signs * (number // value)
            number %= value
    if not written:
        return str(number)
    return written.upper() if style.isupper() else written


def as_text(lines: Iterable[Line]) -> str:
    """The lines as one text with their quote marks, and with at most one blank line in a row.

    A gap is quoted as deep as what is quoted less on its two sides, so that none stands at the edge of a quote.
    """
    kept: list[str] = []
    depth, gap = 0, False
    for line in lines:
        if not line.words:
            gap = True
            continue
        if gap and kept:
            kept.append(("> " * min(line.depth, depth, _DEEPEST_QUOTE)).rstrip(" "))
        kept.append("> " * min(line.depth, _DEEPEST_QUOTE) + " " * line.indent + line.words)
        depth, gap = line.depth, False
    return "\n".join(kept)
