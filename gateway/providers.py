"""Whose OAuth2 mailboxes are spoken with: what is known of Google and Microsoft, and what an operator sets.

One gateway is one client at one provider. A provider is known by its base URL, below which
`/.well-known/openid-configuration` names its endpoints; so any other one can be used, and a Microsoft tenant of its
own is a base URL of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.values import Mistake, read_public_url

_GOOGLE_HOSTS = ("gmail.com", "googlemail.com", "google.com")
_MICROSOFT_HOSTS = ("office365.com", "outlook.com", "office.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """What we are at the provider `name`: google, microsoft or other."""

    name: str
    base_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str

    @property
    def may_use_device_code(self) -> bool:
        # Google has a device flow, but gives no mailbox through it.
        return self.name != "google"

    @property
    def code_parameters(self) -> dict[str, str]:
        """What else this provider wants to hear before it gives a token that lasts."""
        return {"access_type": "offline", "prompt": "consent"} if self.name == "google" else {}


_BASE_URLS = {"google": "https://accounts.google.com", "microsoft": "https://login.microsoftonline.com/common/v2.0"}
# Each scope opens IMAP and SMTP, so that a mailbox that is also the relay's account is logged in once.
_SCOPES = {
    "google": "https://mail.google.com/",
    "microsoft": "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    "other": "offline_access",
}


def guess_provider(host: str) -> str:
    """Whose mail server this is: google, microsoft or, unknown, nothing."""
    for name, domains in (("google", _GOOGLE_HOSTS), ("microsoft", _MICROSOFT_HOSTS)):
        if any(host.lower() == domain or host.lower().endswith(f".{domain}") for domain in domains):
            return name
    return ""


def is_loopback(host: str) -> bool:
    """Whether this is our own machine, the one place that a secret may go to in clear text."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_carry_secrets(url: str) -> bool:
    """Whether secrets may be sent to this URL: by TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        )
    except ValueError:
        return False


def read_oauth_base(text: str) -> str:
    if not text:
        return ""
    url = read_public_url(text)
    if not may_carry_secrets(url):
        raise Mistake(f"{text!r} is not an https URL")
    return url.removesuffix("/.well-known/openid-configuration")


def read_oauth_client(
    values: Mapping[str, str], users: Sequence[tuple[str, str]], tell: Callable[[str], None]
) -> OAuthClient | None:
    """Our client as set, or None where nothing is set and nothing needs it.

    Arguments: `values`, the texts of the settings; `users`, the settings that say `auth=oauth2`, each with its host;
    `tell`, who takes a mistake as one line.
    """
    name, client_id = values["HELPDESK_OAUTH_PROVIDER"].lower(), values["HELPDESK_OAUTH_CLIENT_ID"]
    if not client_id:
        for variable in sorted({variable for variable, _ in users}):
            tell(f"HELPDESK_OAUTH_CLIENT_ID: is needed, because {variable} says auth=oauth2")
        return None
    try:
        base_url = read_oauth_base(values["HELPDESK_OAUTH_ENDPOINT"])
    except Mistake as mistake:
        tell(f"HELPDESK_OAUTH_ENDPOINT: {mistake}")
        return None
    if not name:
        guesses = {guess_provider(host) for _, host in users} - {""}
        name = guesses.pop() if len(guesses) == 1 else "other" if base_url else ""
    if name not in _SCOPES:
        tell(
            "HELPDESK_OAUTH_PROVIDER: must be google, microsoft or other, it cannot be told from the mail server's name"
        )
        return None
    if name == "other" and not base_url:
        tell("HELPDESK_OAUTH_ENDPOINT: is needed for a provider that is neither google nor microsoft")
        return None
    return OAuthClient(
        name=name,
        base_url=base_url or _BASE_URLS[name],
        client_id=client_id,
        client_secret=values["HELPDESK_OAUTH_CLIENT_SECRET"],
        scope=values["HELPDESK_OAUTH_SCOPE"] or _SCOPES[name],
    )
