"""Header fields of a mail, read without ever raising and in linear time.

A field's raw value is a string as it stood in the mail: a byte that is not ASCII is a lone surrogate (as in
`surrogateescape`), the line breaks of folding may still be in it. All limits are cut here, before any pattern looks
at a value: 8 KiB for free text, 4 KiB for structured values, 128 parameters, 100 addresses, 100 Message-IDs.

Who wrote a mail is a matter of trust: `sender` names an address only where no two readers can disagree about it
(reliability: T14). Everything else here is lenient and names what it can find.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from gateway.model import Mailbox, clean_line
from mail import charsets

LONGEST_TEXT = 8192
LONGEST_STRUCTURED = 4096
MOST_PARAMETERS = 128
MOST_ADDRESSES = 100
MOST_MESSAGE_IDS = 100
LONGEST_MESSAGE_ID = 998
LONGEST_NAME = 128
_LONGEST_ID_LIST = 131_072

# The text of an encoded word holds no question mark; up to two are forgiven, for programs that forget to encode
# them. The end of the value ends a word too, for fields that somebody cut.
_ENCODED_WORD = re.compile(
    r"=\?([^?\s*]{1,64})(?:\*[^?\s]{0,64})?\?([bq])\?([^?]*(?:(?<!=)\?(?!=)[^?]*){0,2})(?:\?=|\Z)", re.IGNORECASE
)
_FOLD = re.compile(r"(?:\r\n?|\n)(?=[ \t])")
_BREAKS = re.compile(r"[\r\n]+")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf'(?:({_ATOM}{{1,64}})|"({_ATOM}{{1,62}})")@({_LABEL}(?:\.{_LABEL})*)')
_ANGLE = re.compile(r"([^<>]*)<\s*([^<>]*?)\s*>\s*")
_BARE_WITH_COMMENT = re.compile(r"([^\s()<>]+)\s*\(([^()<>@\\]*)\)")
# Display names: quoted strings and words; a comment among the words is part of the name for the eye.
_NAME = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\([^()<>@,;:"\\]*\)|[^()<>@,;:"\\])*')
_MESSAGE_ID = re.compile(r"<([^<>]*)>")
_EXTENDED_NAME = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A structured field such as Content-Type: its value in lower case, and its decoded parameters by lower name."""

    value: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Fields:
    """The header fields of a mail or a part, in their order, each a lower-case name and a raw value."""

    pairs: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> list[str]:
        """The raw values of all fields of this (lower-case) name."""
        return [value for field, value in self.pairs if field == name]

    def first(self, name: str) -> str:
        """The raw value of the first field of this name, or nothing."""
        return next((value for field, value in self.pairs if field == name), "")

    def token(self, name: str) -> str:
        """The value of the first field of this name in lower case, without comments and parameters."""
        return parameterised(self.first(name)).value


def unfolded(value: str, limit: int = LONGEST_STRUCTURED) -> str:
    """The value in one line, cut at `limit` characters; line breaks that fold nothing become blanks."""
    return _BREAKS.sub(" ", _FOLD.sub("", value[:limit])).strip()


def raw_text(value: str, charset: str | None = None) -> str:
    """The value with its raw 8-bit bytes decoded as well as can be guessed."""
    if value.isascii():
        return value
    return charsets.decode(value.encode("utf-8", "surrogateescape" if _has_raw_bytes(value) else "replace"), charset)


