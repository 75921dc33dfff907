"""What mail programs write around a mail that they quote or pass on: the labels of its header block (From, Sent, To,
Subject), the mark of an original, the marks above and below a forwarded mail, and the prefixes of subjects.

The languages: en, ru, uk, de, fr, es, pt, it, nl, pl, cs, sk, da, sv, no, fi, tr, el, ja, zh, ko, vi, ar, he, hi, hu,
ro, bg, hr, sr, sl, ca, et, lt, lv, th, id, ms, fa. Everything is compared in lower case, and looks at one line at
most. A new language is a few words in each table. Words that are everyday words elsewhere stand apart, for readers who
have more to go by.
"""

from __future__ import annotations

import re
import unicodedata


def _words(table: str) -> list[str]:
    """The entries of a table, as they come out of a mail's text: NFC and in lower case."""
    return [unicodedata.normalize("NFC", " ".join(word.split())).lower() for word in table.split("|")]


_NAMES = {
    "from": """from|von|absender|de|expéditeur|remitente|remetente|da|mittente|van|afzender|od|nadawca|
        odesílatel|odosielateľ|fra|från|avsändare|avsender|afsender|lähettäjä|от|от кого|отправитель|від|
        від кого|відправник|kimden|gönderen|από|αποστολέας|差出人|送信者|送信元|发件人|发信人|寄件者|寄件人|
        發件人|보낸 사람|보낸사람|발신자|từ|người gửi|من|مِن|المرسل|المرسِل|מאת|שולח|प्रेषक|द्वारा|feladó|de la|
        expeditor|expeditorul|подател|šalje|pošiljatelj|pošiljalac|од|шаље|пошиљалац|de part de|saatja|kellelt|
        nuo|siuntėjas|sūtītājs|จาก|dari|daripada|از|فرستنده""",
    "sent": """sent|date|date sent|sent on|gesendet|gesendet am|datum|envoyé|envoyé le|date d'envoi|date d’envoi|
        enviado|enviada|enviado el|enviados|enviado em|enviada em|fecha|fecha de envío|data|data de envio|
        inviato|data invio|data di invio|verzonden|verzonden op|wysłano|wysłane|data wysłania|odesláno|odoslané|
        dátum|dátum odoslania|dato|sendt|skickat|lähetetty|päiväys|päivämäärä|отправлено|отправлен|послано|дата|
        дата отправки|надіслано|відправлено|дата надсилання|tarih|gönderilen|gönderildi|gönderilme tarihi|
        gönderme tarihi|ημερομηνία|ημ/νία|στάλθηκε|εστάλη|αποστολή|日時|日付|送信日時|送信日|发送时间|发送日期|
        日期|时间|傳送時間|寄件日期|發送時間|發件日期|보낸 날짜|보낸날짜|보낸 시간|날짜|ngày|đã gửi|ngày gửi|
        vào lúc|thời gian|التاريخ|تاريخ|تاريخ الإرسال|تم الإرسال|أرسلت|נשלח|תאריך|दिनांक|तारीख|भेजा गया|elküldve|
        küldve|küldés dátuma|küldés ideje|trimis|trimisă|dată|изпратено|poslano|poslato|датум|послато|enviat|
        enviat el|kuupäev|saadetud|išsiųsta|siųsta|datums|nosūtīts|nosūtīta|saatmisaeg|发件时间|發件時間|ส่ง|วันที่|dikirim|
        tanggal|dihantar|tarikh|ارسال|ارسال شده|ارسال‌شده|فرستاده شده|تاریخ""",
    "to": """to|an|empfänger|à|a|destinataire|pour|para|destinatario|destinatário|per|aan|do|adresat|odbiorca|
        komu|pre|til|till|vastaanottaja|кому|получатель|одержувач|kime|alıcı|προς|宛先|送信先|收件人|收件者|
        받는 사람|받는사람|수신자|đến|tới|người nhận|إلى|الى|אל|לכבוד|प्रति|को|प्राप्तकर्ता|címzett|către|
        destinatar|destinatarul|до|получател|za|prima|primatelj|kome|за|коме|прима|per a|saaja|kellele|kam|
        gavėjas|adresāts|adressaat|ถึง|kepada|به|گیرنده""",
    "subject": """subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|temat|předmět|predmet|emne|ämne|
        aihe|тема|konu|θέμα|件名|主题|主題|主旨|标题|제목|chủ đề|tiêu đề|الموضوع|נושא|विषय|tárgy|subiect|
        subiectul|относно|naslov|предмет|наслов|zadeva|assumpte|teema|tema|tēma|temats|
        เรื่อง|subjek|perihal|perkara|موضوع""",
    "cc": """cc|bcc|cci|cco|ccn|kopie|kopie (cc)|copie|copie à|copia|cópia|dw|udw|kopia|kópia|kopi|kopio|копия|
        копія|bilgi|κοιν.|κοινοποίηση|抄送|副本|密送|참조|sao gửi|đồng gửi|نسخة|עותק|העתק|प्रतिलिपि|másolat|
        másolatot kap|копие|kopija|kp|копија|a/c|koopia|reply-to|reply to|antwort|antwort an|répondre à|
        répondre a|responder a|rispondi a|antwoord aan|odpowiedź-do|odpověď na|odpovedať-pre|svar til|svara till|
        vastaus|ответ-кому|кому відповісти|обратный адрес|yanıt adresi|yanıtla|απάντηση|返信先|回复|回复到|回覆|
        답장|trả lời tới|رد إلى|השב-אל|válaszcím|răspuns către|отговор до|odgovori na|odgovor-za|respon a|reply|
        importance|attachments|priority|resent-from|wichtigkeit|anlagen|importancia|importance haute|
        pièces jointes|organization|message-id""",
}
LABELS: dict[str, str] = {name: kind for kind, names in _NAMES.items() for name in _words(names)}
# Latvian and Lithuanian for From, and what everybody writes before a number or a question.
UNSURE_LABELS: dict[str, str] = {"no": "from", "kas": "from", "se": "from", "से": "from"}

