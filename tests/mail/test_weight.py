"""What is called light is read in little time, whatever it is made of; and honest mail is light."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from mail import weight
from mail.parse import Unreadable
from mail.weight import is_light
from mail.worker_process import read_mail
from tests.builders import a_mail

MOST_SECONDS_ON_THE_LOOP = 0.05
DEAR_MARKUP = [
    "<hr>",
    "<br>",
    "<p>",
    "<li>",
    "<dd>",
    "<b>",
    "<a ",
    "<font><p>",
    "<a><div>",
    "<table><tr><td>",
    "<p><a href=x>",
]
DEAR_MARKUP += [
    "<blockquote>x</blockquote>",
    "<a href=http://x.example/>z</a>",
    "<p style='display:none'>x",
    "&amp;",
    "<!--",
]
DEAR_TEXT = [
    "a\n",
    "\n",
    "> \n",
    "a\r",
    ",",
    "b,",
    "-",
    "--\n",
    "--b\n",
    "--b\na:b\n",
    "a:b\n",
    " a\n",
    "=?utf-8?q?a?= ",
    "a@b.c, ",
]
DEAR_TEXT += [
    "On a, b wrote:\n",
    "-----\n",
    "From: a\n",
    "_",
    "<a@b.c> ",
    "http://a/ ",
    "é",
    "=0A",
    "* \n",
    "[a]\n",
    "a: b\n> ",
]
MULTIPART = "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
NESTED = "".join(
    f'Content-Type: multipart/alternative; boundary="b{n}"\n\n--b{n}\n\nplain\n--b{n}\n' for n in range(49)
)
HEADS = {
    "html": "Content-Type: text/html; charset=utf-8\n\n",
    "html in parts": MULTIPART + "Content-Type: text/html\n\n",
    "html in nests": NESTED + "Content-Type: text/html\n\n",
    "text": "Content-Type: text/plain; charset=utf-8\n\n",
    "parts": MULTIPART + "\n",
    "encoded": "Content-Transfer-Encoding: quoted-printable\n\n",
    "subject": "Subject: ",
    "recipients": "To: ",
    "references": "References: ",
    "type": "Content-Type: text/plain; ",
    "bounce": "From: mailer-daemon@x.example\nSubject: failure notice\n\nYour message could not be delivered to\n",
}


def dear_mails(size_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Mails of this size that take long, made of one thing repeated."""
    for kind, head in HEADS.items():
        for piece in DEAR_MARKUP if "html" in kind else DEAR_TEXT:
            start = f"From: a@b.example\n{head}"
            text = (start + piece * (size_bytes // len(piece))).encode()[:size_bytes]
            yield f"{size_bytes} bytes, {kind} of {piece!r}", text


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def _try_to_read(raw: bytes) -> None:
    with suppress(Unreadable):
        read_mail(raw, authserv_id="", trusted=False)


@pytest.mark.parametrize(
    "mail",
    [
        a_mail(),
        a_mail(text="It says PC LOAD LETTER and nothing else, whichever button I press on it.\n" * 200),
        a_mail(text="Der Drucker sagt „PC LOAD LETTER“ – und sonst nichts, was ich auch tue.\n" * 190),
        b"\n" * weight.LIGHT_BYTES,
    ],
    ids=["short", "long", "not ASCII", "smallest"],
)
def test_honest_mail_is_light(mail: bytes) -> None:
    assert is_light(mail)


LONG = "It says PC LOAD LETTER and nothing else, whichever button I press on it.\n" * 50


@pytest.mark.parametrize(
    "mail",
    [
        a_mail(text=LONG * 10),
        a_mail(text=LONG, x_encoding="BASE64"),
        a_mail(text=LONG).replace(b"utf-8", b"utf-7"),
        a_mail(text=LONG).replace(b"utf-8", b"cp037"),
        a_mail(text=LONG).replace(b"charset=utf-8", b"charset*=us-ascii''utf%2D7"),
        a_mail().replace(b"printer", b"b\xe9ton"),
        a_mail(text=LONG + "<p>" * 600),
        a_mail(text=LONG + "=0A" * 600),
        a_mail(text=LONG + "&#10;" * 600),
        a_mail(text=LONG + "\n" * 600),
        a_mail(text=LONG + "\r" * 600),
        a_mail(text=LONG + "\u2028" * 600),
    ],
)
def test_what_is_large_or_may_hide_much_is_heavy(mail: bytes) -> None:
    assert not is_light(mail)


@pytest.mark.slow
def test_what_is_light_is_read_in_little_time() -> None:
    """Measures what the limits of `mail.weight` rest on; run with -s to see it."""
    took: list[tuple[float, str]] = []
    for size in (weight.LIGHT_BYTES, 1200, 1500, 2000, 3000, 4500, 8000, weight.MOST_LIGHT_BYTES):
        for name, raw in dear_mails(size):
            if is_light(raw):
                took.append((min(cpu_seconds(lambda raw=raw: _try_to_read(raw)) for _ in range(2)), name))
    took.sort(reverse=True)
    for seconds, name in took[:15]:
        print(f"{1000 * seconds:6.1f} ms  {name}")  # noqa: T201
    assert took[0][0] < MOST_SECONDS_ON_THE_LOOP, took[0]
