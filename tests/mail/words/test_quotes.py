"""Where quotes begin and end: marks of several programs, what stands around a quote, what only looks like one."""

from __future__ import annotations

import time

import pytest

from mail.words.text import LONGEST_TEXT, split_reply
from tests.mail.words.test_introductions import BLOCKS, INTRODUCTIONS, NEW

GMAIL = INTRODUCTIONS["Gmail"]
THE_BAT = "Monday, March 3, 2025, 12:34:56 PM, you wrote:"
WHO = "Support <support@desk.example>"
MARKS = {
    "initials": (THE_BAT, "S> "),
    "initials of three names": (THE_BAT, "ABL> "),
    "Cyrillic initials": ("Понедельник, 3 марта 2025, 12:34:56, Вы писали:", "АЛ> "),
    "initials, quoted twice": (THE_BAT, "S>> "),
    "bar": (GMAIL, "| "),
    "indent": (GMAIL, "    "),
    "tab": (GMAIL, "\t"),
    "wide sign": (GMAIL, "\uff1e "),
}


@pytest.mark.parametrize("language", BLOCKS)
def test_quote_below_a_block_ends_with_its_marks(language: str) -> None:
    quote = f"{BLOCKS[language]}\n\n> Is it on?\n> And green?"
    assert split_reply(f"Hi Bob,\n\n{quote}\n\n{NEW}")[:2] == (f"Hi Bob,\n\n\n{NEW}", quote)
    assert split_reply(f"{quote}\n\n{NEW}")[0] == NEW


@pytest.mark.parametrize("language", BLOCKS)
def test_answers_between_quoted_lines_below_a_block_stay(language: str) -> None:
    text = f"Hi Bob,\n\n{BLOCKS[language]}\n\n> Is it on?\n\nYes.\n\n> Did you restart it?\n\nI did."
    assert split_reply(text) == (text, "", "")


def test_block_with_a_wrapped_line_above_marks() -> None:
    block = f"From: {WHO}\nSent: 3 March 2025 12:34\nTo: Ann <a@x.example>,\n Bob <b@x.example>\nSubject: Printer"
    assert split_reply(f"{block}\n\n> Is it on?\n\n{NEW}")[0] == NEW


@pytest.mark.parametrize(
    "block",
    [
        f"------ Original Message ------\nFrom {WHO}\nTo Ann\nDate 03.03.2025 12:34\nSubject Printer",
        f"---- Replied Message ----\n| From | {WHO} |\n| Date | 03/03/2025 12:34 |\n| Subject | Printer |",
    ],
)
def test_block_without_colons_above_marks(block: str) -> None:
    assert split_reply(f"Hi Bob,\n\n{block}\n\n> Is it on?\n\n{NEW}") == (
        f"Hi Bob,\n\n\n{NEW}",
        f"{block}\n\n> Is it on?",
        "",
    )


def test_marked_quote_below_an_original_and_an_introduction() -> None:
    head = f"------- Original Message -------\n{GMAIL}"
    assert split_reply(f"{head}\n\n> Is it on?\n\n{NEW}")[0] == NEW


