"""What mail programs and people write around an answer, in the languages that we meet: the tables of `mail.text`.

Introductions of quotes, signatures and closing phrases; labels and marks stand in `mail.labels`.
Each pattern is anchored or bounded and looks at one line. A new language is a few words in each table.
"""

from __future__ import annotations

import re

# How a line that introduces a quote ends, before its colon; compared in lower case.
VERBS = tuple(
    """wrote|writes|write|sent|said|schrieb|geschrieben|a écrit|écrit|a ecrit|escribió|escribio|ha escrito|escreveu|
    ha scritto|scrive|scrisse|schreef|geschreven|napisał|napisała|napisał(a)|pisze|написал|написала|написал(а)|писал|
    писала|писал(а)|пишет|пише|написав|написала|написав(ла)|написав(-ла)|писав|skrev|kirjoitti|yazdı|napsal|napsala|napsal(a)|
    đã viết|a scris|írta|έγραψε|kirjoitti|写道|写到|のメール|כתב|كتب|작성|
    the following|le message suivant|folgendes|wrote the following""".replace("\n    ", "").split("|")
)
ENDS_WITH_ADDRESS = re.compile(r"<(?:mailto:)?[^<>\s]{1,64}@[^<>\s]{1,255}>{1,2}\s?[::]?$")
WROTE_THEN_NAME = re.compile(r"(?:schreef|schrieb|skrev|escribió|escreveu|написал|писал|wrote) [^:]{2,150}$", re.I)
HAS_DATE = re.compile(r"\d{1,2}[:.h]\d{2}|(?:19|20)\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2}")
HAS_TIME = re.compile(r"\d{4}.{0,20}\d{1,2}[:.]\d{2}")
DATE_FIRST = re.compile(
    r"(?:19|20)\d{2}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d{2}|\d{1,2} \w{3,10}\.? \d{4}"
)
OPENING = re.compile(
    r"(?:on|le|am|el|em|op|il|in data|w dniu|dnia|den|på|dne|vào|la|στις|a|в|from|von|от|від|пользователь|користувач|"
    r"(?:mon|tue|wed|thu|fri|sat|sun|пн|вт|ср|чт|пт|сб|вс|нд|понед|вторн|сред|четв|пятн|субб|воскр|lun|mar|mer|jeu|"
    r"ven|sam|dim|mié|mie|jue|vie|sáb|dom|seg|ter|qua|qui|sex|gio|sab|mo|di|mi|do|fr|sa|so|ma|wo|vr|za|zo|pon|wt|śr|"
    r"czw|pt|sob|niedz)\w*[.,]{0,2})\s|[\"'<]?\d",
    re.I,
)
SHARED_LINE = re.compile(
    r"(?:\s|-{2,} ?)(On (?:\w{3,9},? )?(?:\d|[A-Z][a-z]{2,8} \d)[^<>]{5,150}(?:<[^<>]{3,100}> ?)?wrote:)$"
)

SENT_WITH = re.compile(
    r"(?:sent (?:wirelessly )?(?:from|via|with|using)|get outlook for|von mein\w+ .{1,40} gesendet|"
    r"gesendet (?:von|mit)|via mobile|"
    r"diese nachricht wurde von mein|envoyé (?:de|depuis|à partir|sans fil|avec)|enviado (?:desde|do|de|a partir|con)|"
    r"inviato da|verzonden (?:vanaf|met|via)|verstuurd vanaf|wysłan[eoy] z|отправлено (?:с|из|через|от)|"
    r"надіслано (?:з|із|через|від)|відправлено (?:з|із)|sendt fra|skickat från|lähetetty|odesláno z|"
    r"发自我的)\s?[^,?]{0,80}$",
    re.I,
)
DEVICE = re.compile(r"iphone|ipad|android|blackberry|samsung|huawei|smartphone|mobile|device|handy|telefon", re.I)
CLOSINGS = frozenset(
    """regards|best regards|kind regards|warm regards|kindest regards|many thanks|with best regards|best wishes|best|
    sincerely|yours sincerely|sincerely yours|yours truly|yours faithfully|cheers|thanks|thank you|
    thanks and regards|thanks in advance|thanks & regards|thank you very much|respectfully|br|rgds|kr|с уважением|
    с наилучшими пожеланиями|всего доброго|всего хорошего|спасибо|заранее спасибо|з повагою|дякую|
    з найкращими побажаннями|mit freundlichen grüßen|mit freundlichen gruessen|freundliche grüße|viele grüße|
    beste grüße|liebe grüße|schöne grüße|mfg|lg|vg|danke|cordialement|bien cordialement|bien à vous|salutations|
    sincères salutations|merci|saludos|un saludo|saludos cordiales|atentamente|gracias|cordiali saluti|
    distinti saluti|saluti|grazie|atenciosamente|cumprimentos|obrigado|obrigada|met vriendelijke groet|
    met vriendelijke groeten|groeten|groetjes|mvg|bedankt|z poważaniem|pozdrawiam|dziękuję|serdecznie pozdrawiam|
    med venlig hilsen|med vänliga hälsningar|mvh|vänliga hälsningar|s pozdravem""".replace("\n    ", "").split("|")
)
SIGNED = re.compile(r"[-\u2013\u2014][^\W\d_]{2,20}\.?(?: [A-ZА-ЯЁІЇЄ][\w.]*){0,2}")
LONE_LINK = re.compile(r"\s*[(<\[]\s?(?:https?://|www\.)[^\s()<>\[\]]{1,2000}[)>\]][\s>]*$")
CONTACT = re.compile(r"[^@\s]+@[^@\s]+\.\w+|https?://\S+|www\.\S+|[\w. :]{0,12}\+?[\d(][\d\s().+-]{6,24}\d")
RULE = re.compile(r"[-_=]{5,80}")
LIST_FOOTER = re.compile(r"_{30,}$")