ORIGINAL = frozenset(
    _words(
        """original message|reply message|replied message|回复的原邮件|回复的邮件|original email|quoted message|
        reply above this line|original appointment|ursprüngliche nachricht|originalnachricht|
        original-nachricht|antwort nachricht|
        message d'origine|message d’origine|message original|courriel original|e-mail d’origine|mensaje original|
        correo original|mensagem original|messaggio originale|messaggio di origine|oorspronkelijk bericht|
        origineel bericht|oryginalna wiadomość|wiadomość oryginalna|исходное сообщение|оригинальное сообщение|
        исходное письмо|оригінальне повідомлення|вихідне повідомлення|оригінал повідомлення|
        oprindelig meddelelse|original meddelelse|ursprungligt meddelande|originalmeddelande|opprinnelig melding|
        original melding|alkuperäinen viesti|původní zpráva|původní e-mail|pôvodná správa|orijinal mesaj|
        orijinal ileti|özgün ileti|asıl i̇leti|αρχικό μήνυμα|元のメッセージ|元のメール|オリジナルメッセージ|
        原始邮件|原始郵件|原始訊息|原邮件|원본 메시지|원본 메일|thư gốc|tin nhắn gốc|tin nhắn ban đầu|
        الرسالة الأصلية|رسالة أصلية|הודעה מקורית|ההודעה המקורית|मूल संदेश|eredeti üzenet|eredeti levél|
        mesajul original|mesaj original|mesajul inițial|оригинално писмо|оригинално съобщение|izvorna poruka|
        originalna poruka|изворна порука|оригинална порука|izvirno sporočilo|prvotno sporočilo|missatge original|
        algne kiri|algne sõnum|algne teade|originalaus laiško tekstas|originalus laiškas|pradinis pranešimas|
        sākotnējais ziņojums|oriģinālais ziņojums"""
    )
)

