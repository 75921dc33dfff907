"""Rows of tables as lines: cells parted by tabs, where the table holds data; a table that is layout reads down.

A row whose cells hold one line each becomes one line. Once a table has two rows with the same number of cells, empty
cells keep their place in them, so that a number stays in its column; only a column without any words is a gap of the
layout, and goes. If such rows also have a column of single lines, the table holds data, and a cell that somebody
broke into a few lines is one too. What holds an element of a mail program's own (see `html_quotes`) is left alone,
and lines above it are never touched, so that the numbers of lines noted there stay right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mail.words.html_page import Line

_LONGEST_CELL = 500
_MOST_CELL_LINES = 4


@dataclass(slots=True)
class _Row:
    """A row: how many holders there were, where each cell and the end is, and the words of each cell by lines."""

    holders: int
    places: list[int] = field(default_factory=list)
    end: int = 0
    cells: list[list[str]] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """An open table: whether an empty cell in it means something in any case, and its rows so far."""

    has_border: bool
    holders: int
    row: _Row | None = None
    # The rows that can be one line, by the number of their cells.
    _rows: dict[int, list[_Row]] = field(default_factory=dict)

    def open_row(self, holders: int) -> None:
        self.row = _Row(holders)

    def open_cell(self, line: int) -> None:
        if self.row:
            self.row.places.append(line)

    def close_row(self, lines: list[Line], holders: int) -> None:
        """One line for the row, if each of its cells has one at most."""
        row, self.row = self.row, None
        if row is None or len(row.places) < 2 or row.holders != holders:
            return
        row.end = len(lines)
        for start, end in zip(row.places, [*row.places[1:], row.end], strict=True):
            # Never more than one blank line in a row is written by us; more than these few lines are no single cell.
            if end - start > _MOST_CELL_LINES:
                return
            cell = _without_edges([line.words.replace("\t", " ") for line in lines[start:end]])
            if sum(map(len, cell)) > _LONGEST_CELL or not all(cell):
                return
            row.cells.append(cell)
        if not any(row.cells):
            del lines[row.places[0] :]
            return
        self._rows.setdefault(len(row.cells), []).append(row)
        if max(map(len, row.cells)) == 1:
            lines[row.places[0] :] = [_as_line(row, row.cells, lines, keeps_empty=self.has_border)]
            row.end = len(lines)

    def close(self, lines: list[Line], holders: int) -> None:
        """What can only be decided when all rows are known: empty cells, and cells of more than one line."""
        if self.holders != holders:
            return
        changed: list[tuple[int, int, Line]] = []
        for rows in self._rows.values():
            columns = list(zip(*(row.cells for row in rows), strict=True))
            filled = [number for number, column in enumerate(columns) if any(column)]
            if len(rows) < 2 or len(filled) < 2:
                continue
            holds_data = any(max(map(len, column)) == 1 and sum(map(bool, column)) >= 2 for column in columns)
            for row in rows:
                if holds_data or max(map(len, row.cells)) == 1:
                    cells = row.cells if self.has_border else [row.cells[number] for number in filled]
                    changed.append((row.places[0], row.end, _as_line(row, cells, lines, keeps_empty=True)))
        if not changed:
            return
        changed.sort(key=lambda change: change[0])
        first = position = changed[0][0]
        kept: list[Line] = []
        for start, end, line in changed:
            kept += [*lines[position:start], line]
            position = end
        lines[first:] = [*kept, *lines[position:]]


def _without_edges(words: list[str]) -> list[str]:
    """The lines of a cell without blank ones at both ends."""
    filled = [number for number, line in enumerate(words) if line]
    return words[filled[0] : filled[-1] + 1] if filled else []


def _as_line(row: _Row, cells: list[list[str]], lines: list[Line], *, keeps_empty: bool) -> Line:
    """The row as one line with these cells."""
    own = [line for line in lines[row.places[0] : row.end] if line.words]
    words = "\t".join(" ".join(cell) for cell in cells if cell or keeps_empty).rstrip("\t")
    return replace(own[0], words=words, coloured=any(line.coloured for line in own), indent=0)
