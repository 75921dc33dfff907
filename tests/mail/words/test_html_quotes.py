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
        '<p>text</p><div class="moz-signature">-- <br>Ann</div>',
        '<p>text</p><div name="messageSignatureSection">Ann</div>',
        '<p>text</p><div id="ms-outlook-mobile-signature">Ann</div>',
        '<p>text</p><div>------------------</div><a class="xm_write_card" href="#">Ann</a>',
    ],
)
@pytest.mark.parametrize("below", ["", "<div>One more thing.</div>"])
def test_marked_signature_is_split_off_and_what_is_below_is_not(html: str, below: str) -> None:
    page = read_html(html + below)
    assert page.new.split() == f"text {'One more thing.' if below else ''}".split()
    assert page.signature.split("\n")[-1] == "Ann"
    assert page.signature.strip("-\n") == "Ann"
    assert page.unsigned == page.new
    assert "-- " not in page.whole.replace("-- <", "")


def test_sentence_in_a_marked_signature_stays_with_it() -> None:
    page = read_html('<div>It broke.</div><div class="gmail_signature">We are closed on public holidays.<br>Ann</div>')
    assert (page.new, page.signature) == ("It broke.", "We are closed on public holidays.\nAnn")


@pytest.mark.parametrize("above", ["", "<div>Hi Bob,</div>", "<br>"])
def test_words_that_somebody_wrote_into_his_signature_are_shown(above: str) -> None:
    page = read_html(
        f'{above}<div id="AppleMailSignature">It broke.<br>Ann</div><blockquote type="cite">old</blockquote>'
    )
    assert page.new.endswith("It broke.\nAnn")
    assert (page.quoted, page.signature) == ("> old", "")


def test_quote_inside_a_signature_is_a_quote() -> None:
    page = read_html(
        f'It broke.<div id="Signature">Ann<div>{INTRODUCED}</div><blockquote type="cite">old</blockquote></div>'
    )
    assert (page.new, page.signature) == ("It broke.", "Ann")
    assert page.quoted.endswith("> old")


def test_tail_that_begins_inside_a_signature_lasts_to_the_end() -> None:
    page = read_html('It broke.<div id="Signature">Ann<div id="divRplyFwdMsg">From: Bob</div></div><div>old</div>')
    assert (page.new, page.signature, page.quoted) == ("It broke.", "Ann", "From: Bob\nold")


def test_signature_of_a_quoted_mail_is_part_of_the_quote() -> None:
    page = read_html('yes<blockquote type="cite">old<div class="gmail_signature">Bob</div></blockquote>')
    assert (page.new, page.signature, page.quoted) == ("yes", "", "> old\n> Bob")


def test_motto_in_a_signature_is_no_quotation_of_the_writer() -> None:
    page = read_html('yes<div id="Signature">Ann<blockquote>Less is more</blockquote></div>no')
    assert (page.new, page.signature) == ("yes\nno", "Ann\n\n> Less is more")


def test_signature_between_answers_is_split_off_and_the_quotes_stay() -> None:
    page = read_html(
        '<blockquote type="cite">first?</blockquote>yes<blockquote type="cite">second?</blockquote>no'
        '<div class="moz-signature">Ann</div>'
    )
    assert page.new == "> first?\n\nyes\n\n> second?\n\nno"
    assert page.signature == "Ann"


HEADERS = (
    "<b>From:</b> Bob &lt;bob@x.example&gt;<br><b>Sent:</b> Tuesday 9:12<br><b>To:</b> Ann<br><b>Subject:</b> Lamp"
)
HEADS = [
    f'<hr><div id="divRplyFwdMsg">{HEADERS}</div>',
    f'<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p>{HEADERS}</p></div>',
    f"<div>{HEADERS}</div>",
    f"<div>-----Original Message-----</div><div>{HEADERS}</div>",
]


@pytest.mark.parametrize("head", HEADS)
def test_answer_below_a_quote_with_header_lines_is_shown(head: str) -> None:
    page = read_html(f"<div>Hi,</div>{head}<blockquote><p>Is it on?</p></blockquote><div>Yes it is.</div>")
    assert page.new == "Hi,\n\nYes it is."
    assert page.quoted.endswith("Subject: Lamp\n\n> Is it on?")


@pytest.mark.parametrize("head", HEADS[:2])
def test_quoted_mail_with_a_quotation_in_it_is_quoted_to_its_end(head: str) -> None:
    page = read_html(f"<div>Hi,</div>{head}<div>You said</div><blockquote>It is off.</blockquote><div>Is it?</div>")
    assert page.new == "Hi,"
    assert page.quoted.endswith("Is it?")


def test_quotation_below_a_line_with_a_colon_is_no_headed_quote() -> None:
    page = read_html("<div>Hi,</div><div>Subject: Lamp</div><blockquote>It is off.</blockquote><div>Is it?</div>")
    assert "It is off." in page.new
    assert page.quoted == ""


def test_quoted_forward_stays_in_its_order_in_the_quote() -> None:
    forward = "<div>---------- Forwarded message ---------<br>From: Eve &lt;eve@x.example&gt;</div>old"
    for introduction in (f'<div class="gmail_attr">{INTRODUCED}</div><br>', f"<div>{INTRODUCED}</div><br>"):
        page = read_html(
            f'<div>new answer</div><div class="gmail_quote">{introduction}'
            f'<blockquote class="gmail_quote">{forward}</blockquote></div>'
        )
        assert page.new == "new answer"
        assert page.quoted.startswith("On Tue")
        assert page.quoted.endswith("> old")


CARD = "<hr>Ann<br>ann@x.example<br><br>"
TITLE = "<div>------------------&nbsp;Original&nbsp;------------------</div>"


@pytest.mark.parametrize("card", ["", CARD])
def test_title_in_dashes_above_header_lines_begins_a_quote(card: str) -> None:
    page = read_html(f"<div>It broke.</div>{card}{TITLE}<div>{HEADERS}</div><div>old</div>")
    assert page.new == "It broke."
    assert page.quoted.startswith("------------------ Original")
    assert page.signature.endswith("Ann\nann@x.example" if card else "")


def test_rule_and_words_above_a_title_are_no_card() -> None:
    page = read_html(f"<div>It broke.</div><hr>Please write to<br>ann@x.example now<br>{TITLE}<div>{HEADERS}</div>old")
    assert page.signature == ""
    assert "Please write to" in page.new


def test_title_in_dashes_without_header_lines_begins_nothing() -> None:
    page = read_html(f"<div>It broke.</div>{TITLE}<div>This is how it looked.</div>")
    assert page.quoted == ""


def test_empty_signature_leaves_nothing() -> None:
    page = read_html('<p>text</p><div class="gmail_signature"><br></div><p>more</p>')
    assert (page.new, page.signature) == ("text\n\nmore", "")
