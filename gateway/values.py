"""The values of settings: what a text may mean, and what is wrong with it if it means nothing.

Each reader takes the text of one setting and returns its value or raises Mistake, whose words stand behind the
variable's name in one line. Reads no environment; looks at files and folders only to see whether they can be used.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.model import fold_key

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})?([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a door listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` events in `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where our mail goes: `scheme` is smtp, smtps or maildir."""

    scheme: str
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    oauth2: bool = False
    path: Path = Path()


def contains(networks: tuple[Network, ...], host: str) -> bool:
    """Whether one of the networks holds the IP address; an address that cannot be read is in none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in networks)


class Mistake(ValueError):
    """What is wrong with one value."""


def folder_problem(path: Path) -> str:
    """Why the folder cannot be used, or nothing. A missing one can if its nearest existing parent may be written."""
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written"
    return ""


def read_endpoint(text: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise Mistake(f"{text!r} is not HOST:PORT")
    if not host:
        raise Mistake(f"{text!r} names no host (0.0.0.0 or [::] for all)")
    return Endpoint(host.removeprefix("[").removesuffix("]"), int(port))


def read_optional_endpoint(text: str) -> Endpoint | None:
    return read_endpoint(text) if text else None


def read_optional_file(text: str) -> Path | None:
    if not text:
        return None
    if not os.access(text, os.R_OK) or not Path(text).is_file():
        raise Mistake(f"{text} is not a readable file")
    return Path(text)


def read_optional_folder(text: str, folder: Path) -> Path | None:
    if not text:
        return None
    if not (folder / text).is_dir():
        raise Mistake(f"{text} is not a folder")
    return folder / text


def read_database_url(text: str) -> str:
    if path := text.removeprefix("sqlite+aiosqlite:///") if text.startswith("sqlite+aiosqlite:///") else "":
        if ":memory:" in path or path.startswith("file:") or "?" in path:
            raise Mistake("names no file: what is accepted must be stored")
        return text
    if text.startswith("postgresql+asyncpg://"):
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError as error:
            raise Mistake(str(error)) from error
        if parts.path.strip("/"):
            return text
        raise Mistake("names no database")
    raise Mistake("is neither sqlite+aiosqlite:///PATH nor postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE")


def read_public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or not text.isprintable() or " " in text:
        raise Mistake(f"{text!r} is not an http or https URL without query")
    return text.rstrip("/")


def read_addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in text.split(","))
    for address in addresses:
        if not _ADDRESS.fullmatch(address) or ".." in address:
            raise Mistake(f"{address!r} is not an address")
        if len(address.partition("@")[0]) > 25:
            raise Mistake(f"{address!r} has more than 25 characters before the @, a reply address would not fit")
    return tuple(dict.fromkeys(fold_key(address) for address in addresses))


def read_line(text: str) -> str:
    if not text.isprintable() or len(text) > 128:
        raise Mistake("is not one line of at most 128 characters")
    return text


def read_switch(text: str) -> bool:
    return choice_of("on", "off")(text) == "on"


def choice_of(*choices: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.lower() not in choices:
            raise Mistake(f"{text!r} is none of {', '.join(choices)}")
        return text.lower()

    return convert


def number_between(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19 and low <= int(text) <= high):
            raise Mistake(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return convert


def read_limit(text: str) -> Limit | None:
    if text.lower() == "off":
        return None
    if not (match := _LIMIT.fullmatch(text)):
        raise Mistake(f"{text!r} is neither off nor a limit such as 60/m or 10/15m")
    return Limit(int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])


def read_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise Mistake(str(error)) from error


def read_relay(text: str, folder: Path) -> Relay:
    if text.startswith("maildir:"):
        if not (path := text.removeprefix("maildir:")):
            raise Mistake("maildir: names no path")
        if problem := folder_problem((folder / path).absolute()):
            raise Mistake(problem)
        return Relay(scheme="maildir", path=(folder / path).absolute())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Mistake(str(error)) from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or query.keys() - {"auth"}:
        raise Mistake("is none of smtp://[USER:PASSWORD@]HOST[:PORT][?auth=oauth2], smtps://… and maildir:PATH")
    oauth2 = wants_oauth2(query.get("auth", "password"), parts.username, parts.password)
    if not oauth2 and bool(parts.username) != bool(parts.password):
        raise Mistake("has a user or a password, but not both")
    return Relay(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        oauth2=oauth2,
    )


def wants_oauth2(auth: str, username: str | None, password: str | None) -> bool:
    """What `auth=` in the URL of a relay or a mailbox says: `password`, which is the default, or `oauth2`."""
    if auth not in {"password", "oauth2"}:
        raise Mistake(f"auth={auth} is neither auth=password nor auth=oauth2")
    if auth == "oauth2" and password:
        raise Mistake("has a password, though auth=oauth2 takes none")
    if auth == "oauth2" and not username:
        raise Mistake("names no user, whom auth=oauth2 needs")
    return auth == "oauth2"
