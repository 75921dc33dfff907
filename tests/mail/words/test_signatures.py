"""Signatures at the end are kept aside; words that only look like one stay in sight."""

from __future__ import annotations

import pytest

from gateway.model import Mailbox
from mail.words.text import split_reply

ANN = Mailbox(name="Ann Lee", address="ann.lee@x.example")
NOBODY = Mailbox()
NEW = "It works now, thank you very much."
QUOTE = "On Mon, Mar 3, 2025 at 12:34 PM Support <support@desk.example> wrote:\n> Old question"

SIGNATURES = {
    "delimiter": "-- \nAnn Lee\nExample Ltd",
    "delimiter without its blank": "--\nAnn",
    "delimiter with a blank line": "-- \n\nAnn Lee\n\nExample Ltd",
    "hard blank": "--\u00a0\nAnn Lee",
    "three dashes": "---\nAnn",
    "long dash": "\u2014\nAnn Lee",
    "name behind a dash": "-Ann",
    "name behind a dash, apart": "- Ann",
    "contacts": "Ann Lee\nann@x.example\n+44 20 1234 5678",
    "closing": "Best regards,\nAnn Lee",
    "closing and more": "Kind regards,\n\nAnn Lee\nHead of sales and marketing\nExample Ltd\nwww.x.example",
    "closing and two paragraphs": "Best regards,\nAnn Lee\n\nExample Ltd\n1 High Street\nLondon",
    "closing alone": "Best regards",
    "two closings": "Thanks,\n\nBest regards,\nAnn",
    "closing and device": "Thanks,\nAnn\n\nSent from my iPhone",
    "ru": "С уважением,\nАнна",
    "uk": "З повагою,\nАнна Лі\n+380 44 123 45 67",
    "de": "Mit freundlichen Grüßen\n\nAnn Lee\nExample GmbH",
    "de, Switzerland": "Freundliche Grüsse\nAnn Lee",
    "fr": "Cordialement,\nAnn Lee",
    "es": "Un saludo,\nAnn Lee",
    "it": "Cordiali saluti,\nAnn Lee",
    "pt": "Atenciosamente,\nAnn Lee",
    "nl": "Met vriendelijke groet,\nAnn Lee",
    "pl": "Z poważaniem,\nAnn Lee",
    "cs": "S pozdravem\nAnn Lee",
    "sk": "S pozdravom\nAnn Lee",
    "da": "Med venlig hilsen\nAnn Lee",
    "nb": "Med vennlig hilsen\nAnn Lee",
    "sv": "Med vänliga hälsningar\nAnn Lee",
    "fi": "Ystävällisin terveisin\nAnn Lee",
    "tr": "Saygılarımla,\nAnn Lee",
    "el": "Με εκτίμηση,\nΆννα",
    "hu": "Üdvözlettel,\nAnn Lee",
    "ro": "Cu stimă,\nAnn Lee",
    "bg": "Поздрави,\nАнна",
    "hr": "S poštovanjem,\nAnn Lee",
    "sl": "Lep pozdrav,\nAnn Lee",
    "ca": "Salutacions,\nAnn Lee",
    "lt": "Pagarbiai\nAnn Lee",
    "lv": "Ar cieņu\nAnn Lee",
    "et": "Lugupidamisega\nAnn Lee",
    "vi": "Trân trọng,\nAnn Lee",
    "ar": "مع التحية،\nآن",
    "he": "בברכה,\nאן",
    "zh": "此致，\n安娜",
    "id": "Hormat saya,\nAnn Lee",
    "list": "_______________________________________________\nusers list\nusers@lists.example\n"
    "https://lists.example/users",
    "list, Google": "You received this message because you are subscribed to the group.\n"
    "To unsubscribe, write to users+unsubscribe@lists.example.",
    "list, ezmlm": "---------------------------------------------------------------------\n"
    "To unsubscribe, e-mail: users-unsubscribe@lists.example\nFor help, e-mail: users-help@lists.example",
    "scanner": "This email has been checked for viruses by a scanner.\nhttps://scanner.example",
    "scanner, wrapped": "Mx1: This message has been scanned for viruses and\nother things, and is clean.",
    "environment": "Please consider the environment before printing this e-mail.",
    "name above the device": "Ann Lee\nSent from my phone",
    "rule above the device": "----\nОтправлено из Mail.ru",
    "short name above the device": "Ann\nSent from my phone",
    "home page and address of a name": "Bob Day\nHead of Sales\nbob@y.example\nwww.y.example",
    "delimiter, and a line of fun": "--\nHello out there, I am a signature",
    "framed": "----\n株式会社例\n山田花子\nTEL: 03-0000-1111\nE-mail: hanako@x.example\n----",
}
DEVICES = [
    "Sent from my iPhone",
    "Sent from my Galaxy smartphone!",
    "Sent from my TI-85",
    "Sent from Yahoo Mail on Android",
    "Sent from Yahoo Mail for iPhone<https://x.example>",
    "Yahoo Mail: Search, Organize, Conquer<https://x.example>",
    "Sent from Mail<https://x.example> for Windows",
    "Sent from Outlook for Android<https://x.example>",
    "Sent with Proton Mail secure email.",
    "Sent from Proton Mail for iOS",
    "Sent from Canary (https://x.example)",
    "Sent via Superhuman ( https://x.example )",
    "Sent from my BlackBerry 10 smartphone on the Example network.",
    "(sent from a mobile device)",
    "Get Outlook for iOS<https://x.example>",
    "Get Outlook for Android",
    "Holen Sie sich Outlook für iOS<https://x.example>",
    "Outlook für Android beziehen<https://x.example>",
    "Télécharger Outlook pour iOS<https://x.example>",
    "Obtener Outlook para Android<https://x.example>",
    "Obter o Outlook para iOS<https://x.example>",
    "Ottieni Outlook per iOS<https://x.example>",
    "Download Outlook voor iOS<https://x.example>",
    "Pobierz program Outlook dla systemu Android<https://x.example>",
    "Скачать Outlook для iOS<https://x.example>",
    "Отримати Outlook для Android<https://x.example>",
    "Hämta Outlook för iOS<https://x.example>",
    "iOS için Outlook'u edinin<https://x.example>",
    "Outlook for iOS を入手<https://x.example>",
    "获取 Outlook for iOS<https://x.example>",
    "iOS용 Outlook 다운로드<https://x.example>",
    "Отправлено с iPhone",
    "Отправлено из мобильной Яндекс Почты",
    "Отправлено из Почты Mail.ru для Android",
    "Надіслано з iPhone",
    "Von meinem iPhone gesendet",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
    "Gesendet von Mail für Windows",
    "Gesendet mit der GMX Mail App",
    "Envoyé de mon iPhone",
    "Envoyé depuis mon mobile Orange",
    "Envoyé à partir de Outlook pour Android<https://x.example>",
    "Enviado desde mi iPhone",
    "Enviado do meu iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Verzonden vanaf Outlook voor iOS<https://x.example>",
    "Wysłane z iPhone'a",
    "Odesláno z iPhonu",
    "Odoslané z iPhonu",
    "Sendt fra min iPhone",
    "Skickat från min iPhone",
    "Lähetetty iPhonesta",
    "iPhone'umdan gönderildi",
    "Στάλθηκε από το iPhone μου",
    "Küldve az iPhone-omról",
    "Trimis de pe iPhone-ul meu",
    "Изпратено от моя iPhone",
    "Poslano s mog iPhonea",
    "Poslano z iPhona",
    "Enviat des del meu iPhone",
    "Išsiųsta iš mano iPhone",
    "Saadetud minu iPhone'ist",
    "发自我的 iPhone",
    "從我的 iPhone 傳送",
    "从我的 iPhone 发送",
    "iPhoneから送信",
    "나의 iPhone에서 보냄",
    "Được gửi từ iPhone của tôi",
    "ส่งจาก iPhone ของฉัน",
    "أرسلت من الـ iPhone",
    "נשלח מה-iPhone שלי",
    "Dikirim dari iPhone saya",
    "Envoyé à partir de Outlook pour Android",
    "Verzonden vanuit Outlook voor Android",
    "iPhone-ról küldve",
    "Đã gửi từ iPhone của tôi",
    "Poslano iz mojega iPhona",
    "Provenance : Courrier pour Windows",
    "Sent from my iPhone, please excuse typos",
    "Sent from my phone, sorry for being brief.",
    "Sent using https://www.zoho.com/mail/",
    "Gesendet mit der Example Mail App",
]
NOTICES = {
    "en": "CONFIDENTIALITY NOTICE: This e-mail may contain confidential material. If you are not the intended\n"
    "recipient, any use is strictly prohibited.",
    "en, two paragraphs": "This is intended only for the person named above.\n\nIf you have received this message in"
    " error, you\nmust not read it.",
    "with a rule": "________________\nDisclaimer:\nThis e-mail is confidential and meant for you. If you are not the"
    " intended recipient,\nforget it.",
    "de": "Diese E-Mail enthält vertrauliche und/oder geheime Dinge. Wenn Sie nicht der richtige Adressat sind\noder"
    " sie irrtümlich erhalten haben, lesen Sie nicht weiter.",
    "fr": "Ce message et ses pièces jointes sont confidentiels et établi à l'intention exclusive de ses\nlecteurs.",
    "es": "Este mensaje puede llevar información confidencial. Si no es el destinatario, queda prohibida.",
    "it": "Questo messaggio porta informazioni riservate. Chi non è il destinatario: è severamente vietato.",
    "it, title": "Nota di riservatezza - Questo messaggio ha carattere confidenziale.",
    "pt": "Esta mensagem leva informações confidenciais. Se não for o destinatário, não a copie.",
    "nl": "Dit bericht is uitsluitend bestemd voor u en bevat vertrouwelijke informatie.",
    "pl": "Wiadomość może zawierać informacje poufne. Jeżeli nie są Państwo adresatem, kopiowanie zabronione.",
    "ru": "Письмо содержит конфиденциальную информацию. Если вы не являетесь адресатом, это запрещено.",
    "uk": "Лист містить конфіденційну інформацію. Якщо ви не є адресатом, це заборонено.",
}


