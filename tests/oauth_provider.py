"""An OAuth2 provider of the tests' own, on a port of this machine: tokens that expire, rotate and are revoked, device
and authorization codes, and every way to be out of order. Its `check` is what mail servers ask about a token.

Known weakness: everybody who asks for consent gets it, for there is nobody to log in.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

OWNER = "support@desk.example"
CLIENT_ID, CLIENT_SECRET = "the-gateway", "the-client's-own-secret"


@dataclass
class OAuthProvider:
    """The provider, and what it is told to do next."""

    port: int = 0
    life_seconds: float = 3600
    rotates: bool = False
    # An answer in place of the right one: `down`, `hang`, `endless`, `nonsense`, or an OAuth2 error.
    trouble: str = ""
    trouble_words: str = "as the test wants it"
    client_secret: str = CLIENT_SECRET
    has_device: bool = True
    # What the owner says to a device code, one word for each time that is asked; the last one stays.
    device_words: list[str] = field(default_factory=lambda: ["yes"])
    asked: Counter[str] = field(default_factory=Counter)
    # Until when each access token holds.
    valid: dict[str, float] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    consents: dict[str, dict[str, str]] = field(default_factory=dict)
    come: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=itertools.count)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "HELPDESK_OAUTH_ENDPOINT": self.base_url,
            "HELPDESK_OAUTH_CLIENT_ID": CLIENT_ID,
            "HELPDESK_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "HELPDESK_OAUTH_SCOPE": "mail offline_access",
        }

    def new_refresh_token(self) -> str:
        token = self._new("refresh")
        self.refresh_tokens.add(token)
        return token

    def expire_all(self) -> None:
        """Every access token that was given ends now."""
        self.valid.clear()

    def revoke_all(self) -> None:
        """The owner takes everything back."""
        self.valid.clear()
        self.refresh_tokens.clear()

    def check(self, token: str) -> bool:
        return time.monotonic() < self.valid.get(token, 0)

    async def until_asked(self, what: str, times: int) -> None:
        async with asyncio.timeout(20):
            while self.asked[what] < times:
                self.come.clear()
                await self.come.wait()

    def _new(self, kind: str) -> str:
        # As long as the real ones: it does not fit on one line of SMTP.
        token = f"{kind}-{next(self._numbers)}-" + base64.urlsafe_b64encode(hashlib.sha512(b"x").digest() * 7).decode()
        self.secrets.add(token)
        return token

    def _grant(self, refresh_token: str = "") -> web.Response:
        access = self._new("access")
        self.valid[access] = time.monotonic() + self.life_seconds
        said: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.life_seconds,
            "scope": "mail offline_access",
        }
        if refresh_token:
            said["refresh_token"] = refresh_token
        return web.json_response(said)

    async def discover(self, request: web.Request) -> web.Response:
        names = {"token_endpoint": "token", "authorization_endpoint": "consent", "revocation_endpoint": "revoke"}
        if self.has_device:
            names["device_authorization_endpoint"] = "device"
        return web.json_response({name: f"{self.base_url}/{path}" for name, path in names.items()})

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked[form["grant_type"]] += 1
        self.come.set()
        if self.trouble:
            return await self._be_out_of_order(request)
        if form.get("client_id") != CLIENT_ID or form.get("client_secret", "") != self.client_secret:
            return _error("invalid_client", status=401)
        match form["grant_type"]:
            case "refresh_token":
                return self._refresh(form["refresh_token"])
            case "authorization_code":
                consent = self.consents.pop(form["code"], {})
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if consent.get("code_challenge") != challenge or consent["redirect_uri"] != form["redirect_uri"]:
                    return _error("invalid_grant")
                return self._grant(self.new_refresh_token())
            case _:
                assert form["device_code"] == "the-device-code"
                word = self.device_words.pop(0) if len(self.device_words) > 1 else self.device_words[0]
                return self._grant(self.new_refresh_token()) if word == "yes" else _error(word)

    def _refresh(self, token: str) -> web.Response:
        if token in self.spent:
            # As strict as providers are: an old token that comes again is a stolen one, and all end.
            self.revoke_all()
            return _error("invalid_grant", "This token was used before.")
        if token not in self.refresh_tokens:
            return _error("invalid_grant", f"The token {token} has been revoked.")
        if not self.rotates:
            return self._grant()
        self.refresh_tokens.remove(token)
        self.spent.add(token)
        return self._grant(self.new_refresh_token())

    async def _be_out_of_order(self, request: web.Request) -> web.StreamResponse:
        if self.trouble == "down":
            return web.Response(status=503, text="<html>maintenance</html>")
        if self.trouble == "nonsense":
            return web.Response(status=200, text="[" * 50_000)
        if self.trouble == "hang":
            await asyncio.sleep(3600)
        if self.trouble == "endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 65536)
        return _error(self.trouble, self.trouble_words)

    async def device(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "device_code": "the-device-code",
                "user_code": "ABCD-EFGH",
                "verification_uri": f"{self.base_url}/enter",
                "expires_in": 900,
                "interval": 0,
            }
        )

    async def consent(self, request: web.Request) -> web.Response:
        assert request.query["code_challenge_method"] == "S256"
        code = self._new("code")
        self.consents[code] = dict(request.query)
        raise web.HTTPFound(f"{request.query['redirect_uri']}?code={code}&state={request.query['state']}")

    async def revoke(self, request: web.Request) -> web.Response:
        self.refresh_tokens.discard(str((await request.post())["token"]))
        self.asked["revoke"] += 1
        return web.Response()

    async def introspect(self, request: web.Request) -> web.Response:
        """What Dovecot asks: whose token this is, and whether it holds."""
        token = request.query.get("access_token") or str((await request.post()).get("token", ""))
        self.asked["introspect"] += 1
        if not self.check(token):
            return web.json_response({"active": False, "error": "invalid_token"}, status=401)
        return web.json_response({"active": True, "email": OWNER, "username": OWNER, "scope": "mail"})


def _error(name: str, words: str = "", status: int = 400) -> web.Response:
    return web.json_response({"error": name, "error_description": words}, status=status)


@contextmanager
def keeping_secrets(provider: OAuthProvider) -> Iterator[None]:
    """Fails if a piece of a secret was written to any log meanwhile, at any level, as it is or in base64."""
    lines: list[str] = []
    handler = logging.Handler()
    formatter = logging.Formatter()
    handler.emit = lambda record: lines.append(formatter.format(record))  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert_keeps_secrets(provider, "\n".join(lines))


def assert_keeps_secrets(provider: OAuthProvider, text: str) -> None:
    for secret in provider.secrets:
        assert secret[:24] not in text
        # Wherever it stands in what was encoded, these are among the letters that come out.
        for shift in range(3):
            code = base64.b64encode(b"x" * shift + secret[:24].encode())
            assert code[4:-4].decode() not in text


@asynccontextmanager
async def oauth_provider() -> AsyncIterator[OAuthProvider]:
    provider = OAuthProvider()
    application = web.Application()
    application.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider.discover),
            web.post("/token", provider.token),
            web.post("/device", provider.device),
            web.get("/consent", provider.consent),
            web.post("/revoke", provider.revoke),
            web.get("/introspect", provider.introspect),
            web.post("/introspect", provider.introspect),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider.port = runner.addresses[0][1]
        yield provider
    finally:
        await runner.cleanup()
