"""How mail programs write the head of a forward, in many languages: samples for `test_forwards`.

Every head names Ann Lee <ann@x.example> as the writer, "Printer" as the subject, and 12:34 on the third of March 2025,
in the time of the forwarder (+01:00) where no offset is written.
"""

from __future__ import annotations

_WHO = "Ann Lee <ann@x.example>"

# Gmail keeps its mark and most labels in English: the word for From and the date follow the language.
_GMAIL = {
    "en": ("From", "Mon, Mar 3, 2025 at 12:34\u202fPM"),
    "en-GB": ("From", "Mon, 3 Mar 2025 at 12:34"),
    "ru": ("От", "пн, 3 мар. 2025\u202fг. в 12:34"),
    "uk": ("Від", "пн, 3 бер. 2025\u202fр. о 12:34"),
    "de": ("Von", "Mo., 3. März 2025 um 12:34\u202fUhr"),
    "fr": ("De", "lun. 3 mars 2025 à 12:34"),
    "es": ("De", "lun, 3 mar 2025 a las 12:34"),
    "pt": ("De", "segunda, 3/03/2025 à(s) 12:34"),
    "pt-BR": ("De", "seg., 3 de mar. de 2025 às 12:34"),
    "it": ("Da", "lun 3 mar 2025 alle ore 12:34"),
    "nl": ("Van", "ma 3 mrt 2025 om 12:34"),
    "pl": ("Od", "pon., 3 mar 2025 o 12:34"),
    "cs": ("Od", "po 3. 3. 2025 v 12:34"),
    "sk": ("Od", "po 3. 3. 2025 o 12:34"),
    "da": ("Fra", "man. 3. mar. 2025 kl. 12.34"),
    "sv": ("Från", "mån 3 mars 2025 kl 12:34"),
    "no": ("Fra", "man. 3. mars 2025 kl. 12:34"),
    "fi": ("Lähettäjä", "ma 3. maalisk. 2025 klo 12.34"),
    "tr": ("Gönderen", "3 Mar 2025 Pzt, 12:34"),
    "el": ("Από", "Δευ 3 Μαρ 2025 στις 12:34 μ.μ."),
    "ja": ("From", "2025年3月3日(月) 12:34"),
    "zh-CN": ("发件人", "2025年3月3日周一 12:34"),
    "zh-TW": ("寄件者", "2025年3月3日 週一 下午12:34"),
    "ko": ("보낸사람", "2025년 3월 3일 (월) 오후 12:34"),
    "vi": ("Từ", "Th 2, 3 thg 3, 2025 vào lúc 12:34"),
    "ar": ("من", "الاثنين، ٣ مارس ٢٠٢٥ في ١٢:٣٤ م"),
    "he": ("\u200fמאת", "יום ב׳, 3 במרץ 2025 ב-12:34"),
    "hi": ("से", "सोम, 3 मार्च 2025 को 12:34 pm बजे"),
    "hu": ("Feladó", "2025. márc. 3., H, 12:34"),
    "ro": ("De la", "lun., 3 mar. 2025 la 12:34"),
    "bg": ("От", "пн, 3.03.2025\u202fг. в 12:34\u202fч."),
    "hr": ("Šalje", "pon, 3. ožu 2025. u 12:34"),
    "sr": ("Од", "пон, 3. мар 2025. у 12:34"),
    "sl": ("Od", "V pon., 3. mar. 2025 ob 12:34"),
    "ca": ("De", "dl., 3 de març 2025 a les 12:34"),
    "et": ("Saatja", "E, 3. märts 2025 kell 12:34"),
    "lt": ("Nuo", "2025-03-03, pr, 12:34"),
    "lv": ("No", "pirmd., 2025. g. 3. marts, plkst. 12:34"),
}

