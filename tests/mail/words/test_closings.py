"""Closing phrases and names: cut where they close a mail, in sight where they are all that it says."""

from __future__ import annotations

import pytest

from gateway.model import Mailbox
from mail.words.text import split_reply

NEW = "The printer does not work any more."
NOBODY = Mailbox()
ANN = Mailbox(name="Ann Lee", address="ann.lee@x.example")

STAYS = {
    # Thanks, and then a sentence in a script without capitals.
    "ja": "サポート様\n\nありがとうございます。\n再起動しましたが、まだ赤く点滅しています。",
    "zh": "您好\n谢谢\n另外打印机也坏了\n请帮我看一下",
    "zh, short": "您好\n打印机\n谢谢\n打印机坏了",
    "zh, below": "打印机坏了。\n谢谢！\n\n订单号是多少",
    "ko": "안녕하세요\n\n감사합니다.\n그런데 프린터가 아직도 안 됩니다.",
    "ko, below": "프린터가 고장났습니다.\n감사합니다.\n\n추가로 스캐너도 고장났어요.",
    "he": "שלום\n\nתודה\nהמדפסת עדיין לא עובדת",
    "he, below a farewell": "שלום\n\nבברכה\nאן\nהמדפסת עדיין לא עובדת",
    "ar": "مرحبا\n\nشكرا\nالطابعة لا تزال معطلة",
    "fa": "سلام\n\nممنون\nچاپگر هنوز خراب است",
    "th": "สวัสดีครับ\n\nขอบคุณครับ\nเครื่องพิมพ์ยังเสียอยู่",
    "hi": "नमस्ते\n\nधन्यवाद\nप्रिंटर अब भी खराब है",
    # Thanks, and then an answer in a word.
    "approved": "Hi Bob,\n\nThanks!\nApproved.",
    "approved without a point": "Hi Bob,\nyou asked.\n\nThanks!\nApproved",
    "solved": "Hi,\n\nMany thanks\n\nSolved!",
    "perfect": "Hi,\nI tried it.\n\nThank you very much.\nPerfect!",
    "erledigt": "Hallo Bob,\n\nDanke!\nErledigt.",
    "помогло": "Здравствуйте!\n\nСпасибо!\nПомогло.",
    "reçu": "Bonjour,\n\nMerci.\nReçu.",
    "confirmado": "Hola:\n\nGracias\nConfirmado",
    "thanks for somebody else": "Please tell him.\nThanks, Bob",
    # Words that mean something else elsewhere.
    "love": "Which do you\nlove\nMore",
    "best": "Which one is it?\nBest\nPrinter",
    "tak": "Dzień dobry,\n\nTak\n\nAnn Lee",
    "tak.": "Dzień dobry,\n\ntak.\n\nAnn Lee",
    "lg": "Which screen is it?\n\nLG\nAnn",
    # What comes below the name.
    "one more thing": "Please send it.\n\nThanks,\nAnn\n\nAlso the scanner broke",
    "new number": "Please send it.\n\nThanks,\nAnn\n\nMy new number is 555-0000000",
    "number": "Please send it.\n\nThanks,\nAnn\n\nMy number is 555-0000000",
    "right below": "Please send it.\n\nThanks,\nAnn\nThe scanner is broken too",
    "list": "Please send it.\n\nThanks,\nAnn\n\n- Paper\n- Ink",
    "question": "Please send it.\n\nRegards,\nAnn\n\nWhen?",
    # A closing that is part of a sentence.
    "regards to": "It works.\n\nKind regards to Ann",
    "from": "It works.\n\nBest wishes from the whole team here",
}


@pytest.mark.parametrize("text", STAYS.values(), ids=STAYS)
@pytest.mark.parametrize("writer", [NOBODY, ANN], ids=["nobody", "ann"])
def test_what_somebody_says_stays(text: str, writer: Mailbox) -> None:
    assert split_reply(text, writer=writer) == (text, "", "")


def test_answer_of_a_word_above_a_quote_stays() -> None:
    text = "Hallo Bob,\n\nDanke!\nErledigt."
    assert split_reply(f"{text}\n\nAm 03.03.25 um 12:34 schrieb Support:\n> Bitte neu starten")[0] == text


@pytest.mark.parametrize(
    ("visible", "signature", "writer"),
    [
        ("Hi,\n\nThank you.", "Kind regards,\nAnn", NOBODY),
        ("Hello Bob,\n\nMany thanks!", "Ann", ANN),
        ("Guten Tag,\n\nvielen Dank!", "Mit freundlichen Grüßen\nMax", NOBODY),
        ("Hallo!\n\nDanke!", "Ann", ANN),
        ("Dzień dobry,\n\nTak.", "Pozdrawiam\nJan Kowal", NOBODY),
    ],
)
def test_thanks_stay_where_only_a_greeting_stands_above(visible: str, signature: str, writer: Mailbox) -> None:
    between = "\n" if signature == "Ann" else "\n\n"
    assert split_reply(f"{visible}{between}{signature}", writer=writer) == (visible, "", signature)