@pytest.mark.parametrize("signature", [*SIGNATURES.values(), *DEVICES, *NOTICES.values()])
def test_signature_is_cut(signature: str) -> None:
    assert split_reply(f"{NEW}\n\n{signature}\n", writer=ANN) == (NEW, "", signature)
    visible, quoted, found = split_reply(f"{NEW}\n\n{signature}\n\n{QUOTE}\n", writer=ANN)
    assert (visible, found.strip()) == (NEW, signature)
    assert quoted.endswith("> Old question")


def test_one_signature_may_stand_above_another() -> None:
    for notice in NOTICES.values():
        signature = f"Best regards,\nAnn Lee\n\nSent from my iPhone\n\n{notice}"
        assert split_reply(f"{NEW}\n\n{signature}") == (NEW, "", signature)


def test_signature_below_the_quote_is_cut() -> None:
    assert split_reply(f"{NEW}\n\n{QUOTE}\n\n-- \nAnn Lee") == (NEW, QUOTE, "-- \nAnn Lee")


def test_answer_below_the_quote_has_a_signature_of_its_own() -> None:
    assert split_reply(f"{QUOTE}\n\n{NEW}\n\nSent from my iPhone") == (NEW, QUOTE, "Sent from my iPhone")


@pytest.mark.parametrize(
    "postscript",
    [
        "P.S. Please call tomorrow.",
        "PS: call me",
        "P. S. One more thing",
        "ЗЫ: звоните",
        "NB: call me",
        "Update: it works now",
        "追記：電話は不要です",
    ],
)
def test_postscript_is_no_signature(postscript: str) -> None:
    visible, quoted, signature = split_reply(f"{NEW}\n\nThanks,\nAnn\n\n{postscript}\n")
    assert (visible.replace("\n", ""), quoted, signature) == (NEW + postscript, "", "Thanks,\nAnn")


