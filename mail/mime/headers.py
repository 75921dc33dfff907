"""Header fields of a mail, read without ever raising and in linear time.

A field's raw value is a string as it stood in the mail: a byte that is not ASCII is a lone surrogate (as in
`surrogateescape`), the line breaks of folding may still be in it. All limits are cut here, before any pattern looks
at a value: 8 KiB for free text, 4 KiB for structured values, 128 parameters, 100 addresses, 100 Message-IDs.

Who wrote a mail is a matter of trust: `sender` names an address only where no two readers can disagree about it
(reliability: T14). Everything else here is lenient and names what it can find. Strict also where the doubt is small:
`Lee, Ann <ann@x.example>` without quotes is a list by the grammar, and a relay may have put its own domain behind
`Lee`; among 770 real mails there was none, so nobody loses by it. A comma inside an encoded word is forgiven.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.model import Mailbox, clean_line
from mail.mime import charsets

# Who reads a field decodes it too: these are part of what this module offers.
from mail.mime.encoded_words import LONGEST_STRUCTURED as LONGEST_STRUCTURED
from mail.mime.encoded_words import LONGEST_TEXT as LONGEST_TEXT
from mail.mime.encoded_words import decode_text as decode_text
from mail.mime.encoded_words import has_raw_bytes as has_raw_bytes
from mail.mime.encoded_words import raw_text as raw_text
from mail.mime.encoded_words import unfolded as unfolded

MOST_PARAMETERS = 128
MOST_ADDRESSES = 100
MOST_MESSAGE_IDS = 100
LONGEST_MESSAGE_ID = 998
LONGEST_NAME = 128
_LONGEST_ID_LIST = 131_072

_FOLD = re.compile(r"(?:\r\n?|\n)(?=[ \t])")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf'(?:({_ATOM}{{1,64}})|"({_ATOM}{{1,62}})")@({_LABEL}(?:\.{_LABEL})*)')
# No two neighbouring repeats here match the same sign, or the time would grow with a power of the length.
_ANGLE = re.compile(r"([^<>]*)<([^<>]*)>([^<>]*)")
_COMMENT = re.compile(r"\([^()<>@\\]*\)")
_BARE_WITH_COMMENT = re.compile(r"([^\s()<>]+)\s*\(([^()<>@\\]*)\)")
# Display names: quoted strings and words; a comment among the words is part of the name for the eye.
_NAME = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\([^()<>@,;:"\\]*\)|[^()<>@,;:"\\])*')
_WORD_IN_NAME = re.compile(r'=\?[^?\s<>@,;:"]{1,64}\?[bqBQ]\?[^?()<>@;:"\\]*\?=')
_MESSAGE_ID = re.compile(r"<([^<>]*)>")
_BRACKETS = re.compile(r"[<>]+")
_EXTENDED_NAME = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_HIGH_PERCENT = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")
# `text/html charset=utf-8`: the sign between value and parameters is missing, or is another one.
_UNSPLIT = re.compile(r"([^\s=,\"]+)[\s,]+([A-Za-z0-9*-]{1,60}\s*=.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A structured field such as Content-Type: its value in lower case, and its decoded parameters by lower name."""

    value: str
    parameters: dict[str, str]
    # Whether a parameter stands there twice and says two things.
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """The header fields of a mail or a part, in their order, each a lower-case name and a raw value."""

    pairs: tuple[tuple[str, str], ...] = ()
    # Whether a From stands in the header that is not among these, because of a limit or of a line that is no field.
    hides_from: bool = False

    def all(self, name: str) -> list[str]:
        """The raw values of all fields of this (lower-case) name."""
        return [value for field, value in self.pairs if field == name]

    def first(self, name: str) -> str:
        """The raw value of the first field of this name, or nothing."""
        return next((value for field, value in self.pairs if field == name), "")

    def token(self, name: str) -> str:
        """The value of the first field of this name in lower case, without comments and parameters."""
        return parameterised(self.first(name)).value


