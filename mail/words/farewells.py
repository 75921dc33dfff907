"""What people write under their mails: thanks and closing phrases, and the short answers that stand in the same places.
The tables of `closings` and `names`, in the languages that we meet; all are compared folded (`writer.folded`).

A new language is a few words in each table. Words that mean something else elsewhere belong in SHORT.
"""

from __future__ import annotations

import re

from mail.words.writer import folded


def _phrases(table: str) -> tuple[str, ...]:
    """The phrases of a table, parted by|."""
    return tuple(folded(" ".join(phrase.split())) for phrase in table.split("|"))


THANKS = frozenset(
    _phrases(
        """thanks|thank you|many thanks|thanks in advance|thank you very much|thanks a lot|thx|thanks so much|
        thank you so much|many thanks again|thanks again|спасибо|
        заранее спасибо|дякую|щиро дякую|danke|vielen dank|danke im voraus|besten dank|merci|merci d'avance|
        merci beaucoup|gracias|muchas gracias|gracias de antemano|grazie|grazie mille|grato|grata|obrigado|obrigada|
        muito obrigado|muito obrigada|bedankt|dank je|dank u|alvast bedankt|dziękuję|dzięki|z góry dziękuję|
        děkuji|děkuju|díky|předem děkuji|ďakujem|vopred ďakujem|på forhånd tak|mange tak|tack|tack på förhand|
        takk|på forhånd takk|kiitos|kiitos etukäteen|teşekkürler|teşekkür ederim|ευχαριστώ|σας ευχαριστώ|
        ありがとうございます|よろしくお願いします|以上、よろしくお願いします|以上、よろしくお願いいたします|よろしくお願いいたします|よろしくお願い致します|どうぞよろしくお願いいたします|何卒よろしくお願いいたします|
        宜しくお願いいたします|宜しくお願いします|
        宜しくお願い致します|谢谢|謝謝|감사합니다|고맙습니다|cảm ơn|xin cảm ơn|شكرا|شكرًا|
        תודה|תודה רבה|köszönöm|köszönettel|előre is köszönöm|mulțumesc|multumesc|благодаря|
        предварително благодаря|hvala|hvala unaprijed|хвала|hvala vam|gràcies|moltes gràcies|ačiū|paldies|aitäh|
        tänan|ขอบคุณครับ|ขอบคุณค่ะ|ขอบคุณ|terima kasih|متشکرم|ممنون|با تشکر|धन्यवाद"""
    )
)
# Words that mean something else elsewhere (Polish yes, a brand, the best one): they close a mail only with a comma or a
# dash behind them and the writer's name below.
SHORT = frozenset(_phrases("tak|ty|best|love|yours|br|kr|lg|vg|lp|gr|vh|att|abs|salam|以上"))
FAREWELLS = frozenset(
    _phrases(
        """regards|best regards|kind regards|warm regards|kindest regards|warmest regards|with best regards|
        with kind regards|with regards|best wishes|warm wishes|all the best|warmly|warmest|have a nice day|
        have a good day|have a great day|sincerely|sincerely yours|
        yours sincerely|yours truly|yours faithfully|faithfully yours|respectfully|respectfully yours|cheers|
        rgds|thanks and regards|thanks & regards|thanks and best regards|take care|с уважением|
        с наилучшими пожеланиями|с найлучшими пожеланиями|с искренним уважением|всего доброго|хорошего дня|
        всего хорошего|
        всего наилучшего|с добрыми пожеланиями|з повагою|з найкращими побажаннями|з пошаною|усього найкращого|
        усього доброго|з павагай|mit freundlichen grüßen|mit freundlichen grüssen|mit freundlichen gruessen|
        mit freundlichem gruß|mit freundlichem gruss|freundliche grüße|freundliche grüsse|viele grüße|
        viele grüsse|beste grüße|beste grüsse|liebe grüße|liebe grüsse|schöne grüße|schönen tag noch|
        einen schönen tag|herzliche grüße|
        herzliche grüsse|mit besten grüßen|mit besten grüssen|mit vielen grüßen|grüße|grüsse|gruß|gruss|
        viele grüße und danke|hochachtungsvoll|mfg|cordialement|bien cordialement|très cordialement|
        bien à vous|salutations|salutations distinguées|sincères salutations|meilleures salutations|bonne journée|
        belle journée|bonne soirée|
        bonne réception|amicalement|bien à toi|saludos|un saludo|saludos cordiales|un cordial saludo|
        cordiales saludos|quedo atento|quedo atenta|atentamente|atte|muy atentamente|un abrazo|cordialmente|
        cordiali saluti|distinti saluti|
        saluti|un saluto|un cordiale saluto|i migliori saluti|buona giornata|atenciosamente|cumprimentos|
        melhores cumprimentos|com os melhores cumprimentos|os melhores cumprimentos|abraços|
        met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|hartelijke groet|
        hartelijke groeten|groeten|groetjes|groet|hoogachtend|mvg|z poważaniem|z powazaniem|pozdrawiam|
        pozdrawiam serdecznie|serdecznie pozdrawiam|z wyrazami szacunku|łączę pozdrowienia|s pozdravem|s úctou|
        s přáním hezkého dne|hezký den|přeji hezký den|s přátelským pozdravem|zdraví|s pozdravom|
        s priateľským pozdravom|med venlig hilsen|
        venlig hilsen|de bedste hilsner|bedste hilsner|hilsen|mange hilsner|med vennlig hilsen|vennlig hilsen|
        beste hilsen|hilsen fra|med vänliga hälsningar|vänliga hälsningar|med vänlig hälsning|vänlig hälsning|
        hälsningar|bästa hälsningar|mvh|ystävällisin terveisin|terv|terveisin|parhain terveisin|saygılarımla|
        saygılar|iyi günler|iyi çalışmalar|sevgiler|με εκτίμηση|φιλικά|χαιρετισμούς|με φιλικούς χαιρετισμούς|敬具|
        此致|敬礼|祝好|顺祝商祺|祝商祺|此致敬禮|敬上|드림|올림|trân trọng|thân ái|thân mến|kính thư|
        مع التحية|مع أطيب التحيات|تحياتي|وتفضلوا بقبول فائق الاحترام|بברכה|בברכה|בכבוד רב|با احترام|ارادتمند|
        üdvözlettel|tisztelettel|üdv|szívélyes üdvözlettel|cu stimă|cu respect|toate cele bune|o zi bună|
        с уважение|поздрави|с най-добри пожелания|s poštovanjem|lijep pozdrav|srdačan pozdrav|pozdrav|srdačno|
        с поштовањем|поздрав|lep pozdrav|s spoštovanjem|salutacions|salutacions cordials|atentament|pagarbiai|
        su pagarba|linkėjimai|ar cieņu|ar sveicieniem|lugupidamisega|parimate soovidega|tervitades|ด้วยความเคารพ|
        ขอแสดงความนับถือ|hormat saya|hormat kami|salam hormat|सादर"""
    )
)
# The place that some greet from.
FROM_PLACE = re.compile(r" (?:aus|from|uit|fra|från|de|da|из|z|ze|iz) [^\W\d_]{2,30}$")
# What stands between two closings on one line.
AND = re.compile(r" ?[/&,+] ?| (?:and|und|y|e|et|en|og|och|i|a|и|та|i|ja|ve|și) ")
# Answers of one word or two, and what people report in one: no names, although they begin with a capital.
ANSWERS = frozenset(
    _phrases(
        """yes|no|ok|okay|nope|yep|yeah|sure|done|approved|approve|agreed|confirmed|received|solved|resolved|fixed|
        works|working|worked|perfect|great|excellent|wonderful|awesome|super|correct|right|wrong|accepted|rejected|
        declined|denied|closed|cancel|cancelled|canceled|understood|noted|same|nothing|none|both|all|good|fine|never|
        maybe|already|still|broken|update|edit|ja|nein|nee|doch|erledigt|gelöst|genehmigt|bestätigt|erhalten|
        einverstanden|funktioniert|klappt|passt|perfekt|toll|prima|verstanden|behoben|geht|läuft|oui|non|reçu|résolu|
        réglé|confirmé|validé|approuvé|parfait|accord|compris|fonctionne|sí|si|hecho|listo|resuelto|solucionado|
        recibido|confirmado|aprobado|perfecto|vale|entendido|funciona|sì|fatto|risolto|ricevuto|confermato|approvato|
        perfetto|sim|não|feito|resolvido|recebido|aprovado|perfeito|akkoord|gelukt|ontvangen|opgelost|goedgekeurd|
        klaar|werkt|tak|nie|dobrze|gotowe|działa|zrobione|rozwiązane|potwierdzam|otrzymałem|zgoda|ano|ne|áno|hotovo|
        funguje|vyřešeno|vyriešené|potvrzuji|schváleno|nej|nei|løst|færdig|godkendt|bekræftet|modtaget|löst|klart|
        klar|fungerar|mottaget|godkänt|kyllä|ei|kiitos|toimii|valmis|evet|hayır|tamam|oldu|çözüldü|да|нет|помогло|
        получил|получила|получено|готово|сделано|решено|подтверждаю|согласен|согласна|работает|заработало|хорошо|
        отлично|понятно|так|ні|допомогло|отримав|отримала|зроблено|вирішено|працює|ναι|όχι|igen|nem|kész|működik|
        rezolvat|primit|confirm"""
    )
)
# What titles, firms and addresses do not say, and most sentences do.
SAYS = frozenset(
    _phrases(
        """is|are|was|were|has|have|had|does|did|doesn't|don't|didn't|isn't|will|would|can|can't|could|should|not|it|i|
        my|we|you|your|please|too|also|still|again|now|yet|works|broke|broken|ist|sind|war|hat|haben|wird|werden|kann|
        nicht|kein|keine|ich|mein|meine|wir|sie|bitte|auch|noch|wieder|jetzt|est|sont|ne|pas|je|nous|vous|aussi|encore|
        está|están|también|todavía|tengo|favor|è|sono|non|anche|ancora|é|não|também|ainda|het|niet|ik|ook|nog|jest|są|
        nie|się|mam|też|jeszcze|není|jsou|ještě|také|är|inte|jag|också|ikke|jeg|også|myös|не|нет|я|мне|меня|
        мой|моя|мы|вы|тоже|также|ещё|еще|пожалуйста|уже|немає|мені|мене|також|ще|будь|değil|hala|nem|még|sunt|nu"""
    )
)
# Small words inside names.
PARTICLES = frozenset(
    _phrases(
        "van|von|vom|de|der|den|da|di|do|du|la|le|dos|das|del|della|el|al|bin|ibn|ter|ten|zu|zur|und|and|e|y|et|of"
    )
)
SIGNED = re.compile(r"[-\u2013\u2014] ?[^\W\d_]{2,20}\.?(?: [A-ZА-ЯЁІЇЄ][\w.]*){0,2}")
RULE = re.compile(r"[-_=*~\u2013\u2014\u2500-\u2501\u2550\uff0d\uff1d\u30fc\u203b]{4,80}")
POSTSCRIPT = re.compile(
    r"(?:p\. ?s\.?|p\. ?p\. ?s\.?|ps|pps|n\. ?b\.?|nb|п\.? ?с\.?|з\.? ?і\.?|зы|постскриптум|υ\.γ\.|附言|追伸|追記)"
    r"\s?[:.\s\u2013\uff1a-]"
    r"|(?:update|edit|nachtrag|addendum|upd|ergänzung)\s?[:\uff1a]",
    re.I,
)
# Words above a block of addresses and numbers that hand it over: then it is what the mail is about.
HANDS_OVER = re.compile(
    r"address|details|contact|number|phone|colleague|data\b|account|refund|invoice|ship|deliver|below|following|forward|"
    r"adress|anschrift|daten|kontakt|nummer|telefon|kolleg|rechnung|konto|folgend|liefer|coordonn|numéro|collègue|facture|"
    r"suivant|direcci|datos|contacto|número|factura|siguiente|indirizzo|dati|numero|fattura|endereço|dados|gegevens|"
    r"nummer|factuur|adres|dane|numer|faktur|údaj|čísl|адрес|данны|дані|контакт|номер|сч[её]т|рахунок|住所|連絡先|番号|地址|"
    r"电话|주소|연락처"
)