def test_legal_notice_right_below_the_answer_is_cut() -> None:
    for notice in NOTICES.values():
        if "\n\n" not in notice:
            assert split_reply(f"Hello,\n\n{NEW}\n{notice}") == (f"Hello,\n\n{NEW}", "", notice)


def test_answer_below_a_legal_notice_is_visible() -> None:
    text = f"Hello,\n\n{NOTICES['en']}\n\nThe printer does not work any more since we moved it."
    assert split_reply(text) == (text, "", "")


def test_signature_announced_by_its_writer_stays() -> None:
    for signature in ("-- \nAnn Lee\nExample Ltd", "Best regards,\nAnn Lee", NOTICES["en"]):
        text = f"Please give me this signature:\n\n{signature}"
        assert split_reply(text) == (text, "", "")


def test_colon_above_a_quote_announces_the_quote() -> None:
    assert split_reply(f"See below:\n\n-- \nAnn\n\n{QUOTE}") == ("See below:", QUOTE, "-- \nAnn")


@pytest.mark.parametrize(
    "ending",
    [
        "Sent from my desk, which is better than a phone.",
        "Sent from the wrong account.",
        "Sent from my old account",
        "The answer is\n--\n42 mails were lost and nobody knows why",
        "Thanks\n\nAnn wants a new printer",
        "The box was\nsent from Samsung to you on Monday",
        "Download Outlook for Windows fails",
        "Did you mean the one sent from my iPhone?",
        "I use Outlook for iOS",
        "How do I get Outlook for iOS?",
        "Sent from my iPhone\nI cannot open the file, it says nothing.",
        "Von meinem Konto fehlt Geld",
        "A fix -- this is no signature.",
        "Please send:\n- the bill\n- the plan",
        "Please change:\n\n- colour",
        "Two things\n- paper\n- ink",
        "Steps:\n-- first\n-- second",
        "First part\n--\nSecond part is here\n--\nThird part is here\n--\n" + "And a fourth\n" * 25,
        "Thanks for your help.\nIt is still broken.",
        "Thanks!",
        "Thanks,\nAnn\n\nAlso please send me the new invoice for the month of May",
        "Best regards,\nthe printer says, and then it stops",
        "Regards,\nAnn Lee\n\nWhen will it be done?",
        "Please create an account for:\n\nAnn Lee\nann@x.example\n+44 20 1234 5678",
        "I got a confidential mail in error. Who is the intended recipient?",
        "Our mails end in a notice that they may contain confidential things. Please take it out.",
        "To unsubscribe does not work: I click and nothing happens.",
        "The environment variable is not set.\nPlease consider that.",
        "The key is\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc\n-----END PGP PUBLIC KEY BLOCK-----",
        "It ends with\n*** STOP ***",
        "My number is\n+44 20 1234 5678",
        "Which one?\n\nWar and Peace",
        "PS: it is urgent",
        # What is handed over: nothing above ends, or it asks, or says what it is.
        "Please change the invoice address\n\nExample GmbH\nMain Street 5\n+44 20 1234567\nbilling@x.example",
        "Here is where the money goes\n\nAnn Lee\nIBAN XX00 0000 0000 0000 0000 00\n0000 0000 0000",
        "Отправьте, пожалуйста, на адрес\n\nАнна Ли\nМосква, Тверская 1\n+7 000 000-00-00\nann@x.example",
        "What is the address?\n\nAnn Lee\n+44 20 1234567\nann@x.example",
        "This is my new address.\n\nAnn Lee\n+44 20 1234567\nann@x.example",
        "Please call my colleague.\n\nBob Day\nbob@y.example\nwww.y.example",
        # Dashes between two parts of one text.
        "First it prints blank pages.\n\n---\n\nSecond, my invoice is wrong. Please correct it.",
        "First it prints blank pages.\n\n--\n\nSecond, the scanner is broken.",
        "First it prints blank pages.\n\n\u2014\n\nScanner: broken too",
        "First it prints blank pages.\n\n---\n\nScanner broken",
        "One\n--\nThe scanner does not scan",
        "One\n\n---\n\n# Two\nAnn",
        "One\n\n---\n\n- Ann\n- Bob",
        "One\n\n---\n\n1. Ann\n2. Bob",
        "The list\n---\nBread\nMilk\nEggs",
        "Is it red?\n\n--\nYes",
        "These are the machines\n----------\n10.20.30.40\n10.20.30.41",
        # Answers behind a dash.
        "Is it on? you asked.\n\n-Yes",
        "1. Did you restart?\n-Yes\n2. Is it on?\n-Yes",
        "We still miss\n\n- Toner",
        "Two things are missing.\n\n- Toner",
        "Who did it?\n-Bob",
        # Sentences about devices, parcels and newsletters.
        "The pictures were\nsent from my iPhone",
        "Which phone do I need?\nSent from my iPhone the pictures are too large",
        "Картридж вернул.\nОтправлено через Почту России",
        "The pictures are on their way.\nSent via the app yesterday at 5pm",
        "I want to leave your newsletter.\nTo unsubscribe I clicked https://x.example/u but I get an error 500.",
    ],
)
@pytest.mark.parametrize("writer", [NOBODY, ANN])
def test_text_that_only_looks_like_a_signature_stays(ending: str, writer: Mailbox) -> None:
    text = f"Hello,\nit is broken.\n\n{ending}"
    assert split_reply(text, writer=writer)[0].strip() == text.strip()


