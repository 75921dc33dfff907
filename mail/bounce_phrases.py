"""The words in which mail programs say that a mail was not delivered, in the languages in which they say it.

Patterns only, each bounded, so that a line of any kind is read in linear time. They are broad on purpose: they are
asked of mail that a program wrote (see `mail.bounces`), where "nicht" is hardly ever small talk. What a person writes
is never judged by them alone.
"""

from __future__ import annotations

import re

# What a report is called. A person may write it too, so a subject alone proves nothing.
SUBJECT = re.compile(
    r"undeliver|undelivrable|unzustellbar|nicht zustellbar|nicht zugestellt|zustellung fehlgeschlagen|non-?delivery|"
    r"nondeliverable|non-?deliverable|not delivered|not be delivered|"
    r"delivery (?:status|failure|report|problem|notification|error|has failed|failed|incomplete|delayed?|unsuccessful)|"
    r"delivery to .{1,80} (?:failed|delayed)|mail delivery|mail failure|mail failed|delivery fail|delayed (?:mail|"
    r"delivery)|"
    r"returned mail|returned to sender|failure notice|failure notification|"
    r"could not (?:be )?(?:deliver|send|sent)|couldn.t be (?:delivered|sent)|address not found|message not sent|"
    r"message blocked|message delayed|mail system error|message status|rejected mail|message rejected|mail could not|"
    r"warning: .{0,40}message|bounced mail|message you sent .{0,30}(?:fail|bounce)|email bounced|"
    r"не доставлен|недоставленн|не может быть доставлен|не удается доставить|не удаётся доставить|не удалось доставить|"
    r"невозможно доставить|задержка доставки|"
    r"non remis|remise impossible|échec de (?:la )?(?:remise|distribution)|non distribu|non délivr|"
    r"no se (?:puede|pudo|ha podido) entregar|no entregad|no entregable|devuelto al remitente|"
    r"não (?:é possível entregar|entregue|foi entregue|entregável)|falha na entrega|devolvido ao remetente|"
    r"impossibile recapitare|non recapitabil|mancat[oa] (?:recapito|consegna)|recapito (?:non riuscito|fallito)|"
    r"nie można dostarczyć|niedostarczaln|niedostarczon|nie dostarczono|zwrot wiadomości|"
    r"onbestelbaar|niet bezorgd|niet afgeleverd|kan inte levereras|kunne ikke leveres|oleverer|"
    r"nedoručiteln|nepodařilo se doručit|kézbesíthetetlen|teslim edilemedi|teslim edilemeyen|iletilemedi|"
    r"配信不能|配信できませんでした|配信エラー|送信エラー|未配達|无法投递|无法送达|未送达|退信|投递失败|未傳遞|"
    r"無法傳遞|傳送失敗|退回的郵件|배달되지|반송",
    re.IGNORECASE,
)

# That something was not, or not yet, delivered, said in a sentence.
UNDELIVERED = re.compile(
    r"(?:could|can|was|has|is|were)(?: ?not|n.t| not yet| not been| not yet been) (?:be |been )?(?:deliver|sent\b|"
    r"reach)|"
    r"(?:could|did)(?: ?not|n.t) (?:reach|deliver|receive)|not (?:yet )?been delivered|cannot be (?:deliver|sent)|"
    r"unable to (?:deliver|send|relay)|undeliver|nondeliver|non-deliver|wasn.t able to deliver|were unable|"
    r"failed to (?:deliver|send|reach)|deli?very (?:of|to|has|had|failed|failure|attempt|status|problem|error|"
    r"incomplete)|"
    r"had (?:permanent|transient|delivery)|fatal errors?|permanent error|returned to (?:the )?sender|failed addresses|"
    r"address(?:\(?es\)?)? failed|failed recipient|failure reasons?|has been (?:delayed|rejected|blocked|returned|"
    r"deferred)|"
    r"recipients? (?:failed|were affected|rejected)|smtp error from|remote (?:host|server|mta) (?:said|returned)|"
    r"generating server|rejected your message|message (?:was )?(?:blocked|rejected|delayed|not delivered|not sent)|"
    r"could not send|invalid (?:user )?address|unknown user|user unknown|delivery errors|mailbox is full|"
    r"returned mail|returning (?:your )?message|(?:was|been) automatically rejected|address not found|"
    r"recipient unknown|"
    r"no such (?:user|mailbox|recipient|address)|no user by that name|(?:user|address|mailbox|account) does not exist|"
    r"mailbox (?:is )?(?:unavailable|full|disabled)|(?:over|exceed\w{0,3}) (?:the |its )?quota|quota exceeded|"
    r"не (?:удалось|удаётся|удается|может быть|было|была|был|смогли?) ?(?:доставл|доставить|отправ)|не доставлен|"
    r"невозможно доставить|доставка .{0,40}(?:невозможна|задерж)|"
    r"nicht (?:zugestellt|zustellbar|ausgeliefert|erreicht|gesendet)|unzustellbar|zustellung .{0,60}(?:fehl|nicht|"
    r"verz)|"
    r"pas (?:pu )?(?:être )?(?:remis|distribu|livr|délivr|achemin)|échec de (?:la )?(?:remise|livraison|distribution)|"
    r"remise .{0,60}(?:échou|impossible|retard)|"
    r"no se (?:pudo|ha podido|puede|pudieron) entregar|error (?:en|al) .{0,12}entrega|no (?:ha sido|fue) entregad|"
    r"não (?:foi|pôde|pode|foi possível) ?(?:ser )?entreg|falha na entrega|"
    r"impossibile recapitare|non (?:è stato|è stata|è) (?:recapitat|consegnat|possibile)|recapito .{0,60}non riuscit|"
    r"nie (?:można|udało się|powiodło się|został[ao]?) ?.{0,20}dostarcz|dostarczenie .{0,80}nie powiod|"
    r"niet (?:worden )?(?:bezorg|afgelever|bestel)|kan niet worden|bezorging .{0,60}mislukt|"
    r"kunde inte levereras|kunne ikke leveres|nelze doručit|nepodařilo se doručit|teslim edileme|iletileme|"
    r"配信(?:できません|不能|に失敗)|送信(?:できません|に失敗)|配達できません|届けることができません|"
    r"无法(?:投递|送达|传递|发送)|投递失败|未能送达|发送失败|退信|退回|無法(?:傳遞|傳送|投遞)|傳遞失敗|"
    r"전달(?:하지 못|되지|할 수 없)|배달(?:하지 못|되지|할 수 없)",
    re.IGNORECASE,
)