@pytest.mark.parametrize(
    "signature",
    [
        "Thanks,\nBob",
        "Thank you,\n\nBob Day",
        "Thanks!\nBob",
        "Thanks so much!\nBob",
        "Grato,\nBob",
        "Many thanks and kind regards,\nBob Day",
        "Mit freundlichen Grüßen / Kind regards\nBob Day",
        "Gracias y saludos,\nEva",
        "İyi günler,\nAyşe",
        "SAYGILARIMLA\nAyşe Demir",
        "Cheers \U0001f389\nBob",
        "Warmly,\nBob",
        "Belle journée,\nBob",
        "Hezký den,\nBob",
        "Hormat kami,\nBob",
        "Terv.\nBob Day",
        "Atte.\nEva Gil",
        "Have a nice day!\nBob",
        "Viele Grüße aus Berlin\nMax",
        "감사합니다.\n이하나 드림",
        "敬具\n山田花子",
        "祝好\n安娜\n某某有限公司",
        "Kind regards\nBob Day | Head of IT | Example Ltd.\nM: +44 20 1234567 | bob@x.example",
        "Kind regards\n[EXAMPLE]\nBob Day\nExample Ltd.",
        "Kind regards\nBob Day, Ph.D.\nSenior manager for customer support",
        "Mit freundlichen Grüßen\n\nMax Beispiel\nLeiter Einkauf\n\nBeispiel GmbH\nHauptstraße 5\n12345 Berlin\n"
        "Tel. +49 30 0000000\nFax: +49 30 0000001\nwww.x.example\nSitz der Gesellschaft: Berlin\n"
        "Amtsgericht Berlin HRB 00000\nGeschäftsführer: Erika Beispiel",
    ],
)
def test_closing_and_a_name_are_a_signature_whoever_wrote(signature: str) -> None:
    for writer in (NOBODY, ANN):
        assert split_reply(f"{NEW}\n\n{signature}", writer=writer) == (NEW, "", signature)


@pytest.mark.parametrize(
    ("signature", "writer"),
    [
        ("Best regards, Ann Lee", ANN),
        ("Thanks - Ann", ANN),
        ("Thanks\nAnn", ANN),
        ("Thanks!\nann", ANN),
        ("Thank you.\nAnn.", ANN),
        ("Köszönettel:\nAnn", ANN),
        ("Yours,\nAnn", ANN),
        ("Best,\nAnn", ANN),
        ("Tak,\nAnn", ANN),
        ("Abs,\nAnn", ANN),
        ("С уважением, Иван Петров", Mailbox(name="Иван Петров")),
        ("Viele Grüße, Max", Mailbox(name="Max Beispiel")),
        ("MfG Max", Mailbox(address="max.b@x.example")),
        ("LG Max", Mailbox(name="Max Beispiel")),
        ("Pozdrawiam, Jan", Mailbox(name="Jan Kowal")),
        ("S pozdravem Petr Malý", Mailbox(name="Petr Malý")),
        ("Mvh Sven", Mailbox(name="Sven Berg")),
        ("Thanks\nJörg", Mailbox(address="joerg.b@x.example")),
        ("Thanks\nJohn Day", Mailbox(address="jday@x.example")),
        ("Thanks\nAlex", Mailbox(name="Alexander Day")),
        ("よろしくお願いいたします。\n山田花子", Mailbox(name="山田花子")),
        ("谢谢！\n安娜", Mailbox(name="安娜")),
        ("감사합니다.\n이하나", Mailbox(name="이하나")),
        ("תודה\nאן", Mailbox(name="אן לי")),
    ],
)
def test_name_of_the_writer_makes_a_signature(signature: str, writer: Mailbox) -> None:
    assert split_reply(f"{NEW}\n\n{signature}", writer=writer) == (NEW, "", signature)
    text = f"{NEW}\n\n{signature}"
    assert split_reply(text, writer=Mailbox(name="Zoe", address="zoe@x.example")) == (text, "", "")


def test_name_is_read_where_the_address_is_in_doubt() -> None:
    writer = Mailbox(name="Ann Lee <ann@x.example>, Bob <bob@x.example>")
    assert split_reply(f"{NEW}\n\nThanks\nAnn", writer=writer) == (NEW, "", "Thanks\nAnn")


def test_small_words_of_a_name_and_offices_are_no_names() -> None:
    text = f"{NEW}\n\nThanks\nSupport de Lyon"
    assert split_reply(text, writer=Mailbox(name="Ann de Vries", address="support@x.example")) == (text, "", "")


@pytest.mark.parametrize("line", ["Thanks, ", "Best regards ", "A" * 50 + " ", "\u0301", "| ", "a. ", "谢谢", "- "])
def test_long_lines_cost_little(line: str) -> None:
    for text in (line * 40_000, (line * 4000 + "\n") * 10, f"x\n\nThanks,\nAnn\n{line * 40_000}"):
        split_reply(text[:262_000], writer=Mailbox(name=text[:1000], address=text[:1000]))
