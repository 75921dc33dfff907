"""What mail programs write around a mail that they quote or pass on: the labels of its header block (From, Sent, To,
Subject), the mark of an original, and the mark of a forwarded mail, in the languages that we meet.

Each pattern is anchored or bounded and looks at one line. A new language is a few words in each table.
"""

from __future__ import annotations

import re

LABELS: dict[str, str] = {}
for _kind, _names in {
    "from": "from von de da van od fra från от від lähettäjä 发件人 差出人 expéditeur remitente mittente nadawca",
    "sent": "sent date gesendet datum envoyé date enviado enviada fecha data inviato verzonden wysłano sendt skickat "
    "отправлено дата надіслано lähetetty dato odesláno 发送时间 日時 送信日時",
    "to": "to an à a para per aan do til till кому vastaanottaja komu 收件人 宛先 pour",
    "subject": "subject betreff objet asunto assunto oggetto onderwerp temat emne ämne тема aihe předmět 主题 件名",
    "cc": "cc kopie copie dw kopia копия копія bcc reply-to antwort reply importance attachments",
}.items():
    LABELS |= dict.fromkeys(_names.split(), _kind)

ORIGINAL = frozenset(
    """original message|reply message|ursprüngliche nachricht|originalnachricht|antwort nachricht|message d'origine|
    message d’origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|
    origineel bericht|oryginalna wiadomość|wiadomość oryginalna|исходное сообщение|оригинальное сообщение|
    оригінальне повідомлення|вихідне повідомлення|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|
    alkuperäinen viesti|původní zpráva|quoted message|reply above this line|original email""".replace(
        "\n    ", ""
    ).split("|")
)
FORWARDED = re.compile(
    r"(?:begin |début du |anfang der |inizio |início da |inicio del |begin )?(?:forwarded (?:message|mail|by .{1,80})|"
    r"weitergeleitete (?:nachricht|e-mail)|weitergeleiteten e-mail|message transféré|message réexpédié|"
    r"(?:mensaje|correo) reenviado|mensagem (?:encaminhada|reencaminhada)|messaggio inoltrato|doorgestuurd bericht|"
    r"(?:przekazana|przesłana dalej) wiadomość|wiadomość przekazana|(?:пересылаемое|пересланное|перенаправленное) "
    r"(?:сообщение|письмо)|(?:переслане|перенаправлене|переадресоване) повідомлення|videresendt meddelelse|"
    r"vidarebefordrat meddelande|přeposlaná zpráva)",
    re.I,
)