# Outlook writes a block alone: the prefix of the subject, then the labels and the date in the language.
_OUTLOOK = {
    "en": ("FW", "From", "Sent", "Monday, March 3, 2025 12:34 PM", "To", "Subject"),
    "ru": ("FW", "От", "Отправлено", "понедельник, 3 марта 2025 г. 12:34", "Кому", "Тема"),
    "uk": ("Пересл", "Від", "Надіслано", "понеділок, 3 березня 2025 р. 12:34", "Кому", "Тема"),
    "de": ("WG", "Von", "Gesendet", "Montag, 3. März 2025 12:34", "An", "Betreff"),
    "fr": ("TR\u00a0", "De\u00a0", "Envoyé\u00a0", "lundi 3 mars 2025 12:34", "À\u00a0", "Objet\u00a0"),
    "es": ("RV", "De", "Enviado el", "lunes, 3 de marzo de 2025 12:34", "Para", "Asunto"),
    "pt": ("FW", "De", "Enviada", "3 de março de 2025 12:34", "Para", "Assunto"),
    "pt-BR": ("ENC", "De", "Enviada em", "segunda-feira, 3 de março de 2025 12:34", "Para", "Assunto"),
    "it": ("I", "Da", "Inviato", "lunedì 3 marzo 2025 12:34", "A", "Oggetto"),
    "nl": ("Doorst", "Van", "Verzonden", "maandag 3 maart 2025 12:34", "Aan", "Onderwerp"),
    "pl": ("PD", "Od", "Wysłano", "poniedziałek, 3 marca 2025 12:34", "Do", "Temat"),
    "cs": ("FW", "Od", "Odesláno", "pondělí 3. března 2025 12:34", "Komu", "Předmět"),
    "sk": ("FW", "Od", "Odoslané", "pondelok 3. marca 2025 12:34", "Komu", "Predmet"),
    "da": ("VS", "Fra", "Sendt", "3. marts 2025 12:34", "Til", "Emne"),
    "sv": ("VB", "Från", "Skickat", "den 3 mars 2025 12:34", "Till", "Ämne"),
    "no": ("VS", "Fra", "Sendt", "mandag 3. mars 2025 12:34", "Til", "Emne"),
    "fi": ("VL", "Lähettäjä", "Lähetetty", "maanantai 3. maaliskuuta 2025 12.34", "Vastaanottaja", "Aihe"),
    "tr": ("İLT", "Kimden", "Gönderilme Tarihi", "3 Mart 2025 Pazartesi 12:34", "Kime", "Konu"),
    "el": ("ΠΡΘ", "Από", "Στάλθηκε", "Δευτέρα, 3 Μαρτίου 2025 12:34 μμ", "Προς", "Θέμα"),
    "ja": ("FW", "差出人", "送信日時", "2025年3月3日 12:34", "宛先", "件名"),
    "zh-CN": ("转发", "发件人", "发送时间", "2025年3月3日 12:34", "收件人", "主题"),
    "zh-TW": ("轉寄", "寄件者", "寄件日期", "2025年3月3日 下午 12:34", "收件者", "主旨"),
    "ko": ("FW", "보낸 사람", "보낸 날짜", "2025년 3월 3일 월요일 오후 12:34", "받는 사람", "제목"),
    "vi": ("FW", "Từ", "Đã gửi", "03 Tháng Ba 2025 12:34", "Đến", "Chủ đề"),
    "ar": ("FW", "من", "تم الإرسال", "03/مارس/2025 12:34 م", "إلى", "الموضوع"),
    "he": ("FW", "מאת", "נשלח", "יום שני 3 מרץ 2025 12:34", "אל", "נושא"),
    "hi": ("FW", "प्रेषक", "भेजा गया", "3 मार्च 2025 12:34", "प्रति", "विषय"),
    "hu": ("FW", "Feladó", "Elküldve", "2025. március 3., hétfő 12:34", "Címzett", "Tárgy"),
    "ro": ("FW", "De la", "Trimis", "luni, 3 martie 2025 12:34", "Către", "Subiect"),
    "bg": ("FW", "От", "Изпратено", "понеделник, 3 март 2025 г. 12:34", "До", "Относно"),
    "hr": ("FW", "Od", "Poslano", "3. ožujka 2025. 12:34", "Za", "Predmet"),
    "sr": ("FW", "Od", "Poslato", "ponedeljak, 3. mart 2025. 12:34", "Za", "Predmet"),
    "sl": ("FW", "Od", "Poslano", "ponedeljek, 03. marec 2025 12:34", "Za", "Zadeva"),
    "ca": ("FW", "De", "Enviat el", "dilluns, 3 de març de 2025 12:34", "Per a", "Assumpte"),
    "et": ("FW", "Saatja", "Saadetud", "esmaspäev, 3. märts 2025 12:34", "Adressaat", "Teema"),
    "lt": ("FW", "Nuo", "Išsiųsta", "2025 m. kovo 3 d., pirmadienis 12:34", "Kam", "Tema"),
    "lv": ("FW", "No", "Nosūtīts", "pirmdiena, 2025. gada 3. marts 12:34", "Kam", "Tēma"),
}