# A reason, or a word that goes with one: it makes an address beside it the one that failed.
FAILURE = re.compile(
    r"fail|could ?n[o'’]t|can ?n[o'’]t|unable|undeliver|non-?deliver|(?:did|do|does|was|were|has|is) ?n[o'’]t|"
    r"reject|refus|bounce|error|unknown|no such|invalid|delay|not (?:yet|be|been|found|exist|listed|accept|reach|"
    r"receiv)|"
    r"problem|denied|blocked|quota|full\b|disabled|inactive|suspend|expired|timed? ?out|no (?:mailbox|user|valid)|"
    r"unrout|not our customer|affected|returned|giving up|gave up|"
    r"\bне\b|невозможн|ошибк|отклон|переполн|задерж|\bnicht|fehl|unbekannt|abgelehnt|voll\b|"
    r"échec|échou|impossible|\bpas\b|rejet|inconnu|introuvable|erreur|\bno (?:se|existe|ha|es)\b|fall[oó]|rechaz|"
    r"desconocid|"
    r"\bnão\b|falh|erro\b|recusad|rejeit|\bnon\b|impossibil|errore|rifiut|sconosciut|fallit|"
    r"\bnie\b|błąd|odrzuc|niepowodz|\bniet\b|mislukt|fout|geweiger|onbekend|\binte\b|misslyck|\bikke\b|mislyk|"
    r"nelze|nepodař|selhal|edileme|başarısız|できません|失敗|不能|エラー|見つかり|届|失败|无法|無法|未能|退信|退回|"
    r"不存在|错误|錯誤|拒绝|拒絕|실패|없습니다|반송",
    re.IGNORECASE,
)

# An SMTP answer: a code of three digits or of the form 5.1.1, not a piece of a longer number, an address or a version.
CODE = re.compile(r"(?<![\d.:/])(?:[45]\d\d(?=[ \-:#,.\])'\"]|$)|#?[45]\.\d{1,3}\.\d{1,3}(?![\d.]))")
GONE_FOR_GOOD = re.compile(r"(?<![\d.:/])(?:5[0-7]\d(?=[ \-:#,\])'\"]|$)|#?5\.\d{1,3}\.\d{1,3}(?![\d.]))")
NOT_NOW = re.compile(r"(?<![\d.:/])(?:4[2-7]\d(?=[ \-:#,\])'\"]|$)|#?4\.\d{1,3}\.\d{1,3}(?![\d.]))")

STILL_TRYING = re.compile(
    r"will (?:be )?(?:re-?tr|re-?attempt|continue|keep|be (?:re|made|attempted|tried))|still (?:be )?(?:try|trying|"
    r"attempt)|"
    r"keep trying|not yet been (?:delivered|sent)|not been delivered yet|has been delayed|been (?:deferred|postponed)|"
    r"(?:do|need) not (?:need to )?resend|no need to (?:resend|re-send|send)|no action is required|"
    r"warning (?:message )?only|just a warning|delivery (?:is |was |has been )?(?:delayed|incomplete)|"
    r"temporary problem|"
    r"attempts will continue|trying to deliver|could not be delivered (?:yet|for the last|for \d)|"
    r"повторны[ехм] попыт|попытк\w{1,3} (?:доставки )?будут|будет повтор|продолж\w{1,6} попыт|пока не (?:доставлен|"
    r"удалось)|задерж\w{1,8}|"
    r"weitere zustellversuche|wird weiterhin versucht|noch nicht zugestellt|verzögert|"
    r"pas encore (?:été )?(?:remis|distribu|livr)|retardée?|nouvelles? tentatives?|tentatives? .{0,40}poursuiv|"
    r"aún no se ha|todavía no (?:se )?ha|se ha retrasado|seguirá intentando|se retrasó|ainda não foi|foi atrasad|"
    r"continuará tentando|"
    r"non è ancora stat|ritardat|ulteriori tentativi|jeszcze nie|opóźnion|ponawiane|vertraagd|nog niet (?:bezorgd|"
    r"afgeleverd)|"
    r"遅延|再送を|まだ配信|延迟|延遲|继续尝试|尚未",
    re.IGNORECASE,
)
GIVEN_UP = re.compile(
    r"permanent|given up|gave up|giving up|no (?:further|more) (?:delivery )?attempts|will not be (?:re|tried|"
    r"attempted)|"
    r"not going to try again|after \d{1,5} attempt|too long|retry time(?:out)? exceeded|timeout exceeded|"
    r"returned to (?:the )?sender|"
    r"returning (?:your )?message to|(?:has |message )expired|undeliverable|unzustellbar|fatal error|failure notice|"
    r"невозможно|недоставлен|возвращен|endgültig|définitiv|definitiv|permanente|trwał",
    re.IGNORECASE,
)

