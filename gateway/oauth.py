"""Speaking with an OAuth2 provider: a refresh token in, an access token out; and the two ways to a first one.

Everything that a provider says is judged here, once: `invalid_grant` and its kin end the grant (TokenDead), another
refusal is about our client and wants the operator (ClientRefused), and silence, 5xx, 429 or nonsense passes
(TokenServerDown). Unknown means that it passes. Each call has its own deadline, an answer its own cap, redirects are
not followed, and secrets go nowhere but by TLS or within this machine. What a provider says is never shown with a
secret that it was sent. Not done here: storing, deciding when to ask, trying again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from gateway.errors import ClientRefused, TokenDead, TokenServerDown
from gateway.providers import OAuthClient, may_carry_secrets

CALL_SECONDS = 30
_MOST_BYTES = 65536
_MOST_WORDS = 300
# RFC 6749 A.12, without the blank: it goes into a line of IMAP and SMTP, which nothing in it may break.
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
# RFC 6749 5.1 lets a provider keep the life of a token to itself: then it is taken to be short.
_LIFE_SECONDS = 600
_ENDED = {"invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied"}
_PASSING = {"temporarily_unavailable", "server_error", "slow_down", "authorization_pending"}
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the token endpoint gave; `refresh_token` is empty where the old one stays."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    life_seconds: float
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What somebody is to type in, and where."""

    device_code: str = field(repr=False)
    user_code: str
    url: str
    life_seconds: float
    interval_seconds: float


class NotYet(Exception):
    """The owner has not decided yet; `slow_down` asks for a longer interval from now on."""

    def __init__(self, *, slow_down: bool) -> None:
        super().__init__()
        self.slow_down = slow_down


