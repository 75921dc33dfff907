"""Introductions and header blocks of quotes, by language and program: what stands below them is no new text."""

from __future__ import annotations

import textwrap

import pytest

from mail.words.text import split_reply

NEW = "It works now, thank you very much."
WHO = "Support <support@desk.example>"

INTRODUCTIONS = {
    "Gmail": f"On Mon, Mar 3, 2025 at 12:34 PM {WHO} wrote:",
    "Gmail, narrow blank": f"On Mon, Mar 3, 2025 at 12:34\u202fPM {WHO} wrote:",
    "Gmail, wrapped": "On Mon, Mar 3, 2025 at 12:34 PM Support Team of the Desk <\nsupport@desk.example> wrote:",
    "Gmail, wrapped before the verb": f"On Mon, Mar 3, 2025 at 12:34 PM {WHO}\nwrote:",
    "Gmail, wrapped at a month": f"On Mon, 3\nMar 2025 at 12:34 {WHO} wrote:",
    "Gmail, wrapped at the time": f"On Mon, Mar 3, 2025\nat 12:34 PM {WHO} wrote:",
    "Gmail, no blanks": "On Mon, Mar 3, 2025 at 12:34 PM Support<support@desk.example>wrote:",
    "Gmail, link in the address": "On Mon, Mar 3, 2025 at 12:34 PM Support <support@desk.example"
    " <mailto:support@desk.example>> wrote:",
    "Gmail, old": f"2025-03-03 12:34 GMT+01:00 {WHO}:",
    "Gmail in India": "On Mon, 3 Mar, 2025, 12:34 pm Support, <support@desk.example> wrote:",
    "Apple Mail": f"On 3 Mar 2025, at 12:34, {WHO} wrote:",
    "Apple Mail, American": "On Mar 3, 2025, at 12:34 PM, Support wrote:",
    "Thunderbird": "On 03/03/2025 12:34, Support wrote:",
    "Outlook for Mac": 'On 3/3/25, 12:34 PM, "Support" <support@desk.example> wrote:',
    "Proton": f"On Monday, March 3rd, 2025 at 12:34, {WHO} wrote:",
    "Proton, older": f"------- Original Message -------\nOn Monday, March 3rd, 2025 at 12:34, {WHO} wrote:",
    "Yahoo": f"On Monday, March 3, 2025 at 12:34:56 PM GMT+1, {WHO} wrote:",
    "Yahoo, older": "--- On Mon, 3/3/25, Support <support@desk.example> wrote:",
    "Roundcube": "On 2025-03-03 12:34, Support wrote:",
    "Evolution": "On Mon, 2025-03-03 at 12:34 +0000, Support wrote:",
    "Zoho": f"---- On Mon, 03 Mar 2025 12:34:00 +0100 {WHO} wrote ----",
    "Zoho, newer": f"---- On Mon, 03 Mar 2025 12:34:00 +0100 {WHO} wrote ---",
    "Superhuman": "On Mon, Mar 03, 2025 at 12:34 PM, Support < support@desk.example > wrote:",
    "Front": "On March 3, 2025 at 12:34 PM GMT+1 support@desk.example wrote:",
    "Missive": "On March 3, 2025 at 12:34:56, Support (support@desk.example) wrote:",
    "HubSpot": f"On Mon, Mar 3, 2025 at 12:34 PM, {WHO} wrote:",
    "verb behind a blank line": f"On Mon, Mar 3, 2025 at 12:34 PM {WHO}\n\nwrote:",
    "Polymail": "On Mon, Mar 3, 2025 at 12:34 PM Support\n\n<\nmailto:Support <support@desk.example>\n> wrote:",
    "hey": f"On March 3, 2025, {WHO} wrote:",
    "mutt": "On Mon, Mar 03, 2025 at 12:34:56PM +0100, Support wrote:",
    "name only": "On Mar 3, 2025, Ann Lee wrote:",
    "name only fr": "Le 3 mars 2025, Ann Lee a écrit :",
    "name only de": "Am 03.03.2025 schrieb Ann Lee:",
    "The Bat!": "Monday, March 3, 2025, 12:34:56 PM, you wrote:",
    "The Bat! ru": "Понедельник, 3 марта 2025, 12:34:56, Вы писали:",
    "Gmail ru": f"пн, 3 мар. 2025 г. в 12:34, {WHO}:",
    "Gmail ru, old": f"3 марта 2025 г., 12:34 пользователь {WHO} написал:",
    "Yandex": '03.03.2025, 12:34, "Support" <support@desk.example>:',
    "Mail.ru": f"Понедельник, 3 марта 2025, 12:34 +03:00 от {WHO}:",
    "Mail.ru, mobile": "понедельник, 03 марта 2025г., 12:34 +03:00 от Support support@desk.example :",
    "Thunderbird ru": "03.03.2025 12:34, Support пишет:",
    "Apple Mail ru": f"3 марта 2025 г., в 12:34, {WHO} написал(а):",
    "Gmail uk": f"пн, 3 бер. 2025 р. о 12:34 {WHO} пише:",
    "Apple Mail uk": f"3 бер. 2025 р. о 12:34 {WHO} написав(-ла):",
    "Thunderbird uk": "03.03.25 12:34, Support пише:",
    "Gmail de": f"Am Mo., 3. März 2025 um 12:34 Uhr schrieb {WHO}:",
    "Gmail de, Android": f"{WHO} schrieb am Mo., 3. März 2025, 12:34:",
    "Thunderbird de": "Am 03.03.2025 um 12:34 schrieb Support:",
    "Apple Mail de": f"Am 03.03.2025 um 12:34 schrieb {WHO}:",
    "Outlook for Mac de": 'Am 03.03.25, 12:34 schrieb "Support" <support@desk.example>:',
    "Proton de": f"Am Montag, 3. März 2025 um 12:34, {WHO} schrieb:",
    "Yahoo de": f"Am Montag, 3. März 2025 um 12:34:56 MEZ hat {WHO} Folgendes geschrieben:",
    "Gmail fr": f"Le lun. 3 mars 2025 à 12:34, {WHO} a écrit :",
    "Gmail fr, hard blank": f"Le\u00a0lun. 3 mars 2025 à 12:34, {WHO} a\u00a0écrit\u00a0:",
    "Apple Mail fr": f"Le 3 mars 2025 à 12:34, {WHO} a écrit :",
    "Thunderbird fr": "Le 03/03/2025 à 12:34, Support a écrit :",
    "Yahoo fr": f"Le lundi 3 mars 2025 à 12:34:56 UTC+1, {WHO} a écrit :",
    "Canada fr": f"Le lun. 3 mars 2025, à 12 h 34, {WHO} a écrit :",
    "Gmail es": "El lun, 3 mar 2025 a las 12:34, Support (<support@desk.example>) escribió:",
    "Apple Mail es": f"El 3 mar 2025, a las 12:34, {WHO} escribió:",
    "Thunderbird es": "El 03/03/2025 a las 12:34, Support escribió:",
    "Yahoo es": f"En lunes, 3 de marzo de 2025, 12:34:56 CET, {WHO} escribió:",
    "Gmail it": f"Il giorno lun 3 mar 2025 alle ore 12:34 {WHO} ha scritto:",
    "Apple Mail it": f"Il giorno 3 mar 2025, alle ore 12:34, {WHO} ha scritto:",
    "Thunderbird it": "Il 03/03/2025 12:34, Support ha scritto:",
    "Gmail pt-BR": f"Em seg., 3 de mar. de 2025 às 12:34, {WHO} escreveu:",
    "Gmail pt-PT": f"{WHO} escreveu (segunda, 3/03/2025 à(s) 12:34):",
    "Apple Mail pt": f"Em 3 de mar. de 2025, à(s) 12:34, {WHO} escreveu:",
    "Apple Mail pt-PT": f"No dia 03/03/2025, às 12:34, {WHO} escreveu:",
    "Gmail nl": f"Op ma 3 mrt 2025 om 12:34 schreef {WHO}:",
    "Apple Mail nl": f"Op 3 mrt 2025, om 12:34 heeft {WHO} het volgende geschreven:",
    "Thunderbird nl": "Op 03-03-2025 om 12:34 schreef Support:",
    "Gmail pl": f"pon., 3 mar 2025 o 12:34 {WHO} napisał(a):",
    "Thunderbird pl": "W dniu 3.03.2025 o 12:34, Support pisze:",
    "Interia pl": f"Dnia 3 marca 2025 12:34 {WHO} napisał(a):",
    "Apple Mail pl": f"Wiadomość napisana przez {WHO} w dniu 03.03.2025, o godz. 12:34:",
    "Gmail cs": f"po 3. 3. 2025 v 12:34 odesílatel {WHO} napsal:",
    "Apple Mail cs": f"3. 3. 2025 v 12:34, {WHO}:",
    "Thunderbird cs": "Dne 03. 03. 25 v 12:34 Support napsal(a):",
    "Gmail sk": f"po 3. 3. 2025 o 12:34 {WHO} napísal(a):",
    "Thunderbird sk": "Dňa 3. 3. 2025 o 12:34 Support napísal(a):",
    "Gmail da": f"Den man. 3. mar. 2025 kl. 12.34 skrev {WHO}:",
    "Thunderbird da": "Den 03.03.2025 kl. 12.34 skrev Support:",
    "Gmail nb": f"man. 3. mars 2025 kl. 12:34 skrev {WHO}:",
    "Apple Mail nb": f"3. mar. 2025 kl. 12:34 skrev {WHO}:",
    "Gmail sv": f"Den mån 3 mars 2025 kl 12:34 skrev {WHO}:",
    "Apple Mail sv": f"3 mars 2025 kl. 12:34 skrev {WHO}:",
    "Gmail fi": "ma 3. maalisk. 2025 klo 12.34 Support (support@desk.example) kirjoitti:",
    "Apple Mail fi": f"{WHO} kirjoitti 3.3.2025 kello 12.34:",
    "Gmail tr": f"{WHO}, 3 Mar 2025 Pzt, 12:34 tarihinde şunu yazdı:",
    "Gmail tr, wrapped": f"{WHO}, 3 Mar 2025 Pzt,\n12:34 tarihinde şunu yazdı:",
    "Apple Mail tr": f"{WHO} şunları yazdı (3 Mar 2025 12:34):",
    "Gmail el": f"Στις Δευ 3 Μαρ 2025 στις 12:34\u202fμ.μ., ο χρήστης {WHO} έγραψε:",
    "Apple Mail el": f"Στις 3 Μαρ 2025, στις 12:34, ο/η {WHO} έγραψε:",
    "Gmail ja": f"2025年3月3日(月) 12:34 {WHO}:",
    "Apple Mail ja": f"2025/03/03 12:34、{WHO}のメール:",
    "Gmail zh-CN": f"{WHO} 于2025年3月3日周一 12:34写道：",
    "Apple Mail zh-CN": f"在 2025年3月3日，下午12:34，{WHO} 写道：",
    "Thunderbird zh-CN": "在 2025/3/3 12:34, Support 写道:",
    "NetEase": f"在 2025-03-03 12:34:56，{WHO} 写道：",
    "Gmail zh-TW": f"{WHO} 於 2025年3月3日 週一 下午12:34寫道：",
    "Apple Mail zh-TW": f"{WHO} 於 2025年3月3日 下午12:34 寫道：",
    "Gmail ko": f"2025년 3월 3일 (월) 오후 12:34, {WHO}님이 작성:",
    "Apple Mail ko": f"2025. 3. 3. 오후 12:34, {WHO} 작성:",
    "Gmail vi": f"Vào Th 2, 3 thg 3, 2025 vào lúc 12:34 {WHO} đã viết:",
    "Gmail ar": f"في الاثنين، 3 مارس 2025 في 12:34 م تمت كتابة ما يلي بواسطة {WHO}:",
    "Gmail ar, its own digits": "\u202bفي الاثنين، ٣ مارس ٢٠٢٥ في ١٢:٣٤ م تمت كتابة ما يلي بواسطة "
    f"\u202a{WHO}\u202c:\u202c",
    "Gmail he": "\u202bבתאריך יום ב׳, 3 במרץ 2025 ב-12:34 מאת "
    "\u202aSupport\u202c\u200f <\u202asupport@desk.example\u202c\u200f>:\u202c",
    "Gmail fa": f"در تاریخ دوشنبه ۳ مارس ۲۰۲۵،\u200f ۱۲:۳۴ {WHO} نوشت:",
    "Gmail hu": f"{WHO} ezt írta (időpont: 2025. márc. 3., H, 12:34):",
    "Thunderbird hu": "2025. 03. 03. 12:34 keltezéssel, Support írta:",
    "Gmail ro": f"În lun., 3 mar. 2025 la 12:34, {WHO} a scris:",
    "Apple Mail ro": f"Pe 3 mar. 2025, la 12:34, {WHO} a scris:",
    "Gmail bg": f"На пн, 3.03.2025 г. в 12:34 {WHO} написа:",
    "Gmail hr": f"pon, 3. ožu 2025. u 12:34 {WHO} napisao je:",
    "Gmail sr": f"пон, 3. мар 2025. у 12:34 {WHO} је написао/ла:",
    "Thunderbird hr": "Dana 3.3.2025. u 12:34, Support je napisao/la:",
    "Gmail sl": f"V V pon., 3. mar. 2025 ob 12:34 je oseba {WHO} napisala:",
    "Gmail ca": f"Missatge de {WHO} del dia dl., 3 de març 2025 a les 12:34:",
    "Gmail lt": f"2025-03-03, pr, 12:34 {WHO} rašė:",
    "Gmail lv": "pirmd., 2025. g. 3. marts, plkst. 12:34 — lietotājs Support (<support@desk.example>) rakstīja:",
    "Gmail et": "Support (<support@desk.example>) kirjutas kuupäeval E, 3. märts 2025 kell 12:34:",
    "Gmail th": f"ในวันที่ จ. 3 มี.ค. 2025 เวลา 12:34 {WHO} เขียนว่า:",
    "Gmail id": f"Pada Sen, 3 Mar 2025 pukul 12.34 {WHO} menulis:",
    "Gmail hi": f"सोम, 3 मार्च 2025 को 12:34 pm बजे को {WHO} ने लिखा:",
    "Gmail gl": "O luns, 3 de mar. de 2025 ás 12:34, Support (<support@desk.example>) escribiu:",
    "original": "-----Original Message-----",
    "original de": "-----Ursprüngliche Nachricht-----",
    "original ru": "-------- Исходное сообщение --------",
    "original QQ": "------------------ 原始邮件 ------------------",
    "our own notice": "Support has reply to yor ticket:",
}
# These have no date that a program would write, or no address: only lines with > below them prove that they introduce.
UNSURE = {
    "name and address": f"{WHO} wrote:",
    "Thunderbird, author first": "Support wrote on 03/03/2025 12:34:",
    "old Gmail": "2013/10/2 Support <support@desk.example>",
    "Thunderbird fi": "Support kirjoitti 3.3.2025 klo 12.34:",
    "digest": "At 3/3/2025 12:34 PM, you wrote:",
    "no time": "On 3 March 2025 your colleague wrote:",
    "mobile": "---- Support wrote ----",
    "verb only": "Support schrieb:",
    "usenet": "In message <1@x.example>, Support writes:",
}
_PLAIN_BLOCK = ("Monday, March 3, 2025 12:34", "Ann", "RE: Printer")


