"""Bytes of a mail and the charset it declares in, text out; never raises.

Policy, first that fits: a byte order mark; the escapes of ISO-2022 in a text of seven bits; the declared charset, read
as what mail programs mean by its name (`gb2312` is really gb18030, `iso-8859-1` really windows-1252), unless it has one
byte a letter and the text has several letters in valid UTF-8, which happens by mistake only; UTF-8; the charset that
is declared elsewhere; the declared charset if only a few bytes are bad; what the bytes look like (chardet on at most
64 KiB); UTF-8 with replacement characters.

Declared names are looked up in a table of our own and nowhere else, so that `rot13`, `hex` or `idna` are never
codecs here and a made-up name costs nothing.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from encodings.aliases import aliases as _library_aliases

import chardet

_LONGEST_SAMPLE = 65_536
_LONGEST_NAME = 64
# A multi-byte text that was cut in the middle, or a stray byte, does not make the declaration wrong.
_BAD_SHARE = 0.02

_SUPPORTED = """
    ascii big5 big5hkscs cp037 cp1006 cp1026 cp1125 cp1140 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256
    cp1257 cp1258 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861
    cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 euc_jis_2004 euc_jisx0213 euc_jp euc_kr
    gb18030 gb2312 gbk hp_roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3
    iso2022_jp_ext iso2022_kr iso8859_1 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16
    iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 johab koi8_r koi8_t koi8_u
    kz1048 latin_1 mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian
    mac_turkish ptcp154 shift_jis shift_jis_2004 shift_jisx0213 tis_620 utf_16 utf_16_be utf_16_le utf_32
    utf_32_be utf_32_le utf_7 utf_8 utf_8_sig
