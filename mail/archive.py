"""Old mail on disk: an mbox, a Maildir, an `.eml` file, or a folder that holds such things; any file may be gzipped.

An archive is gone through twice. `entries` walks over it once, in one linear pass with little memory, and tells of each
mail where it lies and how its header reads; `read` then gets the bytes of one mail, in any order.

Policy for mbox, of which there are four kinds that no file tells apart. A mail begins at a line `From …` that stands
first or after an empty line, ends in a date (or is bare, as Thunderbird writes it), and is followed by a header field;
any other such line is text. `Content-Length` is never trusted: it is wrong as soon as anybody has edited the file.
`>From ` at the start of a line loses one `>`. The empty line before the next `From ` belongs to the file.

Policy for folders. A folder with `cur` and `new` in it is a Maildir, wherever it lies; drafts and what lies in the
bin (flags D and T) are left out and counted. Other files count if they are called `.eml` or `.mbox`. Symbolic links to
folders are not followed.

Known weakness: in a file that was written without quoting, a mail whose text contains a whole other mail with its
`From ` line, after an empty line, becomes two.
"""

from __future__ import annotations

import gzip
import os
import re
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

# Whatever stands behind so much of a header is not needed to put mails in their order.
HEAD_BYTES = 64 * 1024
_BLOCK_BYTES = 1 << 20
_MOST_OPEN = 16
_GZIP = b"\x1f\x8b"
_BARE = re.compile(rb"From (?:- *)?\r?\n")
_TIME = re.compile(rb"[0-9]:[0-9]{2}")
_YEAR = re.compile(rb"(?<![0-9:])(?:19|20)[0-9]{2}(?![0-9:])")
_LONGEST_SEPARATOR = 1000
_FIELD = re.compile(rb">?[!-9;-~]+[ \t]*:|>From ")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_STAMP = re.compile(r"([0-9]{9,11})\.")
_FLAGS = re.compile(r"[:;!]2,([A-Za-z]*)\Z")
_EMPTY = frozenset({b"\n", b"\r\n"})


class NoArchive(Exception):
    """There is nothing at this path, or nothing that can be read; the words say which."""


class NoMail(NoArchive):
    """The file is there, and is neither an mbox nor a mail."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail lies: `length_bytes` bytes of a file from `offset`; of an mbox if `is_quoted`."""

    file: int
    offset: int
    length_bytes: int
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail as the first pass sees it. `head` begins with its header; `filed_at` is when it came, as the archive
    tells without the mail's help."""

    place: Place
    head: bytes
    filed_at: datetime | None = None


class Archive:
    """The mails at a path. Use as a context manager; raises NoArchive at once where there are none to be had."""

    def __init__(self, path: Path) -> None:
        self.skipped = 0
        self._files: list[Path] = []
        # Mails are read by several threads.
        self._lock = threading.Lock()
        # The files that were read last; an unpacked one is dear to open.
        self._opened: OrderedDict[int, IO[bytes]] = OrderedDict()
        try:
            is_folder = path.is_dir()
            self._folder = path if is_folder else None
            if not is_folder:
                self._look_at(path)
        except OSError as error:
            raise NoArchive(f"{path} cannot be read: {error.strerror or error}") from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for file in self._opened.values():
                file.close()

    def _look_at(self, path: Path) -> None:
        self._files.append(path)
        with _content(path) as file:
            start = _first_line(file)
        if start and not start.startswith(b"From ") and not _FIELD.match(start):
            raise NoMail(f"{path} is neither an mbox nor a mail, a Maildir or a folder of mails")

    def entries(self) -> Iterator[Entry]:
        """Every mail, in the order in which it lies there. Raises NoArchive for a file that cannot be read."""
        if self._folder is not None:
            for path, filed_at in self._walk(self._folder):
                self._files.append(path)
                yield from self._entries_of(len(self._files) - 1, filed_at)
        elif self._files:
            yield from self._entries_of(0, None)

    def read(self, place: Place) -> bytes:
        """The bytes of a mail, as they were before they were put into the archive."""
        with self._lock:
            file = self._open(place.file)
            file.seek(place.offset)
            raw = file.read(place.length_bytes)
        return _QUOTED.sub(rb"\1", raw) if place.is_quoted and b">From " in raw else raw

    def _walk(self, folder: Path) -> Iterator[tuple[Path, datetime | None]]:
        """The files that hold mails, with the instants that their names tell."""
        for name, folders, files in os.walk(folder, onerror=_refuse):
            here = Path(name)
            folders[:] = sorted(set(folders) - {"tmp"} if _is_maildir(here) else folders)
            if here.name in {"cur", "new"} and _is_maildir(here.parent):
                for file in sorted(files):
                    if file.startswith("."):
                        continue
                    flags = _FLAGS.search(file)
                    if flags and {"D", "T"} & set(flags[1]):
                        self.skipped += 1
                        continue
                    yield here / file, _stamp(file)
                continue
            for file in sorted(files):
                if file.lower().removesuffix(".gz").endswith((".eml", ".mbox")):
                    yield here / file, None

    def _entries_of(self, number: int, filed_at: datetime | None) -> Iterator[Entry]:
        try:
            file = self._open(number)
            if _first_line(file).startswith(b"From "):
                yield from _split(file, number)
                return
            file.seek(0)
            head = file.read(HEAD_BYTES)
            if head.strip():
                length = file.seek(0, os.SEEK_END)
                yield Entry(Place(number, 0, length, is_quoted=False), head, filed_at)
        except OSError as error:
            raise NoArchive(f"{self._files[number]} cannot be read: {error.strerror or error}") from error

    def _open(self, number: int) -> IO[bytes]:
        """The file, which stays open for a while."""
        if number in self._opened:
            self._opened.move_to_end(number)
            return self._opened[number]
        if len(self._opened) >= _MOST_OPEN:
            self._opened.popitem(last=False)[1].close()
        self._opened[number] = _content(self._files[number])
        return self._opened[number]