def parameterised(value: str) -> Parameterised:
    """Read a value with parameters, such as Content-Type or Content-Disposition; whatever is odd is left out."""
    first, *rest = _split(unfolded(value), ";")
    if match := _UNSPLIT.fullmatch(first.strip()):
        first, rest = match[1], [match[2], *rest]
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    is_ambiguous = False
    for item in rest[:MOST_PARAMETERS]:
        name, equals, text = item.partition("=")
        match = _EXTENDED_NAME.fullmatch(name.strip().lower())
        if not equals or not match:
            continue
        is_quoted = text.lstrip().startswith('"')
        text = _unquoted(text.strip())
        if match[2] or match[3]:
            pieces.setdefault(match[1], []).append((int(match[2] or 0), bool(match[3]), text))
        else:
            # Some programs write a parameter twice; the first one counts, as for most readers.
            text = decode_text(text if is_quoted or "name" in match[1] else text.partition(" (")[0])
            is_ambiguous = plain.setdefault(match[1], text) != text or is_ambiguous
    for name, found in pieces.items():
        text = _joined(found) or plain.get(name, "")
        # File names are given both ways for old and new programs; nobody does that with a boundary.
        is_ambiguous = is_ambiguous or (name == "boundary" and plain.get(name, text) != text)
        plain[name] = text
    for name in ("name", "filename"):
        if _HIGH_PERCENT.search(plain.get(name, "")):
            plain[name] = _without_percents(plain[name])
    value = first.partition("(")[0].strip(' \t"').lower()
    return Parameterised("/".join(map(str.strip, value.split("/"))), plain, is_ambiguous)


def _without_percents(name: str) -> str:
    """A name that is percent-encoded without saying so; as it stands where that gives no UTF-8."""
    data = _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), name.encode("utf-8", "replace"))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return name


def _split(value: str, separator: str) -> list[str]:
    """Split outside quoted strings; in lists of addresses comments are left out.

    A quote that is never closed quotes nothing. Parameters keep their parentheses: `filename=plan (2).pdf` without
    quotes is far more common than a comment there.
    """
    signs = r'\\.|["(),]' if separator == "," else r'\\.|[";]'
    parts = [""]
    start, depth, quote = 0, 0, -1
    for match in re.finditer(signs, value, re.DOTALL):
        sign = match[0]
        if quote >= 0 or (depth and sign == '"'):
            quote = -1 if sign == '"' else quote
        elif sign == '"':
            quote = match.start() if value.find('"', match.end()) >= 0 else -1
        elif sign == "(":
            if not depth:
                parts[-1] += value[start : match.start()]
                start = match.start()
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
            start = start if depth else match.end()
        elif sign == separator and not depth:
            parts[-1] += value[start : match.start()]
            parts.append("")
            start = match.end()
    if quote >= 0:
        # Only escaped quotes came after it: the rest is split as if the quote were not there.
        plain = _split(value[quote + 1 :].replace('"', ""), separator)
        return [*parts[:-1], parts[-1] + value[start : quote + 1] + plain[0], *plain[1:]]
    parts[-1] += value[start:]
    return parts


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        text = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
        # Some Windows programs write paths without doubling the backslash: only what must be escaped is.
        return re.sub(r'\\(["\\])', r"\1", text)
    return text


