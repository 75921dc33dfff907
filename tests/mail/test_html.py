"""HTML becomes text that people can read, and marked quotes are split off."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.html import LONGEST_HTML, html_to_text, read_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Hello <b>dear</b> world", "Hello dear world"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("a\n  b&nbsp;c &amp; &lt;d&gt;", "a b c & <d>"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<ol><li>one<li>two<ul><li>in</ul></ol>", "1. one\n2. two\n\n  - in"),
        ("<table><tr><td>Name<td>Ann<tr><td>Age<td>7</table>", "Name\tAnn\nAge\t7"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<blockquote>old<blockquote>older</blockquote></blockquote>new", "> old\n>\n> > older\n\nnew"),
        ("<blockquote style='margin:0 0 0 40px; border: none'>indented</blockquote>", "indented"),
        ('<a href="https://x.example/a">here</a>', "here <https://x.example/a>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:a@x.example?subject=b">write</a>', "write <a@x.example>"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="#top">up</a>', "up"),
        ('<img src=x alt="A chart"><img src=y><img src=z width=1 height=1 alt=track>', "[A chart]"),
        ('<img alt="😀">', "😀"),
        ("<style>p {color: red}</style><script>alert('x')</script>text<!-- remark -->", "text"),
        ("<head><title>T</title></head><body>text</body>", "text"),
        ('<div style="display: none">preview</div>text', "text"),
        ('<div style="max-height:0px; overflow:hidden">preview</div>text', "text"),
        ("<p hidden>secret</p>text", "text"),
        ('<div style="display:none">all there is</div>', "all there is"),
        ("<div>\u200c\u200c \u034f</div>text", "text"),
        ("<h1>Title</h1>text<hr>more", "Title\n\ntext\n--------------------\nmore"),
        ("<p>unclosed <b>tags <i>everywhere", "unclosed tags everywhere"),
        ('<p title="a > b">text</p>', "text"),
        ("<a href='x>text", "'x>text"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("<!-- never closed <p>text</p>", "never closed\n\ntext"),
        ("", ""),
    ],
)
def test_html_becomes_readable_text(html: str, text: str) -> None:
    assert html_to_text(html).strip(" ") == text.strip(" ")


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:</div>'
        '<blockquote class="gmail_quote">old</blockquote></div>',
        '<div class="gmail_quote">old</div>',
        '<blockquote type="cite">old</blockquote>',
        '<div class="moz-cite-prefix">On Monday Bob wrote:</div><blockquote type="cite">old</blockquote>',
        '<div id="yahoo_quoted_1" class="yahoo_quoted">old</div>',
        '<div class="protonmail_quote">old</div>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Bob</div><div>old</div>',
        '<div class="OutlookMessageHeader">From: Bob</div><p>old</p>',
        '<div name="quote">old</div>',
        '<p id="reply-intro">On Monday Bob wrote:</p><blockquote type="cite">old</blockquote>',
    ],
)
def test_quote_of_a_known_mail_program_is_split_off(quote: str) -> None:
    page = read_html(f"<div>new answer</div>{quote}")
    assert page.new == "new answer"
    assert page.quoted.endswith("old")
    assert "new answer" in page.whole
    assert "old" in page.whole


def test_answer_below_the_quote_is_new() -> None:
    page = read_html('<blockquote type="cite">old</blockquote><p>new answer</p>')
    assert (page.new, page.quoted) == ("new answer", "> old")


def test_answers_between_quoted_lines_keep_the_quotes() -> None:
    page = read_html(
        '<div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:</div>'
        '<blockquote class="gmail_quote">first?</blockquote><div>yes</div>'
        '<blockquote class="gmail_quote">second?</blockquote><div>no</div></div>'
    )
    assert page.quoted == ""
    assert "> first?\n\nyes\n\n> second?" in page.new


@pytest.mark.parametrize(
    "html",
    [
        '<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>Bob</div>old</div>',
        '<blockquote type="cite"><div>Begin forwarded message:</div><div>old</div></blockquote>',
        '<blockquote type="cite">old</blockquote>',
    ],
)
def test_forwarded_mail_and_a_quote_alone_are_not_split_off(html: str) -> None:
    page = read_html(html if "orward" not in html else "see below" + html)
    assert page.quoted == ""
    assert "old" in page.new


def test_marked_signature_gets_its_delimiter() -> None:
    assert read_html('<p>text</p><div class="gmail_signature">Ann</div>').new == "text\n\n--\nAnn"


HOSTILE = {
    "open tags": "<a ",
    "nesting": "<div>",
    "paragraphs in nesting": "<div><p></p>",
    "comments": "<!--",
    "scripts": "<script></scrip",
    "styles": "<style><",
    "quotes": "<a '\"",
    "lists": "<ul><li>",
    "tables": "<table><tr><td>",
    "anchors": "<a><div>",
    "quoted text": "<blockquote>",
    "entities": "&",
    "controls": "\0",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_is_read_in_time(name: str) -> None:
    piece = HOSTILE[name]
    started = time.process_time()
    read_html(piece * (LONGEST_HTML // len(piece) // 4))
    assert time.process_time() - started < 10


def test_unclosed_formatting_does_not_multiply() -> None:
    # Taken literally this is 20,000 times 20,000 elements.
    bomb = "<p>" + "".join(f"<b id={number}>" for number in range(20_000)) + "</p>" + "<p>x</p>" * 20_000
    started = time.process_time()
    assert html_to_text(bomb).count("x") == 20_000
    assert time.process_time() - started < 10


@pytest.mark.parametrize("form", ["a{0}", 'a{0}=">"', "a{0}='<p'", 'a{0}="<b>" \'', '" a{0}'])
def test_very_many_attributes_are_dropped(form: str) -> None:
    bomb = "<p " + " ".join(form.format(number) for number in range(30_000)) + ">text"
    started = time.process_time()
    assert "text" in html_to_text(bomb)
    assert time.process_time() - started < 10


@given(st.text(alphabet="<>/='\"! -ab&;", max_size=300))
def test_no_markup_raises(html: str) -> None:
    page = read_html(html)
    assert isinstance(page.whole, str)