# Apple Mail quotes the mail under a mark that ends in a colon: mark, From, Subject, Date and its value, To.
_APPLE = {
    "en": ("Begin forwarded message", "From", "Subject", "Date", "3 March 2025 at 12:34:00 CET", "To"),
    "de": ("Anfang der weitergeleiteten Nachricht", "Von", "Betreff", "Datum", "3. März 2025 um 12:34:00 MEZ", "An"),
    "fr": ("Début du message réexpédié", "De", "Objet", "Date", "3 mars 2025 à 12:34:00 UTC+1", "À"),
    "es": ("Inicio del mensaje reenviado", "De", "Asunto", "Fecha", "3 de marzo de 2025, 12:34:00 CET", "Para"),
    "pt": ("Início da mensagem reencaminhada", "De", "Assunto", "Data", "3 de março de 2025, 11:34:00 UTC", "Para"),
    "pt-BR": ("Início da mensagem encaminhada", "De", "Assunto", "Data", "3 de março de 2025 08:34:00 GMT-3", "Para"),
    "it": ("Inizio messaggio inoltrato", "Da", "Oggetto", "Data", "3 marzo 2025 alle ore 12:34:00 CET", "A"),
    "nl": ("Begin doorgestuurd bericht", "Van", "Onderwerp", "Datum", "3 maart 2025 om 12:34:00 CET", "Aan"),
    "pl": ("Początek przekazywanej wiadomości", "Od", "Temat", "Data", "3 marca 2025 12:34:00 CET", "Do"),
    "cs": ("Začátek přeposílané zprávy", "Od", "Předmět", "Datum", "3. března 2025 12:34:00 SEČ", "Komu"),
    "sk": ("Začiatok preposlanej správy", "Od", "Predmet", "Dátum", "3. marca 2025 o 12:34:00 SEČ", "Pre"),
    "da": ("Start på videresendt besked", "Fra", "Emne", "Dato", "3. marts 2025 kl. 12.34.00 CET", "Til"),
    "sv": ("Vidarebefordrat mejl", "Från", "Ämne", "Datum", "3 mars 2025 12:34:00 CET", "Till"),
    "no": ("Videresendt melding", "Fra", "Emne", "Dato", "3. mars 2025 kl. 12:34:00 CET", "Til"),
    "fi": ("Välitetty viesti alkaa", "Lähettäjä", "Aihe", "Päivämäärä", "3.3.2025 klo 13.34.00 EET", "Vastaanottaja"),
    "tr": ("İleti başlangıcı", "Kimden", "Konu", "Tarih", "3 Mart 2025 14:34:00 GMT+3", "Kime"),
    "ru": ("Начало переадресованного сообщения", "От", "Тема", "Дата", "3 марта 2025 г., 14:34:00 GMT+3", "Кому"),
    "uk": ("Початок листа, що пересилається", "Від кого", "Тема", "Дата", "3 березня 2025 р., 12:34:00", "Кому"),
    "hu": ("Továbbított levél kezdete", "Feladó", "Tárgy", "Dátum", "2025. március 3. 12:34:00 CET", "Címzett"),
    "ro": (
        "Începe mesajul redirecționat",
        "Expeditorul",
        "Subiectul",
        "Dată",
        "3 martie 2025 la 12:34",
        "Destinatarul",
    ),
    "hr": ("Započni proslijeđenu poruku", "Šalje", "Predmet", "Datum", "03.03.2025. 12:34:00 CET", "Prima"),
    "el": ("Αρχή προωθημένου μηνύματος", "Από", "Θέμα", "Ημερομηνία", "3 Μαρτίου 2025 στις 12:34:00", "Προς"),
}

