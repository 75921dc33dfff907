"""How a mail program introduces the mail that it quotes (`On Monday Ann wrote:`), in the languages that we meet.

One row for each language: the words such a line opens with, the days of the week it may open with instead, and the
words for "wrote". All are compared in lower case, after `lines.legible` took away what only steers the display. A new
language is one row. What a signature says stands in `farewells`, labels of header blocks in `labels`.
"""

from __future__ import annotations

import re

# Opening words, days of the week, "wrote". Each is one word: of a phrase its first one opens, its verb is "wrote".
_LANGUAGES = {
    "English": (
        "on at in quoting",
        "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday",
        "wrote writes",
    ),
    "German": (
        "am",
        "mo montag di dienstag mi mittwoch do donnerstag fr freitag sa samstag sonnabend so sonntag",
        "schrieb schrieben schreibt geschrieben",
    ),
    "French": (
        "le",
        "lun lundi mar mardi mer mercredi jeu jeudi ven vendredi sam samedi dim dimanche",
        "écrit ecrit écrivait",
    ),
    "Spanish": (
        "el en",
        "lun lunes mar martes mié mie miércoles miercoles jue jueves vie viernes sáb sab sábado sabado dom domingo",
        "escribió escribio escrito",
    ),
    "Portuguese": (
        "em no a à às aos",
        "seg segunda segunda-feira ter terça terça-feira qua quarta quarta-feira qui quinta quinta-feira sex "
        "sexta sexta-feira sáb sábado dom domingo",
        "escreveu escreve",
    ),
    "Italian": (
        "il in alle",
        "lun lunedì mar martedì mer mercoledì gio giovedì ven venerdì sab sabato dom domenica",
        "scritto scrive scrisse",
    ),
    "Dutch": (
        "op",
        "ma maandag di dinsdag wo woensdag do donderdag vr vrijdag za zaterdag zo zondag",
        "schreef geschreven",
    ),
    "Polish": (
        "w dnia wiadomość",
        "pon poniedziałek wt wtorek śr środa czw czwartek pt piątek sob sobota ndz niedz niedziela",
        "napisał napisała napisał(a) napisal napisana pisze nadesłał",
    ),
    "Czech": (
        "dne",
        "po pondělí út úterý st středa čt čtvrtek pá pátek so sobota ne neděle",
        "napsal napsala napsal(a) napsal/a píše",
    ),
    "Slovak": (
        "dňa dna",
        "po pondelok ut utorok st streda št štvrtok pi piatok so sobota ne nedeľa",
        "napísal napísala napísal(a) napísal/a",
    ),
    "Danish, Norwegian": (
        "den på",
        "man mandag tir tirs tirsdag ons onsdag tor tors torsdag fre fredag lør lørdag søn søndag",
        "skrev skrevet",
    ),
    "Icelandic": (
        "þann",
        "mán mánudagur þri þriðjudagur mið miðvikudagur fim fimmtudagur fös föstudagur lau laugardagur sunnudagur",
        "skrifaði",
    ),
    "Swedish": (
        "den på",
        "mån måndag tis tisdag ons onsdag tors torsdag fre fredag lör lördag sön söndag",
        "skrev skriver",
    ),
    "Finnish": (
        "",
        "ma maanantai maanantaina ti tiistai tiistaina ke keskiviikko keskiviikkona to torstai torstaina pe "
        "perjantai perjantaina la lauantai lauantaina su sunnuntai sunnuntaina",
        "kirjoitti",
    ),
    "Estonian": (
        "",
        "e t k n r l p esmaspäev teisipäev kolmapäev neljapäev reede laupäev pühapäev",
        "kirjutas",
    ),
    "Latvian": (
        "",
        "pirmd otrd trešd ceturtd piektd sestd svētd pirmdien otrdien trešdien ceturtdien piektdien sestdien svētdien",
        "rakstīja",
    ),
    "Lithuanian": (
        "",
        "pr an tr kt pn št sk pirmadienis antradienis trečiadienis ketvirtadienis penktadienis",
        "rašė parašė",
    ),
    "Hungarian": (
        "",
        "h k sze cs p szo v hét hétfő kedd szerda csüt csütörtök péntek szombat vas vasárnap",
        "írta",
    ),
    "Romanian": (
        "în pe la",
        "lun luni mar marți mie miercuri joi vin vineri sâm sâmbătă dum duminică",
        "scris",
    ),
    "Croatian, Serbian": (
        "dana дана",
        "pon ponedjeljak ponedeljak uto utorak sri srijeda sre sreda čet četvrtak pet petak sub subota ned "
        "nedjelja nedelja пон уто сре чет пет суб нед",
        "napisao napisala napisao/la piše написао написала написао/ла пише",
    ),
    "Slovenian": (
        "v dne",
        "pon tor sre čet pet sob ned ponedeljek torek sreda četrtek petek sobota nedelja",
        "napisal napisala napisal/a napisal(a) pisal",
    ),
    "Catalan, Galician": (
        "el missatge o",
        "dl dt dc dj dv ds dg luns martes mércores xoves venres",
        "escrigué escriure escrit escribiu missatge",
    ),
    "Russian": (
        "от в",
        "пн понедельник вт вторник ср среда чт четверг пт пятница сб суббота вс воскресенье",
        "написал написала написал(а) написал(-а) писал писала писал(а) писали пишет",
    ),
    "Ukrainian, Belarusian": (
        "від у в",
        "пн понеділок вт вівторок ср середа чт четвер пт п'ятниця п’ятниця сб субота нд неділя",
        "написав написала написав(ла) написав(-ла) писав писала пише напісаў піша",
    ),
    "Bulgarian": (
        "на",
        "пн понеделник вт вторник ср сряда чт четвъртък пт петък сб събота нд неделя",
        "написа написала",
    ),
    "Greek": (
        "στις την",
        "δευ δευτέρα τρί τρι τρίτη τετ τετάρτη πέμ πεμ πέμπτη παρ παρασκευή σάβ σαβ σάββατο κυρ κυριακή",
        "έγραψε έγραψαν",
    ),
    "Turkish": (
        "",
        "pzt pazartesi sal salı çar çarşamba per perşembe cum cuma cmt cumartesi paz pazar",
        "yazdı",
    ),
    "Indonesian, Malay": (
        "pada",
        "sen senin sel selasa rab rabu kam kamis jum jumat sab sabtu min minggu isn",
        "menulis",
    ),
    "Vietnamese": (
        "vào ngày lúc",
        "th thứ cn",
        "viết",
    ),
    "Filipino": (
        "noong",
        "",
        "sumulat",
    ),
    "Hindi": (
        "",
        "सोम मंगल बुध गुरु शुक्र शनि रवि",
        "लिखा",
    ),
    "Arabic": (
        "في بتاريخ يوم",
        "الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
        "كتب كتبت كتب/ت بواسطة",
    ),
    "Hebrew": (
        "בתאריך ביום ב",
        "יום",
        "כתב כתבה כתב/ה מאת",
    ),
    "Persian": (
        "در",
        "دوشنبه سه‌شنبه چهارشنبه پنجشنبه جمعه شنبه یکشنبه",
        "نوشت نوشته",
    ),
}
# Languages that put no spaces between words: here it is enough that the line ends, or begins, with these signs.
WROTE_UNSPACED = tuple(
    phrase
    for row in (
        "写道 写到 寫道 寫到 的邮件 的郵件 のメール のメッセージ 書きました",
        "작성 작성했습니다 작성하였습니다 썼습니다 씀 เขียนว่า เขียน",
    )
    for phrase in row.split()
)
UNSPACED_OPENINGS = ("在", "于", "於", "ในวันที่", "เมื่อ", "วันที่", "ב-")


