"""What programs and firms put under a mail: lines of devices, footers of lists, legal notices. The tables of
`footers`, in the languages that we meet; all are compared folded (`writer.folded`).

Each pattern is anchored or bounded and looks at one line. A new language is a few words in each table.
"""

from __future__ import annotations

import re

from mail.words.writer import folded


def _phrases(table: str) -> tuple[str, ...]:
    """The phrases of a table, parted by|."""
    return tuple(folded(" ".join(phrase.split())) for phrase in table.split("|"))


# "Sent from" before the name of a device or a program.
SENT_FROM = _phrases(
    """sent from|sent via|sent with|sent using|sent by|sent wirelessly from|via mobile|gesendet von|gesendet mit|
    gesendet über|diese nachricht wurde von mein|von meinem|von meiner|envoyé de|envoyé depuis|envoyé à partir|
    envoyé avec|provenance :|provenance:|envoyé sans fil|envoyé par|enviado desde|enviado do|enviado de|
        enviado a partir|enviado con|
    enviado com|enviado via|enviado pelo|enviada do|inviato da|inviato dal|inviato con|verzonden vanaf|verzonden vanuit|
    verzonden met|verzonden via|verstuurd vanaf|verstuurd met|wysłano z|wysłane z|wysłana z|wiadomość wysłana z|
    odesláno z|odesláno ze|posláno z|odoslané z|odoslané zo|sendt fra|sendt via|sendt med|skickat från|
    skickat med|skickades från|hämtat från|lähetetty|saadetud|sūtīts no|nosūtīts no|išsiųsta iš|siųsta iš|
    enviat des|trimis de pe|trimis din|trimis cu|poslano s|poslano z|poslano iz|poslano sa|poslato sa|послато са|
    изпратено от|отправлено с|отправлено из|отправлено через|отправлено от|отправлено со|послано с|надіслано з|
    надіслано із|надіслано через|надіслано від|відправлено з|відправлено із|відправлено через|адпраўлена з|
    στάλθηκε από|εστάλη από|küldve|elküldve|gönderen:|dikirim dari|dihantar dari|được gửi từ|đã gửi từ|gửi từ|ส่งจาก|
    أرسلت من|أُرسلت من|تم الإرسال من|مرسل من|נשלח מ|ارسال شده از|فرستاده شده از|发自|来自我的|从我的|從我的|寄自|
    傳送自|發自|发送自|나의|내"""
)
SENT_FROM_BEHIND = _phrases(
    """gesendet|gönderildi|küldve|elküldve|から送信|より送信|から送信されました|에서 보냄|에서 보냈습니다|에서 전송|
    发送|傳送|寄出|로부터 전송"""
)
# Where the words above begin other sentences too.
NEEDS_BEHIND = _phrases("von meinem|von meiner|diese nachricht wurde von mein|나의|내|从我的|從我的")
# The first word of what is somebody's own device, whatever it is called.
MINE = frozenset(_phrases("my|mein|meinem|meiner|mon|ma|mi|meu|mio|mijn|min|моего|của|tôi"))
DEVICES = re.compile(
    r"phone|ipad|ipod|android|blackberry|samsung|galaxy|huawei|honor|xiaomi|redmi|oneplus|pixel|nokia|htc|lumia|iphon|"
    r"mobil|móvil|celular|celulare|telefon|teléfono|téléphone|telefoon|telemóvel|terminal|handy|puhelin|komórk|gerät|"
    r"телефон|смартфон|мобильн|мобільн|планшет|андроид|айфон|tablet|outlook|gmail|yahoo|yandex|яндекс|mail\.ru|рамблер|ukr\.net|"
    r"proton|windows|macbook|\bmac\b|thunderbird|zoho|superhuman|airmail|newton|canary|\bspark\b|mailbird|em client|"
    r"bluemail|fairemail|k-9|\bk9\b|aquamail|aqua mail|typeapp|nine|mailspring|missive|\bfront\b|hubspot|roundcube|"
    r"webmail|\bgmx\b|web\.de|t-online|freenet|libero|orange|\bfree\b|device|wireless|wear|\bwatch\b|"
    r"手机|手機|スマートフォン|携帯|휴대폰|邮箱|郵件|邮件|κινητό|חכם|نقال|جوال|هاتف|موبایل|גלקסי|hushmail|tuta|mailbox",
)
# Programs that advertise themselves: "Get Outlook for iOS" and its kin.
GET_PROGRAM = re.compile(
    r"(?:get|download|obtener|obtén|descargar|télécharg|obtenir|outlook für|outlook for|laden sie|holen sie|"
    r"scarica|ottieni|obter|obtenha|baixar|baixe|transferir|download|pobierz|скачать|получить|отримати|завантажити|hämta|"
    r"hent|hanki|lataa|stáhn|získ|stiahn|získaj|letölt|töltse|szerezze|descarc|obțin|λήψη|αποκτήστε|tải|dapatkan|unduh|"
    r"获取|下载|取得|獲取|下載|outlook|преземи|изтегл|вземи|преузми|preuzmi|prenes|pridobi|hankige|iegūt|gauti|baixa|"
    r"ios|android|الحصول|احصل|קבל|הורד|دریافت|รับ|डाउनलोड|प्राप्त)",
)
PROGRAM = re.compile(
    r"outlook.{0,40}\b(?:ios|android|mac|windows)|(?:ios|android|mac|windows).{0,40}outlook|yahoo mail:"
)
# A program of no known name counts as one where its name is said.
APP = re.compile(r"\b(?:app|apps|aplicación|application|приложения|додатка|почты|пошти)\b")
# What may follow the device: an excuse for the style.
EXCUSE = re.compile(
    r"excuse|forgive|pardon|sorry|typo|brev|concise|short|entschuld|tippfehler|kürze|kurz|fautes|brièv|concision|disculp|"
    r"erratas|desculp|erros|scus|errori|tikfout|kort|literówk|překlep|preklep|опечатк|краткост|стисл|помилк|ursäkta|"
    r"undskyld|beklager|virhe|hibák"
)
LINK_BEHIND = re.compile(r"\s?[<(\[]\s?https?://[^\s<>]{1,2000}[>)\]]|https?://\S{1,2000}")