# Thunderbird: mark, then Subject, Date, From and To, with tabs; the date as it stood in the header.
_THUNDERBIRD = {
    "en": ("-------- Forwarded Message --------", "Subject", "Date", "From", "To"),
    "de": ("-------- Weitergeleitete Nachricht --------", "Betreff", "Datum", "Von", "An"),
    "fr": ("-------- Message transféré --------", "Sujet ", "Date ", "De ", "Pour "),
    "es": ("-------- Mensaje reenviado --------", "Asunto", "Fecha", "De", "Para"),
    "it": ("-------- Messaggio Inoltrato --------", "Oggetto", "Data", "Mittente", "A"),
    "pl": ("--- Treść przekazanej wiadomości ---", "Temat", "Data", "Nadawca", "Adresat"),
    "fi": ("-------- Välitetty viesti / Fwd.Msg --------", "Aihe", "Päiväys", "Lähettäjä", "Vastaanottaja"),
    "sk": ("-------- Preposlaná správa --- Forwarded Message --------", "Predmet", "Dátum", "Od", "Pre"),
    "tr": ("-------- İletilen İleti --------", "Konu", "Tarih", "Kimden", "Kime"),
    "ru": ("-------- Перенаправленное сообщение --------", "Тема", "Дата", "От", "Кому"),
    "uk": ("-------- Переслане повідомлення --------", "Тема", "Дата", "Від", "Кому"),
    "hr": ("-------- Proslijeđena poruka --------", "Naslov", "Datum", "Šalje", "Prima"),
    "sl": ("-------- Posredovano sporočilo --------", "Zadeva", "Datum", "Od", "Komu"),
    "ko": ("-------- 전달된 메시지 --------", "제목", "날짜", "보낸 사람", "받는 사람"),
    "zh-CN": ("-------- 转发的消息 --------", "主题", "日期", "发件人", "收件人"),
    "lt": ("-------- Persiųstas laiškas --------", "Tema", "Data", "Kas", "Kam"),
    "et": ("-------- Edastatud kiri --------", "Teema", "Kuupäev", "Saatja", "Saaja"),
    "ca": ("-------- Missatge reenviat --------", "Assumpte", "Data", "De", "A"),
}