class Provider:
    """The provider at which we are `client`."""

    def __init__(self, client: OAuthClient, http: ClientSession) -> None:
        self.client = client
        self._http = http
        self._endpoints: dict[str, str] = {}

    async def refresh(self, refresh_token: str) -> Grant:
        """A new access token. Raises TokenDead, ClientRefused or TokenServerDown."""
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def start_device(self) -> DeviceCode | None:
        """Begin a device-code login (RFC 8628), or None where the provider has none for mailboxes."""
        url = await self._endpoint("device_authorization_endpoint")
        if not url or not self.client.may_use_device_code:
            return None
        said = await self._post(url, {"scope": self.client.scope})
        code, user_code = said.get("device_code"), said.get("user_code")
        place = said.get("verification_uri") or said.get("verification_url")
        if not (isinstance(code, str) and isinstance(user_code, str) and isinstance(place, str)):
            raise TokenServerDown("The provider gave no device code.")
        return DeviceCode(
            device_code=code,
            user_code=_words(user_code),
            url=_words(place),
            life_seconds=_number(said.get("expires_in"), 900),
            interval_seconds=max(_number(said.get("interval"), 5), 0),
        )

    async def poll_device(self, code: DeviceCode) -> Grant:
        """What became of it. Raises NotYet, TokenDead (denied, too late) or what `refresh` raises."""
        return await self._ask({"grant_type": _DEVICE_GRANT, "device_code": code.device_code})

    async def consent_url(self, *, redirect_uri: str, state: str, verifier: str, account: str) -> str:
        """Where the owner consents; the code comes to `redirect_uri`, bound to `verifier` by S256 (RFC 7636)."""
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.client.scope,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode("ascii").rstrip("="),
            "code_challenge_method": "S256",
            "login_hint": account,
            **self.client.code_parameters,
        }
        url = await self._endpoint("authorization_endpoint")
        if not url:
            raise ClientRefused("The provider offers neither a device code nor an authorization code.")
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    async def exchange(self, code: str, *, redirect_uri: str, verifier: str) -> Grant:
        """The grant for an authorization code."""
        return await self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )

    async def revoke(self, refresh_token: str) -> bool:
        """End the grant at the provider too (RFC 7009); False where it offers no such thing."""
        url = await self._endpoint("revocation_endpoint")
        if url:
            await self._post(url, {"token": refresh_token, "token_type_hint": "refresh_token"})
        return bool(url)

    async def _ask(self, form: dict[str, str]) -> Grant:
        url = await self._endpoint("token_endpoint")
        said = await self._post(url, form)
        access, refresh = said.get("access_token"), said.get("refresh_token") or ""
        if not (isinstance(access, str) and _TOKEN.fullmatch(access) and isinstance(refresh, str)):
            raise TokenServerDown("The provider gave no token that can be used.")
        if str(said.get("token_type") or "bearer").lower() != "bearer":
            raise TokenServerDown("The provider gave a token that is no bearer token.")
        return Grant(
            access_token=access,
            refresh_token=refresh,
            life_seconds=_number(said.get("expires_in"), _LIFE_SECONDS),
            scope=_words(said.get("scope") or ""),
        )

    async def _endpoint(self, name: str) -> str:
        """One of the provider's URLs; empty for one that it does not have."""
        if not self._endpoints:
            url = f"{self.client.base_url}/.well-known/openid-configuration"
            status, said = await self._call("GET", url, None)
            if status != 200 or not isinstance(said.get("token_endpoint"), str):
                raise TokenServerDown(f"The provider does not tell its endpoints ({status}).")
            found = {key: value for key, value in said.items() if key.endswith("_endpoint") and isinstance(value, str)}
            # The document is believed only as far as it leads to nowhere that could be listened to.
            if wrong := [value for value in found.values() if not may_carry_secrets(value)]:
                raise TokenServerDown(f"The provider names an endpoint that is not https: {_words(wrong[0])}")
            self._endpoints = found
        return self._endpoints.get(name, "")

    async def _post(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        body = {"client_id": self.client.client_id, **form}
        if self.client.client_secret:
            body["client_secret"] = self.client.client_secret
        status, said = await self._call("POST", url, body)
        if 200 <= status < 300:
            return said
        error = said.get("error")
        words = " ".join(part for part in (error, said.get("error_description")) if isinstance(part, str))
        # Before anything is cut off: a piece of a secret is one too.
        for key in ("refresh_token", "device_code", "code", "code_verifier", "client_secret", "token"):
            if secret := body.get(key):
                words = words.replace(secret, "…")
        words = _words(words)
        if form.get("grant_type") == _DEVICE_GRANT:
            if error in {"authorization_pending", "slow_down"}:
                raise NotYet(slow_down=error == "slow_down")
            if error == "expired_token":
                raise TokenDead(words)
        if not isinstance(error, str) or status == 429 or not 400 <= status < 500 or error in _PASSING:
            self._endpoints = {}
            raise TokenServerDown(f"The provider answers {status} {words}".rstrip())
        raise TokenDead(words) if error in _ENDED else ClientRefused(f"The provider refuses our client: {words}")

    async def _call(self, method: str, url: str, form: Mapping[str, str] | None) -> tuple[int, dict[str, Any]]:
        try:
            async with self._http.request(method, url, data=form, allow_redirects=False) as response:
                # Read no further than the cap, whatever is announced or comes.
                text = b""
                async for piece in response.content.iter_any():
                    text += piece
                    if len(text) > _MOST_BYTES:
                        raise TokenServerDown("The provider's answer has no end.")
                status = response.status
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            raise TokenServerDown(
                f"The provider does not answer: {_words(str(error)) or type(error).__name__}"
            ) from error
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        return status, said if isinstance(said, dict) else {}


@asynccontextmanager
async def speaking(client: OAuthClient) -> AsyncIterator[Provider]:
    """The provider meanwhile."""
    async with ClientSession(
        timeout=ClientTimeout(total=CALL_SECONDS, connect=10),
        cookie_jar=DummyCookieJar(),
        # A compressed answer could be larger than it looks.
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "helpdesk-gateway"},
    ) as http:
        yield Provider(client, http)


def _number(value: object, otherwise: float) -> float:
    """Seconds; some providers write them as text."""
    try:
        number = float(value) if isinstance(value, int | float | str) else otherwise
    except (ValueError, OverflowError):
        return otherwise
    return min(number, 86400 * 30) if number >= 0 else otherwise


def _words(text: object) -> str:
    """What a provider says, as one line that a log can hold."""
    line = str(text)[: _MOST_WORDS * 2]
    return " ".join("".join(mark if mark.isprintable() else " " for mark in line).split())[:_MOST_WORDS]
