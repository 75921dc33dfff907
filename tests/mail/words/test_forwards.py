"""Forwarded mails of many programs in many languages, and what must not be taken for one."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Forwarded, Mailbox
from mail.parse import parse_message
from mail.words import labels
from mail.words.forwards import cut_forward, find_forward, read_subject
from mail.words.header_block import read_mailbox
from mail.words.text import split_reply
from tests.mail.words.forward_samples import samples

CARRIED_AT = datetime(2025, 3, 10, 9, 0, tzinfo=timezone(timedelta(hours=1)))
SENT_AT = datetime(2025, 3, 3, 11, 34, tzinfo=UTC)
ANN = Mailbox(name="Ann Lee", address="ann@x.example")
SAMPLES = samples()
BLOCK = "From: Ann Lee <ann@x.example>\nSent: Monday, March 3, 2025 12:34 PM\nTo: bob@y.example\nSubject: Printer"
MARKED = f"---------- Forwarded message ---------\n{BLOCK}\n\nIt broke."


def _quoted(head: str) -> str:
    return "> " if head.split("\n")[-1].startswith(">") else ""


@pytest.mark.parametrize("comment", ["", "Please take it.\nIt is urgent."], ids=["bare", "with a comment"])
@pytest.mark.parametrize("name", SAMPLES)
def test_forward_is_read(name: str, comment: str) -> None:
    subject, head = SAMPLES[name]
    mark = _quoted(head)
    text = f"{comment}\n\n{head}\n{mark}\n{mark}It broke.\n{mark}\n{mark}Ann"
    assert find_forward(subject, text.lstrip("\n"), CARRIED_AT) == Forwarded(
        sender=ANN, subject="Printer", text="It broke.\n\nAnn", comment=comment, sent_at=SENT_AT
    )


def test_there_are_enough_samples() -> None:
    assert len(SAMPLES) >= 140
    assert len({name.rpartition(" ")[2] for name in SAMPLES if name.startswith("Outlook ")}) >= 36


@pytest.mark.parametrize("name", SAMPLES)
def test_answer_is_no_forward(name: str) -> None:
    subject, head = SAMPLES[name]
    for prefix in ("Re: ", "AW: ", "SV: ", "Odp: ", "Ответ: ", "回复：", "RE: [Ticket 7] "):
        assert find_forward(f"{prefix}{subject}", f"Thanks.\n\n{head}\n\nIt broke.", CARRIED_AT) is None


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("Outlook ")])
def test_block_without_a_prefix_is_history(name: str) -> None:
    assert find_forward("Printer", f"Done.\n\n{SAMPLES[name][1]}\n\nIt broke.", CARRIED_AT) is None


@pytest.mark.parametrize(
    ("subject", "kind", "bare"),
    [
        ("Fwd: Bill", "forward", "Bill"),
        ("FW: Fwd: Bill", "forward", "Bill"),
        ("Fw[2]: Bill", "forward", "Bill"),
        ("[desk] Fwd: Re: Bill", "forward", "Re: Bill"),
        ("TR\u00a0: Facture", "forward", "Facture"),
        ("İLT: Fatura", "forward", "Fatura"),
        ("转发：账单", "forward", "账单"),
        ("轉寄: 帳單", "forward", "帳單"),
        ("Пересл: Рахунок", "forward", "Рахунок"),
        ("[Fwd: Bill]", "forward", "Bill"),
        ("VS: Lasku", "either", "Lasku"),
        ("Re: Fwd: Bill", "reply", "Re: Fwd: Bill"),
        ("[desk] AW: WG: Rechnung", "reply", "[desk] AW: WG: Rechnung"),
        ("Bill: the last", "", "Bill: the last"),
        ("Bill", "", "Bill"),
        ("", "", ""),
        (":" * 300, "", ":" * 300),
    ],
)
def test_prefixes_of_subjects(subject: str, kind: str, bare: str) -> None:
    assert read_subject(subject) == (kind, bare)


def test_the_same_prefix_is_a_forward_in_danish_and_an_answer_in_finnish() -> None:
    finnish = (
        "Lähettäjä: Ann <ann@x.example>\nLähetetty: 3.3.2025 12.34\nVastaanottaja: b@y.example\nAihe: Lasku\n\nHei"
    )
    assert find_forward("VS: Lasku", finnish, CARRIED_AT) is None
    danish = "Fra: Ann <ann@x.example>\nSendt: 3. marts 2025 12:34\nTil: b@y.example\nEmne: Regning\n\nHej"
    assert find_forward("VS: Regning", danish, CARRIED_AT) is not None


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("Ann Lee <ann@x.example>", "Ann Lee", "ann@x.example"),
        ('"Lee, Ann" <Ann@X.Example>', "Lee, Ann", "Ann@x.example"),
        ("ann@x.example", "", "ann@x.example"),
        ("<ann@x.example>", "", "ann@x.example"),
        ("ann@x.example <ann@x.example>", "", "ann@x.example"),
        ("Ann Lee [mailto:ann@x.example]", "Ann Lee", "ann@x.example"),
        ("Ann Lee <mailto:ann@x.example>", "Ann Lee", "ann@x.example"),
        ("ann@x.example<mailto:ann@x.example>", "", "ann@x.example"),
        ("Ann <ann@x.example<mailto:ann@x.example>>", "Ann", "ann@x.example"),
        ("Ann Lee [ann@x.example]", "Ann Lee", "ann@x.example"),
        ("Ann Lee (ann@x.example)", "Ann Lee", "ann@x.example"),
        ("ann@x.example (Ann Lee)", "Ann Lee", "ann@x.example"),
        ("<ann@x.example> Ann Lee", "Ann Lee", "ann@x.example"),
        ("Ann Lee (Desk) <ann@x.example>;", "Ann Lee (Desk)", "ann@x.example"),
        ("*Ann Lee* <ann@x.example>", "Ann Lee", "ann@x.example"),
        ("« Ann Lee » <ann@x.example>", "Ann Lee", "ann@x.example"),
        ("\u200eAnn Lee\u200e <ann@x.example>", "Ann Lee", "ann@x.example"),
    ],
)
def test_writer_is_named(value: str, name: str, address: str) -> None:
    assert read_mailbox(value) == Mailbox(name=name, address=address)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Ann Lee",
        "Ann Lee <ann@x.example>, Bob <bob@y.example>",
        "bob@y.example <ann@x.example>",
        "Ann <ann@x.example> on behalf of Bob",
        "Bob <bob@y.example> on behalf of Ann <ann@x.example>",
        "Ann ann@x.example",
        "Ann <ann@x..example@y.example>",
        "ann@x@y.example",
        "Ann <ann@>",
        "Ann <ännä@x.example>",
        "mail ann@x.example at once",
        "@" * 5000,
        "a@b.example " * 100,
        "<" * 5000,
    ],
)
def test_writer_in_doubt_is_nobody(value: str) -> None:
    assert read_mailbox(value) is None
    assert find_forward("FW: x", f"From: {value}\nSent: 3 March 2025 12:34\nTo: b@y.example\nSubject: x\n\nHi") is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Fwd: x", "Where is my order?"),
        ("Fwd: x", "---------- Forwarded message ---------\nWhere is my order?"),
        ("Fwd: x", "---------- Forwarded message ---------\nFrom: Ann Lee\nDate: 3 March 2025\nSubject: x\n\nHi"),
        ("Fwd: x", "From: ann@x.example\nTo: b@y.example\n\nHi"),
        ("Fwd: x", "Name: Ann\nFrom: ann@x.example\nDate: 3 May\n\nPlease book."),
        ("x", f"Thanks.\n\nOn Mon, Mar 3, 2025 at 1:00 PM Bob <b@y.example> wrote:\n\n{MARKED}"),
        ("x", "Thanks.\n\nBob wrote:\n\n> ---------- Forwarded message ---------\n> " + BLOCK.replace("\n", "\n> ")),
        ("x", f"Thanks.\n\n-----Original Message-----\n{BLOCK}\n\n{MARKED}"),
        ("x", f"Thanks.\n\n{BLOCK}\n\n{MARKED}"),
        ("Fwd: x", f"> I quote\n> myself\n\n{BLOCK}\n\nHi"),
        ("Sent: x", BLOCK),
        ("x", ""),
    ],
)
def test_what_is_no_forward(subject: str, text: str) -> None:
    assert find_forward(subject, text, CARRIED_AT) is None


def test_mark_alone_makes_a_forward() -> None:
    found = find_forward("About the printer", MARKED, CARRIED_AT)
    assert found is not None
    assert (found.sender, found.subject, found.text) == (ANN, "Printer", "It broke.")


def test_subject_of_the_mail_counts_where_the_block_has_none() -> None:
    text = "---------- Forwarded message ---------\nFrom: ann@x.example\nDate: 3 March 2025 12:34\n\nHi"
    found = find_forward("Fwd: Printer", text, CARRIED_AT)
    assert found is not None
    assert found.subject == "Printer"


@pytest.mark.parametrize("signature", ["-- \nBob\nACME", "Sent from my iPhone", "Best regards,\nBob Day"])
def test_signature_of_the_forwarder_is_no_comment(signature: str) -> None:
    for above, comment in ((signature, ""), (f"Please take it.\n\n{signature}", "Please take it.")):
        found = find_forward("Fwd: x", f"{above}\n\n{MARKED}", CARRIED_AT)
        assert found is not None
        assert found.comment == comment


def test_quoted_forward_with_answers_inside_keeps_its_marks() -> None:
    head = "> Begin forwarded message:\n> \n> " + BLOCK.replace("\n", "\n> ")
    found = find_forward("Fwd: x", f"{head}\n\n> Which one?\n\nThe blue one.\n\n> Since when?\n\nMonday.", CARRIED_AT)
    assert found is not None
    assert found.text == "> Which one?\n\nThe blue one.\n\n> Since when?"
    assert found.comment == "Monday."


def test_lines_torn_off_by_wrapping_stay_in_the_mail() -> None:
    head = "Forwarded message:\n\n> " + BLOCK.replace("\n", "\n> ")
    long_line = "This sentence is so long that some program had to wrap it at the end of"
    found = find_forward("Fwd: x", f"{head}\n>\n> {long_line}\na line.\n> Bye.", CARRIED_AT)
    assert found is not None
    assert found.text == f"{long_line}\na line.\nBye."


def test_mail_that_is_quoted_below_an_unquoted_block_loses_its_marks() -> None:
    found = find_forward("FW: x", f"{BLOCK}\n\n> It broke.\n>\n> > Before.", CARRIED_AT)
    assert found is not None
    assert found.text == "It broke.\n\n> Before."


ENCLOSED = Forwarded(sender=ANN, subject="Printer", text="It broke.", message_id="1@x.example")


@pytest.mark.parametrize(
    ("subject", "text", "comment"),
    [
        ("Fwd: Printer", "", ""),
        ("Printer", "", ""),
        ("Printer", "See attached.\n\n-- \nBob\nACME", "See attached."),
        ("WG: Printer", "A long story. " * 50, ("A long story. " * 50).strip()),
    ],
)
def test_attached_mail_is_a_forward(subject: str, text: str, comment: str) -> None:
    found = find_forward(subject, text, CARRIED_AT, lambda: ENCLOSED)
    assert found is not None
    assert (found.sender, found.message_id, found.comment.strip()) == (ANN, "1@x.example", comment)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Printer", "See attached."),
        ("Printer", "A long story. " * 50),
        ("Printer", "See attached.\n\nOn Mon, Mar 3, 2025 at 1:00 PM Bob <b@y.example> wrote:\n> Old"),
    ],
)
def test_attached_mail_of_an_answer_is_no_forward(subject: str, text: str) -> None:
    assert find_forward(subject, text, CARRIED_AT, lambda: ENCLOSED) is None


def test_forward_in_the_text_comes_before_an_attached_mail() -> None:
    found = find_forward(
        "Fwd: x", MARKED, CARRIED_AT, lambda: Forwarded(sender=Mailbox("", "c@z.example"), subject="", text="")
    )
    assert found is not None
    assert found.sender == ANN


def test_sign_that_nobody_sees_inside_a_mark_does_no_harm() -> None:
    text = "----- Forwarded \u200bmessage ----- From: Ann <ann@x.example>Sent: 3 March 2025 12:34Subject: Printer\nHi"
    assert find_forward("Fwd: Printer", text, CARRIED_AT) is None


def test_mail_inside_a_mail_inside_a_mail_is_read_once() -> None:
    raw = b"From: c@z.example\nSubject: innermost\n\nHi"
    for number in range(40):
        raw = f"From: p{number}@x.example\nSubject: Fwd: {number}\nContent-Type: message/rfc822\n\n".encode() + raw
    found = parse_message(raw).forwarded
    assert found is not None
    assert found.sender.address == "p38@x.example"


@pytest.mark.parametrize(
    "block",
    [
        "Von: Ann <ann@x.example>\nGesendet am: 3. März 2025 12:34\nAn: b@y.example\nBetreff: Druck",
        "Van: Ann <ann@x.example>\nVerzonden op: 3 maart 2025 12:34\nAan: b@y.example\nOnderwerp: Druk",
        "De: Ann <ann@x.example>\nEnviado el: lunes, 3 de marzo de 2025 12:34\nPara: b@y.example\nAsunto: Tinta",
        "De : Ann <ann@x.example>\nDate d’envoi : 3 mars 2025 12:34\nÀ : b@y.example\nObjet : Encre",
        "보낸 사람: Ann <ann@x.example>\n보낸 날짜: 2025년 3월 3일 12:34\n받는 사람: b@y.example\n제목: 잉크",
        "寄件者: Ann <ann@x.example>\n寄件日期: 2025年3月3日 12:34\n收件者: b@y.example\n主旨: 墨水",
        "From: Ann <ann@x.example>\nReply to: ann@x.example\nDate: 3 March 2025\nTo: b@y.example\nSubject: Ink",
    ],
)
def test_labels_of_several_words_start_a_quote_in_an_answer(block: str) -> None:
    assert split_reply(f"Done.\n\n{block}\n\nOld") == ("Done.", f"{block}\n\nOld", "")


def test_tables_agree_with_each_other() -> None:
    assert not labels.LABELS.keys() & labels.UNSURE_LABELS.keys()
    assert not labels.FORWARD_PREFIXES & labels.REPLY_PREFIXES
    assert not labels.EITHER_PREFIXES & (labels.FORWARD_PREFIXES | labels.REPLY_PREFIXES)
    assert not any(labels.FORWARDED.fullmatch(mark) for mark in labels.ORIGINAL)


_LINES = st.sampled_from(
    [
        *(line for _, head in SAMPLES.values() for line in head.split("\n")),
        *("> old", ">> older", "new words", "-- ", "Thanks,", "Ann", "", "  ", "Sent from my iPhone", "____________"),
        "-------- Конец пересылаемого сообщения --------",
        "On Mon, Mar 3, 2025 at 1:00 PM, b@x.example wrote:",
    ]
)


def _words(*parts: str) -> Counter[str]:
    return Counter("".join("".join(parts).replace(">", "").split()))


@given(
    st.lists(_LINES | st.text(max_size=20), max_size=8), st.sampled_from(sorted(SAMPLES)), st.lists(_LINES, max_size=8)
)
def test_no_word_is_lost(above: list[str], name: str, below: list[str]) -> None:
    text = "\n".join([*above, SAMPLES[name][1], "", *below])
    cut = cut_forward(text, "forward")
    if cut is not None:
        assert _words(cut.comment, cut.signature, cut.head, cut.text, cut.foot) == _words(text)


@given(st.text(max_size=200), st.lists(_LINES | st.text(max_size=20), max_size=12))
def test_nothing_raises(subject: str, lines: list[str]) -> None:
    found = find_forward(subject, "\n".join(lines), CARRIED_AT)
    assert found is None or "@" in found.sender.address


HOSTILE = [
    "From: a\n",
    "From: a@b.example\nSent: 1\n",
    "> ",
    ">>>>>>>>>>>>\n",
    "-",
    "------ Forwarded message ------ ",
    "\n",
    " ",
]
HOSTILE += [
    "From: " + "a@b.example, " * 20 + "\n",
    "To: a@b.example,\n",
    "-----Original Message-----\n",
    "3.3.2025, 1:00, a@b:\n",
]
HOSTILE += [f"{MARKED}\n", f"> {MARKED}\n", "\u200f", "İ", "From:", "From\u00a0:\u00a0", "mailto:", "a@"]
HOSTILE += ["---" + " " * 110 + "x\n", "---x" + " -" * 50 + "x\n", "[" * 60, "*From:*\n", "From:\n\n\n", "x@x\u200b "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_costs_time_in_proportion(piece: str) -> None:
    def cost(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        started = time.process_time()
        find_forward("Fwd: x", f"{text}\n{MARKED}\n{text}", CARRIED_AT)
        find_forward("Fwd: x", MARKED.replace("It broke.", text), CARRIED_AT)
        find_forward("Fwd: x", f"From: {text}\nSent: {text}", CARRIED_AT)
        return time.process_time() - started

    # Eight times the text takes eight times as long; the square would be sixty-four. Small costs are noise.
    assert cost(131_072) < max(0.7, 30 * cost(16_384))


GMAIL_FORWARD = (
    "See below.\n\n---------- Forwarded message ---------\nFrom: Carl <carl@customer.example>\n"
    "Date: Mon, Mar 3, 2025 at 12:34 PM\nSubject: Lamp\nTo: <olga@desk.example>\n\nMy lamp is broken.\n\n"
)


def test_nobody_speaks_below_an_end_that_he_wrote_himself() -> None:
    end = "----- End forwarded message -----\n"
    assert find_forward("Fwd: Lamp", GMAIL_FORWARD + end + "Approved by me, refund 500. Olga", None) is None
    # Where nothing stands below it, it does no harm.
    assert find_forward("Fwd: Lamp", GMAIL_FORWARD + end, None) is not None