@pytest.mark.parametrize("name", MARKS)
def test_other_marks_below_a_sure_introduction(name: str) -> None:
    introduction, mark = MARKS[name]
    quote = f"{introduction}\n\n{mark}Is it on?\n\n{mark}And green?"
    assert split_reply(f"{NEW}\n\n{quote}")[:2] == (NEW, quote)
    assert split_reply(f"{quote}\n\n{NEW}")[:2] == (NEW, quote)
    text = f"{introduction}\n\n{mark}Is it on?\n\nYes.\n\n{mark}Restarted?\n\nNo."
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "I see\n\nC> dir\nC> exit\n\non the screen.",
        "The support wrote:\n\nC> dir\n\nand I did that.",
        "The prices:\n\n| Ink | 5 |\n| Paper | 7 |\n\nIs that right?",
        "The log:\n\n    error 45\n    error 46\n\nWhat is it?",
    ],
)
def test_other_marks_mean_nothing_elsewhere(text: str) -> None:
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize(
    "introduction",
    [
        f"3 март 2025 г. во 12:34 {WHO} напиша:",
        f"2025 ж. 3 нау., дс 12:34, {WHO} мынаны жазды:",
        f"ორშ, 3 მარ. 2025, 12:34-ზე {WHO}-მა დაწერა:",
        f"2025 թ. մարտի 3, 12:34 {WHO} գրել է՝",
        f"সোম, ৩ মার্চ, 2025 12:34 {WHO} লিখেছেন:",
        f"திங்., 3 மார்., 2025 12:34 {WHO} எழுதியது:",
        f"پیر، 3 مارچ، 2025 12:34 {WHO} نے لکھا:",
        f"Më hën, 3 mar 2025 në 12:34 {WHO} shkroi:",
        f"Op Ma 3 Mrt 2025 om 12:34 het {WHO} geskryf:",
        f"Ar Llun, 3 Maw 2025 am 12:34 ysgrifennodd {WHO}:",
        f"{WHO} erabiltzaileak hau idatzi du (2025 mar. 3 12:34):",
        f"Noong Lun, Mar 3, 2025 nang 12:34 PM, isinulat ni {WHO} ang:",
        f"Mnamo Jtt, 3 Mac 2025, 12:34 {WHO} aliandika:",
        f"Mnamo Jtt, 3 Mac 2025,\n12:34 {WHO}\naliandika:",
        "понедельник, 3 марта 2025 г., 12:34, Support написал(-а):",
        "Den 03.03.2025 kl. 12.34 skrev Support følgende:",
        "Den 2025-03-03 kl. 12:34 skrev Support följande:",
        "Le 03/03/2025 à 12:34, Support a écrit ce qui suit :",
        "3/3/2025 12:34 Support nyise:",
        "Support(e)k idatzi zuen (2025/03/03 12:34):",
    ],
)
def test_introduction_of_any_language_right_above_marked_lines(introduction: str) -> None:
    quote = f"{introduction}\n> Old question\n> and more"
    assert split_reply(f"{NEW}\n\n{quote}") == (NEW, quote, "")
    assert split_reply(f"{quote}\n\n{NEW}")[0] == NEW


@pytest.mark.parametrize("line", ["The display says:", "At 12:34 the display says:", "It broke on 3.3.2025. The log:"])
def test_announced_lines_with_marks_stay(line: str) -> None:
    text = f"Hello,\n{line}\n> Paper jam in tray 2\n> Error 45\n\nWhat does it mean?"
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize(
    "block",
    [
        f"จาก: {WHO}\nส่ง: 3 มีนาคม 2568 12:34\nถึง: Ann\nเรื่อง: Printer",
        f"Dari: {WHO}\nDikirim: Senin, 03 Maret 2025 12:34\nKepada: Ann\nSubjek: Printer",
        f"Daripada: {WHO}\nDihantar: 3 Mac 2025 12:34\nKepada: Ann\nSubjek: Printer",
        f"از: {WHO}\nارسال: ۳ مارس ۲۰۲۵ ۱۲:۳۴\nبه: Ann\nموضوع: Printer",
        f"Saatja: {WHO}\nSaatmisaeg: 3. märts 2025 12:34\nAdressaat: Ann\nTeema: Printer",
        f"No: {WHO}\nNosūtīts: pirmdiena, 2025. gada 3. marts 12:34\nKam: Ann\nTēma: Printer",
        f"发件人：{WHO}\n发件时间：2025年3月3日 12:34\n收件人：ann\n主题：Printer",
        f"原始邮件\n发件人：{WHO}\n发件时间：2025年3月3日 12:34\n收件人：ann\n主题：Printer",
        f"Nork: {WHO}\nNoiz: 2025 mar. 3 12:34\nNori: Ann <ann@x.example>\nGaia: Printer",
        f"Oddiwrth: {WHO}\nAnfonwyd: 3 Mawrth 2025 12:34\nAt: Ann\nPwnc: RE: Printer",
        "support@desk.example\n\n发件人： Support\n发送时间： 2025-03-03 12:34\n收件人： ann\n主题： Printer",
        'Кому: a@x.example (a@x.example);\nТема: Printer;\n03.03.2025, 12:34, "Support" <support@desk.example>:',
        "---- Original ----",
        f"---- 回复的原邮件 ----\n| 发件人 | {WHO} |\n| 主题 | Printer |",
        f"---- Replied Message ----\n| From | {WHO} |\n| Subject | Printer |",
        "[Original Message processed by the server]",
        "##- Please type your reply above this line -##",
        "##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein -##",
        "=-=-= Please reply above this line =-=-=",
        '3 марта 2025 г., 12:34:56, "Support" <support@desk.example>:',
        '3 березня 2025, 12:34:56, від "Support" <support@desk.example>:',
        "Support писал(а) 2025-03-03 12:34:",
    ],
)
def test_nothing_of_the_head_of_a_quote_is_left(block: str) -> None:
    assert split_reply(f"{NEW}\n\n{block}\n\nOld question\nand more")[:2] == (
        NEW,
        f"{block}\n\nOld question\nand more",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Customer: Ann Lee <ann@x.example>\nPrinted: 3.3.2025 12:34\nError: Paper jam\n\nPlease help.",
        "Name: Ann Lee <ann@x.example>\nPhone: 030 123456\nSince: 3.3.2025 12:34\nDevice: Laser\n\nPlease help.",
        "My new address is:\n\nann@x.example\n\nPlease use it.",
        "The page says ##- or so",
        "Original\n\nThe original is at home.",
        "It is marked\n-- original\nand nothing else.",
        "I typed my reply above this line\nand it was lost.",
    ],
)
def test_what_only_looks_like_the_head_of_a_quote_stays(text: str) -> None:
    assert split_reply(f"Hello,\n{text}")[0] == f"Hello,\n{text}"


