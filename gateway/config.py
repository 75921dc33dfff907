"""Settings: the environment in, one frozen value out.

The only reader of the environment. Everything is checked before any port opens, and all mistakes are reported at
once, one line each, naming the variable. A `.env` file in the working folder is read too and loses against the
environment; `NAME_FILE` names a file that holds the value of `NAME`.
"""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values

from gateway.dkim_key import DkimKey, read_dkim_name, read_dkim_secret
from gateway.errors import SettingsWrong
from gateway.mailbox_url import MailboxUrl, read_mailboxes
from gateway.providers import OAuthClient, read_oauth_client
from gateway.values import (
    Endpoint,
    Limit,
    Mistake,
    Network,
    Relay,
    choice_of,
    contains,
    folder_problem,
    number_between,
    read_addresses,
    read_database_url,
    read_endpoint,
    read_limit,
    read_line,
    read_networks,
    read_optional_endpoint,
    read_optional_file,
    read_optional_folder,
    read_public_url,
    read_relay,
    read_switch,
)

T = TypeVar("T")


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
    mailboxes: tuple[MailboxUrl, ...]
    oauth: OAuthClient | None
    dkim: DkimKey | None
    secret_key: bytes = field(repr=False)
    max_message_bytes: int
    trusted_authserv_id: str
    trusted_relays: tuple[Network, ...]
    smtp_proxy_protocol: tuple[Network, ...]
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

    def is_smtp_balancer(self, host: str) -> bool:
        """Whether SMTP from this IP address begins with the PROXY protocol, and only that tells who is the client."""
        return contains(self.smtp_proxy_protocol, host)


