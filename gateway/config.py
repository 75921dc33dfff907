"""Settings: the environment in, one frozen value out.

The only reader of the environment. Everything is checked before any port opens, and all mistakes are reported at
once, one line each, naming the variable. A `.env` file in the working folder is read too and loses against the
environment; `NAME_FILE` names a file that holds the value of `NAME`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values

from gateway.errors import SettingsWrong
from gateway.model import fold_key

T = TypeVar("T")
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
    path: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can set, checked. Names and meanings are those of the README's table."""

    data_dir: Path
    database_url: str
    public_url: str
    http_listen: Endpoint
    smtp_listen: Endpoint | None
    lmtp_listen: Endpoint | None
    smtp_tls_cert: Path | None
    smtp_tls_key: Path | None
    support_addresses: tuple[str, ...]
    support_name: str
    plus_addressing: bool
    relay: Relay
    secret_key: bytes = field(repr=False)
    max_message_bytes: int
    trusted_authserv_id: str
    trusted_relays: tuple[Network, ...]
    trusted_proxies: tuple[Network, ...]
    sender_policy: str
    staff_by_mail: str
    acknowledge: bool
    notify_staff: bool
    access_token_minutes: int
    refresh_token_days: int
    login_limit: Limit | None
    register_limit: Limit | None
    api_limit: Limit | None
    mail_limit: Limit | None
    receipt_limit: Limit | None
    receipt_limit_total: Limit | None
    staff_notice_limit: Limit | None
    retry_seconds: int
    template_dir: Path | None

    @property
    def support_address(self) -> str:
        """The sender of our mail."""
        return self.support_addresses[0]

    @property
    def support_domain(self) -> str:
        return self.support_address.rpartition("@")[2]

    @property
    def is_embedded(self) -> bool:
        """Whether the database is SQLite, which this process has to itself."""
        return self.database_url.startswith("sqlite")

    def is_trusted_relay(self, host: str) -> bool:
        """Whether an SMTP client at this IP address may bring an Authentication-Results field, and has no limits."""
        return contains(self.trusted_relays, host)


