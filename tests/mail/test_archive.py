"""Archives of every kind, as programs really write them: which mails come out, byte for byte."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail.archive import Archive, NoArchive, NoMail

ANT = b"From: ant@customer.example\nSubject: one\n\nhelp\n"
BEE = b"From: bee@customer.example\nSubject: two\n\nplease\n"
LINE = b"From ant@customer.example Mon Nov 23 12:00:00 2020\n"


def crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


def mails_at(path: Path) -> list[bytes]:
    with Archive(path) as archive:
        return [archive.read(entry.place) for entry in list(archive.entries())]


def mails_in(content: bytes, tmp_path: Path) -> list[bytes]:
    path = tmp_path / "archive"
    path.write_bytes(content)
    return mails_at(path)


@pytest.mark.parametrize(
    ("content", "mails"),
    [
        (LINE + ANT + b"\n" + LINE + BEE + b"\n", [ANT, BEE]),
        # Without the last empty line, or with more of them: only the one before a `From ` line is the file's.
        (LINE + ANT + b"\n" + LINE + BEE, [ANT, BEE]),
        (LINE + ANT + b"\n\n" + LINE + BEE, [ANT + b"\n", BEE]),
        (b"\n\n" + LINE + ANT, [ANT]),
        # CRLF all over.
        (crlf(LINE + ANT + b"\n" + LINE + BEE), [crlf(ANT), crlf(BEE)]),
        # Other programs' lines: Thunderbird, an export of Google, asctime with a zone.
        (b"From - Mon Nov 23 12:00:00 2020\n" + ANT + b"\nFrom \n" + BEE, [ANT, BEE]),
        (LINE + ANT + b"\nFrom 1650@xxx Mon Nov 23 12:00:00 +0000 2020\n" + BEE, [ANT, BEE]),
        (LINE + ANT + b"\nFrom bee@x Mon Nov 23 12:00 CET 2020 remote from y\n" + BEE, [ANT, BEE]),
        # Quoted text: mboxo and mboxrd.
        (LINE + ANT + b">From here on\n>>From there\n> From\n", [ANT + b"From here on\n>From there\n> From\n"]),
        # Unquoted text of people, as mboxcl leaves it: no date, no header behind it, or no empty line before it.
        (LINE + ANT + b"\nFrom now on\nall: is well\n", [ANT + b"\nFrom now on\nall: is well\n"]),
        (LINE + ANT + b"\n" + LINE + b"is what it said\n", [ANT + b"\n" + LINE + b"is what it said\n"]),
        (LINE + ANT + LINE + BEE, [ANT + LINE + BEE]),
        # Content-Length lies.
        (
            LINE + b"Content-Length: 100000\n" + ANT + b"\n" + LINE + b"Content-Length: 1\n" + BEE,
            [b"Content-Length: 100000\n" + ANT, b"Content-Length: 1\n" + BEE],
        ),
        # One mail, and no mail.
        (ANT, [ANT]),
        (b"", []),
        (b"\n\n", []),
        (LINE, []),
    ],
)
def test_an_mbox_is_split_where_its_mails_begin(content: bytes, mails: list[bytes], tmp_path: Path) -> None:
    assert mails_in(content, tmp_path) == mails


def test_a_compressed_file_is_the_same(tmp_path: Path) -> None:
    assert mails_in(gzip.compress(LINE + ANT + b"\n" + LINE + BEE), tmp_path) == [ANT, BEE]
    with pytest.raises(NoArchive, match="cut off"):
        mails_in(gzip.compress(LINE + os.urandom(4000))[:-100], tmp_path)


def test_a_maildir_gives_what_is_new_and_what_was_read_but_no_drafts(tmp_path: Path) -> None:
    for folder in (".", ".Sent"):
        for part in ("cur", "new", "tmp"):
            (tmp_path / folder / part).mkdir(parents=True)
    (tmp_path / "new" / "1606132800.a.host").write_bytes(ANT)
    (tmp_path / "cur" / "1606132801.b.host:2,RS").write_bytes(BEE)
    (tmp_path / "cur" / "1606132802.c.host:2,DS").write_bytes(b"Subject: draft\n\n")
    (tmp_path / "cur" / "1606132803.d.host:2,T").write_bytes(b"Subject: bin\n\n")
    (tmp_path / "tmp" / "1606132804.e.host").write_bytes(b"Subject: half\n\n")
    (tmp_path / ".Sent" / "cur" / "odd").write_bytes(ANT)
    (tmp_path / "dovecot-uidlist").write_bytes(b"3 V1 N1\n")
    with Archive(tmp_path) as archive:
        entries = list(archive.entries())
        assert sorted(archive.read(entry.place) for entry in entries) == sorted([ANT, ANT, BEE])
        assert archive.skipped == 2
        assert {entry.filed_at for entry in entries} == {
            None,
            datetime(2020, 11, 23, 12, tzinfo=UTC),
            datetime(2020, 11, 23, 12, 0, 1, tzinfo=UTC),
        }


def test_a_folder_gives_its_mails_however_deep(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.eml").write_bytes(ANT)
    (tmp_path / "deep" / "er" / "B.EML").write_bytes(BEE)
    (tmp_path / "deep" / "c.mbox").write_bytes(LINE + ANT + b"\n" + LINE + BEE)
    (tmp_path / "deep" / "notes.txt").write_bytes(b"Subject: no mail\n\n")
    (tmp_path / "empty.eml").write_bytes(b"")
    assert mails_at(tmp_path) == [ANT, ANT, BEE, BEE]


def test_a_path_that_is_none_is_told_from_a_file_that_is_no_mail(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="No such file"):
        mails_at(tmp_path / "nowhere")
    with pytest.raises(NoMail):
        mails_in(b"\x89PNG\r\n\x1a\n\0\0", tmp_path)


def test_a_line_without_end_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    with path.open("wb") as file:
        file.write(LINE + ANT)
        file.truncate(50 << 20)
    tracemalloc.start()
    try:
        with Archive(path) as archive:
            (entry,) = archive.entries()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert entry.place.length_bytes == (50 << 20) - len(LINE)
    assert peak < 8 << 20