def _joined(found: list[tuple[int, bool, str]]) -> str:
    """Put the pieces of an RFC 2231 parameter together; the charset stands in the first one."""
    charset: str | None = None
    data = b""
    first_of_each: dict[int, tuple[bool, str]] = {}
    for number, extended, text in found:
        first_of_each.setdefault(number, (extended, text))
    for place, (_, (extended, text)) in enumerate(sorted(first_of_each.items())):
        if extended and place == 0 and text.count("'") >= 2:
            charset, language, text = text.split("'", 2)
            # `utf-8'name.txt'`: the quotes are in the wrong place.
            text = text or language
        raw = text.encode("utf-8", "surrogateescape" if has_raw_bytes(text) else "replace")
        data += _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), raw) if extended else raw
    text = charsets.decode(data, charset)
    return decode_text(text) if charset is None else text


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs of a field, without angle brackets and white space; of too many the last, which are newest."""
    value = value[-_LONGEST_ID_LIST:]
    found = _MESSAGE_ID.findall(value) or [word for word in _BRACKETS.sub(" ", value).split() if "@" in word]
    ids = (_bare_id(text, 2 * LONGEST_MESSAGE_ID) for text in found[-MOST_MESSAGE_IDS:])
    return tuple(dict.fromkeys(text for text in ids if 0 < len(text.encode()) <= LONGEST_MESSAGE_ID))


def message_id(values: list[str]) -> str | None:
    """The Message-ID of a mail, however odd; nothing if it has none."""
    for value in values:
        if ids := message_ids(value):
            return ids[0]
        if text := _bare_id(unfolded(value), LONGEST_MESSAGE_ID):
            return text
    return None


def _bare_id(text: str, limit: int) -> str:
    """Without white space and brackets, also those that stand only in what bytes of a foreign charset mean."""
    return "".join(_BRACKETS.sub("", clean_line(raw_text(text), limit)).split())


def addresses(values: list[str]) -> tuple[str, ...]:
    """The addresses that can be found in address lists; the domain in lower case, each once, at most 100."""
    found: list[str] = []
    looked_at = 0
    for value in values:
        for group in _split(unfolded(value, LONGEST_STRUCTURED * 4).replace(";", ","), ","):
            looked_at += 1
            if looked_at > MOST_ADDRESSES:
                return tuple(dict.fromkeys(found))
            text = group.rpartition(":")[2] if "<" not in group else group
            start = text.rfind("<")
            inner = text[start + 1 :].partition(">")[0] if start >= 0 else text
            if address := plain_address(inner.strip()):
                found.append(address)
    return tuple(dict.fromkeys(found))


def plain_address(text: str) -> str:
    """The address if the text is exactly one plain addr-spec, with the domain in lower case; else nothing."""
    match = _ADDRESS.fullmatch(text) if len(text) <= 254 else None
    if not match or "=?" in text:
        return ""
    return f"{match[1] or match[2]}@{match[3].lower()}"


def sender(from_values: list[str], charset: str | None = None) -> Mailbox:
    """Who wrote the mail, if there is exactly one From field with exactly one plain address.

    Where there is any doubt the address is empty, and the name is what the fields say, for people. `charset` is what
    the mail declares for its text.
    """
    texts = (decode_text(value, LONGEST_STRUCTURED, charset) for value in from_values[:10])
    readable = clean_line(", ".join(filter(None, texts)), LONGEST_NAME)
    if len(from_values) != 1 or len(from_values[0]) > LONGEST_STRUCTURED:
        return Mailbox(name=readable)
    value = _FOLD.sub("", from_values[0]).strip(" \t\r\n")
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return Mailbox(name=readable)
    if match := _ANGLE.fullmatch(value):
        tail = match[3].strip()
        address = plain_address(match[2].strip()) if not tail or _COMMENT.fullmatch(tail) else ""
        name = match[1].strip()
        # `a@b.example <a@b.example>` breaks the grammar, yet everybody reads the same address in it.
        if address and (_NAME.fullmatch(_WORD_IN_NAME.sub("", name)) or _same_address(name.strip("'"), address)):
            return Mailbox(name=_readable_name(name, charset), address=address)
    elif address := plain_address(value):
        return Mailbox(address=address)
    elif (match := _BARE_WITH_COMMENT.fullmatch(value)) and (address := plain_address(match[1])):
        return Mailbox(name=_readable_name(match[2].strip(), charset), address=address)
    return Mailbox(name=readable)


def _same_address(text: str, address: str) -> bool:
    return plain_address(text).lower() == address.lower()


def _readable_name(name: str, charset: str | None) -> str:
    """A display name for people: quotes taken off, encoded words decoded, also those that stand in quotes."""
    name = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: re.sub(r"\\(.)", r"\1", match[1]), name)
    return clean_line(decode_text(name, LONGEST_STRUCTURED, charset), LONGEST_NAME).strip("'\"").strip()