# Too short to mean anything without dashes on both sides.
ORIGINAL_IN_FRAME = frozenset(_words("original|originale|оригинал|原文|原件"))

_FORWARDED = _words(
    """forwarded message|forwarded mail|forwarded email|forwarded e-mail|weitergeleitete nachricht|
        weitergeleitete e-mail|weitergeleitete mail|weitergeleiteten nachricht|weitergeleiteten e-mail|
        message transféré|message réexpédié|message transmis|e-mail transféré|courriel transféré|
        mensaje reenviado|correo reenviado|mensaje remitido|mensagem encaminhada|mensagem reencaminhada|
        messaggio inoltrato|del messaggio inoltrato|doorgestuurd bericht|doorgestuurde e-mail|
        przekazana wiadomość|przesłana dalej wiadomość|wiadomość przekazana|wiadomość przesłana dalej|
        treść przekazanej wiadomości|początek przekazywanej wiadomości|początek przekazanej wiadomości|
        пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение|пересылаемое письмо|
        пересланное письмо|перенаправленное письмо|начало переадресованного сообщения|
        начало пересылаемого сообщения|переадресованное сообщение|переадресованное письмо|переслане повідомлення|
        перенаправлене повідомлення|переадресоване повідомлення|переслане письмо|пересланий лист|
        початок листа, що пересилається|початок переадресованого повідомлення|пересилається повідомлення|
        videresendt meddelelse|videresendt besked|start på videresendt besked|videresendt e-mail|
        videresendt melding|start på videresendt melding|videresendt e-post|vidaresend melding|
        vidarebefordrat meddelande|vidarebefordrat mejl|vidarebefordrat brev|vidarebefordrat e-postmeddelande|
        välitetty viesti|välitetty viesti / fwd.msg|välitetty viesti alkaa|edelleenlähetetty viesti|
        lähetetty edelleen|přeposlaná zpráva|přeposlaný e-mail|začátek přeposílané zprávy|
        začátek přeposlané zprávy|preposlaná správa|preposlaná správa --- forwarded message|
        začiatok preposlanej správy|i̇letilmiş mesaj|i̇letilen mesaj|i̇letilen i̇leti|i̇letilmiş i̇leti|
        i̇leti başlangıcı|iletilmiş mesaj|iletilen mesaj|yönlendirilmiş i̇leti|yönlendirilen i̇leti|
        προωθημένο μήνυμα|αρχή προωθημένου μηνύματος|έναρξη προωθημένου μηνύματος|μήνυμα που προωθήθηκε|
        転送メッセージ|メッセージを転送|転送されたメッセージ|転送メール|转发邮件信息|转发的邮件|转发邮件|
        已转发邮件|转发的消息|被转发邮件信息|下面是被转发的邮件|轉寄郵件|轉寄的郵件|轉寄訊息|轉寄的訊息|
        以下是轉寄的郵件|已轉寄的郵件|전달된 메시지|전달된 메일|전달 메시지|다음은 전달된 메시지|전달받은 메일|
        thư đã chuyển tiếp|tin nhắn đã chuyển tiếp|thư được chuyển tiếp|bắt đầu thư được chuyển tiếp|
        bắt đầu tin nhắn được chuyển tiếp|رسالة معاد توجيهها|رسالة محولة|رسالة ممررة|رسالة ممرّرة|
        رسالة مُعاد توجيهها|بداية الرسالة المعاد توجيهها|הודעה שהועברה|הודעה מועברת|תחילת ההודעה שהועברה|
        अग्रेषित संदेश|अग्रेषित मेल|továbbított üzenet|továbbított levél|továbbított levél kezdete|
        továbbított üzenet kezdete|mesaj redirecționat|mesaj retrimis|mesaj transmis|
        începe mesajul redirecționat|препратено съобщение|препратено писмо|начало на препратеното съобщение|
        proslijeđena poruka|započni proslijeđenu poruku|početak proslijeđene poruke|prosleđena poruka|
        početak prosleđene poruke|прослеђена порука|posredovano sporočilo|začetek posredovanega sporočila|
        missatge reenviat|inici del missatge reenviat|edastatud kiri|edastatud sõnum|edastatud meil|
        edastatud teade|persiųstas laiškas|persiųstas pranešimas|persiunčiamas laiškas|pārsūtīts ziņojums|
        pārsūtīta vēstule|pārsūtītais ziņojums|pārsūtīta ziņa"""
)
_OPENINGS = "begin |begin of |start of |début du |anfang der |anfang |inizio |início da |inicio del |inici del "
FORWARDED = re.compile(
    # The Turkish capital i with its dot is two signs in lower case; a pattern that ignores case wants one.
    rf"(?:{_OPENINGS})?(?:{'|'.join(re.escape(mark.replace('i̇', 'i')) for mark in _FORWARDED)}|"
    r"(?:forwarded|weitergeleitet|transféré|réexpédié|reenviado|inoltrato|doorgestuurd|przekazane) "
    r"(?:by|von|par|por|da|door|przez) .{1,80})",
    re.IGNORECASE,
)
FORWARDED_END = frozenset(
    _words(
        """end of forwarded message|end forwarded message|end forward|end of forwarded mail|
        ende der weitergeleiteten nachricht|ende der weitergeleiteten e-mail|fin du message transféré|
        fin del mensaje reenviado|конец пересылаемого сообщения|конец пересылаемого письма|
        конец переадресованного сообщения|кінець пересланого повідомлення|кінець листа, що пересилається|
        кінець переадресованого повідомлення|koniec przekazanej wiadomości|i̇letilen mesajın sonu"""
    )
)