def test_contacts_are_a_signature_under_the_name_of_the_writer_only() -> None:
    block = "Ann Lee\n+44 20 1234 5678\nann@x.example"
    assert split_reply(f"{NEW}\n\n{block}", writer=ANN) == (NEW, "", block)
    text = f"{NEW}\n\n{block.replace('Ann Lee', 'Bob Day')}"
    assert split_reply(text, writer=ANN) == (text, "", "")


def test_answer_above_a_device_line_stays() -> None:
    for answer in ("Brother HL", "Scanner", "Big Printer"):
        text = f"Which printer is it?\n\n{answer}"
        assert split_reply(f"{text}\nSent from my iPhone", writer=ANN) == (text, "", "Sent from my iPhone")


def test_dashes_between_two_parts_do_not_hide_the_delimiter_below() -> None:
    text = "First it prints blank pages.\n\n---\n\nSecond, my invoice is wrong."
    assert split_reply(f"{text}\n\n-- \nBob") == (text, "", "-- \nBob")
    assert split_reply(f"{text}\n\nRegards,\nBob") == (text, "", "Regards,\nBob")


def test_delimiter_with_its_blank_needs_nothing_else() -> None:
    signature = "-- \n# We print. All day!\n- and all night"
    assert split_reply(f"{NEW}\n\n{signature}") == (NEW, "", signature)


def test_armour_of_a_signed_text_is_nobodys_words() -> None:
    head = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
    tail = "-----BEGIN PGP SIGNATURE-----\nVersion: 1\n\niQEzBAEBCgAdFiEE\n=abcd\n-----END PGP SIGNATURE-----"
    visible, quoted, signature = split_reply(f"{head}{NEW}\n\n- -- \nAnn Lee\n{tail}\n")
    assert (visible, quoted) == (NEW, "")
    assert signature.split() == f"{head}- -- \nAnn Lee\n{tail}".split()
    visible, quoted, signature = split_reply(f"{head}{NEW}\n\n{QUOTE}\n{tail}\n")
    assert (visible, quoted) == (NEW, QUOTE)
    assert signature.split() == f"{head}{tail}".split()


def test_encrypted_text_stays() -> None:
    text = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----"
    assert split_reply(text) == (text, "", "")
