from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.model import Outbound, OutboxKind
from gateway.people import notices_secret
from mail.compose import Composer, Letter, tabbed

TOKEN = "r1" + "a" * 36
ANSWER = Outbound(
    id=1,
    kind=OutboxKind.ANSWER,
    recipient="maria@customer.example",
    token=TOKEN,
    message_id=f"{TOKEN}@desk.example",
    in_reply_to="bee@customer.example",
    references=("ant@customer.example", "bee@customer.example"),
    context={"ticket_id": 66, "subject": "The printer", "message": "Some message", "answer": "answer message"},
    ticket_id=66,
    person_id=7,
    attempts=1,
    created_at=datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC),
    domain="customer.example",
    unanswered=False,
    tried_since=datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC),
)
NOTICE = replace(
    ANSWER,
    kind=OutboxKind.NOTICE,
    context={
        "ticket_id": 66,
        "subject": "The printer",
        "ticket_message": "Some message",
        "author": "Maria",
        "message": "Some message",
        "occasion": "ticket",
    },
)
RECEIPT = replace(ANSWER, kind=OutboxKind.RECEIPT, context={"ticket_id": 66, "trust": "unverified"})
CONFIRM = replace(
    ANSWER, kind=OutboxKind.CONFIRM, ticket_id=None, context={"username": "maria", "expires_at": 1795432800}
)
DIGEST = replace(
    ANSWER,
    kind=OutboxKind.DIGEST,
    ticket_id=None,
    context={"items": [{"ticket_id": 66, "subject": "The printer", "author": "Maria"}], "more": 3},
)


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    return load_settings(
        {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_SUPPORT_NAME": "Пример, Desk"}, tmp_path
    )


def opened(letter: Letter) -> EmailMessage:
    message = message_from_bytes(letter.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


@pytest.mark.parametrize("mail", [ANSWER, NOTICE, RECEIPT, CONFIRM, DIGEST], ids=lambda mail: mail.kind)
def test_every_letter_is_seven_bit_crlf_and_bears_its_message_id(desk: Settings, mail: Outbound) -> None:
    letter = Composer(desk).compose(mail)
    assert letter.content.isascii()
    assert b"\n" not in letter.content.replace(b"\r\n", b"")
    assert max(map(len, letter.content.split(b"\r\n"))) <= 998
    message = opened(letter)
    assert message["Message-ID"] == f"<{TOKEN}@desk.example>"
    assert message["From"] == '"Пример, Desk" <support@desk.example>'
    assert message["Date"].datetime == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert message.get_content_charset() == "utf-8"
    assert (message["Auto-Submitted"] is None) == (mail.kind is OutboxKind.ANSWER)


def test_an_answer_answers_the_customers_own_mail(desk: Settings) -> None:
    letter = Composer(desk).compose(ANSWER)
    message = opened(letter)
    assert message["Subject"] == "Re: The printer [#66]"
    assert message["In-Reply-To"] == "<bee@customer.example>"
    assert message["References"].split() == ["<ant@customer.example>", "<bee@customer.example>"]
    assert message["Reply-To"].addresses[0].addr_spec == f"support+{TOKEN}@desk.example"
    assert letter.envelope_from == f"support+{TOKEN}@desk.example"


@pytest.mark.parametrize(
    ("occasion", "words"),
    [
        ("ticket", "New ticket #66 from Maria"),
        ("answer", "New answer to ticket #66"),
        ("held", "/api/intake/5"),
        ("bounced", "could not be delivered to Maria"),
        ("refused", "to Maria was refused, and is not tried again"),
        ("unheard", "was sent to nobody"),
        ("uncertain", "POST http://localhost:8000/api/outbox/9/retry"),
    ],
)
def test_a_notice_says_what_happened_and_where(desk: Settings, occasion: str, words: str) -> None:
    context = {**NOTICE.context, "occasion": occasion, "intake_id": 5, "outbox_id": 9}
    message = opened(Composer(desk).compose(replace(NOTICE, context=context)))
    assert words in message.get_content()
    assert message.get_content().replace("\r\n", "\n").endswith("\nTicket: http://localhost:8000/api/ticket/66\n")


def test_a_receipt_leaves_with_the_null_sender(desk: Settings) -> None:
    letter = Composer(desk).compose(RECEIPT)
    assert letter.envelope_from == ""
    assert opened(letter)["X-Auto-Response-Suppress"] == "All"


def test_without_plus_addressing_the_message_id_alone_carries_the_token(tmp_path: Path) -> None:
    settings = load_settings(
        {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_PLUS_ADDRESSING": "off"}, tmp_path
    )
    letter = Composer(settings).compose(ANSWER)
    assert "Reply-To" not in opened(letter)
    assert letter.envelope_from == "support@desk.example"


def test_foreign_ids_that_are_none_never_reach_a_header(desk: Settings) -> None:
    long = "x" * 400 + "@outlook.example"
    evil = ("a@b>\r\nBcc: x@y.example", "with blank@x", "ünï@x", "", long)
    message = opened(Composer(desk).compose(replace(ANSWER, references=evil, in_reply_to=evil[0])))
    assert "Bcc" not in message
    assert "In-Reply-To" not in message
    assert message["References"] == f"<{long}>"


@pytest.mark.parametrize(
    "words",
    [
        "plain",
        "two\nlines\n\nand a gap",
        "Привет 🌍",
        "x" * 5000,
        "trailing blanks   \n  leading",
        ".\n..\nFrom here",
        "\ttabs\tinside",
        "=3D =20 looks encoded",
    ],
)
def test_the_text_arrives_as_it_was_written(desk: Settings, words: str) -> None:
    context = {**ANSWER.context, "message": words, "answer": words, "subject": "x"}
    text = opened(Composer(desk).compose(replace(ANSWER, context=context))).get_content().replace("\r\n", "\n")
    assert text == (
        f"Support has reply to yor ticket:\n\n{tabbed(words)}\n------------------------------\n\nReply message:\n\n"
        f"{tabbed(words)}\n_____________________________\n\n"
        "To check your ticket, press to link: http://localhost:8000/api/ticket/66\n"
    )


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@y.example", "a\nb", "a\u2028b", "\u202eabc", "x" * 255, "é" * 255])
def test_a_subject_stays_one_line_and_keeps_its_id(desk: Settings, subject: str) -> None:
    message = opened(Composer(desk).compose(replace(ANSWER, context={**ANSWER.context, "subject": subject})))
    assert "Bcc" not in message
    assert message["Subject"].endswith("[#66]")
    assert "\u202e" not in message["Subject"]


@pytest.mark.parametrize(
    "address", ["taro..s@docomo.example", ".dot@x.example", "o'hara+tag@x.example", "ünï@x.example"]
)
def test_a_recipient_is_written_as_he_writes_himself(desk: Settings, address: str) -> None:
    letter = Composer(desk).compose(replace(ANSWER, recipient=address))
    assert letter.recipient == address
    assert f"\r\nTo: {address}\r\n".encode() in b"\r\n" + letter.content


def test_a_domain_beyond_ascii_is_written_as_dns_has_it(desk: Settings) -> None:
    letter = Composer(desk).compose(replace(ANSWER, recipient="maria@пример.example"))
    assert letter.recipient == "maria@xn--e1afmkfd.example"
    assert letter.content.isascii()


@pytest.mark.parametrize(
    "address",
    ["a\nb@x.example", "ü\u2028b@x.example", "ü\x85b@x.example", "a b@x.example", "a@ü..x", "a@", ""],
)
def test_what_would_not_be_one_address_is_no_recipient(desk: Settings, address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several parts of Python say so
        Composer(desk).compose(replace(ANSWER, recipient=address))


@pytest.mark.parametrize("plus", ["on", "off"])
@pytest.mark.parametrize("mail", [NOTICE, RECEIPT, CONFIRM, DIGEST], ids=lambda mail: mail.kind)
def test_reports_about_mail_of_programs_go_home_by_token_or_nowhere(tmp_path: Path, mail: Outbound, plus: str) -> None:
    settings = load_settings(
        {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_PLUS_ADDRESSING": plus}, tmp_path
    )
    is_tokened = plus == "on" and mail is not RECEIPT
    assert Composer(settings).compose(mail).envelope_from == (f"support+{TOKEN}@desk.example" if is_tokened else "")


@pytest.mark.parametrize("mail", [ANSWER, NOTICE, RECEIPT, CONFIRM, DIGEST], ids=lambda mail: mail.kind)
def test_only_notices_name_the_link_that_switches_them_off(desk: Settings, mail: Outbound) -> None:
    message = opened(Composer(desk).compose(mail))
    if mail in (NOTICE, DIGEST):
        link = f"{desk.public_url}/api/notices/off/{notices_secret(desk.secret_key, 7)}"
        assert message["List-Unsubscribe"] == f"<{link}>"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    else:
        assert not [name for name in message if name.startswith("List-")]


def test_an_operator_lays_a_template_over_ours(tmp_path: Path) -> None:
    (tmp_path / "own" / "mail" / "answer").mkdir(parents=True)
    (tmp_path / "own" / "mail" / "answer" / "body.txt").write_text("Hello from {{ link }}: {{ answer }}\n")
    settings = load_settings(
        {"HELPDESK_SUPPORT_ADDRESS": "support@desk.example", "HELPDESK_TEMPLATE_DIR": "own"}, tmp_path
    )
    message = opened(Composer(settings).compose(ANSWER))
    assert message.get_content().strip() == "Hello from http://localhost:8000/api/ticket/66: answer message"
    assert message["Subject"] == "Re: The printer [#66]"


def test_mail_text_is_never_a_template(desk: Settings) -> None:
    context = {**ANSWER.context, "answer": "{{ 7 * 7 }} {% raw %}"}
    assert "\t{{ 7 * 7 }} {% raw %}" in opened(Composer(desk).compose(replace(ANSWER, context=context))).get_content()


def test_a_digest_lists_what_it_gathered(desk: Settings) -> None:
    message = opened(Composer(desk).compose(DIGEST))
    assert message["Subject"] == "4 new messages on your tickets"
    assert "http://localhost:8000/api/ticket/66" in message.get_content()
    assert "3 more" in message.get_content()