# What the subject of a last word says, and that of a warning does not.
OVER = re.compile(
    r"fail|undeliver|returned|unzustell|недостав|non remis|no entreg|impossibil|onbestel|"
    r"退信",
    re.IGNORECASE,
)

# The line below which the returned mail stands, or its header. A line that begins with other words is none.
RETURNED = re.compile(
    r"[\s>|*#=_\-+]{0,100}(?:"
    r"(?:below (?:this|the next) line|this|included|enclosed|here|following|attached|what follows)"
    r"(?: (?:is|are|below))?.{0,20}(?:a )?(?:copy|header|original|returned|beginning).{0,60}|"
    r"(?:the |start of |beginning of )?(?:header|headers|text|body) of (?:the |your )?(?:original |"
    r"returned )?(?:message|mail).{0,40}|"
    r"(?:the |start of |beginning of )?(?:original|returned|unsent|undelivered|bounced|"
    r"rejected) (?:e-?mail )?(?:message|mail)"
    r"(?: (?:headers?|text|body|details))?(?: (?:is |are )?(?:follow|below|attach|includ)\w{0,6}.{0,20})?|"
    r"message (?:headers?|text|body|contents?) (?:follows?|below|is as follows|attached).{0,10}|your message reads|"
    r"old message|"
    r"here is your returned mail|"
    r"en-?t.{1,3}tes d(?:u|e) message d.origine|ursprüngliche nachrichtenk.{1,20}|ursprüngliche kopfzeilen.{0,30}|"
    r"encabezados de(?:l)? mensaje(?:s)? original(?:es)?|cabeçalhos (?:da mensagem|de mensagens?) origina(?:l|is)|"
    r"intestazioni (?:originali del messaggio|(?:del )?messaggio originale)|"
    r"(?:исходные )?заголовки (?:исходного |исходных )?сообщени[яй]|исходное сообщение|"
    r"текст (?:исходного )?(?:письма|сообщения)|"
    r"oryginalne nagłówki wiadomości|nagłówki oryginalnej wiadomości|oorspronkelijke (?:berichtkoppen|berichtheaders)|"
    r"kopteksten van oorspronkelijk bericht|ursprungshuvuden|ursprungliga meddelandehuvuden|"
    r"元のメッセージ ?(?:の)?ヘッダー|原始(?:邮件|郵件)(?:标题|標題|标头|標頭|头)|原邮件(?:信息|内容)?"
    r")[\s:.\-=|*#_>]{0,100}",
    re.IGNORECASE,
)

# Whom to ask, not whom the mail did not reach; and who sent it.
CONTACT = re.compile(
    r"contact|assist|for help|help ?desk|support|questions|administrator|postmaster|inquir|report (?:this|it|abuse)|"
    r"обратит|свяжит|kontakt|wenden sie|contacte|póngase|entre em contato|contatt|skontaktuj|neem contact|"
    r"お問い合わせ|联系|聯絡",
    re.IGNORECASE,
)
SENDER = re.compile(
    r"(?:sent by|message from|mail from|(?:original )?sender|from|von|отправител\w{1,3}|expéditeur|remitente|"
    r"remetente|mittente|"
    r"nadawca|afzender|送信者|发件人)\s*[:<]?\s*\Z",
    re.IGNORECASE,
)
RECIPIENT_KEY = re.compile(
    r"\W{0,20}(?:(?:final|failed|original|intended|bad|invalid|undeliverable|envelope|unknown|your|the)[ -]){0,2}"
    r"(?:recipients?|address(?:ee)?|e-?mail address|rcpt[ -]to|addressed to|delivered to|users?|mailbox|"
    r"получател\w{1,3}|кому|"
    r"адресат\w{0,2}|empfänger|destinataires?|destinatarios?|destinatári[oa]s?|destinatari[oa]?|adresat|odbiorca|"
    r"geadresseerde|"
    r"ontvanger|宛先|收件人)(?:\(s\)|\(e?s\))?(?: address)?\s*(?:is|was)?\s*[:=：]",
    re.IGNORECASE,
)
