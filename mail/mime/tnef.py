"""Microsoft's container for mails (TNEF, `winmail.dat`) taken apart: the files in it, and the text of the mail.

Policy. A container is a run of attributes, each with its length; one that says it is longer than the container ends
it, and what was read until then counts. A name is best from the MAPI properties (the long one before the short one),
since the attribute has only a DOS name in some code page. Checksums are not looked at: what can be read is shown.
At most 1,000 files and 10,000 properties; every byte is looked at once. An enclosed Outlook message stays a file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.model import clean_line
from mail.mime import charsets

_MAGIC = b"\x78\x9f\x3e\x22"
_MOST_FILES = 1000
_MOST_PROPERTIES = 10_000
_LONGEST_TEXT = 4_194_304

# Attributes (MS-OXTNEF 2.1.3.2), by the low half of their number.
_BODY, _MESSAGE_PROPERTIES, _CODE_PAGE = 0x800C, 0x9003, 0x9007
_NEW_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
# Properties (MS-OXPROPS).
_P_BODY, _P_RTF, _P_HTML, _P_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_P_DATA, _P_SHORT_NAME, _P_LONG_NAME, _P_DISPLAY_NAME = 0x3701, 0x3704, 0x3707, 0x3001
_P_TYPE, _P_CONTENT_ID = 0x370E, 0x3712
_STRING, _UNICODE, _OBJECT, _BINARY = 0x001E, 0x001F, 0x000D, 0x0102
_MANY = 0x1000
_SIZES = {0x0001: 4, 0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4}
_SIZES |= {0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8, 0x0040: 8, 0x0048: 16}
_FIRST_NAMED = 0x8000
_OBJECT_HEAD = 16
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9._+-]{0,80}")


@dataclass(slots=True)
class File:
    """A file of the container."""

    name: str = ""
    data: bytes = b""
    kind: str = ""
    content_id: str = ""


@dataclass(slots=True)
class Tnef:
    """What a container holds; each of the three texts is the same one, and may be missing."""

    files: list[File] = field(default_factory=list)
    text: str = ""
    html: str = ""
    rtf: bytes = b""


def is_tnef(beginning: bytes) -> bool:
    """Whether a file that begins like this is such a container."""
    return beginning.startswith(_MAGIC)


def unpack(data: bytes) -> Tnef:
    """Everything that can be read of a container."""
    found = Tnef()
    file: File | None = None
    code_page = "cp1252"
    for attribute, value in _attributes(data) if is_tnef(data) else ():
        if attribute == _NEW_FILE:
            if len(found.files) == _MOST_FILES:
                break
            file = File()
            found.files.append(file)
        elif attribute == _CODE_PAGE and len(value) >= 4:
            code_page = f"cp{int.from_bytes(value[:4], 'little')}"
        elif attribute == _BODY:
            found.text = _decoded(value, code_page)
        elif attribute == _MESSAGE_PROPERTIES:
            _read_message(found, dict(_properties(value, code_page)), code_page)
        elif file is not None and attribute == _FILE_TITLE:
            file.name = file.name or _decoded(value, code_page)
        elif file is not None and attribute == _FILE_DATA:
            file.data = value
        elif file is not None and attribute == _FILE_PROPERTIES:
            _read_file(file, dict(_properties(value, code_page)))
    found.files = [file for file in found.files if file.data or file.name]
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    while position + 9 <= len(data):
        _, attribute, _, length = struct.unpack_from("<BHHI", data, position)
        position += 9
        if position + length > len(data):
            return
        yield attribute, data[position : position + length]
        position += length + 2


def _properties(data: bytes, code_page: str) -> Iterator[tuple[int, str | bytes]]:
    """The properties with a value that we may want: strings and bytes."""
    count = min(_MOST_PROPERTIES, int.from_bytes(data[:4], "little"))
    position = 4
    for _ in range(count):
        if position + 4 > len(data):
            return
        kind, number = struct.unpack_from("<HH", data, position)
        position += 4
        if number >= _FIRST_NAMED:
            position = _behind_name(data, position)
        is_text = kind & ~_MANY in {_STRING, _UNICODE, _OBJECT, _BINARY}
        values = 1
        if is_text or kind & _MANY:
            values = int.from_bytes(data[position : position + 4], "little")
            position += 4
        size = _SIZES.get(kind & ~_MANY, 0)
        if values > len(data) or not (size or is_text):
            return
        if not is_text:
            raw = data[position : position + 4]
            position += -(-size * values // 4) * 4
            if size == 4 and values == 1:
                yield number, raw
            continue
        for _ in range(values):
            length = int.from_bytes(data[position : position + 4], "little")
            position += 4
            if position + length > len(data):
                return
            value = data[position : position + length]
            position += -(-length // 4) * 4
            if kind == _STRING:
                yield number, _decoded(value, code_page)
            elif kind == _UNICODE:
                yield number, value.decode("utf-16-le", "replace").rstrip("\0")
            else:
                yield number, value[_OBJECT_HEAD:] if kind == _OBJECT else value


def _behind_name(data: bytes, position: int) -> int:
    """Behind the name of a named property: a set, and a number or a word."""
    is_word = data[position + 16 : position + 20] == b"\1\0\0\0"
    position += 20
    length = int.from_bytes(data[position : position + 4], "little") if is_word else 0
    return position + 4 + -(-length // 4) * 4


def _read_message(found: Tnef, properties: dict[int, str | bytes], code_page: str) -> None:
    page = properties.get(_P_CODE_PAGE)
    charset = f"cp{int.from_bytes(page, 'little')}" if isinstance(page, bytes) else code_page
    body, html, rtf = (properties.get(number, b"") for number in (_P_BODY, _P_HTML, _P_RTF))
    found.text = (body if isinstance(body, str) else "") or found.text
    found.html = html if isinstance(html, str) else _decoded(html, charset)
    found.rtf = rtf if isinstance(rtf, bytes) else b""


def _read_file(file: File, properties: dict[int, str | bytes]) -> None:
    names = (properties.get(number) for number in (_P_LONG_NAME, _P_SHORT_NAME))
    shown = properties.get(_P_DISPLAY_NAME)
    file.name = next((name for name in (*names, file.name, shown) if name and isinstance(name, str)), "")
    data = properties.get(_P_DATA)
    if isinstance(data, bytes) and not file.data:
        file.data = data
    kind, content_id = properties.get(_P_TYPE), properties.get(_P_CONTENT_ID)
    file.kind = kind.lower() if isinstance(kind, str) and _TYPE.fullmatch(kind.lower()) else ""
    file.content_id = clean_line(content_id) if isinstance(content_id, str) else ""


def _decoded(value: bytes, code_page: str) -> str:
    code_page = {"cp65001": "utf-8", "cp20127": "ascii", "cp28591": "cp1252", "cp0": "cp1252"}.get(code_page, code_page)
    return charsets.decode(value[:_LONGEST_TEXT], code_page).rstrip("\0")