def _block(labels: str, separator: str = ": ") -> str:
    sender, *others = labels.split("|")
    return "\n".join(
        [f"{sender}{separator}{WHO}", *(f"{a}{separator}{b}" for a, b in zip(others, _PLAIN_BLOCK, strict=True))]
    )


BLOCKS = {
    "en": _block("From|Sent|To|Subject"),
    "en mobile": _block("From|Date|To|Subject"),
    "en bold": _block("*From|*Sent|*To|*Subject", ":* "),
    "en bold, colon outside": _block("*From*|*Sent*|*To*|*Subject*"),
    "en on one line": f"*From:* {WHO} *Sent:* Monday, March 3, 2025 12:34 *To:* Ann *Subject:* RE: Printer",
    "en with rule": "________________________________\n" + _block("From|Sent|To|Subject"),
    "en without addresses": "From: Support\nSent: Monday, 3 March 2025 12:34\nTo: Ann\nSubject: RE: Printer",
    "en without a subject": f"From: {WHO}\nSent: Monday, 3 March 2025 12:34\nTo: Ann",
    "en with Cc": f"From: {WHO}\nSent: 3 March 2025 12:34\nTo: Ann\nCc: Bob <bob@x.example>\nSubject: RE: Printer",
    "en original": "-----Original Message-----\n" + _block("From|Sent|To|Subject"),
    "Lotus Notes": "From:\tSupport/Desk\nTo:\tann@x.example\nDate:\t03/03/2025 12:34 PM\nSubject:\tPrinter",
    "wide blanks": _block("From\u00a0|Sent\u00a0|To\u00a0|Subject\u00a0", ":\u00a0"),
    "ru": _block("От|Отправлено|Кому|Тема"),
    "ru from whom": _block("От кого|Дата|Кому|Тема"),
    "uk": _block("Від|Надіслано|Кому|Тема"),
    "de": _block("Von|Gesendet|An|Betreff"),
    "de date": _block("Von|Datum|An|Betreff"),
    "fr": _block("De|Envoyé|À|Objet", " : "),
    "es": _block("De|Enviado|Para|Asunto"),
    "es date": _block("De|Fecha|Para|Asunto"),
    "it": _block("Da|Inviato|A|Oggetto"),
    "pt": _block("De|Enviada|Para|Assunto"),
    "pt-BR": _block("De|Enviado|Para|Assunto"),
    "nl": _block("Van|Verzonden|Aan|Onderwerp"),
    "pl": _block("Od|Wysłano|Do|Temat"),
    "cs": _block("Od|Odesláno|Komu|Předmět"),
    "sk": _block("Od|Odoslané|Komu|Predmet"),
    "da": _block("Fra|Sendt|Til|Emne"),
    "sv": _block("Från|Skickat|Till|Ämne"),
    "fi": _block("Lähettäjä|Lähetetty|Vastaanottaja|Aihe"),
    "tr": _block("Kimden|Gönderildi|Kime|Konu"),
    "el": _block("Από|Ημερομηνία|Προς|Θέμα"),
    "ja": _block("差出人|送信日時|宛先|件名"),
    "zh-CN": _block("发件人|发送时间|收件人|主题", "："),
    "zh-TW": _block("寄件者|寄件日期|收件者|主旨", "："),
    "ko": _block("보낸 사람|보낸 날짜|받는 사람|제목"),
    "hu": _block("Feladó|Elküldve|Címzett|Tárgy"),
    "ro": _block("De la|Trimis|Către|Subiect"),
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


@pytest.mark.parametrize("program", INTRODUCTIONS)
def test_introduction_right_below_the_answer_is_found(program: str) -> None:
    assert split_reply(f"{NEW}\n{INTRODUCTIONS[program]}\n> Old question\n")[0] == NEW


@pytest.mark.parametrize("width", [40, 60, 76])
@pytest.mark.parametrize(
    "program", [name for name, line in INTRODUCTIONS.items() if "\n" not in line and "@" in line and name[0] < "\u0400"]
)
def test_introduction_may_be_wrapped(program: str, width: int) -> None:
    wrapped = textwrap.fill(INTRODUCTIONS[program], width, break_long_words=False, break_on_hyphens=False)
    visible, _, _ = split_reply(f"{NEW}\n\n{wrapped}\n\n> Old question\n> and more\n")
    assert visible == NEW


@pytest.mark.parametrize("program", UNSURE)
def test_unsure_introduction_counts_only_above_marked_lines(program: str) -> None:
    assert split_reply(f"{NEW}\n\n{UNSURE[program]}\n> Old question\n> and more")[0] == NEW
    text = f"{NEW}\n\n{UNSURE[program]}\nOld question\nand more"
    assert split_reply(text) == (text, "", "")


@pytest.mark.parametrize("language", BLOCKS)
def test_reply_below_a_header_block_is_cut(language: str) -> None:
    visible, quoted, _ = split_reply(f"{NEW}\n\n{BLOCKS[language]}\n\nOld question")
    assert visible == NEW
    assert quoted == f"{BLOCKS[language]}\n\nOld question"


@pytest.mark.parametrize(
    "text",
    [
        "On the left side it blinks.",
        "On Monday 3 March 2025 the printer broke",
        "On Monday he wrote:\nI will come.\nHe did not.",
        "On 3 March your colleague wrote:\nI will come.\nHe did not.",
        "On 3 March 2025 I wrote:\nplease come.\nNobody came.",
        "In 2025 my boss wrote:\nbuy it.\nSo we did.",
        "On 3/3/2025 at 12:34 the technician wrote:\nreplace it.\nThat did not help.",
        "Am 3.3.2025 um 12:34 Uhr schrieb mir Ihr Kollege:\nbitte neu starten.\nDas half nicht.",
        "03.03.2025 в 12:34 ваш сотрудник написал:\nперезапустите.\nНе помогло.",
        "From: Hamburg\nTo: Berlin\nDate: 12.05.2025 14:30\nSubject to change.",
        "Date: 12.05.2025 14:30\nName: Ann Lee\nE-mail: ann@x.example\nMessage: it broke",
        "Von: 03.05.2025\nAn: 12.05.2025\nBetreff: Urlaub",
        "He wrote: all is well.\nBut it is not.",
        "I wrote:\nnothing.",
        "Hello,\nFrom: what I see, all is well.\nSubject: to change.",
        "From: Paris\nTo: London\nDate: 3 May\nPlease book this.",
        "From: Ann\nTo: Bob\nSubject: hello\nThe form with these fields fails.",
        "I filled in\nFrom: me@x.example\nTo: you@x.example\nSubject: hello\nand it fails.",
        "Your message\n\nTo: bob@x.example\nSubject: hello\nSent: Fri, 3 Mar 2025 12:34\n\ndid not reach Bob.",
        "These are the headers:\n\nFrom: Bob <bob@x.example>\nDate: Mon, 3 Mar 2025 12:34\nTo: Ann\nSubject: Win!",
        "Received: from mx.x.example\nFrom: Bob <b@x.example>\nDate: Mon, 3 Mar 2025 12:34\nTo: a@x.example",
        "The log says\n2025-03-03 12:34:56 status=sent to=<bob@x.example>\nand then nothing.",
        "The log says\nMar  3 12:34:56 mx postfix/smtpd[9]: reject: RCPT from mx: <bob@x.example>:\nand nothing.",
        "03.03.2025 12:34 mail for <bob@x.example>\nIt was never there.",
        "2025-03-03 12:34:56 ERROR: failed:\nstack\ntrace",
        "1. step one\n2. step two wrote:\nfile not found",
        "Please tell Bob <bob@x.example>:\nthe printer works.",
        "My boss Bob <bob@x.example> wrote on 3 March 2025 at 12:34 that the printer broke. He says:\nit is new.",
        "The error at 12:34 says:\nno paper",
        "Le 3 mars à 12:34, le message suivant:\nplus de papier",
        "Am 3. März um 12:34 kam diese Meldung:\nkein Papier",
        "В 12:34 программа написала:\nнет бумаги\nЧто делать?",
        "Support wrote:\nrestart it.\nI did.",
        "Note: from 3 March 2025 12:34 on:\nit fails",
    ],
)
def test_text_that_only_looks_like_an_introduction_stays(text: str) -> None:
    text = f"Hello,\n{text}"
    assert split_reply(text) == (text, "", "")


def test_line_above_an_introduction_is_not_taken_for_its_start() -> None:
    for line in (
        "On 2 of the printers it fails",
        "Le problème est là",
        "Please ask Bob <bob@x.example>",
        "Am I right?",
    ):
        text = f"{line}\n{INTRODUCTIONS['Gmail']}\n> Old question"
        assert split_reply(text)[0] == line


@pytest.mark.parametrize(
    "line",
    [
        "On Monday, March 3, 2025 you wrote:",
        "On March 3, 2025 at 12:34 you wrote:",
        "On Monday, 3 March 2025 I wrote:",
        "On Monday March 3 2025 Bob from your team wrote:",
        "On 3 March 2025 at 12:34 customer support wrote:",
        "On 3/3/2025 12:34 PM, Your Technician wrote:",
        "On 3 March 2025 at 12:34 Mr Miller wrote:",
        "am 3.3.2025 um 12:30 schrieben Sie:",
        "Am Montag, 3.3.2025 um 12:30 schrieben Sie mir:",
        "Am 3.3.2025 um 12:30 schrieb Ihr Techniker:",
        "Am 3.3.2025 um 12:30 schrieb Frau Meier:",
        "Le 3 mars 2025 à 12h30, vous avez écrit :",
        "El lunes 3 de marzo de 2025 usted escribió:",
        "Il 3 marzo 2025 alle 12:30 Lei ha scritto:",
        "3 марта 2025 в 12:30 мастер написал:",
        "3 марта 2025 г. в 12:30 Вы писали:",
        "В понедельник 3 марта 2025 оператор Анна написала:",
        "Em 3 de março de 2025 às 12:30 o técnico escreveu:",
        "W dniu 3.03.2025 o 12:30 technik napisał:",
        "W dniu 3.03.2025 Pan napisał:",
        "Dne 3. 3. 2025 v 12:30 jste napsal:",
        "Den 3 mars 2025 kl 12:30 skrev ni:",
        "Op 3 maart 2025 om 12:30 schreef u:",
        "3 Mart 2025 12:30 tarihinde bana yazdı:",
        "2025. március 3. 12:30-kor az ügyfélszolgálat írta:",
        "2025年3月3日12:30 客服写道：",
        "在2025年3月3日12:30，客服写道：",
        "2025年3月3日 12:30 のメール:",
        "2025년 3월 3일 12:30 상담원이 작성:",
        "في 3 مارس 2025 الساعة 12:30 كتب الموظف:",
        "בתאריך 3.3.2025 בשעה 12:30 הטכנאי כתב:",
        "Vào ngày 3/3/2025 lúc 12:30 nhân viên đã viết:",
        "2025-03-03 12:34:56 Cannot send mail to <bob@x.example>:",
    ],
)
def test_people_tell_what_somebody_wrote(line: str) -> None:
    text = f"Hello,\n{line}\nThe part comes on Friday.\n\nNothing is here!"
    assert split_reply(text) == (text, "", "")
    assert split_reply(f"{NEW}\n\n{line}\n> Old question\n> and more")[0] == NEW


@pytest.mark.parametrize(
    "line",
    [
        "On 3/3/25 12:34, Ludwig van Laar wrote:",
        "On 03/03/2025 12:34, Ann Lee (ACME) wrote:",
        "Am 03.03.2025 um 12:34 schrieb Lee, Ann:",
        "Am Montag, 3. März 2025, 12:34:56 CET schrieb Support:",
        "Le 03/03/2025 à 12:34, Mia Lund a écrit :",
        "03.03.2025 12:34, Служба Поддержки пишет:",
        "在 2025/3/3 12:34, 王小明 写道:",
        "في 3/3/2025 12:34 م، كتب أحمد علي:",
        "2025-03-03 12:34 tarihinde, Support yazdı:",
        "2025-03-03 12:34 időpontban Support ezt írta:",
        "Dana 3.3.2025. u 12:34, Support je napisao/la:",
        "На 3.3.2025 г. в 12:34 ч., Support написа:",
    ],
)
def test_plain_name_beside_a_date_is_enough(line: str) -> None:
    assert split_reply(f"{NEW}\n\n{line}\nOld question\n\nand more")[0] == NEW
