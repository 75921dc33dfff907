"""The header that a load balancer puts before a connection: who its client is (PROXY protocol, versions 1 and 2).

    PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 CRLF                            version 1, at most 107 bytes
    12 bytes of signature, version and command, family, length, addresses …    version 2, here at most 2 KiB

A balancer may also say that it does not know its client, or that the connection is its own (a health check); then
there is no address. Anything that is not exactly such a header is Malformed: who guesses here believes a client that
writes one himself. Pure; from whom a header is believed is not decided here.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_VERSION_2 = struct.Struct("!12sBBH")
_LONGEST_LINE = 107
# What follows the addresses (names, certificates) is not read, and longer than any balancer makes it is malformed.
_LONGEST_REST = 2_048
_LINE = re.compile(r"PROXY (TCP4|TCP6) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) ([0-9]{1,5}) ([0-9]{1,5})")
_LOCAL, _PROXY = 0x20, 0x21
_UNKNOWN, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
# How long the addresses of each family are: both addresses and both ports.
_ADDRESS_BYTES = {_UNKNOWN: 0, _TCP4: 12, _TCP6: 36, _UNIX: 216}


class Malformed(Exception):
    """This is no header, and the connection is worth nothing."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The client's IP address, empty where the balancer names none, and where the header ends."""

    host: str
    size_bytes: int


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the beginning of `data`; None while it is not complete. Raises Malformed."""
    if data.startswith(_SIGNATURE[: len(data)]):
        return _read_version_2(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _read_version_1(data)
    raise Malformed("it begins with something else")


def _read_version_1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(data) >= _LONGEST_LINE:
            raise Malformed("the line does not end")
        return None
    line = data[:end].decode("ascii", "replace")
    if line == "PROXY UNKNOWN" or line.startswith("PROXY UNKNOWN "):
        return ProxyHeader("", end + 2)
    if not (match := _LINE.fullmatch(line)) or not all(int(port) <= 65535 for port in match.group(4, 5)):
        raise Malformed("the line is not understood")
    kind = ipaddress.IPv4Address if match[1] == "TCP4" else ipaddress.IPv6Address
    try:
        source, _ = kind(match[2]), kind(match[3])
    except ValueError as error:
        raise Malformed("an address is none") from error
    return ProxyHeader(str(source), end + 2)


def _read_version_2(data: bytes) -> ProxyHeader | None:
    if len(data) < _VERSION_2.size:
        return None
    _, command, family, length = _VERSION_2.unpack_from(data)
    if command not in {_LOCAL, _PROXY} or length > _LONGEST_REST:
        raise Malformed("the version, the command or the length is not known")
    if command == _PROXY and length < _ADDRESS_BYTES.get(family, _LONGEST_REST + 1):
        raise Malformed("the family is not known, or its addresses are cut off")
    end = _VERSION_2.size + length
    if len(data) < end:
        return None
    addresses = data[_VERSION_2.size : end]
    if command == _PROXY and family == _TCP4:
        return ProxyHeader(str(ipaddress.IPv4Address(addresses[:4])), end)
    if command == _PROXY and family == _TCP6:
        return ProxyHeader(str(ipaddress.IPv6Address(addresses[:16])), end)
    return ProxyHeader("", end)