def _refuse(error: OSError) -> None:
    raise NoArchive(f"{error.filename} cannot be read: {error.strerror}")


def _is_maildir(folder: Path) -> bool:
    return (folder / "cur").is_dir() and (folder / "new").is_dir()


def _stamp(name: str) -> datetime | None:
    """The instant at the start of the name of a Maildir's file."""
    found = _STAMP.match(name)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _content(path: Path) -> IO[bytes]:
    """The file; where it is compressed, a nameless temporary one, because one must be able to go back in it."""
    file = path.open("rb")
    try:
        if file.read(2) != _GZIP:
            file.seek(0)
            return file
        file.seek(0)
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            with gzip.GzipFile(fileobj=file) as packed:
                while block := packed.read(_BLOCK_BYTES):
                    unpacked.write(block)
        except (EOFError, zlib.error) as error:
            unpacked.close()
            raise OSError("it is cut off or damaged") from error
        except BaseException:
            unpacked.close()
            raise
        unpacked.seek(0)
    except BaseException:
        file.close()
        raise
    file.close()
    return unpacked


def _first_line(file: IO[bytes]) -> bytes:
    """The first line with something in it; the file stands before it then."""
    file.seek(0)
    while line := file.readline(HEAD_BYTES):
        if line.strip():
            file.seek(-len(line), os.SEEK_CUR)
            return line
    return b""


def _separates(line: bytes) -> bool:
    """Whether a line that begins with `From ` is one that programs write, not people."""
    if len(line) > _LONGEST_SEPARATOR:
        return False
    return bool(_BARE.fullmatch(line) or (_TIME.search(line) and _YEAR.search(line)))


def _split(file: IO[bytes], number: int) -> Iterator[Entry]:
    """The mails of an mbox whose first `From ` line comes next.

    A line that is longer than a block comes in pieces, so memory is bounded whatever is in the file.
    """
    start = end = file.tell()
    head: list[bytes] = []
    head_bytes = 0
    in_head = at_line_start = True
    was_empty, empty_bytes, is_first = True, 0, True
    line = file.readline(_BLOCK_BYTES)
    while line:
        following = file.readline(_BLOCK_BYTES)
        if (
            was_empty
            and at_line_start
            and line.startswith(b"From ")
            and (is_first or (_separates(line) and _FIELD.match(following)))
        ):
            if not is_first:
                yield Entry(Place(number, start, end - start - empty_bytes, is_quoted=True), b"".join(head))
            start = end + len(line)
            head, head_bytes, in_head, is_first = [], 0, True, False
            was_empty, empty_bytes = False, 0
        else:
            is_empty = at_line_start and line in _EMPTY
            was_empty, empty_bytes = is_empty, len(line) if is_empty else 0
            in_head = in_head and not is_empty
            if in_head and head_bytes < HEAD_BYTES:
                head.append(line)
                head_bytes += len(line)
        at_line_start = line.endswith(b"\n")
        end += len(line)
        line = following
    if not is_first and end - start - empty_bytes > 0:
        yield Entry(Place(number, start, end - start - empty_bytes, is_quoted=True), b"".join(head))
