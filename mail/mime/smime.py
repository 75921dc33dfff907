"""What an opaque signature holds: the mail inside an S/MIME container of signed data (RFC 8551, `smime.p7m`).

Such a mail has no other text, so it would be empty for staff. The content is found by its place in the structure
(ContentInfo, SignedData, EncapsulatedContentInfo) and nothing else is read: no certificate, and the signature proves
nothing here. Encrypted data stays what it is. Every length is checked, and nesting is bounded.
"""

from __future__ import annotations

from typing import NamedTuple

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")
_OBJECT_ID, _OCTETS, _BUILT_OCTETS, _FIELD_0 = 0x06, 0x04, 0x24, 0xA0
_END = b"\0\0"
_DEEPEST = 4
_MOST_PIECES = 1_000_000


class _Item(NamedTuple):
    """One value: its tag, its content, and where the next value begins."""

    tag: int
    start: int
    end: int
    following: int
    is_endless: bool


class _Broken(Exception):
    """The structure is not what it should be."""


def signed_content(data: bytes) -> bytes | None:
    """The bytes that were signed, or None where there are none to be read."""
    try:
        outer = _item(data, 0, len(data))
        name = _item(data, outer.start, outer.end)
        if name.tag != _OBJECT_ID or data[name.start : name.end] != _SIGNED_DATA:
            return None
        signed = _inside(data, _inside(data, _item(data, name.following, outer.end)))
        version = signed
        digests = _item(data, version.following, len(data))
        content = _item(data, _end_of(data, digests, 0), len(data))
        name = _inside(data, content)
        if name.tag != _OBJECT_ID or data[name.start : name.end] != _DATA:
            return None
        field = _item(data, name.following, content.end)
        if field.tag != _FIELD_0:
            return None
        pieces: list[bytes] = []
        _collect(data, _inside(data, field), pieces, 0)
    except _Broken:
        return None
    return b"".join(pieces)


def _inside(data: bytes, item: _Item) -> _Item:
    """The first value inside another one."""
    return _item(data, item.start, item.end)


def _item(data: bytes, position: int, end: int) -> _Item:
    if position + 2 > end or data[position] & 31 == 31:
        raise _Broken
    tag, length, start = data[position], data[position + 1], position + 2
    if length == 0x80:
        # The end is marked by two zero bytes behind the last value inside.
        return _Item(tag, start, end, end, is_endless=True)
    if length > 0x80:
        count = length - 0x80
        if count > 4 or start + count > end:
            raise _Broken
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    # What was cut off on its way is read as far as it goes.
    return _Item(tag, start, min(end, start + length), min(end, start + length), is_endless=False)


def _collect(data: bytes, item: _Item, pieces: list[bytes], depth: int) -> int:
    """Gather the pieces of an octet string, which may be built of others; where the next value begins."""
    if item.tag == _OCTETS and not item.is_endless:
        pieces.append(data[item.start : item.end])
        return item.following
    if item.tag != _BUILT_OCTETS or depth > _DEEPEST or len(pieces) > _MOST_PIECES:
        raise _Broken
    position = item.start
    while position < item.end and not (item.is_endless and data.startswith(_END, position)):
        position = _collect(data, _item(data, position, item.end), pieces, depth + 1)
    return min(item.end, position + len(_END)) if item.is_endless else item.following


def _end_of(data: bytes, item: _Item, depth: int) -> int:
    """Where the next value begins."""
    if not item.is_endless:
        return item.following
    if depth > _DEEPEST:
        raise _Broken
    position = item.start
    while not data.startswith(_END, position):
        position = _end_of(data, _item(data, position, item.end), depth + 1)
    return position + len(_END)
