from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.model import Audience, InboundMessage, Mailbox
from gateway.reply_token import make_token
from mail.threads import is_ours, read_clues, reply_address, title_of

TOKEN = make_token(b"k" * 32, name="abcdefghij", ticket_id=66, person_id=7, audience=Audience.CUSTOMER)
OTHER = make_token(b"k" * 32, name="bbbbbbbbbb", ticket_id=66, person_id=7, audience=Audience.CUSTOMER)


@pytest.fixture
def two_desks(tmp_path: Path) -> Settings:
    return load_settings({"HELPDESK_SUPPORT_ADDRESS": "Support@desk.example, sales@desk.example"}, tmp_path)


def message(subject: str = "", **changes: tuple[str, ...]) -> InboundMessage:
    empty = InboundMessage(message_id=None, sender=Mailbox(), from_text="", subject=subject, text="", visible="")
    import dataclasses

    return dataclasses.replace(empty, **changes)


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("support@desk.example", True),
        ("SUPPORT@DESK.example", True),
        ("sales@desk.example", True),
        (f"support+{TOKEN}@desk.example", True),
        (f"sales+{TOKEN.upper()}@desk.example", True),
        (f"support+{OTHER}@desk.example", True),
        ("support+anything@desk.example", False),
        (f"support+x+{TOKEN}@desk.example", False),
        (f"support+{TOKEN[:-1]}@desk.example", False),
        (f"{TOKEN}@desk.example", False),
        (f"+{TOKEN}@desk.example", False),
        (f"other+{TOKEN}@desk.example", False),
        ("support@other.example", False),
        ("support", False),
        ("", False),
        ("support%desk.example@relay.example", False),
        ("@relay.example:support@desk.example", False),
        ('"support"@desk.example', False),
    ],
)
def test_whose_address_it_is(two_desks: Settings, address: str, ours: bool) -> None:
    assert is_ours(two_desks, address) is ours


@pytest.mark.parametrize(
    ("subject", "ids"),
    [
        ("[#66]", (66,)),
        ("Re: hello [#66]", (66,)),
        ("[Any words #66] hello", (66,)),
        ("[Ticket: #66]", (66,)),
        ("[#5] was [#66]", (66, 5)),
        ("[#66][#66]", (66,)),
        ("#66", ()),
        ("[66]", ()),
        ("[words#66]", ()),
        ("[#066]", ()),
        ("[#0]", ()),
        ("[#-1]", ()),
        ("[# 66]", ()),
        ("[#٦٦]", ()),
        ("[#６６]", ()),
        ("[#999999999999999999]", (999999999999999999,)),
        ("[#9999999999999999999]", ()),
        ("[#" + "9" * 5000 + "]", ()),
        ("[" * 5000 + "#66]", (66,)),
        ("[a " * 5000, ()),
        ("[nested [#66]]", (66,)),
        (" ".join(f"[#{number}]" for number in range(1, 100)), (99, 98, 97, 96, 95)),
    ],
)
def test_ids_in_the_subject(two_desks: Settings, subject: str, ids: tuple[int, ...]) -> None:
    assert read_clues(two_desks, message(subject), ()).subject_ids == ids


def test_tokens_are_found_in_envelope_headers_and_references(two_desks: Settings) -> None:
    mail = message(
        recipients=(f"Sales+{OTHER.upper()}@Desk.example", "x@y.example"),
        in_reply_to=(f"{TOKEN.upper()}@DESK.example",),
        references=("old@x", f"{OTHER}@desk.example", f"{TOKEN}@evil.example"),
    )
    clues = read_clues(two_desks, mail, [f"support+{TOKEN}@desk.example", f"support+{TOKEN}@evil.example"])
    assert clues.address_tokens == (TOKEN, OTHER)
    assert clues.reference_tokens == (TOKEN, OTHER)
    assert clues.message_ids[0].lower() == f"{TOKEN}@desk.example"
    assert clues.message_ids[-1] == "old@x", "the newest reference first"
    assert clues.own_token == ""


def test_at_most_twenty_references_are_looked_at(two_desks: Settings) -> None:
    clues = read_clues(two_desks, message(references=tuple(f"{n}@x" for n in range(100))), ())
    assert len(clues.message_ids) == 20
    assert clues.message_ids[0] == "99@x"


def test_a_reply_address_fits_and_is_ours(two_desks: Settings) -> None:
    address = reply_address(two_desks, TOKEN)
    assert is_ours(two_desks, address)
    assert len(address.partition("@")[0]) <= 64


@pytest.mark.parametrize(
    ("subject", "text", "title"),
    [
        ("The printer", "x", "The printer"),
        ("Re: RE: re : The printer", "x", "The printer"),
        ("Aw: Re[2]: SV: The printer", "x", "The printer"),
        ("Report: re: printers", "x", "Report: re: printers"),
        ("Re: The printer [#66]", "x", "The printer"),
        ("[#5] The printer [Desk #66]", "x", "The printer"),
        ("[#66]", "It is\n\non fire", "It is on fire"),
        ("", "short", "short"),
        ("", "word " * 40, ("word " * 11 + "word")),
        ("", "x" * 100, "x" * 60),
        ("", "", ""),
        ("x" * 255, "", "x" * 200),
    ],
)
def test_the_title_of_our_mail(subject: str, text: str, title: str) -> None:
    assert title_of(subject, text) == title