def _column(number: int) -> frozenset[str]:
    return frozenset(word for row in _LANGUAGES.values() for word in row[number].split())


OPENINGS = _column(0)
WEEKDAYS = _column(1)
WROTE = _column(2)
# People use these in sentences of their own too, so they count only beside an address or above lines with >.
SAYS = frozenset(("said", "says", "sent", "write", "folgendes", "следующее", "dice", "dit", "sagte", "volgende"))
SAYS |= {"following", "suit", "suivant", "siguiente", "seguinte", "seguente", "følgende", "följande", "następująco"}

# By these words people tell of others, where programs only name them.
TOLD = frozenset(
    word
    for row in (
        "i you he she they we the my your our his her their me us someone somebody mr mrs ms",
        "ich er sie wir mir uns ihr ihre ihrer ihnen mein meine unser unsere eine einer jemand der die das herr frau",
        "il elle nous vous m'a m’a mon ma mes votre vos notre nos un une le la les monsieur madame",
        "usted ustedes ud uds vd su mi nuestro nuestra una me nos el los señor señora",
        "eu ele ela você vocês meu minha seu sua nosso um uma o senhor senhora",
        "lei voi loro mio mia vostro vostra nostro uno mi lo signor signora",
        "u jij je jullie mijn uw onze een hij zij de het ni du vi min mit vores din jeres han hun hon jag jeg",
        "pan pani państwo wy mój moja nasz wasz mi on ona ty vy můj váš náš siz sen ön te ti",
        "я он она вы ви ты ти мы мне нам мой моя ваш ваша наш вона мені мій моя наш ваш",
    )
    for word in row.split()
)
# With a second word behind them, these are names of people.
_NAMES_TOO = "de du el han he la le lo me mi mia min ni on ona su te ti u una vi"
NAMES_TOO = frozenset(_NAMES_TOO.split())
# Small words inside names, and words that programs put beside a name, a time and "wrote".
_PARTICLES = (
    "af al auf av bin da dal dalla de degli dei del della den der di do dos du e el i in la le ibn of och og su ten "
    "ter und van via von y z zu zum zur & et and"
)
PARTICLES = frozenset(_PARTICLES.split())
BESIDE_WROTE = frozenset(
    word
    for row in (
        "a ha hat heeft je har va đã has am pm a.m p.m uhr h het ce qui ezt következőt şunu şunları ös öö ö.s ö.ö",
        "tarihinde időpontban időpont keltezéssel użytkownik odesílatel lietotājs oseba kuupäeval kell",
        "пользователь користувач пользователя г р ч je је ο η ο/η χρήστης μ.μ π.μ μμ πμ م ص ने बजे को 님이 님 이(가)",
        "utc gmt z est edt cst cdt mst mdt pst pdt cet cest mez mesz eet eest wet west bst ist msk мск jst kst",
    )
    for word in row.split()
)