# Footers of mailing lists and of programs: the line begins so, and an address stands in it or near below.
LIST_FOOTER = re.compile(
    r"_{30,}$|you received this (?:message|e-?mail) because you are subscribed|"
    r"to unsubscribe(?:$|:|,| from\b| (?:please |simply |just )?"
    r"(?:click|visit|go|write|send|e-?mail|reply|use|or|follow|see|https?:)\b)|"
    r"to stop receiving emails|to post to this group|__\._,_\.___|unsubscribe\b.{0,40}https?:|"
    r"um sich abzumelden|pour vous désabonner|"
    r"para cancelar (?:la|su) suscripción|чтобы отписаться|щоб відписатися|"
    r"вы получили это сообщение, поскольку подписаны",
    re.I,
)
# What mail servers and virus scanners add: each is a whole footer.
ADDED = re.compile(
    r"(?:\w{1,12}: )?(?:this (?:e-?mail|message) has been (?:checked|scanned) (?:for viruses|by)|virus-?free\.|"
    r"virenfrei\.|"
    r"diese e-?mail wurde (?:von|auf) .{0,30}(?:viren|antivirus)|sans virus\.|libre de virus|privo di virus|"
    r"проверено на вирусы|это (?:сообщение|письмо) проверено на вирусы|без вирусов|ten e-mail został sprawdzony|"
    r"wolny od wirusów|neobsahuje žádné viry|deze e-?mail is gecontroleerd op virussen|"
    r"(?:please )?(?:consider|think of) the environment before printing|"
    r"please consider the environment|bitte (?:denken|prüfen) sie .{0,20}(?:umwelt|ausdruck)|"
    r"(?:pensez à|protégeons) l'environnement|antes de imprimir|prima di stampare|denk aan het milieu)",
    re.I,
)
NOTICE_TITLE = re.compile(
    r"[*_\s]{0,4}(?:(?:e-?mail )?(?:confidentiality|privacy|legal|important|privileged|disclaimer)?\s?"
    r"(?:notice|note|statement|disclaimer|warning)|"
    r"disclaimer|confidential|haftungsausschluss|vertraulichkeitshinweis|rechtlicher hinweis|"
    r"avis de confidentialité|clause de confidentialité|aviso (?:legal|de confidencialidad)|aviso de confidencialidade|"
    r"avviso di riservatezza|nota di riservatezza|klauzula poufności|upozornění|уведомление о конфиденциальности|"
    r"повідомлення про конфіденційність|免责声明|免責聲明|免責事項)[*_\s]{0,4}(?:$|:|[-\u2013\u2014] )",
    re.I,
)
# Two of these under a mail make a legal notice; the longest come first. They are whole turns of speech, because the
# bare words stand in many a question.
NOTICE = tuple(
    sorted(
        _phrases(
            """not the intended recipient|intended only for|intended solely for|intended exclusively for|sole use of|
            solely for the use of|solely for the addressee|for the use of the individual|may contain confidential|
            may contain privileged|may contain information that is|contains confidential|contain confidential|
            is confidential and|are confidential and|confidential and may be|confidential and intended|
            confidential and/or|legally privileged|privileged and confidential|confidential or privileged|
            received this message in error|received this email in error|received this e-mail in error|
            received this communication in error|received this transmission in error|received it in error|
            have received this in error|notify the sender|any unauthorized|any unauthorised|unauthorized use|
            unauthorised use|strictly prohibited|strictly forbidden|dissemination, distribution|
            disclosure, copying|destroy all copies|delete all copies|accepts no liability|accept no liability|
            not guaranteed to be secure|nicht der richtige adressat|nicht der beabsichtigte empfänger|
            nicht der vorgesehene empfänger|vertrauliche und/oder|vertrauliche informationen|vertraulich und|
            rechtlich geschützte informationen|diese e-mail irrtümlich|irrtümlich erhalten|
            informieren sie bitte sofort|vernichten sie diese|unerlaubte kopieren|unbefugte weitergabe|
            nicht gestattet|ausschließlich für den|n'êtes pas le destinataire|n’êtes pas le destinataire|
            établi à l'intention exclusive|à l'attention exclusive de|est confidentiel|sont confidentiels|
            sont confidentielles|strictement confidentiel|informations confidentielles|reçu ce message par erreur|
            reçu cet e-mail par erreur|avertir immédiatement l'expéditeur|utilisation non autorisée|
            strictement interdite|no es el destinatario|no es usted el destinatario|dirigido exclusivamente a|
            dirigida exclusivamente a|información confidencial|carácter confidencial|
            recibido este mensaje por error|recibido este correo por error|queda prohibida|estrictamente prohibid|
            notifíquelo|não é o destinatário|não for o destinatário|informação confidencial|
            informações confidenciais|recebeu esta mensagem por engano|recebeu esta mensagem por erro|
            uso exclusivo do|é proibida|non è il destinatario|non siete il destinatario|carattere confidenziale|
            esclusivo del destinatario|pervenuta per errore|informazioni riservate|informazioni confidenziali|
            esclusivamente al destinatario|ricevuto questo messaggio per errore|
            ricevuto questo messaggio erroneamente|severamente vietat|d.lgs. 196|ue 2016/679|
            niet de geadresseerde|niet de beoogde ontvanger|uitsluitend bestemd voor|vertrouwelijke informatie|
            bericht abusievelijk|ten onrechte ontvang|onterecht ontvang|is niet toegestaan|nie jest adresatem|
            nie są państwo adresatem|informacje poufne|wyłącznie dla adresata|otrzymali państwo omyłkowo|
            otrzymał tę wiadomość|zabronione|nejste zamýšleným|nejste-li zamýšleným|důvěrné informace|
            určena výhradně|obdrželi tuto zprávu omylem|nie ste adresátom|dôverné informácie|
            ikke er den rette modtager|fortrolige oplysninger|fortrolig information|
            modtaget denne mail ved en fejl|modtaget denne e-mail ved en fejl|mottatt denne e-posten ved en feil|
            ikke er rette mottaker|inte är avsedd mottagare|konfidentiell information|
            fått detta meddelande av misstag|luottamuksellista tietoa|ette ole viestin oikea vastaanottaja|
            не являетесь адресатом|не являетесь получателем|предназначено исключительно|
            предназначена исключительно|конфиденциальную информацию|конфиденциальная информация|
            является конфиденциальн|получили данное сообщение по ошибке|получили это сообщение по ошибке|
            получили это письмо по ошибке|сообщите об этом отправителю|запрещено|не є адресатом|не є одержувачем|
            призначене виключно|призначено виключно|конфіденційну інформацію|отримали це повідомлення помилково|
            отримали цей лист помилково|заборонено|gizli bilgi|yanlışlıkla aldıysanız|muhatabı değilseniz|
            εμπιστευτικές πληροφορίες|δεν είστε ο παραλήπτης|機密情報|誤って受信|保密信息|机密信息|非指定收件人|
            误收|기밀|의도된 수신자|잘못 수신|bizalmas információ|nem ön a címzett|informații confidențiale|
            nu sunteți destinatarul|поверителна информация|не сте адресат|povjerljive informacije|
            niste namijenjeni primatelj|zaupne informacije|informació confidencial|konfidenciali informacija|
            konfidenciālu informāciju|konfidentsiaalset teavet|סודי|אינך הנמען|سرية|لست المتلقي المقصود|
            thông tin mật|không phải là người nhận"""
        ),
        key=len,
        reverse=True,
    )
)