"""
_CODECS = frozenset(_SUPPORTED.split())

# What senders mean: each of these is a superset of what they say, and what the programs that write it really use.
_MEANT: dict[str, tuple[str, ...]] = {
    "iso8859_1": ("cp1252", "iso8859_1"),
    "latin_1": ("cp1252", "iso8859_1"),
    "iso8859_9": ("cp1254", "iso8859_9"),
    "iso8859_11": ("cp874", "iso8859_11"),
    "tis_620": ("cp874", "tis_620"),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "euc_kr": ("cp949",),
    "johab": ("johab", "cp949"),
    "big5": ("cp950", "big5hkscs"),
    "shift_jis": ("cp932", "shift_jis_2004"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "iso2022_jp": ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_3"),
    "utf_8": ("utf_8",),
}

_SPOKEN = {
    "ks_c_5601": "euc_kr",
    "ks_c_5601_1987": "euc_kr",
    "ksc5601": "euc_kr",
    "ksc_5601": "euc_kr",
    "windows_949": "cp949",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_1_1_utf_8": "utf_8",
    "utf8mb4": "utf_8",
    "utf8_mb4": "utf_8",
    "utf": "utf_8",
    "gb_2312_80": "gb2312",
    "gb_2312": "gb2312",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "windows_932": "cp932",
    "windows_936": "gbk",
    "windows_950": "cp950",
    "sjis": "shift_jis",
    "eucjp": "euc_jp",
    "euckr": "euc_kr",
    "euc_cn": "gb2312",
    "koi8": "koi8_r",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "koi8_ru": "koi8_u",
    "mac": "mac_roman",
    "macintosh": "mac_roman",
    "mac_ce": "mac_latin2",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "visual": "iso8859_8",
    "logical": "iso8859_8",
}

_LATIN = frozenset(
    codec for codec in _CODECS if re.fullmatch(r"latin_1|iso8859_(?:[1-4]|9|1[03-6])|cp125[0247]|cp85[028]", codec)
)
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_FEWEST_UTF8_LETTERS = 2
_ONE_BYTE = re.compile(r"latin_1|iso8859_\d+|cp(?!9[345])\d+|koi8_.|mac_\w+|hp_roman8|ptcp154|tis_620|kz1048")
_ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp"), (b"\x1b(J", "iso2022_jp"))
# In Western text these are Icelandic, or stand where Turkish has letters; Icelandic has accents besides.
_TURKISH = re.compile("[þðýÞÐÝ]")
_ICELANDIC = re.compile("[áéíóúæÁÉÍÓÚÆ]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_HIGH_IN_WORD = re.compile(rb"[A-Za-z][\x80-\xff]{1,2}|[\x80-\xff]{1,2}[A-Za-z]")
# A run of combining marks is put into canonical order when text is normalised, which takes the square of its length
# in time (250,000 marks: minutes). Unicode (UAX 15, section 13) breaks such runs with an invisible joiner.
_MARKS = "".join(sign for sign in map(chr, range(0x300, 0x1E950)) if unicodedata.combining(sign))

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf_8_sig"),
    (codecs.BOM_UTF32_LE, "utf_32"),
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)


def _plain_name(name: str) -> str:
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")


def _known_names() -> dict[str, str]:
    known = {codec: codec for codec in _CODECS}
    known |= {_plain_name(alias): codec for alias, codec in _library_aliases.items() if codec in _CODECS}
    return known | _SPOKEN


_KNOWN = _known_names()
_NAME_SHAPES = (
    (re.compile(r"(?:windows|win|cp|ibm|microsoft_cp|dos|oem)_?([0-9]{3,4})"), "cp{}"),
    (re.compile(r"(?:iso_?)?8859_?([0-9]{1,2})(?:_.*)?"), "iso8859_{}"),
)


def codec_names(declared: str | None) -> tuple[str, ...]:
    """The codecs to try for a declared charset, best first; none where the name means nothing to us."""
    if not declared or len(declared) > _LONGEST_NAME:
        return ()
    name = _plain_name(declared)
    codec = _KNOWN.get(name) or _KNOWN.get(name.removeprefix("x_")) or _KNOWN.get(name.removeprefix("cs"))
    if codec is None:
        for shape, pattern in _NAME_SHAPES:
            if (match := shape.fullmatch(name)) and (codec := _KNOWN.get(pattern.format(match[1]))):
                break
    if codec is None:
        return ()
    return _MEANT.get(codec, (codec,))


def decode(data: bytes, declared: str | None = None, hint: str | None = None) -> str:
    """The text that the bytes most likely stand for; undecodable bytes become U+FFFD.

    `hint` is a charset that is declared elsewhere: it counts where the declared one fails.
    """
    if not data:
        return ""
    for mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(codec, "replace")
    candidates = codec_names(declared)
    if candidates in _SEVEN_BITS and b"\x1b" in data and data.isascii() and (escaped := _escaped(data)):
        candidates = codec_names(escaped)
    elif candidates and _ONE_BYTE.fullmatch(candidates[0]) and _has_utf8_letters(data):
        candidates = ("utf_8", *candidates)
    for codec in (*candidates, "utf_8", *codec_names(hint)):
        # Nobody writes UTF-16 without zero bytes; a false declaration would turn the text into Chinese.
        if codec.startswith(("utf_16", "utf_32")) and b"\0" not in data:
            continue
        text = _strict(data, codec)
        if text is not None:
            return text
    for codec in candidates:
        if codec not in {"ascii", "utf_7"}:
            text = data.decode(codec, "replace")
            if text.count("\ufffd") <= max(1, len(text) * _BAD_SHARE):
                return text
    return _detected(data)


_SEVEN_BITS = frozenset({(), ("ascii",), ("utf_8",), codec_names("iso-8859-1")})


def _escaped(data: bytes) -> str | None:
    """The charset whose escapes stand in a text of seven bits."""
    return next((codec for escape, codec in _ESCAPES if escape in data[:_LONGEST_SAMPLE]), None)


def _has_utf8_letters(data: bytes) -> bool:
    """Whether the whole is valid UTF-8 and has several letters that are not ASCII."""
    letters = _UTF8_LETTER.findall(data, 0, _LONGEST_SAMPLE)
    return len(letters) >= _FEWEST_UTF8_LETTERS and _strict(data, "utf_8") is not None


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _looks_latin(data: bytes) -> bool:
    """Whether the bytes that are not ASCII stand alone inside ASCII words, as accented letters do."""
    runs = _HIGH_RUN.findall(data, 0, _LONGEST_SAMPLE)
    inside = _HIGH_IN_WORD.findall(data, 0, _LONGEST_SAMPLE)
    return bool(runs) and max(map(len, runs)) <= 2 and 2 * len(inside) >= len(runs)


def _detected(data: bytes) -> str:
    """Decode by what the bytes look like: the stretch around the first byte that is not ASCII is the sample."""
    first = next((match.start() for match in re.finditer(rb"[\x80-\xff]", data)), 0)
    start = max(0, first - 256)
    try:
        guess = chardet.detect(data[start : start + _LONGEST_SAMPLE])["encoding"]
    except Exception:
        # A detector is a courtesy: whatever goes wrong in it, the mail is still text with holes.
        guess = None
    names = codec_names(guess)
    # A short Western text is easily taken for Greek, or for an old Macintosh charset, which nobody sends undeclared.
    if names and (names[0].startswith("mac_") or (names[0] not in _LATIN and _looks_latin(data[start:]))):
        names = ("cp1252",)
    for codec in names:
        text = data.decode(codec, "replace")
        if codec == "cp1252" and _TURKISH.search(text) and not _ICELANDIC.search(text):
            text = data.decode("cp1254", "replace")
        if text.count("\ufffd") <= max(1, len(text) * _BAD_SHARE):
            return text
    return data.decode("utf_8", "replace")