@pytest.mark.parametrize(
    "mark", ["~~~~~~~~ {} ~~~~~~~~", "\u2013\u2013\u2013\u2013 {} \u2013\u2013\u2013\u2013", "== {}"]
)
def test_forward_is_marked_with_many_signs(mark: str) -> None:
    text = f"Look.\n\n{mark.format('Forwarded message')}\n{BLOCKS['en']}\n\nIt broke."
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize(
    "program",
    ["Gmail", "Gmail de", "Thunderbird de", "Gmail fr", "Gmail es", "Gmail it", "Gmail nl", "Yandex", "Gmail sv"],
)
@pytest.mark.parametrize("answer", ["Geht jetzt, danke.", "Ok.", "Thanks!", "Merci !", "Ok :)"])
def test_introduction_behind_the_answer_on_the_same_line(program: str, answer: str) -> None:
    line = f"{answer} {INTRODUCTIONS[program]}"
    assert split_reply(f"Hi Bob\n{line}\n> old\n> older") == (
        f"Hi Bob\n{answer}",
        f"{INTRODUCTIONS[program]}\n> old\n> older",
        "",
    )


def test_last_line_of_ours_without_a_link_is_one_that_the_ticket_tells_of() -> None:
    ours = (
        "Support has reply to yor ticket:\n\nThe mail said:\nTo check your ticket, press to link: no\n{0}\n"
        "Reply message:\n\nPlease restart it.\n{0}\n\nTo check your ticket, press to link:{1}http://desk.example/66"
    )
    for gap in (" ", "\n"):
        assert split_reply(f"{ours.format('_' * 20, gap)}\n\n{NEW}")[0] == NEW


def test_blank_lines_of_every_kind_go_from_the_ends_but_not_an_indent() -> None:
    assert split_reply(f"\xa0\n  \n    {NEW}\n\xa0\n \xa0\n\n{GMAIL}\n> old")[0] == f"    {NEW}"


@pytest.mark.parametrize(
    "piece",
    [
        f"{GMAIL}\n| x\n",
        f"{GMAIL}\n     x\n",
        f"{GMAIL}\n\t\tx\ny\n",
        "Ok. Am 3.3.2025 um 12:34 schrieb. Am 3.3.2025 um 12:34 kam:\n",
        "a. Am 3.3.2025. Am 3.3.2025. On 3.3.2025 12:34. Am 3.3.2025 a@b.example:\n> x\n",
        f"A: {WHO}\nB: 3.3.2025 12:34\nC: x\n",
        f"From: {WHO}\n\n",
        "To: a@x.example\nSubject: x\n",
        "-----Original Message-----\nFrom: x\n",
        "3.3.2025 12:34\n> x\ny\n",
        "To check your ticket, press to link:\n",
        "##- x -##\n",
    ],
)
def test_hostile_lines_cost_time_in_proportion(piece: str) -> None:
    text = (piece * (LONGEST_TEXT // len(piece)))[:LONGEST_TEXT]
    started = time.process_time()
    split_reply(text)
    assert time.process_time() - started < 5
