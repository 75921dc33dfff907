"""What mail programs mark as a quote is split off the page, and nothing that somebody wrote goes with it.

Whole mails of each program are in tests/data/html; here are the small differences.
"""

from __future__ import annotations

import pytest

from mail.words.html import read_html

INTRODUCED = "On Tue, Nov 3, 2026 at 9:12 AM Bob &lt;bob@x.example&gt; wrote:"


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Monday Bob wrote:</div>'
        '<blockquote class="gmail_quote">old</blockquote></div>',
        '<div class="gmail_quote">Bob, 3.11.:<br><blockquote class="gmail_quote">old</blockquote></div>',
        f'<div class="gmail_quote">{INTRODUCED}<div>old</div></div>',
        '<blockquote type="cite">old</blockquote>',
        '<blockquote TYPE="CITE">old</blockquote>',
        '<div class="moz-cite-prefix">On Monday Bob wrote:</div><blockquote type="cite">old</blockquote>',
        '<div id="yahoo_quoted_1" class="yahoo_quoted">old</div>',
        '<p class="yahoo-quoted-begin">On Monday Bob wrote:</p><p>old</p>',
        '<div class="protonmail_quote">old</div>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Bob</div><div>old</div>',
        '<hr><div id="x_divRplyFwdMsg"><b>From:</b> Bob</div><div>old</div>',
        '<div class="OutlookMessageHeader">From: Bob</div><p>old</p>',
        '<span id="OLK_SRC_BODY_SECTION">old</span>',
        '<div name="quote">old</div>',
        '<p id="reply-intro">On Monday Bob wrote:</p><blockquote type="cite">old</blockquote>',
        '<p id="v1reply-intro">On Monday, Nov 2 2026 10:00 Bob wrote:</p><blockquote type="cite">old</blockquote>',
        '<div title="beforequote:::"></div><div>old</div>',
        '<hr id="replySplit"><div id="reply139content">old</div>',
        '<div class="ydp1234abcfyiv1234567moz-cite-prefix">On Monday Bob wrote:</div>'
        "<blockquote type=cite>old</blockquote>",
        f"<div>{INTRODUCED}</div><br><blockquote>old</blockquote>",
        f"<blockquote>{INTRODUCED}<br>old</blockquote>",
        "<BLOCKQUOTE style='BORDER-LEFT: #000000 2px solid'><DIV>----- Original Message -----</DIV><DIV><B>From:</B> "
        "Bob</DIV><DIV><B>To:</B> b@x.example</DIV><DIV><B>Sent:</B> Tuesday 9:12</DIV><DIV>old</DIV></BLOCKQUOTE>",
        "<div>On Tue, Nov 3, 2026 at 9:12 AM Bob<br>&lt;bob@x.example&gt; wrote:</div><blockquote>old</blockquote>",
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Bob<br><b>Sent:</b> Tuesday 9:12'
        "<br><b>Subject:</b> Lamp</p></div><p>old</p>",
        '<div style="border-style:solid none none; border-width:1pt medium"><p>Odesílatel: B &lt;b@x.example&gt;'
        "<br>Posláno: 3. 11. 2026 9:12<br>Věc: Lampa</p></div><p>old</p>",
    ],
    ids=lambda quote: quote[:50],
)
def test_quote_of_a_known_mail_program_is_split_off(quote: str) -> None:
    page = read_html(f"<div>new answer</div>{quote}")
    assert page.new == "new answer"
    assert page.quoted.endswith("old")
    assert "new answer" in page.whole
    assert "old" in page.whole


@pytest.mark.parametrize(
    "html",
    [
        '<div>one</div><div class="gmail_quote">two</div>',
        '<div>one</div><div class="quote">two</div>',
        f'<div>one</div><div class="gmail_quote">two<br>{INTRODUCED}<br>old</div>',
        '<div class="gmail_quote">one:<blockquote class="gmail_quote">old</blockquote>two<blockquote>x</blockquote>',
        "one<blockquote>Name: two<br>Mail: a@x.example<br>Ordered: 3.11.2026 10:00</blockquote>three",
        '<p>one</p><div style="border-top:solid 1px">Name: two<br>Mail: a@x.example<br>Date: 3.11.2026 10:00</div>',
        '<div>one</div><div style="border-top:solid 1px"><p>Price: 3<br>Pieces: 4<br>Sum: 12 at 10:00</p></div>two',
        '<div>one</div><div style="border-top:solid 1px"><p>From: Berlin<br>To: Bonn<br>Date: 3.11.26</p></div>two',
        "<div>one</div><blockquote style='margin: 0 0 0 40px; border: none'>two</blockquote>",
        '<div>one</div><div class="moz-forward-container">anything<blockquote type=cite>two</blockquote></div>',
        '<div>one</div><div>Begin forwarded message:</div><blockquote type="cite">two</blockquote>',
        '<div>one</div><blockquote type="cite"><div>Begin forwarded message:</div><div>two</div></blockquote>',
        '<div>one</div><div class="gmail_quote"><div class="gmail_attr">------ Forwarded message -----<br>Bob</div>'
        "two</div>",
        '<blockquote type="cite">one two</blockquote>',
    ],
    ids=lambda html: html[10:70],
)
def test_what_is_no_quote_or_all_there_is_stays(html: str) -> None:
    page = read_html(html)
    assert page.quoted == ""
    assert "one" in page.new
    assert "two" in page.new


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