# Everything else, as a subject and a head.
_OTHERS = {
    "Yahoo en": (
        "Fw: Printer",
        f"----- Forwarded Message -----\nFrom: {_WHO}\nTo: Bob <bob@y.example>\n"
        "Sent: Monday, March 3, 2025 at 12:34:00 PM GMT+1\nSubject: Printer",
    ),
    "Yahoo in one line": (
        "Fw: Printer",
        f'   ----- Forwarded Message ----- From: {_WHO}To: "Bob" <bob@y.example>'
        "Sent: Monday, March 3, 2025, 12:34:00 PM GMT+1Subject: Printer",
    ),
    "Yahoo in one line, tr": (
        "Fw: Printer",
        f"   ----- İletilmiş Mesaj ----- Kimden: {_WHO}Kime: Bob <bob@y.example>"
        "Gönderilen: 3 Mart 2025 Pazartesi 12:34:00 GMT+1Konu: Printer",
    ),
    "Yandex": (
        "Fwd: Printer",
        '-------- Пересылаемое сообщение --------\n03.03.2025, 12:34, "Ann Lee" <ann@x.example>:',
    ),
    "Yandex with a block": (
        "Fwd: Printer",
        "------- Forwarded message -------\nКому: Bob (bob@y.example);\nТема: Printer\n"
        '03.03.2025, 12:34, "Ann Lee" <ann@x.example>:',
    ),
    "Mail.ru": (
        "Fwd: Printer",
        f"-------- Пересылаемое сообщение --------\nОт кого: {_WHO}\nКому: bob@y.example\n"
        "Дата: Понедельник, 3 марта 2025, 14:34 +03:00\nТема: Printer\n ",
    ),
    "Proton": (
        "Fw: Printer",
        f"------- Forwarded Message -------\nFrom: {_WHO}\nDate: On Monday, March 3rd, 2025 at 12:34 PM\n"
        "Subject: Printer\nTo: Bob <bob@y.example>",
    ),
    "Zoho": (
        "Fwd: Printer",
        f"============ Forwarded message ============\nFrom: {_WHO}\nTo: <bob@y.example>\n"
        "Date: Mon, 03 Mar 2025 12:34:00 +0100\nSubject: Printer",
    ),
    "QQ": (
        "转发：Printer",
        '------------------ 原始邮件 ------------------\n发件人: "Ann Lee"<ann@x.example>;\n'
        '发送时间: 2025年3月3日(星期一) 中午12:34\n收件人: "Bob"<bob@y.example>;\n主题: Printer',
    ),
    "163": (
        "转发:Printer",
        '-------- 转发邮件信息 --------\n发件人："Ann Lee" <ann@x.example>\n发送日期：2025-03-03 12:34:00\n'
        "收件人：bob@y.example\n主题：Printer",
    ),
    "Samsung": (
        "Fwd: Printer",
        f"-------- Original message --------\nFrom: {_WHO} \nDate: 3/3/25 12:34 PM (GMT+01:00) \n"
        "To: Bob <bob@y.example> \nSubject: Printer ",
    ),
    "Samsung ru": (
        "Fwd: Printer",
        f"-------- Исходное сообщение --------\nОт: {_WHO} \nДата: 03.03.2025 14:34 (GMT+03:00) \n"
        "Кому: bob@y.example \nТема: Printer ",
    ),
    "HubSpot fi": (
        "Fwd: Printer",
        f"---------- Edelleenlähetetty viesti ---------\nLähettäjä: {_WHO}\n"
        "Päivämäärä: maanantai 3. maaliskuuta 2025 klo 12.34.00 +0100\nAihe: Printer\nVastaanottaja: bob@y.example",
    ),
    "HubSpot ja": (
        "Fwd: Printer",
        f"---------- メッセージを転送 ---------\n送信元：{_WHO}\n日付：2025年3月3日月曜日 12:34:00 +0100\n"
        "件名：Printer\n送信先：bob@y.example",
    ),
    "HubSpot pl": (
        "Fwd: Printer",
        f"---------- Wiadomość przesłana dalej ---------\nOd: {_WHO}\n"
        "Data: poniedziałek, 3 marca 2025, 12:34:00 +0100\nTemat: Printer\nDo: bob@y.example",
    ),
    "Missive": (
        "Fwd: Printer",
        f"---------- Forwarded message ----------\nFrom: {_WHO}\nDate: March 3, 2025 12:34 PM +0100\n"
        "Subject: Printer\nTo: bob@y.example",
    ),
    "IONOS": (
        "Fwd: Printer",
        f"> ---------- Original Message ----------\n> From: {_WHO}\n> To: bob@y.example\n"
        "> Date: 03/03/2025 12:34 PM CET\n> Subject: Printer\n>  \n>",
    ),
    "MailMate": (
        "Fwd: Printer",
        f"Forwarded message:\n\n> From: {_WHO}\n> To: bob@y.example\n> Subject: Printer\n"
        "> Date: Mon, 3 Mar 2025 12:34:00 +0100\n>",
    ),
    "Lotus Notes": (
        "Fw: Printer",
        f"----- Forwarded by Bob Day/ACME on 04.03.2025 08:00 -----\n\nFrom:   {_WHO}\nTo:     bob@y.example\n"
        "Date:   03.03.2025 12:34\nSubject:        Printer",
    ),
    "Roundcube": (
        "Fwd: Printer",
        f"-------- Original Message --------\nSubject: Printer\nDate: 2025-03-03 12:34\nFrom: {_WHO}\n"
        "To: bob@y.example",
    ),
    "Outlook Express": (
        "Fw: Printer",
        "----- Original Message ----- \nFrom: Ann Lee [mailto:ann@x.example]\nTo: Bob\n"
        "Sent: Monday, March 03, 2025 12:34 PM\nSubject: Printer",
    ),
    "Outlook web": (
        "FW: Printer",
        f"________________________________\nFrom: {_WHO}\nSent: Monday, March 3, 2025 12:34\n"
        "To: bob@y.example <bob@y.example>\nCc: Cat <cat@y.example>; Dog <dog@y.example>\nSubject: Printer",
    ),
    "new Outlook": (
        "FW: Printer",
        f"From: {_WHO}\nDate: Monday, 3 March 2025 at 12:34\nTo: bob@y.example <bob@y.example>\nSubject: Printer",
    ),
    "bold labels": (
        "FW: Printer",
        "*From:* Ann Lee <ann@x.example>\n*Sent:* Monday, March 3, 2025 12:34 PM\n"
        "*To:* bob@y.example\n*Subject:* Printer",
    ),
    "bold labels of Markdown": (
        "FW: Printer",
        '**From:** "Ann Lee" <ann@x.example>\n**Sent:** Monday, March 3, 2025 12:34 PM\n**To:** bob@y.example\n'
        "**Subject:** Printer",
    ),
    "a paragraph for each line": (
        "FW: Printer",
        f"From: {_WHO}\n\nSent: Monday, March 3, 2025 12:34 PM\n\nTo: bob@y.example\n\nSubject: Printer",
    ),
    "values on lines of their own": (
        "FW: Printer",
        f"From:\n{_WHO}\nSent:\nMonday, March 3, 2025 12:34 PM\nTo:\nbob@y.example\nSubject:\nPrinter",
    ),
    "wrapped values": (
        "FW: Printer",
        "From: Ann Lee\n <ann@x.example>\nSent: Monday, March 3, 2025\n 12:34 PM\nTo: bob@y.example,\n cat@y.example\n"
        "Subject: Printer",
    ),
    "a header of the old Thunderbird": (
        "[Fwd: Printer]",
        f"-------- Original Message --------\nSubject: Printer\nDate: Mon, 03 Mar 2025 12:34:00 +0100\nFrom: {_WHO}\n"
        "To: bob@y.example",
    ),
}


