"""When a mail was written, from the words of a person's mail program: "Mon, Mar 3, 2025 at 12:34 PM", "3 марта 2025 г.,
12:34", "2025年3月3日 12:34", in the languages of `labels`.

Policy. A date is read only if its day, month, year, hour and minute are all there and nothing contradicts them; else
the answer is None. A written offset counts; without one, the offset of the mail that carries the words is taken, since
programs write such dates in the time of their own place. Two plain numbers for day and month are in the order of the
language, unless one order is impossible or lies after the mail that carries them.

Nothing raises; every pattern looks at 200 characters at most. Known weakness: an offset that was borrowed is wrong by
an hour across a change to summer time.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_LONGEST = 200
_FIRST_YEAR, _LAST_YEAR = 1971, 2100
_DAY = timedelta(days=1)
# Year, month and day, and the text in which the time stands.
_Reading = tuple[tuple[int, int, int], str]

# January to December, the forms of all languages by month: full names, genitives and abbreviations.
_MONTH_NAMES = (
    """january jan januar januari jänner enero ene janeiro gennaio gen janvier janv januarie январь января янв січень
    січня січ януари яну ян јануар јан styczeń stycznia sty leden ledna led január januára siječanj siječnja sij
    ocak oca tammikuu tammikuuta tammik tammi ιανουάριος ιανουαρίου ιαν ιανουάριο ianuarie ian gener jaanuar jaan
    sausis sausio saus janvāris janvārī janvāra januarja januara ינואר בינואר ינו يناير जनवरी जन""",
    """february feb februar februari febrero fevereiro fev febbraio février févr fév февраль февраля фев февр лютий
    лютого лют февруари фебруар феб luty lutego lut únor února úno február februára febr veljača veljače velj
    şubat şub helmikuu helmikuuta helmik helmi φεβρουάριος φεβρουαρίου φεβ φεβρουάριο februarie febrer veebruar veebr
    vasaris vasario vas februāris februārī februāra februarja februara פברואר בפברואר פבר فبراير फ़रवरी फरवरी
    फ़र फर""",
    """march mar märz mär mrz marzo março mars maart mrt март марта мар березень березня бер берез marzec marca březen
    března bře marec ožujak ožujka ožu mart maaliskuu maaliskuuta maalisk maalis μάρτιος μαρτίου μαρ μάρ μάρτιο martie
    március márc març märts kovas kovo marts martā marta מרץ במרץ מרס במרס مارس मार्च""",
    """april apr abril abr aprile avril avr апрель апреля апр квітень квітня кві квіт април kwiecień kwietnia kwi duben
    dubna dub apríl apríla travanj travnja tra nisan nis huhtikuu huhtikuuta huhtik huhti απρίλιος απριλίου απρ απρίλιο
    aprilie április ápr aprill balandis balandžio bal aprīlis aprīlī aprīļa aprila אפריל באפריל אפר أبريل إبريل
    ابريل अप्रैल अप्रै""",
    """may mai mayo maio maggio mag mei май мая травень травня трав тра мај maj maja květen května kvě máj mája svibanj
    svibnja svi mayıs toukokuu toukokuuta toukok touko μάιος μαΐου μαΐ μαϊ μάι μάιο május maig gegužė gegužės geg maijs
    maijā maija מאי במאי مايو मई""",
    """june jun juni junio junho giugno giu juin июнь июня июн червень червня чер черв юни юн јун czerwiec czerwca cze
    červen června čvn jún júna lipanj lipnja juna haziran haz kesäkuu kesäkuuta kesäk kesä ιούνιος ιουνίου ιουν ιούν
    ιούνιο iunie iun június juny juuni birželis birželio birž jūnijs jūnijā jūnija jūn junij junija יוני ביוני
    يونيو जून""",
    """july jul juli julio julho luglio lug juillet juil июль июля июл липень липня лип юли юл јул lipiec lipca
    červenec července čvc júl júla srpanj srpnja jula temmuz tem heinäkuu heinäkuuta heinäk heinä ιούλιος ιουλίου ιουλ
    ιούλ ιούλιο iulie iul július juliol juuli liepa liepos liep jūlijs jūlijā jūlija jūl julij julija יולי ביולי
    يوليو जुलाई जुल""",
    """august aug agosto ago août aout augustus augusti август августа авг серпень серпня серп сер sierpień sierpnia
    sie srpen srpna augusta kolovoz kolovoza kol avgust avg avgusta ağustos ağu elokuu elokuuta elok elo αύγουστος
    αυγούστου αυγ αύγ αύγουστο augusztus agost ag rugpjūtis rugpjūčio rugp augusts augustā אוגוסט באוגוסט אוג
    أغسطس اغسطس अगस्त अग""",
    """september sep sept septiembre setiembre set setembro settembre sett septembre сентябрь сентября сен сент
    вересень вересня вер верес септември сеп септ септембар wrzesień września wrz září zář septembra rujan rujna
    ruj septembar eylül eyl syyskuu syyskuuta syysk syys σεπτέμβριος σεπτεμβρίου σεπ σεπτ σεπτέμβριο septembrie
    szeptember szept setembre rugsėjis rugsėjo rugs septembris septembrī ספטמבר בספטמבר ספט سبتمبر सितंबर
    सितम्बर सित""",
    """october oct oktober okt octubre outubro out ottobre ott octobre октябрь октября окт жовтень жовтня жов жовт
    октомври октобар październik października paź říjen října říj október októbra oktobra oktobar ekim eki
    lokakuu lokakuuta lokak loka οκτώβριος οκτωβρίου οκτ οκτώβριο octombrie oktoober spalis spalio spal oktobris
    oktobrī אוקטובר באוקטובר אוק أكتوبر اكتوبر अक्टूबर अक्तूबर अक्तू अक्टू""",
    """november nov noviembre novembro novembre ноябрь ноября ноя нояб листопад листопада лис лист листоп ноември ное
    ноем новембар нов listopad listopadu lis novembra studeni studenog studenoga stu novembar kasım kas
    marraskuu marraskuuta marrask marras νοέμβριος νοεμβρίου νοε νοέ νοέμβριο noiembrie noiem noi lapkritis lapkričio
    lapkr novembris novembrī נובמבר בנובמבר נוב نوفمبر नवंबर नवम्बर नव""",
    """december dec dezember dez diciembre dic dezembro dicembre décembre déc декабрь декабря дек грудень грудня гру
    груд декември децембар дец grudzień grudnia gru prosinec prosince pro decembra prosinac prosinca decembar
    aralık ara joulukuu joulukuuta jouluk joulu δεκέμβριος δεκεμβρίου δεκ δεκέμβριο decembrie desember des desembre
    detsember dets gruodis gruodžio gruod decembris decembrī דצמבר בדצמבר דצמ ديسمبر दिसंबर दिसम्बर दिस""",
)
_MONTHS = {
    unicodedata.normalize("NFC", name): number
    for number, names in enumerate(_MONTH_NAMES, start=1)
    for name in names.split()
}
# Polish, Czech and Croatian share names that mean different months.
_CROATIAN = {"lip": 6, "srp": 7, "lis": 10, "listopad": 10, "listopada": 10}
_SHARED = {"lip": 7, "srp": 8, "lis": 11, "listopad": 11, "listopada": 11}

_VIETNAMESE = ("giêng", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai")
_VIETNAMESE_MONTH = re.compile(rf"\b(?:tháng|thg) (mười (?:một|hai)|một|{'|'.join(_VIETNAMESE[:10])})\b")
_ORIENTAL = re.compile(
    r"(?P<year>(?:19|20)\d\d)\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"|(?P<day2>\d{1,2})\s?(?:tháng|thg)\s?(?P<month2>\d{1,2})\b[\s,.]{0,3}(?:năm\s)?(?P<year2>(?:19|20)\d\d)"
)
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d\d)\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?((?:19|20)\d\d|\d\d)(?!\d)")
_YEAR = re.compile(r"(?<![\d:])(?:19|20)\d\d(?!\d)")
_TOKEN = re.compile(r"\d+|[^\W\d_][^\s\d.,،:;()\[\]/\\'’`\"–-]*")
# A colon first: with points and letters a time looks like much else.
_TIMES = (
    re.compile(r"(?<![\d:+])(\d{1,2})\s?:\s?(\d\d)(?:\s?:\s?(\d\d)(?:[.,]\d{1,9})?)?(?!\d)"),
    re.compile(r"(?<!\d)(\d{1,2})\s?[時时點点시]\s?(\d{1,2})\s?[分분](?:\s?(\d{1,2})\s?[秒초])?"),
    re.compile(r"(?<![\d.])(\d{1,2})\s?[.h]\s?(\d\d)(?:[.](\d\d))?(?!\d)"),
)
_MORNING = r"a\.?\s?m\b\.?|上午|午前|早上|凌晨|清晨|오전|sa\b|öö|π\.?\s?μ\b\.?|صباح|ص(?!\w)|לפנה|fm\b|пр\.?\s?об|पूर्वाह्न"
_EVENING = r"p\.?\s?m\b\.?|下午|午後|晚上|傍晚|中午|오후|ch\b|ös|μ\.?\s?μ\b\.?|مساء|م(?!\w)|אחה|em\b|сл\.?\s?об|अपराह्न"
_HALF_AFTER = re.compile(rf"[\s\u202f]{{0,2}}(?:({_MORNING})|({_EVENING}))")
_HALF_BEFORE = re.compile(rf"(?:({_MORNING})|({_EVENING}))\s{{0,2}}\Z")
_OFFSET = re.compile(r"[^\d+\u2212-]{0,24}?(?:(?<=[\s(\d])|(?:gmt|utc)\s?)([+\u2212-])\s?(\d{1,2})(?::?(\d\d))?(?!\d)")
_ZONE = re.compile(
    r"z\b|\W{0,3}(?:[ap]\.?\s?m\b\.?|uhr|h)?\W{0,3}"
    r"\b(utc|gmt|est|edt|cst|cdt|mst|mdt|pst|pdt|cet|cest|mez|mesz|eet|eest|msk|мск|jst|kst)\b"
)
_ZONE_HOURS = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_ZONE_HOURS |= {"cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "мск": 3, "jst": 9, "kst": 9}


def header_date(value: str) -> datetime | None:
    """The instant of a Date field with its own offset, or None."""
    try:
        found = parsedate_to_datetime(" ".join(value[:_LONGEST].split()))
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found if _FIRST_YEAR <= found.astimezone(UTC).year <= _LAST_YEAR else None
    except Exception:
        # The parser of the standard library raises whatever its parts raise, ValueError and others.
        return None


def read_date(
    text: str, *, carried_at: datetime | None = None, month_first: bool = False, croatian: bool = False
) -> datetime | None:
    """The instant that the words say, in UTC, or None.

    `carried_at` is when the mail was written in which the words stand, with the offset of that place; `month_first`
    says that 3/4 is the fourth of March, `croatian` that listopad is October.
    """
    try:
        return _read(_plain(text), carried_at, month_first=month_first, croatian=croatian)
    except (ValueError, OverflowError):
        return None


def _plain(text: str) -> str:
    """In lower case, with plain blanks and plain digits, without signs that only steer the direction of writing."""
    signs = (sign for sign in text[:_LONGEST].lower() if unicodedata.category(sign) != "Cf")
    plain = (sign if sign.isascii() else str(unicodedata.decimal(sign, sign)) for sign in signs)
    return " ".join("".join(plain).replace("\uff1a", ":").split())


def _read(text: str, carried_at: datetime | None, *, month_first: bool, croatian: bool) -> datetime | None:
    readings = _with_month_name(text, croatian=croatian) or _in_numbers(text, month_first=month_first)
    instants: list[datetime] = []
    for (year, month, day), rest in readings:
        clock = _time(rest)
        if clock is None:
            return None
        hour, minute, second, offset = clock
        if offset is None:
            offset = carried_at.utcoffset() if carried_at is not None else None
        if offset is None or not _FIRST_YEAR <= year <= _LAST_YEAR:
            return None
        try:
            instants.append(datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC))
        except ValueError:
            continue
    # No mail was written after the one that carries it; a day is forgiven, for clocks and offsets.
    past = [instant for instant in instants if carried_at is None or instant <= carried_at + _DAY]
    return next(iter(past or instants), None)


def _with_month_name(text: str, *, croatian: bool) -> list[_Reading]:
    """Year, month, day and the text around the date, where the month is a word and the rest leaves no choice."""
    clock = _find_time(text)
    rest = text
    if clock is not None:
        offset = _OFFSET.match(text, clock.end())
        rest = f"{text[: clock.start()]} , {text[(offset or clock).end() :]}"
    years = {int(year) for year in _YEAR.findall(rest)}
    tokens = _TOKEN.findall(rest)
    days = [place for place, token in enumerate(tokens) if token.isdigit() and len(token) <= 2]
    names = _SHARED | (_CROATIAN if croatian else {})
    months = [(place, names.get(token) or _MONTHS.get(token)) for place, token in enumerate(tokens)]
    found = [(place, month) for place, month in months if month]
    if len(years) != 1 or len(days) != 1 or not found:
        return []
    # A Tuesday is "mar" in half of the Romance languages: the month stands behind the day, or else right before it.
    behind = [month for place, month in found if place > days[0]]
    month = behind[0] if behind else found[-1][1]
    return [((years.pop(), month, int(tokens[days[0]])), text)]


def _in_numbers(text: str, *, month_first: bool) -> list[_Reading]:
    """The readings of a date in numbers, the likelier one first, each with the text around it."""
    text = _VIETNAMESE_MONTH.sub(_vietnamese_month, text)
    if match := _ORIENTAL.search(text):
        year, month, day = (int(match[name] or match[f"{name}2"]) for name in ("year", "month", "day"))
        return [((year, month, day), _without(text, match))]
    if match := _YEAR_FIRST.search(text):
        return [((int(match[1]), int(match[3]), int(match[4])), _without(text, match))]
    if match := _YEAR_LAST.search(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        year += 2000 if year < 100 else 0
        rest = _without(text, match)
        orders = [(first, second), (second, first)] if month_first else [(second, first), (first, second)]
        # No program writes the month first with points or dashes between.
        orders = orders if match[2] == "/" else [(second, first)]
        return [((year, month, day), rest) for month, day in orders if month <= 12]
    return []


def _vietnamese_month(match: re.Match[str]) -> str:
    return f"tháng {_VIETNAMESE.index(match[1]) + 1 if match[1] in _VIETNAMESE else 1}"


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} , {text[match.end() :]}"


def _find_time(text: str) -> re.Match[str] | None:
    return next((match for pattern in _TIMES if (match := pattern.search(text))), None)


def _time(text: str) -> tuple[int, int, int, timedelta | None] | None:
    """Hour, minute, second and the offset, if one is written."""
    clock = _find_time(text)
    if clock is None:
        return None
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    half = _HALF_AFTER.match(text, clock.end()) or _HALF_BEFORE.search(text[max(0, clock.start() - 12) : clock.start()])
    if half and hour <= 12:
        hour = hour % 12 + (12 if half[2] else 0)
    return hour, minute, min(second, 59), _offset(text, clock.end())


def _offset(text: str, start: int) -> timedelta | None:
    if match := _OFFSET.match(text, start):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return None if offset > timedelta(hours=14) else offset if match[1] == "+" else -offset
    if match := _ZONE.match(text, start):
        return timedelta(hours=_ZONE_HOURS.get(match[1] or "", 0))
    return None
