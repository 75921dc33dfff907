"""Replies taken apart: what is new stays visible, quotes and signatures are kept aside, nothing is lost."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.text import LONGEST_TEXT, is_forward_line, split_reply

NEW = "It works now, thank you very much."

INTRODUCTIONS = {
    "Gmail": "On Mon, Mar 3, 2025 at 12:34 PM Support <support@desk.example> wrote:",
    "Gmail, wrapped": "On Mon, Mar 3, 2025 at 12:34 PM Support Team of the Desk <\nsupport@desk.example> wrote:",
    "Apple Mail": "On 3 Mar 2025, at 12:34, Support <support@desk.example> wrote:",
    "Thunderbird": "On 03/03/2025 12:34, Support wrote:",
    "Gmail ru": "пн, 3 мар. 2025 г. в 12:34, Support <support@desk.example>:",
    "Gmail ru, old": "3 марта 2025 г., 12:34 пользователь Support <support@desk.example> написал:",
    "Yandex": '03.03.2025, 12:34, "Support" <support@desk.example>:',
    "Mail.ru": "Понедельник, 3 марта 2025, 12:34 +03:00 от Support <support@desk.example>:",
    "Thunderbird ru": "03.03.2025 12:34, Support пишет:",
    "Apple Mail ru": "3 марта 2025 г., в 12:34, Support <support@desk.example> написал(а):",
    "Gmail uk": "пн, 3 бер. 2025 р. о 12:34 Support <support@desk.example> пише:",
    "Apple Mail uk": "3 бер. 2025 р. о 12:34 Support <support@desk.example> написав(-ла):",
    "Gmail de": "Am Mo., 3. März 2025 um 12:34 Uhr schrieb Support <support@desk.example>:",
    "Thunderbird de": "Am 03.03.2025 um 12:34 schrieb Support:",
    "Gmail fr": "Le lun. 3 mars 2025 à 12:34, Support <support@desk.example> a écrit :",
    "Gmail es": "El lun, 3 mar 2025 a las 12:34, Support (<support@desk.example>) escribió:",
    "Gmail it": "Il giorno lun 3 mar 2025 alle ore 12:34 Support <support@desk.example> ha scritto:",
    "Gmail pt": "Em seg., 3 de mar. de 2025 às 12:34, Support <support@desk.example> escreveu:",
    "Gmail nl": "Op ma 3 mrt 2025 om 12:34 schreef Support <support@desk.example>:",
    "Gmail pl": "pon., 3 mar 2025 o 12:34 Support <support@desk.example> napisał(a):",
    "Thunderbird pl": "W dniu 3.03.2025 o 12:34, Support pisze:",
    "dashed": "---- On Mon, 03 Mar 2025 12:34:00 +0100 Support <support@desk.example> wrote ----",
    "original": "-----Original Message-----",
    "original de": "-----Ursprüngliche Nachricht-----",
    "original ru": "-------- Исходное сообщение --------",
    "our own notice": "Support has reply to yor ticket:",
}
BLOCKS = {
    "en": "From: Support <support@desk.example>\nSent: Monday, March 3, 2025 12:34\nTo: Ann\nSubject: RE: Printer",
    "en bold": "*From:* Support <support@desk.example>\n*Sent:* Monday 12:34\n*To:* Ann\n*Subject:* RE: Printer",
    "en with rule": "________________________________\nFrom: Support\nSent: Monday\nTo: Ann\nSubject: RE: Printer",
    "ru": "От: Support <support@desk.example>\nОтправлено: 3 марта 2025 г. 12:34\nКому: Ann\nТема: RE: Принтер",
    "uk": "Від: Support <support@desk.example>\nНадіслано: 3 березня 2025 р. 12:34\nКому: Ann\nТема: RE: Принтер",
    "de": "Von: Support <support@desk.example>\nGesendet: Montag, 3. März 2025 12:34\nAn: Ann\nBetreff: AW: Drucker",
    "fr": "De : Support <support@desk.example>\nEnvoyé : lundi 3 mars 2025 12:34\nÀ : Ann\nObjet : RE: Imprimante",
    "es": "De: Support <support@desk.example>\nEnviado: lunes, 3 de marzo de 2025 12:34\nPara: Ann\nAsunto: RE: x",
    "it": "Da: Support <support@desk.example>\nInviato: lunedì 3 marzo 2025 12:34\nA: Ann\nOggetto: R: x",
    "pt": "De: Support <support@desk.example>\nEnviada: segunda-feira, 3 de março de 2025\nPara: Ann\nAssunto: RES: x",
    "nl": "Van: Support <support@desk.example>\nVerzonden: maandag 3 maart 2025 12:34\nAan: Ann\nOnderwerp: RE: x",
    "pl": "Od: Support <support@desk.example>\nWysłano: poniedziałek, 3 marca 2025 12:34\nDo: Ann\nTemat: RE: x",
}


@pytest.mark.parametrize("program", INTRODUCTIONS)
def test_quote_below_an_introduction_is_cut(program: str) -> None:
    visible, quoted, signature = split_reply(f"{NEW}\n\n{INTRODUCTIONS[program]}\n\n> Old question\n> and more\n")
    assert (visible, signature) == (NEW, "")
    assert quoted.endswith("> and more")


@pytest.mark.parametrize("program", INTRODUCTIONS)
def test_unmarked_text_below_an_introduction_is_cut(program: str) -> None:
    visible, quoted, _ = split_reply(f"{NEW}\n\n{INTRODUCTIONS[program]}\nOld question\n\nand more")
    assert visible == NEW
    assert quoted.endswith("and more")


@pytest.mark.parametrize("language", BLOCKS)
def test_reply_below_outlook_header_is_cut(language: str) -> None:
    visible, quoted, _ = split_reply(f"{NEW}\n\n{BLOCKS[language]}\n\nOld question")
    assert visible == NEW
    assert quoted == f"{BLOCKS[language]}\n\nOld question"


def test_marked_quote_without_an_introduction_is_cut() -> None:
    assert split_reply(f"{NEW}\n> Old question\n> and more") == (NEW, "> Old question\n> and more", "")


def test_our_own_quoted_notice_is_cut() -> None:
    text = f"{NEW}\n\n> Support has reply to yor ticket:\n> \n> Please restart it."
    assert split_reply(text)[0] == NEW


def test_answer_below_the_quote_is_visible() -> None:
    text = f"{INTRODUCTIONS['Thunderbird']}\n> Old question\n> and more\n\n{NEW}"
    assert split_reply(text) == (NEW, f"{INTRODUCTIONS['Thunderbird']}\n> Old question\n> and more", "")


def test_answer_behind_the_same_line_as_the_introduction_is_visible() -> None:
    assert split_reply("Yes On Mon, Mar 3, 2025 at 12:34 PM, a@x.example wrote:\n> Old")[0] == "Yes"


def test_answers_between_quoted_lines_are_shown_with_them() -> None:
    text = (
        f"{INTRODUCTIONS['Gmail']}\n\n> Which printer?\n\nThe blue one.\n\n> Since when?\n\nSince Monday.\n\n> Regards"
    )
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
    "signature",
    [
        "-- \nAnn Lee\nExample Ltd",
        "--\nAnn",
        "---\nAnn",
        "Sent from my iPhone",
        "Sent from my Galaxy smartphone!",
        "Get Outlook for iOS<https://x.example>",
        "Sent from Yahoo Mail on Android",
        "Отправлено с iPhone",
        "Надіслано з iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet von Mail für Windows",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Enviado do meu iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Wysłane z iPhone'a",
        "Best regards,\nAnn Lee",
        "Mit freundlichen Grüßen\n\nAnn Lee\nExample GmbH",
        "С уважением,\nАнна",
        "З повагою,\nАнна Лі\n+380 44 123 45 67",
        "-Ann",
        "Ann Lee\nann@x.example\n+44 20 1234 5678",
        "Thanks,\nAnn\n\nSent from my iPhone",
    ],
)
def test_signature_is_cut(signature: str) -> None:
    assert split_reply(f"{NEW}\n\n{signature}\n") == (NEW, "", signature)
    visible, quoted, found = split_reply(f"{NEW}\n\n{signature}\n\n{INTRODUCTIONS['Gmail']}\n> Old\n")
    assert (visible, found.strip()) == (NEW, signature)
    assert quoted.endswith("> Old")


@pytest.mark.parametrize(
    "text",
    [
        "On the left side it blinks.",
        "On Monday 3 March 2025 the printer broke",
        "He wrote: all is well.\nBut it is not.",
        "I wrote:\nnothing.",
        "From: Paris\nTo: London\nDate: 3 May\nPlease book this.",
        "Sent from my desk, which is better than a phone.",
        "A fix -- this is no signature.",
        "Please send:\n- the bill\n- the plan",
        "Steps:\n-- first\n-- second",
        "Thanks for your help.\nIt is still broken.",
        "Thanks!",
        "Please create an account for:\n\nAnn Lee\nann@x.example\n+44 20 1234 5678",
        "if a > b:\n    print(a)",
        "1 < 2\n--> see",
        "",
        "\n\n",
    ],
)
def test_text_that_only_looks_like_a_quote_or_signature_stays(text: str) -> None:
    assert split_reply(text)[0].strip("\n") == text.strip("\n")


@pytest.mark.parametrize(
    "text",
    [
        "> Old question\n> and more",
        "-- \nAnn",
        "Sent from my iPhone",
        f"{INTRODUCTIONS['Gmail']}\n> Old question",
        f"{BLOCKS['en']}\n\nOld question",
        "-----Original Message-----\nOld question",
        "...\n> Old question\n-- \nAnn",
    ],
)
def test_where_nothing_is_new_the_whole_text_is_visible(text: str) -> None:
    assert split_reply(text) == (text, "", "")


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
]


@pytest.mark.parametrize("piece", HOSTILE)
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
        *("> old", ">> older", "new words", "-- ", "Thanks,", "Ann", "", "  ", "Sent from my iPhone", "____________"),
        "a On Mon, Mar 3, 2025 at 1:00 PM, b@x.example wrote:",
        "Begin forwarded message:",
    ]
)


@given(st.lists(_LINES | st.text(max_size=20), max_size=25))
def test_no_word_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    parts = split_reply(text)
    assert Counter("".join("".join(parts).split())) == Counter("".join(text.split()))
    assert bool(parts[0].strip()) == bool(text.strip())