def test_answers_between_quotes_without_blockquote_get_their_marks() -> None:
    page = read_html('<div name="quote">first?</div><p>yes</p><div name="quote">second?</div><p>no</p>')
    assert page.quoted == ""
    assert page.new == "> first?\n\nyes\n\n> second?\n\nno"


@pytest.mark.parametrize("said", ["Please see my answers in red.", "Antworten unten", "Ответы красным", "Hi Bob,"])
@pytest.mark.parametrize(
    "colour", ["<font color='#FF0000'>yes</font>", "<span style='color: rgb(0,112,192)'>yes</span>"]
)
def test_announced_answers_in_a_colour_are_shown_with_the_quote(said: str, colour: str) -> None:
    page = read_html(f'<p>{said}</p><div class="yahoo_quoted"><p>first?</p><p>{colour}</p><p>second?</p></div>')
    assert page.quoted == ""
    assert page.new == f"{said}\n\n> first?\n\nyes\n\n> second?"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Thank you, all is well again.", "<span style='color:red'>yes</span>"),
        ("See below.", "<span style='color:#333333'>yes</span>"),
        ("See below.", "<a href='https://x.example/' style='color:red'>yes</a>"),
        ("See below.", "<span style='color:#44546A'>yes</span>"),
    ],
)
def test_a_colour_alone_or_an_announcement_alone_changes_nothing(said: str, answer: str) -> None:
    page = read_html(f'<p>{said}</p><div class="yahoo_quoted"><p>first?</p><p>{answer}</p></div>')
    assert page.new == said
    assert "yes" in page.quoted


@pytest.mark.parametrize(
    "line",
    [
        "It works again. On Tue, Nov 3, 2026 at 9:12 AM Bob wrote:",
        "I was told on Monday:",
        "好的。在 2026-11-03 09:12 Bob 写道：",
    ],
)
def test_line_above_a_quote_with_words_of_the_writer_stays(line: str) -> None:
    assert line in read_html(f"<p>new answer</p><p>{line}</p><blockquote type='cite'>old</blockquote>").new


def test_sentence_above_a_wrapped_introduction_stays() -> None:
    page = read_html(
        "<div>Ends at 10:00 on 3.11.2026.</div><div>Bob wrote:</div><blockquote type='cite'>old</blockquote>"
    )
    assert "Ends at 10:00 on 3.11.2026." in page.new


def test_tail_in_an_older_quote_takes_nothing_of_the_answer_below() -> None:
    page = read_html(
        '<blockquote type="cite"><div id="x_divRplyFwdMsg">From: Bob</div>old</blockquote><p>new answer</p>'
    )
    assert page.new == "new answer"


def test_rule_and_headers_in_an_older_quote_take_nothing_of_the_answer_below() -> None:
    older = '<div style="border-top:solid 1px">From: Bob<br>Sent: Tuesday<br>Subject: Lamp</div>older'
    page = read_html(f'<blockquote type="cite">old{older}</blockquote><p>new answer</p>')
    assert page.new == "new answer"


def test_own_quotation_above_a_quote_is_kept() -> None:
    page = read_html(f"You say<blockquote>all is well</blockquote>but no.<br>{INTRODUCED}<blockquote>old</blockquote>")
    assert page.new == "You say\n\n    all is well\n\nbut no."
    assert page.quoted.endswith("> old")


@pytest.mark.parametrize(
    "html",
    [
        '<p>text</p><div class="gmail_signature">Ann</div>',
        '<p>text</p><span class="gmail_signature_prefix">-- </span><br><div class="gmail_signature">Ann</div>',
        '<p>text</p><br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Ann</div>',
        '<p>text</p><div data-smartmail="gmail_signature"><div><br></div>Ann</div>',
        '<p>text</p><div id="x_Signature">Ann</div>',
    ],
)
def test_marked_signature_gets_its_delimiter(html: str) -> None:
    assert [line for line in read_html(html).new.split("\n") if line] == ["text", "--", "Ann"]


def test_empty_signature_leaves_no_delimiter() -> None:
    page = read_html('<p>text</p><div class="gmail_signature"><br></div><p>more</p>')
    assert page.new == "text\n\nmore"
