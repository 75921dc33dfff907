"""Replies taken apart: what is new stays visible, quotes and signatures are kept aside, nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import load_settings
from gateway.model import Outbound, OutboxKind
from mail.compose import Composer
from mail.words.quotes import OWN_FIRST
from mail.words.text import LONGEST_TEXT, is_forward_line, split_reply
from tests.mail.words.test_introductions import BLOCKS, INTRODUCTIONS, NEW, UNSURE
from tests.mail.words.test_signatures import DEVICES, NOTICES, SIGNATURES

ON_WROTE = INTRODUCTIONS["Gmail"]
THUNDERBIRD = INTRODUCTIONS["Thunderbird"]


def test_marked_quote_without_an_introduction_is_cut() -> None:
    assert split_reply(f"{NEW}\n> Old question\n> and more") == (NEW, "> Old question\n> and more", "")


def test_our_own_quoted_notice_is_cut() -> None:
    text = f"{NEW}\n\n> Support has reply to yor ticket:\n> \n> Please restart it."
    assert split_reply(text)[0] == NEW


def test_answer_below_the_quote_is_visible() -> None:
    text = f"{THUNDERBIRD}\n> Old question\n> and more\n\n{NEW}"
    assert split_reply(text) == (NEW, f"{THUNDERBIRD}\n> Old question\n> and more", "")


def test_answer_behind_the_same_line_as_the_introduction_is_visible() -> None:
    assert split_reply("Yes On Mon, Mar 3, 2025 at 12:34 PM, a@x.example wrote:\n> Old")[0] == "Yes"


def test_answers_between_quoted_lines_are_shown_with_them() -> None:
    text = f"{ON_WROTE}\n\n> Which printer?\n\nThe blue one.\n\n> Since when?\n\nSince Monday.\n\n> Regards"
    visible, quoted, _ = split_reply(text)
    assert "> Which printer?\n\nThe blue one.\n\n> Since when?\n\nSince Monday." in visible
    assert quoted == "> Regards"


def test_answer_below_a_line_that_was_picked_out_is_shown_with_it() -> None:
    text = "Hello,\n\n> Which printer?\nThe blue one."
    assert split_reply(text) == (text, "", "")


def test_quoted_line_torn_by_wrapping_stays_in_the_quote() -> None:
    long_line = "> " + "This sentence is so long that a program wrapped it without " + "another"
    assert split_reply(f"{NEW}\n\n{long_line}\nmarker.\n> The end.")[0] == NEW


@pytest.mark.parametrize(
    "marker",
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
        "-------- Пересылаемое сообщение --------",
        "-------- Переслане повідомлення --------",
        "-------- Message transféré --------",
        "---------- Mensaje reenviado ----------",
    ],
)
def test_forwarded_mail_stays_visible(marker: str) -> None:
    text = f"Please see below.\n\n{marker}\nFrom: Bob <bob@x.example>\nDate: Monday\nSubject: Bill\n\nPay me.\n> now"
    assert is_forward_line(marker)
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "if a > b:\n    print(a)",
        "1 < 2\n--> see",
        "The load is\n> 90 % on all of them",
        "It must be\n>= 3.5 bar",
        "Hello,\n> 90% of the mails fail",
        "I typed\n>>> import printer\n>>> printer.start()",
        ">>> import printer\nImportError: no such thing",
        "See:\n```\n> GET /\n\nOn Mon, Mar 3, 2025 at 12:34 PM, a <a@x.example> wrote:\n```\nWhy?",
        "Indented:\n\n    > no quote",
        ">From here on it fails",
        "* one\n* two\n- three",
        "",
        "\n\n",
    ],
)
def test_text_that_only_looks_like_a_quote_stays(text: str) -> None:
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize("program", UNSURE)
def test_answer_below_lines_that_the_writer_introduced_himself(program: str) -> None:
    """What was picked out without a date or an address belongs to the answer below it; other quotes do not."""
    text = f"Hello,\n\n{UNSURE[program]}\n> Old question\n\n{NEW}"
    is_from_program = any(sign.isdigit() or sign == "@" for sign in UNSURE[program])
    assert split_reply(text)[0].replace("\n", "") == (f"Hello,{NEW}" if is_from_program else text.replace("\n", ""))


@pytest.mark.parametrize(
    "text",
    [
        "> Old question\n> and more",
        "-- \nAnn",
        "Sent from my iPhone",
        f"{ON_WROTE}\n> Old question",
        f"{BLOCKS['en']}\n\nOld question",
        "-----Original Message-----\nOld question",
        "...\n> Old question\n-- \nAnn",
    ],
)
def test_where_nothing_is_new_the_whole_text_is_visible(text: str) -> None:
    assert split_reply(text) == (text, "", "")


def test_signature_of_a_forwarded_mail_stays() -> None:
    mail = "---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nSubject: Bill\n\nPay me.\n-- \nBob"
    assert split_reply(f"Please see below.\n\n-- \nAnn\n\n{mail}") == (f"Please see below.\n\n{mail}", "", "-- \nAnn")


def _own_mails(tmp_path: Path) -> dict[str, str]:
    """The bodies of our own mails, as the templates make them."""
    composer = Composer(load_settings({"HELPDESK_SUPPORT_ADDRESS": "support@desk.example"}, tmp_path))
    token = "r1" + "a" * 36
    story = "The printer is\non fire.\nTo check your ticket, press to link: http://other.example/"
    note = {"ticket_id": 66, "subject": "x", "ticket_message": story, "author": "Ann Lee", "message": story}
    note |= {"intake_id": 5}
    contexts: dict[str, tuple[OutboxKind, dict[str, object]]] = {
        "answer": (OutboxKind.ANSWER, {"ticket_id": 66, "subject": "x", "message": story, "answer": "Restart it."}),
        "receipt": (OutboxKind.RECEIPT, {"ticket_id": 66, "trust": "unverified"}),
        "confirm": (OutboxKind.CONFIRM, {"username": "ann", "expires_at": 1795432800}),
        "digest": (OutboxKind.DIGEST, {"items": [{"ticket_id": 6, "subject": "x", "author": "Ann"}], "more": 3}),
    }
    for occasion in ("ticket", "answer", "held", "bounced", "refused", "unheard"):
        contexts[f"notice {occasion}"] = (OutboxKind.NOTICE, {**note, "occasion": occasion})
    mails: dict[str, str] = {}
    for name, (kind, context) in contexts.items():
        mail = Outbound(
            id=1,
            kind=kind,
            recipient="ann@x.example",
            token=token,
            message_id=f"{token}@desk.example",
            in_reply_to="",
            references=(),
            context=context,
            ticket_id=66 if "ticket_id" in context else None,
            person_id=7,
            attempts=1,
            created_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        )
        content = message_from_bytes(composer.compose(mail).content, policy=policy.default)
        assert isinstance(content, EmailMessage)
        mails[name] = content.get_content().replace("\r", "").strip("\n")
    return mails


def test_own_mail_is_known_by_its_lines(tmp_path: Path) -> None:
    """Also without > and without an introduction: what stands above and below it was written by the customer."""
    for name, mail in _own_mails(tmp_path).items():
        assert OWN_FIRST.match(mail.partition("\n")[0]), name
        for head in ("", f"{ON_WROTE}\n", f"{ON_WROTE}\n\n", f"{BLOCKS['en']}\n\n", "-----Original Message-----\n"):
            quote = f"{head}{mail}"
            assert split_reply(f"{quote}\n\n{NEW}") == (NEW, quote, ""), (name, head)
            assert split_reply(f"{NEW}\n\n{quote}")[:2] == (NEW, quote), (name, head)
            visible, quoted, _ = split_reply(f"Hello,\n\n{quote}\n\n{NEW}\n\nSent from my iPhone")
            assert (visible.split(), quoted) == (["Hello,", *NEW.split()], quote), (name, head)


def test_own_mail_whose_tabs_became_blanks_or_whose_link_was_wrapped() -> None:
    mail = (
        "Support has reply to yor ticket:\n\n        Fire!\n------\n\nReply message:\n\n        Restart it.\n____\n\n"
    )
    for link in (
        "To check your ticket, press to link: http://desk.example/api/ticket/66",
        "To check your ticket, press to link: <http://desk.example/api/ticket/66>",
        "To check your ticket, press to link:\nhttp://desk.example/api/ticket/66",
        "To check your ticket, press to link:\u00a0http://desk.example/api/ticket/66 <http://desk.example/api/ticket/66>",
    ):
        assert split_reply(f"{mail}{link}\n{NEW}") == (NEW, f"{mail}{link}", "")


def test_own_mail_that_was_cut_off_goes_on_to_the_end() -> None:
    assert split_reply(f"{NEW}\nSupport has reply to yor ticket:\n\n\tFire!")[0] == NEW
    text = f"{NEW}\nNew ticket #66 from my colleague:\nthe printer burns"
    assert split_reply(text) == (text, "", "")


def test_older_mail_below_our_own_is_no_new_text() -> None:
    own = "Support has reply to yor ticket:\n\n\tFire!\n\nTo check your ticket, press to link: http://desk.example/1"
    text = f"{NEW}\n\n{ON_WROTE}\n{own}\n\n{BLOCKS['en']}\n\nOlder"
    assert split_reply(text)[0] == NEW


def test_signs_that_only_steer_the_display_are_kept() -> None:
    text = "\u200fשלום\u200e \u202ait works\u202c\u00a0now"
    assert split_reply(f"{text}\n\n{ON_WROTE}\n> Old")[0] == text


def test_too_long_a_text_is_visible_as_a_whole() -> None:
    text = "a\n> b\n" * (LONGEST_TEXT // 6 + 1)
    assert split_reply(text) == (text, "", "")


HOSTILE = [
    "On x:\n",
    "On 1:11 wrote:\n",
    "On 1\n",
    "El 1:11 x:\n",
    "> a\nb\n",
    "> (\n",
    "From: a\n",
    "From: a@b\nTo: b\n",
]
HOSTILE += [
    "-- \n",
    "a\n",
    ">",
    "On ",
    "On 1 wrote",
    "<a@b>:\n",
    "_" * 30 + "\n",
    "\n",
    " ",
    "Thanks\nBob\n",
    "a(b",
    "\u2028",
]
HOSTILE += [
    "x " * 50 + "On 3 Mar 2025, a <wrote:\n",
    "---------- Forwarded message",
    "Bob\nb@x.example\nwww.x.example\n\n",
    "On 1/1/2025\n",
    "On 1/1/2025 1:11 a <a@x.example>\n",
    "a <a@x.example>\n",
    "a@x.example>",
    "New ticket #1 from a:\n",
    " New ticket #1 from a:\nTicket: x\n",
    "Support has reply to yor ticket:\n Ticket: x\n",
    "\tSupport has reply to yor ticket:\n",
    "```\n",
    "-----BEGIN PGP SIGNED MESSAGE-----\n",
    "intended only for confidential and ",
    "is confidential and\n\n",
    "Disclaimer:\n",
    "PS: x\n",
    "Sent from my iPhone\n",
    "Sent from my iPhone <http://",
    "To unsubscribe \n",
    "> 9",
    ">>> x\n",
    "e\u0301\u0323",
    "1:11 ",
    "2025",
    "wrote ",
    "Received: x\nFrom: a@x.example\nDate: 1:11\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.slow
def test_hostile_text_costs_time_in_proportion(piece: str) -> None:
    def cost(length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length]
        started = time.process_time()
        split_reply(text)
        return time.process_time() - started

    # Eight times the text takes eight times as long; the square would be sixty-four. Small costs are noise.
    assert cost(LONGEST_TEXT // 4) < max(0.5, 30 * cost(LONGEST_TEXT // 32))


_LINES = st.sampled_from(
    [
        *INTRODUCTIONS.values(),
        *BLOCKS.values(),
        *UNSURE.values(),
        *SIGNATURES.values(),
        *DEVICES,
        *NOTICES.values(),
        *("> old", ">> older", "new words", "-- ", "Thanks,", "Ann", "", "  ", "____________", "```", "PS: more"),
        "a On Mon, Mar 3, 2025 at 1:00 PM, b@x.example wrote:",
        "Begin forwarded message:",
        "-----BEGIN PGP SIGNED MESSAGE-----",
        "-----BEGIN PGP SIGNATURE-----",
        "-----END PGP SIGNATURE-----",
        "To check your ticket, press to link: http://desk.example/api/ticket/66",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["", "", "", "> ", "\t"]), _LINES | st.text(max_size=20)), max_size=25))
def test_no_word_is_lost(lines: list[tuple[str, str]]) -> None:
    text = "\n".join(mark + line for mark, line in lines)
    parts = split_reply(text)
    assert Counter(word for part in parts for word in part.split()) == Counter(text.split())
    assert bool(parts[0].strip()) == bool(text.strip())


@given(st.text(max_size=300))
def test_no_word_of_any_text_is_lost(text: str) -> None:
    parts = split_reply(text)
    assert Counter(word for part in parts for word in part.split()) == Counter(text.split())