# Every variable that is read, with its default. None: made from the data folder.
DEFAULTS: dict[str, str | None] = {
    "HELPDESK_DATA_DIR": "./data",
    "HELPDESK_DATABASE_URL": None,
    "HELPDESK_PUBLIC_URL": "http://localhost:8000",
    "HELPDESK_HTTP_LISTEN": "127.0.0.1:8000",
    "HELPDESK_SMTP_LISTEN": "127.0.0.1:8025",
    "HELPDESK_LMTP_LISTEN": "",
    "HELPDESK_SMTP_PROXY_PROTOCOL": "",
    "HELPDESK_SMTP_TLS_CERT": "",
    "HELPDESK_SMTP_TLS_KEY": "",
    "HELPDESK_SUPPORT_ADDRESS": "support@localhost",
    "HELPDESK_SUPPORT_NAME": "Support",
    "HELPDESK_PLUS_ADDRESSING": "on",
    "HELPDESK_RELAY_URL": None,
    "HELPDESK_DKIM_KEY": "",
    "HELPDESK_DKIM_SELECTOR": "",
    "HELPDESK_DKIM_DOMAIN": "",
    "HELPDESK_IMAP_URL": "",
    "HELPDESK_OAUTH_PROVIDER": "",
    "HELPDESK_OAUTH_CLIENT_ID": "",
    "HELPDESK_OAUTH_CLIENT_SECRET": "",
    "HELPDESK_OAUTH_ENDPOINT": "",
    "HELPDESK_OAUTH_SCOPE": "",
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
        except Mistake as mistake:
            mistakes.append(f"{name}: {mistake}")
            return None

    data_dir = (folder / values["HELPDESK_DATA_DIR"]).absolute()
    if not values["HELPDESK_DATA_DIR"]:
        mistakes.append("HELPDESK_DATA_DIR: is empty")
    elif problem := folder_problem(data_dir):
        mistakes.append(f"HELPDESK_DATA_DIR: {problem}")
    values["HELPDESK_DATABASE_URL"] = values["HELPDESK_DATABASE_URL"] or f"sqlite+aiosqlite:///{data_dir}/helpdesk.db"
    values["HELPDESK_RELAY_URL"] = values["HELPDESK_RELAY_URL"] or f"maildir:{data_dir}/outgoing"
    cert = read("HELPDESK_SMTP_TLS_CERT", read_optional_file)
    key = read("HELPDESK_SMTP_TLS_KEY", read_optional_file)
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
        "database_url": read("HELPDESK_DATABASE_URL", read_database_url),
        "public_url": read("HELPDESK_PUBLIC_URL", read_public_url),
        "http_listen": read("HELPDESK_HTTP_LISTEN", read_endpoint),
        "smtp_listen": read("HELPDESK_SMTP_LISTEN", read_optional_endpoint),
        "lmtp_listen": read("HELPDESK_LMTP_LISTEN", read_optional_endpoint),
        "smtp_tls_cert": cert,
        "smtp_tls_key": key,
        "support_addresses": read("HELPDESK_SUPPORT_ADDRESS", read_addresses),
        "support_name": read("HELPDESK_SUPPORT_NAME", read_line),
        "plus_addressing": read("HELPDESK_PLUS_ADDRESSING", read_switch),
        "relay": read("HELPDESK_RELAY_URL", lambda text: read_relay(text, folder)),
        "mailboxes": read("HELPDESK_IMAP_URL", read_mailboxes),
        "max_message_bytes": read("HELPDESK_MAX_MESSAGE_BYTES", number_between(1024, 1 << 30)),
        "trusted_authserv_id": values["HELPDESK_TRUSTED_AUTHSERV_ID"].strip().lower(),
        "trusted_relays": read("HELPDESK_TRUSTED_RELAYS", read_networks),
        "smtp_proxy_protocol": read("HELPDESK_SMTP_PROXY_PROTOCOL", read_networks),
        "trusted_proxies": read("HELPDESK_TRUSTED_PROXIES", read_networks),
        "sender_policy": read("HELPDESK_SENDER_POLICY", choice_of("soft", "strict")),
        "staff_by_mail": read("HELPDESK_STAFF_BY_MAIL", choice_of("off", "token", "authenticated")),
        "acknowledge": read("HELPDESK_ACKNOWLEDGE", read_switch),
        "notify_staff": read("HELPDESK_NOTIFY_STAFF", read_switch),
        "access_token_minutes": read("HELPDESK_ACCESS_TOKEN_MINUTES", number_between(1, 1440)),
        "refresh_token_days": read("HELPDESK_REFRESH_TOKEN_DAYS", number_between(1, 3650)),
        "login_limit": read("HELPDESK_LOGIN_LIMIT", read_limit),
        "register_limit": read("HELPDESK_REGISTER_LIMIT", read_limit),
        "api_limit": read("HELPDESK_API_LIMIT", read_limit),
        "mail_limit": read("HELPDESK_MAIL_LIMIT", read_limit),
        "receipt_limit": read("HELPDESK_RECEIPT_LIMIT", read_limit),
        "receipt_limit_total": read("HELPDESK_RECEIPT_LIMIT_TOTAL", read_limit),
        "staff_notice_limit": read("HELPDESK_STAFF_NOTICE_LIMIT", read_limit),
        "retry_seconds": read("HELPDESK_RETRY_SECONDS", number_between(1, 86400)),
        "template_dir": read("HELPDESK_TEMPLATE_DIR", lambda text: read_optional_folder(text, folder)),
    }
    by_oauth2 = []
    if isinstance(relay := settings["relay"], Relay) and relay.oauth2:
        by_oauth2.append(("HELPDESK_RELAY_URL", relay.host))
    if isinstance(mailboxes := settings["mailboxes"], tuple):
        watched = [mailbox for mailbox in mailboxes if isinstance(mailbox, MailboxUrl) and mailbox.oauth2]
        by_oauth2 += [("HELPDESK_IMAP_URL", mailbox.host) for mailbox in watched]
    oauth = read_oauth_client(values, by_oauth2, mistakes.append)
    dkim_secret = read("HELPDESK_DKIM_KEY", lambda text: read_dkim_secret(text, folder))
    selector, domain = (read(f"HELPDESK_DKIM_{name}", read_dkim_name) for name in ("SELECTOR", "DOMAIN"))
    if dkim_secret and selector == "":
        mistakes.append("HELPDESK_DKIM_SELECTOR: is needed too, the key is published under it")
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
    dkim = None
    if dkim_secret:
        domain = domain or values["HELPDESK_SUPPORT_ADDRESS"].partition(",")[0].strip().lower().rpartition("@")[2]
        dkim = DkimKey(algorithm=dkim_secret[0], secret=dkim_secret[1], selector=selector or "", domain=domain)
    return Settings(secret_key=secret_key, oauth=oauth, dkim=dkim, **settings)  # type: ignore[arg-type]


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