def contains(networks: tuple[Network, ...], host: str) -> bool:
    """Whether one of the networks holds the IP address; an address that cannot be read is in none."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in networks)


# Every variable that is read, with its default. None: made from the data folder.
DEFAULTS: dict[str, str | None] = {
    "HELPDESK_DATA_DIR": "./data",
    "HELPDESK_DATABASE_URL": None,
    "HELPDESK_PUBLIC_URL": "http://localhost:8000",
    "HELPDESK_HTTP_LISTEN": "127.0.0.1:8000",
    "HELPDESK_SMTP_LISTEN": "127.0.0.1:8025",
    "HELPDESK_LMTP_LISTEN": "",
    "HELPDESK_SMTP_TLS_CERT": "",
    "HELPDESK_SMTP_TLS_KEY": "",
    "HELPDESK_SUPPORT_ADDRESS": "support@localhost",
    "HELPDESK_SUPPORT_NAME": "Support",
    "HELPDESK_PLUS_ADDRESSING": "on",
    "HELPDESK_RELAY_URL": None,
    "HELPDESK_IMAP_URL": "",
    "HELPDESK_SECRET_KEY": None,
    "HELPDESK_MAX_MESSAGE_BYTES": "26214400",
    "HELPDESK_TRUSTED_AUTHSERV_ID": "",
    "HELPDESK_TRUSTED_RELAYS": "127.0.0.1 ::1",
    "HELPDESK_SENDER_POLICY": "soft",
    "HELPDESK_STAFF_BY_MAIL": "token",
    "HELPDESK_ACKNOWLEDGE": "on",
    "HELPDESK_NOTIFY_STAFF": "on",
    "HELPDESK_ACCESS_TOKEN_MINUTES": "10",
    "HELPDESK_REFRESH_TOKEN_DAYS": "7",
    "HELPDESK_LOGIN_LIMIT": "10/15m",
    "HELPDESK_REGISTER_LIMIT": "100/h",
    "HELPDESK_API_LIMIT": "1200/m",
    "HELPDESK_MAIL_LIMIT": "60/m",
    "HELPDESK_RECEIPT_LIMIT": "3/h",
    "HELPDESK_RECEIPT_LIMIT_TOTAL": "300/h",
    "HELPDESK_STAFF_NOTICE_LIMIT": "60/h",
    "HELPDESK_RETRY_SECONDS": "300",
    "HELPDESK_TRUSTED_PROXIES": "",
    "HELPDESK_TEMPLATE_DIR": "",
}


class _Mistake(ValueError):
    """What is wrong with one value."""


def load_settings(environ: Mapping[str, str], folder: Path) -> Settings:
    """Read, check and complete the settings.

    Arguments: `environ`, the process environment; `folder`, the working folder, whose `.env` is read and to which
    relative paths belong. Creates the data folder (mode 0700) and, where no key is given, the secret key in it.
    Raises SettingsWrong with every mistake; then nothing was created.
    """
    values, mistakes = _values(environ, folder)

    def read(name: str, convert: Callable[[str], T]) -> T | None:
        try:
            return convert(values[name])
        except _Mistake as mistake:
            mistakes.append(f"{name}: {mistake}")
            return None

    data_dir = (folder / values["HELPDESK_DATA_DIR"]).absolute()
    if not values["HELPDESK_DATA_DIR"]:
        mistakes.append("HELPDESK_DATA_DIR: is empty")
    elif problem := _folder_problem(data_dir):
        mistakes.append(f"HELPDESK_DATA_DIR: {problem}")
    values["HELPDESK_DATABASE_URL"] = values["HELPDESK_DATABASE_URL"] or f"sqlite+aiosqlite:///{data_dir}/helpdesk.db"
    values["HELPDESK_RELAY_URL"] = values["HELPDESK_RELAY_URL"] or f"maildir:{data_dir}/outgoing"
    cert = read("HELPDESK_SMTP_TLS_CERT", _optional_file)
    key = read("HELPDESK_SMTP_TLS_KEY", _optional_file)
    if (cert is None) != (key is None) and not any("SMTP_TLS" in mistake for mistake in mistakes):
        missing = "HELPDESK_SMTP_TLS_KEY" if key is None else "HELPDESK_SMTP_TLS_CERT"
        mistakes.append(f"{missing}: is needed too, STARTTLS takes a certificate and its key")
    elif cert and key:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
        except (ssl.SSLError, OSError) as error:
            mistakes.append(f"HELPDESK_SMTP_TLS_CERT: cannot be used with HELPDESK_SMTP_TLS_KEY ({error})")
    settings = {
        "data_dir": data_dir,
        "database_url": read("HELPDESK_DATABASE_URL", _database_url),
        "public_url": read("HELPDESK_PUBLIC_URL", _public_url),
        "http_listen": read("HELPDESK_HTTP_LISTEN", _endpoint),
        "smtp_listen": read("HELPDESK_SMTP_LISTEN", _optional_endpoint),
        "lmtp_listen": read("HELPDESK_LMTP_LISTEN", _optional_endpoint),
        "smtp_tls_cert": cert,
        "smtp_tls_key": key,
        "support_addresses": read("HELPDESK_SUPPORT_ADDRESS", _addresses),
        "support_name": read("HELPDESK_SUPPORT_NAME", _one_line),
        "plus_addressing": read("HELPDESK_PLUS_ADDRESSING", _switch),
        "relay": read("HELPDESK_RELAY_URL", lambda text: _relay(text, folder)),
        "max_message_bytes": read("HELPDESK_MAX_MESSAGE_BYTES", _number(1024, 1 << 30)),
        "trusted_authserv_id": values["HELPDESK_TRUSTED_AUTHSERV_ID"].strip().lower(),
        "trusted_relays": read("HELPDESK_TRUSTED_RELAYS", _networks),
        "trusted_proxies": read("HELPDESK_TRUSTED_PROXIES", _networks),
        "sender_policy": read("HELPDESK_SENDER_POLICY", _choice("soft", "strict")),
        "staff_by_mail": read("HELPDESK_STAFF_BY_MAIL", _choice("off", "token", "authenticated")),
        "acknowledge": read("HELPDESK_ACKNOWLEDGE", _switch),
        "notify_staff": read("HELPDESK_NOTIFY_STAFF", _switch),
        "access_token_minutes": read("HELPDESK_ACCESS_TOKEN_MINUTES", _number(1, 1440)),
        "refresh_token_days": read("HELPDESK_REFRESH_TOKEN_DAYS", _number(1, 3650)),
        "login_limit": read("HELPDESK_LOGIN_LIMIT", _limit),
        "register_limit": read("HELPDESK_REGISTER_LIMIT", _limit),
        "api_limit": read("HELPDESK_API_LIMIT", _limit),
        "mail_limit": read("HELPDESK_MAIL_LIMIT", _limit),
        "receipt_limit": read("HELPDESK_RECEIPT_LIMIT", _limit),
        "receipt_limit_total": read("HELPDESK_RECEIPT_LIMIT_TOTAL", _limit),
        "staff_notice_limit": read("HELPDESK_STAFF_NOTICE_LIMIT", _limit),
        "retry_seconds": read("HELPDESK_RETRY_SECONDS", _number(1, 86400)),
        "template_dir": read("HELPDESK_TEMPLATE_DIR", lambda text: _optional_folder(text, folder)),
    }
    read("HELPDESK_IMAP_URL", _no_mailboxes_yet)
    taken: dict[object, str] = {}
    for name in ("http_listen", "smtp_listen", "lmtp_listen"):
        endpoint = settings[name]
        if isinstance(endpoint, Endpoint) and endpoint.port and taken.setdefault(endpoint, name) != name:
            mistakes.append(f"HELPDESK_{name.upper()}: is the same as HELPDESK_{taken[endpoint].upper()}")
    given_key = values["HELPDESK_SECRET_KEY"].encode("utf-8", "surrogateescape")
    if given_key and len(given_key) < 32:
        mistakes.append(f"HELPDESK_SECRET_KEY: is {len(given_key)} bytes long, at least 32 are needed")
    if mistakes:
        raise SettingsWrong(mistakes)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret_key = given_key or _generated_key(data_dir / "secret.key")
    except OSError as error:
        raise SettingsWrong([f"HELPDESK_DATA_DIR: {data_dir} cannot be used ({error.strerror})"]) from error
    if len(secret_key) < 32:
        raise SettingsWrong([f"HELPDESK_SECRET_KEY: the file {data_dir / 'secret.key'} holds less than 32 bytes"])
    return Settings(secret_key=secret_key, **settings)  # type: ignore[arg-type]


def _values(environ: Mapping[str, str], folder: Path) -> tuple[dict[str, str], list[str]]:
    """The raw text of each setting, from the environment, its file, the `.env` file or the default."""
    mistakes: list[str] = []
    given: dict[str, str] = {}
    try:
        env_file = dotenv_values(folder / ".env", interpolate=False)
    except (OSError, UnicodeDecodeError):
        env_file = {}
        mistakes.append(".env: cannot be read as UTF-8 text")
    for layer in (env_file, environ):
        for name, default in DEFAULTS.items():
            plain = (layer.get(name) or "").strip()
            if plain:
                given[name] = plain
            elif path := layer.get(f"{name}_FILE"):
                try:
                    given[name] = (folder / path).read_text("utf-8", "surrogateescape").strip()
                except OSError as error:
                    mistakes.append(f"{name}_FILE: {path} cannot be read ({error.strerror})")
            elif name in layer and default is not None:
                # Empty says "none", but where there is always a value, as of the secret, it says nothing.
                given[name] = ""
    return {name: given.get(name, default or "") for name, default in DEFAULTS.items()}, mistakes


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings of ours and are none: most likely slips of the pen, worth a warning."""
    known = {*DEFAULTS, *(f"{name}_FILE" for name in DEFAULTS)}
    return sorted(
        name
        for name in environ
        if name.startswith("HELPDESK_") and name not in known and not name.startswith("HELPDESK_TEST_")
    )


