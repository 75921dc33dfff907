"""HTML becomes text that people can read: layout, links, images, what is hidden; and hostile markup is read in time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.words.html import LONGEST_HTML, read_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Hello <b>dear</b> world", "Hello dear world"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("a\n  b&nbsp;c &amp; &lt;d&gt;", "a b c & <d>"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<ol><li>one<li>two<ul><li>in</ul></ol>", "1. one\n2. two\n  - in"),
        ("<ol start=7><li><p>one</p><li value=9>two<li>three</ol>", "7. one\n9. two\n10. three"),
        ("<ol start=x><li>one<li value=-3>two</ol>", "1. one\n2. two"),
        ("<ul><li><div>one</div><li></li><li>two</ul>end", "- one\n- two\n\nend"),
        ("<dl><dt>Name<dd>Ann<dt>Age<dd>7</dl>", "Name\n  Ann\nAge\n  7"),
        ("<table><tr><td>Name<td>Ann<tr><td>Age<td>7</table>", "Name\tAnn\nAge\t7"),
        ("<table><tr><td><p>Name</p><td><div>Ann</div></table>", "Name\tAnn"),
        ("<table><tr><td>&nbsp;<td>Ann<td><img src=x></table>", "Ann"),
        ("<table border=1><tr><td>a<td><td>c</table>", "a\t\tc"),
        (
            "<table><tr><td>Item<td>Debit<td>Credit<tr><td>Rent<td><td>500<tr><td>Tea<td>3<td></table>",
            "Item\tDebit\tCredit\nRent\t\t500\nTea\t3",
        ),
        ("<table><tr><td><td>Mon<td>Tue<tr><td>Ann<td><td>x</table>", "\tMon\tTue\nAnn\t\tx"),
        ("<table><tr><td>&nbsp;<td>a<td>&nbsp;<td>b<tr><td><td>c<td><td>d</table>", "a\tb\nc\td"),
        ("<table><tr><td>&nbsp;<td>a<td>&nbsp;<tr><td><td>b<td></table>", "a\nb"),
        ("<table><tr><td>a<td><td>c<tr><td>d<td>e</table>", "a\tc\nd\te"),
        ("<table><tr><td>Ann<td>Main Road 1<br>Bonn<tr><td>Bob<td>Cork</table>", "Ann\tMain Road 1 Bonn\nBob\tCork"),
        ("<table><tr><td>Ann<td>Main Road 1<br>Bonn</table>", "Ann\nMain Road 1\nBonn"),
        (
            "<table><tr><td>Lamp<br>5<td>Chair<br>7<tr><td>Bed<br>9<td>Mat<br>1</table>",
            "Lamp\n5\nChair\n7\nBed\n9\nMat\n1",
        ),
        ("<table><tr><td><img><td>Ann<br>Bonn<tr><td><td>Tel<br>Fax</table>", "Ann\nBonn\nTel\nFax"),
        (
            "<table><tr><td>a<td>b<tr><td colspan=2><table><tr><td>1<td><td>3<tr><td>4<td>5<td>6</table>"
            "<tr><td>c<td>d</table>",
            "a\tb\n1\t\t3\n4\t5\t6\nc\td",
        ),
        ("<table><tr><td><p>One</p><p>Two</p><td>side</table>", "One\n\nTwo\n\nside"),
        ("<table><tr><td><table><tr><td>a<td>b</table><td>c</table>", "a b\tc"),
        ("<p>a<br></p><p>b</p>", "a\n\nb"),
        ("<p class=MsoNormal>a</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>b</p>", "a\n\nb"),
        ("<p class=MsoNormal>a</p><p class=MsoNormal>b</p>", "a\nb"),
        ("<p style='margin:0'>a</p><p style='margin: 0px'>b</p>", "a\nb"),
        ("<div>a</div><div>&nbsp;</div><div>b</div>", "a\n\nb"),
        ("<div style='white-space: pre-wrap'>a\n  b<p style='white-space:normal'>c\nd</p></div>", "a\n  b\n\nc d"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<blockquote>old<blockquote>older</blockquote></blockquote>new", "> old\n>\n> > older\n\nnew"),
        ("<blockquote style='margin:0 0 0 40px; border: none'>indented</blockquote>", "indented"),
        ('<a href="https://x.example/a">here</a>', "here <https://x.example/a>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:a@x.example?subject=b">write</a>', "write <a@x.example>"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="#top">up</a>', "up"),
        ('<a href="mailto:a%40x.example">write</a>', "write <a@x.example>"),
        ('<a href="tel:+49-30-12">+49 30 12</a>', "+49 30 12"),
        ('<a href="tel:+493012">call</a>', "call <tel:+493012>"),
        (f'<a href="https://x.example/{"y" * 500}">here</a>', "here"),
        ('<a href="https://x.example/a"><table><tr><td>Button</table></a>', "Button <https://x.example/a>"),
        ('<a href="https://x.example/a"><img alt="Shop"></a>', "[Shop] <https://x.example/a>"),
        ('<a href="https://x.example/a"><img></a>end', "<https://x.example/a>end"),
        ('See <a href="https://x.example/a"><img src=y></a>', "See <https://x.example/a>"),
        ('<p>See</p><a href="https://x.example/a"><table><tr><td><img></table></a>', "See\n\n<https://x.example/a>"),
        ('<a href="https://x.example/a"><img width=1></a><a href="https://x.example/b"></a>end', "end"),
        ("<ol type=a><li>one<li>two</ol>", "a. one\nb. two"),
        ("<ol type=A start=26><li>one<li>two</ol>", "Z. one\nAA. two"),
        ("<ol type=i start=8><li>one<li>two</ol>", "viii. one\nix. two"),
        ("<ol type=I start=1000><li>one</ol>", "1000. one"),
        ("<ol type=disc><li>one</ol><ul type=a><li>two</ul>", "1. one\n\n- two"),
        ('<ol style="list-style-type: lower-alpha"><li>one</ol>', "a. one"),
        ('<ol><li style="list-style-type:upper-roman">one</ol>', "I. one"),
        ("<div>server:</div><div>&nbsp; port: 25</div>", "server:\n  port: 25"),
        ("<p><span>&nbsp;&nbsp; </span>port: 25</p><p> &nbsp;<b>x</b></p>", "   port: 25\n\n x"),
        ("<ul><li>&nbsp; one</ul>", "- one"),
        ("<table><tr><td>&nbsp; a<td>&nbsp;b</table>", "a\tb"),
        ("On Monday:<blockquote><p>old</p></blockquote><p>new</p>", "On Monday:\n\n> old\n\nnew"),
        (
            "On Monday:<blockquote><br>old<br><br>older<br><br></blockquote>new",
            "On Monday:\n\n> old\n>\n> older\n\nnew",
        ),
        ('<img src=x alt="A chart"><img src=y><img src=z width=1 height=1 alt=track>', "[A chart]"),
        ('<img alt="😀">', "😀"),
        ('<img alt="pixel" style="width:1px;height:1px"><img alt="x" width="0px">end', "end"),
        ("<!--[if mso]>for one<![endif]--><!--[if !mso]><!-->for others<!--<![endif]-->", "for others"),
        ("<![if !mso]>for others<![endif]> too", "for others too"),
        ("a<!-->b<!--->c<!-- x --!>d", "abcd"),
        ("<noscript>Please click.</noscript>", "Please click."),
        ("שלום <b>עולם</b>&rlm;!", "שלום עולם\u200f!"),
        ("a&unknown;b &#0;&#xD800;&#128512;", "a&unknown;b \ufffd\ufffd😀"),
        ("<base href='https://x.example/'><a href='y'>y</a>", "y"),
        ("<p/>one<br/>two<div/>three", "one\ntwo\n\nthree"),
        (
            "<style>.a,p.b,#c{display:none} .d .e{display:none}</style><p class=a>1<p class=b>2<p id=c>3<p class=e>4",
            "4",
        ),
        (
            "<style>@media print{.a{display:none}} .b{display:none}.b{display:block}</style><p class=a>1<p class=b>2",
            "1\n\n2",
        ),
        ("<style>.a{display:none}</style><p class=a style='display:block'>1<p class=a>2", "1"),
        ("<style>.a{display:none}</style><p class=a>all there is", "all there is"),
        ("<div style='height:0;overflow:hidden'>1</div><div style='overflow:hidden;max-height:0px'>2</div>3", "3"),
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
    ids=lambda value: value[:60] or "empty",
)
def test_html_becomes_readable_text(html: str, text: str) -> None:
    assert read_html(html).whole.strip(" ") == text.strip(" ")


@pytest.mark.parametrize("tag", ["iframe", "title", "select", "svg", "math", "object", "textarea", "plaintext", "xmp"])
def test_an_element_that_never_ends_swallows_nothing(tag: str) -> None:
    assert read_html(f"<p>before</p><{tag}><p>after</p>").whole == "before\n\nafter"


def test_colour_in_a_font_is_no_nesting() -> None:
    assert read_html("<font color=red>a<p>b</font>c</p>" * 300).whole.count("b") == 300


HOSTILE = {
    "open tags": "<a ",
    "nesting": "<div>",
    "paragraphs in nesting": "<div><p></p>",
    "comments": "<!--",
    "scripts": "<script></scrip",
    "styles": "<style><",
    "style sheets": "<style>.a{display:none}</style>",
    "comments in a sheet": "<style>/*a/*",
    "braces in a sheet": "<style>{{}</style>",
    "quotes": "<a '\"",
    "lists": "<ul><li>x",
    "tables": "<table><tr><td>x<td>y",
    "rows": "<tr><td>a<td>b",
    "anchors": "<a href=http://x.example/>x",
    "anchors around blocks": "<a href=http://x.example/><p>x",
    "bits of a line": "x<b>",
    "quoted text": "<blockquote>x:",
    "quotes side by side": "<blockquote type=cite>x</blockquote>y",
    "wrappers": "<div class=gmail_quote>x",
    "introductions": "a 10:00 2026-10-10:<br>",
    "rules": "<div style=border-top:solid>From: x</div>",
    "tails": "<div id=divRplyFwdMsg>x",
    "signatures": "<div class=gmail_signature>",
    "signatures with words": "<div class=gmail_signature>x</div>y",
    "columns": "<td>x<td><td>y",
    "tables of data": "<table><tr><td>x<td><td>y<br>z<tr><td>x<td><td>y</table>",
    "tables in tables of data": "<table><tr><td>x<td>y<tr><td>x<td>y<tr><td>",
    "headed quotes": "<p style=border-top:solid>From: a@x.example<br>To: b<br>Subject: c</p><blockquote>d</blockquote>",
    "tails in wrappers": "<div class=gmail_quote><p id=divRplyFwdMsg>a:</p><blockquote>x</blockquote></div>",
    "cards": "-----x-----<br>a@x.example<br>From: b<br>",
    "wrapped links": "<a href=https://www.google.com/url?q=https://x.example/>x</a>",
    "images in links": "<a href=https://x.example/><p><img></p></a>",
    "prefixes": f"<p class={'x_' * 100}>x",
    "fonts": "<font color=red>x",
    "colours": "<span style=color:red>x",
    "preformatted": "<pre>\n\n",
    "entities": "&",
    "blanks": "&nbsp;<p>",
    "controls": "\0",
    "attributes": f"<p {'a ' * 300}>",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_is_read_in_linear_time(name: str) -> None:
    piece = HOSTILE[name]
    seconds: list[float] = []
    for size in (LONGEST_HTML // 8, LONGEST_HTML // 2):
        started = time.process_time()
        read_html(piece * (size // len(piece)))
        seconds.append(time.process_time() - started)
    # Four times the size: linear is four times the work, quadratic sixteen times. What is over at once proves nothing.
    assert seconds[1] < max(0.25, 9 * seconds[0])


def test_unclosed_formatting_does_not_multiply() -> None:
    # Taken literally this is 20,000 times 20,000 elements.
    bomb = "<p>" + "".join(f"<b id={number}>" for number in range(20_000)) + "</p>" + "<p>x</p>" * 20_000
    started = time.process_time()
    assert read_html(bomb).whole.count("x") == 20_000
    assert time.process_time() - started < 10


@pytest.mark.parametrize("form", ["a{0}", 'a{0}=">"', "a{0}='<p'", 'a{0}="<b>" \'', '" a{0}'])
def test_very_many_attributes_are_dropped(form: str) -> None:
    bomb = "<p " + " ".join(form.format(number) for number in range(30_000)) + ">text"
    started = time.process_time()
    assert "text" in read_html(bomb).whole
    assert time.process_time() - started < 10


_PIECES = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<br>",
            "<table>",
            "<tr>",
            "<td>",
            "</table>",
            "<ul>",
            "<ol>",
            "<li>",
            "</ul>",
        ),
        *(
            "<blockquote>",
            "</blockquote>",
            "<blockquote type=cite>",
            "<div class=gmail_quote>",
            "<div class=gmail_attr>",
        ),
        *(
            "<div id=divRplyFwdMsg>",
            "<div class=yahoo_quoted>",
            "<div style='border-top:solid'>",
            "<hr>",
            "<pre>",
            "</pre>",
        ),
        *(
            "<a href='http://x.example/'>",
            "</a>",
            "<font color=red>",
            "</font>",
            "<span style='color:blue'>",
            "</span>",
        ),
        *(
            "<div class=gmail_signature>",
            "<style>",
            "</style>",
            "<!--",
            "-->",
            "<select>",
            "<img alt=z>",
            "&nbsp;",
            "\n",
        ),
        *(
            "On 2026-11-03 10:00 Bob wrote:",
            "From: a@x.example",
            "To: b@x.example",
            "Subject: c",
            "> typed",
            "see red below",
        ),
        *("---------- Forwarded message ---------", "alpha", "beta", "gamma", "."),
    ]
)


@given(st.lists(_PIECES, max_size=40).map(" ".join))
def test_no_word_is_lost(html: str) -> None:
    page = read_html(html)
    shown = set(f"{page.new} {page.quoted} {page.signature}".replace(">", " ").split())
    assert set(page.whole.replace(">", " ").split()) <= shown
    assert page.new or not page.whole


@given(st.text(alphabet="<>/='\"! -ab&;\0\n", max_size=300) | st.text(max_size=100))
def test_no_markup_raises(html: str) -> None:
    page = read_html(html)
    assert isinstance(page.whole, str)