def samples() -> dict[str, tuple[str, str]]:
    """Subject and head of each forward, by the name of the program and the language."""
    found = dict(_OTHERS)
    for language, (sender, date) in _GMAIL.items():
        labels = f"{sender}: {_WHO}\nDate: {date}\nSubject: Printer\nTo: <bob@y.example>\n"
        head = f"---------- Forwarded message ---------\n{labels}"
        found[f"Gmail {language}"] = ("Fwd: Printer", head)
    for language, (prefix, sender, sent, date, to, subject) in _OUTLOOK.items():
        head = f"{sender}: {_WHO}\n{sent}: {date}\n{to}: Bob Day <bob@y.example>\nCc: cat@y.example\n{subject}: Printer"
        found[f"Outlook {language}"] = (f"{prefix}: Printer", head)
    for language, (mark, sender, subject, label, date, to) in _APPLE.items():
        head = f"> {mark}:\n> \n> {sender}: {_WHO}\n> {subject}: Printer\n> {label}: {date}\n> {to}: bob@y.example\n>"
        found[f"Apple {language}"] = ("Fwd: Printer", head)
    for language, (mark, subject, label, sender, to) in _THUNDERBIRD.items():
        date = "Mon, 3 Mar 2025 12:34:00 +0100"
        head = f"{mark}\n{subject}: \tPrinter\n{label}: \t{date}\n{sender}: \t{_WHO}\n{to}: \tbob@y.example\n\n"
        found[f"Thunderbird {language}"] = ("Fwd: Printer", head)
    return found