DAY = re.compile(r"(?<!\d)(?:19|20|25|14)\d\d(?!\d)|(?<!\d)\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2}(?!\d)|年|년")
CLOCK = re.compile(
    r"(?<![\d.:])\d{1,2}(?:[:.h]| h )\d{2}(?::\d{2})?(?!\d|\.\d)|\d{1,2}[時时点點시](?: ?\d{1,2}[分분])?"
)
# To the second, as people do not tell the time.
EXACT_CLOCK = re.compile(r"(?<![\d.:])\d{1,2}:\d{2}:\d{2}(?!\d)")
# "Wrote" for both genders at once, as nobody speaks: `писал(а)`, `napisao/la`.
WROTE_BY_EITHER = re.compile(r"\w{3,20}(?:\(-?\w{1,2}\)|/-?\w{1,2})(?!\w)")
TIME_OF_BLOCK = re.compile(r"\d{4}.{0,20}\d{1,2}[:.]\d{2}")
# A day of the month with its year, however they are written.
FULL_DATE = re.compile(r"\d{1,2}\D{1,20}(?:19|20)\d\d|\d[./-]\d{1,2}[./-]\d|(?:19|20)\d\d[-/.年년] ?\d")
# A date soon after the opening words, before any address.
DATE_SOON = re.compile(r"[^\d<>@]{0,40}\d")
BEGINS_WITH_DATE = re.compile(
    r"[\"'(]?\d{1,4}[-/. 年년]{1,3}\w{1,14}[-/., 月월]{1,3}\d{1,4}(?!\d)|\d{1,2}[:.]\d\d,? \d"
)
ADDRESS = re.compile(r"(?<![\w.+%=-])[\w.+%='-]{1,64}@[\w.-]{1,253}")
# A name and an address, and nothing after it; the signs that are missing here stand in logs and in lists.
NAME_AND_ADDRESS = re.compile(
    r"[^<>:=\[\]{}|]{0,120}[<(]{1,2} ?(?:mailto:)?[\w.+%='-]{1,64}@[\w.-]{1,253}"
    r"(?: ?<(?:mailto:)?[^<>\s]{1,300}>)?[>)]{1,2}$"
    r"|[ ,](?:от|від|from|von|de|da|by) [^<>:=\[\]{}|]{0,80}[\w.+%='-]{1,64}@[\w.-]{1,253}$"
)
# `On ... wrote:` behind the last word of the answer, on the same line, without the end of a sentence in between.
SHARED_LINE = re.compile(
    r"(?:\s|-{2,} ?)(On (?:\w{3,9},? )?(?:\d|[A-Z][a-z]{2,8} \d)[^<>]{5,150}(?:<[^<>]{3,100}> ?)?wrote:)$"
)
LONE_LINK = re.compile(r"\s*[(<\[]\s?(?:https?://|www\.)[^\s()<>\[\]]{1,2000}[)>\]][\s>]*$")