def _has_raw_bytes(value: str) -> bool:
    """Whether every surrogate in the value stands for a byte."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def decode_text(value: str, limit: int = LONGEST_TEXT) -> str:
    """The text of an unstructured field: RFC 2047, its usual broken forms, and raw 8-bit bytes."""
    value = unfolded(value, limit)
    if "=?" not in value:
        return raw_text(value)
    pieces: list[str] = []
    word: tuple[str, bytes] | None = None
    end = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[end : match.start()]
        end = match.end()
        charset, data = match[1], _word_bytes(match[2], match[3])
        # Neighbouring words belong together, blanks between them do not count, and a character may be cut in two.
        if word is not None and not between.strip():
            if word[0].lower() == charset.lower():
                word = (word[0], word[1] + data)
                continue
            between = ""
        if word is not None:
            pieces.append(charsets.decode(word[1], word[0]))
        pieces.append(raw_text(between))
        word = (charset, data)
    if word is not None:
        pieces.append(charsets.decode(word[1], word[0]))
    pieces.append(raw_text(value[end:]))
    return "".join(pieces)


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape" if _has_raw_bytes(text) else "replace")
    if kind in "qQ":
        return _Q_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data.replace(b"_", b" "))
    data = _NOT_BASE64.sub(b"", data)
    data = data[: len(data) - 1] if len(data) % 4 == 1 else data
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return data


def parameterised(value: str) -> Parameterised:
    """Read a value with parameters, such as Content-Type or Content-Disposition; whatever is odd is left out."""
    first, *rest = _split(unfolded(value), ";")
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
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
            plain.setdefault(
                match[1], decode_text(text if is_quoted or "name" in match[1] else text.partition(" (")[0])
            )
    for name, found in pieces.items():
        plain[name] = _joined(found)
    return Parameterised(first.partition("(")[0].strip().lower(), plain)


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
    for place, (number, extended, text) in enumerate(sorted(found, key=lambda piece: piece[0])):
        if extended and place == 0 and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        raw = text.encode("utf-8", "surrogateescape" if _has_raw_bytes(text) else "replace")
        data += _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), raw) if extended else raw
    text = charsets.decode(data, charset)
    return decode_text(text) if charset is None else text


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs of a field, without angle brackets and white space; of too many the last, which are newest."""
    value = value[-_LONGEST_ID_LIST:]
    found = _MESSAGE_ID.findall(value) or [word for word in value.split() if "@" in word]
    ids = ("".join(clean_line(raw_text(text), 2 * LONGEST_MESSAGE_ID).split()) for text in found[-MOST_MESSAGE_IDS:])
    return tuple(dict.fromkeys(text for text in ids if 0 < len(text.encode()) <= LONGEST_MESSAGE_ID))


def message_id(values: list[str]) -> str | None:
    """The Message-ID of a mail, however odd; nothing if it has none."""
    for value in values:
        if ids := message_ids(value):
            return ids[0]
        if text := "".join(clean_line(raw_text(unfolded(value)), LONGEST_MESSAGE_ID).split()).strip("<>"):
            return text
    return None


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


def sender(from_values: list[str]) -> Mailbox:
    """Who wrote the mail, if there is exactly one From field with exactly one plain address.

    Where there is any doubt the address is empty, and the name is what the fields say, for people.
    """
    readable = clean_line(", ".join(decode_text(value, LONGEST_STRUCTURED) for value in from_values[:10]), LONGEST_NAME)
    if len(from_values) != 1 or len(from_values[0]) > LONGEST_STRUCTURED:
        return Mailbox(name=readable)
    value = _FOLD.sub("", from_values[0]).strip()
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return Mailbox(name=readable)
    if match := _ANGLE.fullmatch(value):
        address = plain_address(match[2])
        name = match[1].strip()
        # `a@b.example <a@b.example>` breaks the grammar, yet everybody reads the same address in it.
        if address and (_NAME.fullmatch(name) or plain_address(name) == address):
            return Mailbox(name=_readable_name(name), address=address)
    elif address := plain_address(value):
        return Mailbox(address=address)
    elif (match := _BARE_WITH_COMMENT.fullmatch(value)) and (address := plain_address(match[1])):
        return Mailbox(name=_readable_name(match[2].strip()), address=address)
    return Mailbox(name=readable)


def _readable_name(name: str) -> str:
    """A display name for people: quotes taken off, encoded words decoded, also those that stand in quotes."""
    name = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: re.sub(r"\\(.)", r"\1", match[1]), name)
    return clean_line(decode_text(name, LONGEST_STRUCTURED), LONGEST_NAME).strip("'\"").strip()