def _generated_key(path: Path) -> bytes:
    """The key in the data folder, made at the first start; two processes that start at once end with the same one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_urlsafe(48).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes().strip()


def _folder_problem(path: Path) -> str:
    """Why the folder cannot be used, or nothing. A missing one can if its nearest existing parent may be written."""
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written"
    return ""


def _endpoint(text: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise _Mistake(f"{text!r} is not HOST:PORT")
    if not host:
        raise _Mistake(f"{text!r} names no host (0.0.0.0 or [::] for all)")
    return Endpoint(host.removeprefix("[").removesuffix("]"), int(port))


def _optional_endpoint(text: str) -> Endpoint | None:
    return _endpoint(text) if text else None


def _optional_file(text: str) -> Path | None:
    if not text:
        return None
    if not os.access(text, os.R_OK) or not Path(text).is_file():
        raise _Mistake(f"{text} is not a readable file")
    return Path(text)


def _optional_folder(text: str, folder: Path) -> Path | None:
    if not text:
        return None
    if not (folder / text).is_dir():
        raise _Mistake(f"{text} is not a folder")
    return folder / text


def _database_url(text: str) -> str:
    if path := text.removeprefix("sqlite+aiosqlite:///") if text.startswith("sqlite+aiosqlite:///") else "":
        if ":memory:" in path or path.startswith("file:") or "?" in path:
            raise _Mistake("names no file: what is accepted must be stored")
        return text
    if text.startswith("postgresql+asyncpg://"):
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError as error:
            raise _Mistake(str(error)) from error
        if parts.path.strip("/"):
            return text
        raise _Mistake("names no database")
    raise _Mistake("is neither sqlite+aiosqlite:///PATH nor postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE")


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or not text.isprintable() or " " in text:
        raise _Mistake(f"{text!r} is not an http or https URL without query")
    return text.rstrip("/")


def _addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in text.split(","))
    for address in addresses:
        if not _ADDRESS.fullmatch(address) or ".." in address:
            raise _Mistake(f"{address!r} is not an address")
        if len(address.partition("@")[0]) > 25:
            raise _Mistake(f"{address!r} has more than 25 characters before the @, a reply address would not fit")
    return tuple(dict.fromkeys(fold_key(address) for address in addresses))


def _one_line(text: str) -> str:
    if not text.isprintable() or len(text) > 128:
        raise _Mistake("is not one line of at most 128 characters")
    return text


def _switch(text: str) -> bool:
    return _choice("on", "off")(text) == "on"


def _choice(*choices: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.lower() not in choices:
            raise _Mistake(f"{text!r} is none of {', '.join(choices)}")
        return text.lower()

    return convert


def _number(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19 and low <= int(text) <= high):
            raise _Mistake(f"{text!r} is not a number from {low} to {high}")
        return int(text)

    return convert


def _limit(text: str) -> Limit | None:
    if text.lower() == "off":
        return None
    if not (match := _LIMIT.fullmatch(text)):
        raise _Mistake(f"{text!r} is neither off nor a limit such as 60/m or 10/15m")
    return Limit(int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise _Mistake(str(error)) from error


def _relay(text: str, folder: Path) -> Relay:
    if text.startswith("maildir:"):
        if not (path := text.removeprefix("maildir:")):
            raise _Mistake("maildir: names no path")
        if problem := _folder_problem((folder / path).absolute()):
            raise _Mistake(problem)
        return Relay(scheme="maildir", path=(folder / path).absolute())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _Mistake(str(error)) from error
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _Mistake("is none of smtp://[USER:PASSWORD@]HOST[:PORT], smtps://… and maildir:PATH")
    if bool(parts.username) != bool(parts.password):
        raise _Mistake("has a user or a password, but not both")
    return Relay(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _no_mailboxes_yet(text: str) -> None:
    if text:
        raise _Mistake("this version does not watch mailboxes yet; leave it empty and let mail come by SMTP")
