"""The text of a header field: RFC 2047 with its usual broken forms, and bytes that are not ASCII.

Words that were cut in the middle of a character or of the word, that lack their end, hold blanks or were encoded twice
are read as they were meant; whatever is no word stays as it stands. Every value is cut before a pattern looks at it.
"""

from __future__ import annotations

import base64
import binascii
import re

from mail.mime import charsets

LONGEST_TEXT = 8192
LONGEST_STRUCTURED = 4096

# The text of an encoded word holds no question mark; up to two are forgiven, for programs that forget to encode
# them. The end of the value or the next word ends a word too, for fields that somebody cut.
_WORD_START = r"=\?[^?\s]{0,64}\?[bq]\?"
_WORD_TEXT = rf"(?:(?!{_WORD_START})[^?])*"
_ENCODED_WORD = re.compile(
    rf"=\?([^?\s*]{{0,64}})(?:\*[^?\s]{{0,64}})?\?([bq])\?"
    rf"({_WORD_TEXT}(?:(?<!=)\?(?!=){_WORD_TEXT}){{0,2}}?)(?:\?=|\?\Z|\Z|(?={_WORD_START}))",
    re.IGNORECASE,
)
_MOST_LEVELS = 2
_FOLD = re.compile(r"(?:\r\n?|\n)(?=[ \t])")
_BREAKS = re.compile(r"[\r\n]+")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def unfolded(value: str, limit: int = LONGEST_STRUCTURED) -> str:
    """The value in one line, cut at `limit` characters; line breaks that fold nothing become blanks."""
    return _BREAKS.sub(" ", _FOLD.sub("", value[:limit])).strip()


def raw_text(value: str, charset: str | None = None) -> str:
    """The value with its raw 8-bit bytes decoded as well as can be guessed."""
    if value.isascii():
        return value
    data = value.encode("utf-8", "surrogateescape" if has_raw_bytes(value) else "replace")
    try:
        # First of all, since headers are often written by another hand than the text whose charset is declared.
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return charsets.decode(data, charset)


def has_raw_bytes(value: str) -> bool:
    """Whether every surrogate in the value stands for a byte."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def decode_text(value: str, limit: int = LONGEST_TEXT, charset: str | None = None) -> str:
    """The text of an unstructured field: RFC 2047, its usual broken forms, and raw 8-bit bytes.

    `charset` is what the mail declares for its text; raw bytes may be in it too.
    """
    return _decode_words(unfolded(value, limit), charset, 1)


def _decode_words(value: str, hint: str | None, level: int) -> str:
    if "=?" not in value:
        return raw_text(value, hint)
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
        pieces.append(raw_text(between, hint))
        word = (charset, data)
    if word is not None:
        pieces.append(charsets.decode(word[1], word[0]))
    pieces.append(raw_text(value[end:], hint))
    text = "".join(pieces)
    # Some programs encode what is encoded already.
    if word is not None and level < _MOST_LEVELS and "=?" in text:
        return _decode_words(text, hint, level + 1)
    return text


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape" if has_raw_bytes(text) else "replace")
    if kind in "qQ":
        return _Q_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data.replace(b"_", b" "))
    data = _NOT_BASE64.sub(b"", data)
    data = data[: len(data) - 1] if len(data) % 4 == 1 else data
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return data
