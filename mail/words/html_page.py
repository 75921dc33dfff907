"""The text of a page while it is being laid out: lines, paragraphs, lists, table rows.

A `Line` knows how deep in quotes it stands and which holder it belongs to, that is, the innermost element which looks
like a mail program's own (see `html_quotes`). Quote marks are written at the very end by `as_text`, so that a
line can still change sides. Cells of a row that hold one line each become one line, parted by tabs; a row whose cells
hold more is layout and reads from the top down, without a tab.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_DEEPEST_QUOTE = 10
_DEEPEST_LIST = 8
_LONGEST_CELL = 500
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
    """One line: its words, the depth of `>` quoting, its holder, and whether it has words in an answer's colour."""

    words: str
    depth: int
    holder: int
    coloured: bool = False

    @property
    def has_words(self) -> bool:
        return any(sign.isalnum() for sign in self.words)


@dataclass(slots=True)
class _Row:
    """An open table row: where its lines begin, how many holders there were, and where each cell begins."""

    start: int
    holders: int
    keeps_empty: bool
    cells: list[int] = field(default_factory=list)


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
    # One for each open list: the number of its next item, or nothing for a list without numbers.
    lists: list[int | None] = field(default_factory=list)
    # How many items of lists are open.
    items: int = 0
    # One for each open table: whether an empty cell in a row means something.
    tables: list[bool] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    signature_is_next: bool = False
    _marker: str = ""
    _is_coloured: bool = False
    _has_space: bool = False

    @property
    def wants_no_space(self) -> bool:
        """Whether a blank would stand at the beginning of the line or behind another one."""
        return not self.pieces or self.pieces[-1].endswith((" ", "\t"))

    def write(self, words: str) -> None:
        if not words:
            return
        if not self.pieces:
            if self.signature_is_next and words.strip():
                self._delimit_signature(words)
            if self._marker:
                self.pieces.append(self._marker)
            self._marker = ""
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

    def keep_space(self) -> None:
        """A space that the author wants to be seen: alone on its line it is a blank line."""
        self._has_space = True

    def end_line(self) -> None:
        if self.pieces or self._has_space:
            self.break_line()

    def break_line(self) -> None:
        """A line break that the author wrote: ends the line, or is a blank one."""
        self._put("".join(self.pieces))
        self.pieces.clear()
        self._has_space = False

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
        self.lines.append(Line(words, self.depth, self.holder, self._is_coloured and bool(words)))
        self._is_coloured = False

    def _delimit_signature(self, words: str) -> None:
        """The usual delimiter before a signature that is only marked in the HTML."""
        self.signature_is_next = False
        above = next((line.words for line in reversed(self.lines[-5:]) if line.words), "")
        if above and above.strip() not in {"--", "\u2014"} and not words.lstrip().startswith("--"):
            self._put("-- ")

    def open_list(self, first: int | None) -> None:
        self.lists.append(first)

    def item_marker(self) -> str:
        """The mark of the next item of the innermost list."""
        indent = "  " * min(max(len(self.lists) - 1, 0), _DEEPEST_LIST)
        number = self.lists[-1] if self.lists else None
        if number is None:
            return indent + "- "
        self.lists[-1] = number + 1
        return f"{indent}{number}. "

    def open_row(self) -> None:
        self.end_line()
        self.rows.append(_Row(len(self.lines), self.holders, bool(self.tables and self.tables[-1])))

    def open_cell(self) -> None:
        self.end_line()
        if self.rows:
            self.rows[-1].cells.append(len(self.lines))

    def close_row(self) -> None:
        """One line for the row, if each of its cells has one at most."""
        self.end_line()
        if not self.rows:
            return
        row = self.rows.pop()
        if len(row.cells) < 2 or row.holders != self.holders:
            return
        words: list[str] = []
        for start, end in zip(row.cells, [*row.cells[1:], len(self.lines)], strict=True):
            # Never more than one blank line in a row is written by us; more than these few lines are no single cell.
            filled = [line for line in self.lines[start : min(end, start + 4)] if line.words]
            if len(filled) > 1 or end - start > 4 or any(len(line.words) > _LONGEST_CELL for line in filled):
                return
            if filled or row.keeps_empty:
                words.append(filled[0].words.replace("\t", " ") if filled else "")
        coloured = any(line.coloured for line in self.lines[row.cells[0] :])
        del self.lines[row.cells[0] :]
        if joined := "\t".join(words).rstrip("\t"):
            self.lines.append(Line(joined, self.depth, self.holder, coloured))


def as_text(lines: Iterable[Line]) -> str:
    """The lines as one text with their quote marks, and with at most one blank line in a row."""
    kept: list[str] = []
    is_gap = True
    for line in lines:
        if line.words or not is_gap:
            kept.append(("> " * min(line.depth, _DEEPEST_QUOTE) + line.words).rstrip(" "))
        is_gap = not line.words
    return "\n".join(kept).strip("\n")