# The prefixes that mail programs put before a subject, without their colon.
FORWARD_PREFIXES = frozenset(
    _words(
        """fw|fwd|forward|forwarded|wg|weitergeleitet|weiterleitung|tr|transfert|transféré|rv|reenv|reenviado|
        reenviar|enc|encaminhado|encaminhada|i|inoltra|inoltro|doorst|doorgestuurd|pd|podaj dalej|přep|
        přeposláno|přeposlat|prep|preposlané|vb|vidarebefordrat|videres|videresend|videresendt|vl|välitetty|
        lähetetty edelleen|i̇lt|ilt|i̇let|iletilen|i̇letilen|yönl|πρθ|προωθ|προωθημένο|転送|转发|轉寄|轉發|전달|
        chuyển tiếp|ct|تحويل|إعادة توجيه|הועבר|अग्रेषित|továbbítás|továbbítva|továbbított|redir|redirecționat|
        препр|препратено|prosl|proslijeđeno|prosleđeno|прослеђено|posr|posredovano|reenviat|edasi|edastatud|pers|
        persiųsta|persiunčiama|pārs|pārsūt|pārsūtīts|пересл|переслано|пересланное|пересилання|пер|переадр|
        переадресовано|переадресация|переадресація|перенапр|trs|fs"""
    )
)
REPLY_PREFIXES = frozenset(
    _words(
        """re|aw|antw|antwort|antwoord|réf|rép|rep|réponse|resp|respuesta|res|r|rif|ris|rispondi|odp|odpověď|
        odpoveď|sv|svar|vast|vastaus|ynt|yanıt|απ|απάντηση|σχετ|返信|回复|回覆|答复|答覆|답장|회신|trả lời|tl|رد|
        الرد|השב|תשובה|उत्तर|vá|válasz|răsp|răspuns|отг|отговор|odg|odgovor|одг|resposta|vs re|vast re|ats|
        atsakymas|atb|atbilde|отв|ответ|на|ha|відп|відповідь|bls|sent re|auto|automatic reply|out of office|
        accepted|declined|undeliverable|undelivered"""
    )
)
# Danish and Norwegian for a forward, Finnish for an answer.
EITHER_PREFIXES = frozenset({"vs"})
