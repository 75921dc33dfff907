"""The commands `helpdesk mailbox login`, `list` and `logout`: an owner grants us a mailbox, and takes it back.

Where the provider has a device code for mailboxes (Microsoft), the owner types it in on any device. Else (Google) the
owner consents in a browser, which brings an authorization code to a port of this machine, bound to us by PKCE and a
random state; a browser on another machine cannot reach that port, so the address that it fails to open may be pasted
instead. Either way ends in a refresh token, which is sealed and stored; a running gateway finds it by itself. Nothing
secret is printed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from gateway import mailbox_tokens
from gateway.config import Settings
from gateway.database import Database
from gateway.errors import DeskError, NotFound, SettingsWrong, TokenDead, TokenServerDown, TokenTrouble
from gateway.model import fold_key
from gateway.oauth import Grant, NotYet, Provider, speaking
from gateway.seal import NONCE_BYTES, SealBroken, seal, unseal

_CONSENT_SECONDS = 900
_SLOWER_SECONDS = 5
_MOST_LINE_BYTES = 16384
_PAGE = "<!doctype html><title>Helpdesk</title><p>{words}</p>"
Say = Callable[[str], None]


class LoginFailed(DeskError):
    """The owner or the provider did not grant it."""


async def log_in(settings: Settings, database: Database, account: str, *, say: Say, keyboard: int) -> None:
    """Have the owner grant the mailbox and store the grant. `keyboard` is the file descriptor somebody types into."""
    if settings.oauth is None:
        raise SettingsWrong(["HELPDESK_OAUTH_CLIENT_ID: is needed to log in to a mailbox"])
    async with speaking(settings.oauth) as provider:
        grant = await _by_device(provider, say) or await _by_code(provider, account, say, keyboard)
    if not grant.refresh_token:
        raise LoginFailed("The provider gave no refresh token: the client may not have offline access.")
    owner = fold_key(account)
    sealed = seal(settings.secret_key, grant.refresh_token, owner=owner, nonce=os.urandom(NONCE_BYTES))
    scope = grant.scope or settings.oauth.scope
    name = settings.oauth.name
    await database.write(
        lambda connection: mailbox_tokens.store_login(
            connection, account=owner, provider=name, sealed=sealed, scope=scope, now=datetime.now(UTC)
        )
    )
    say(f"{owner}: logged in. A running gateway uses it within seconds.")
    # Owners may take a tick out; what providers call a scope differs in little things, so that it is only told.
    if left_out := set(settings.oauth.scope.split()) - set(scope.split()) - {"offline_access", "openid"}:
        say(f"Not granted, as it seems: {' '.join(sorted(left_out))}")


async def list_accounts(database: Database, *, say: Say) -> None:
    tokens = await database.read(mailbox_tokens.list_tokens)
    for token in tokens:
        state = f"{token.state}, {token.reason}" if token.reason else token.state
        say(f"{token.account}  {token.provider}  since {token.granted_at:%Y-%m-%d %H:%M} UTC  {state}")
    if not tokens:
        say("No mailbox is logged in.")


async def log_out(settings: Settings, database: Database, account: str, *, say: Say) -> None:
    """Forget the grant, and end it at the provider if that can be done."""
    token = await database.write(lambda connection: mailbox_tokens.forget_token(connection, account))
    if token is None:
        raise NotFound(f"{account}: is not logged in.")
    is_revoked = False
    if settings.oauth is not None:
        try:
            refresh_token = unseal(settings.secret_key, token.sealed, owner=token.account)
            async with speaking(settings.oauth) as provider:
                is_revoked = await provider.revoke(refresh_token)
        except (SealBroken, TokenTrouble):
            pass
    say(f"{token.account}: logged out{'' if is_revoked else ' here; the grant at the provider ends on its own page'}.")


async def _by_device(provider: Provider, say: Say) -> Grant | None:
    """The grant by a device code, or None where there is none for mailboxes."""
    code = await provider.start_device()
    if code is None:
        return None
    say(f"Open {code.url} in a browser, log in to the mailbox and enter the code {code.user_code}")
    deadline = time.monotonic() + code.life_seconds
    interval = code.interval_seconds
    while time.monotonic() + interval <= deadline:
        await asyncio.sleep(interval)
        try:
            return await provider.poll_device(code)
        except NotYet as answer:
            interval += _SLOWER_SECONDS if answer.slow_down else 0
        except TokenServerDown:
            # RFC 8628 3.5: whoever cannot reach the provider asks less often.
            interval = min(max(interval, 1) * 2, 60)
        except TokenDead as refusal:
            raise LoginFailed(f"It was not granted: {refusal}") from refusal
    raise LoginFailed("The code has expired, and nobody has entered it.")


async def _by_code(provider: Provider, account: str, say: Say, keyboard: int) -> Grant:
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    answers: asyncio.Queue[str] = asyncio.Queue()
    async with _waiting_for_browser(answers) as port, _listening_to(keyboard, answers):
        # By number: "localhost" may lead a browser to ::1, where nobody listens (RFC 8252 section 7.3).
        redirect_uri = f"http://127.0.0.1:{port}/"
        url = await provider.consent_url(redirect_uri=redirect_uri, state=state, verifier=verifier, account=account)
        say(f"Open this in a browser, and log in to the mailbox:\n\n{url}\n")
        say("If the browser then cannot open a page at 127.0.0.1, paste that page's address here and press Enter.")
        try:
            async with asyncio.timeout(_CONSENT_SECONDS):
                while True:
                    code = _code_in(await answers.get(), state)
                    if code:
                        break
                    say("That is not the address of this login's last page.")
        except TimeoutError as error:
            raise LoginFailed("Nobody has consented in time.") from error
        try:
            return await provider.exchange(code, redirect_uri=redirect_uri, verifier=verifier)
        except TokenDead as refusal:
            raise LoginFailed(f"It was not granted: {refusal}") from refusal


def _code_in(address: str, state: str) -> str:
    """The code in the address to which the provider led the browser; nothing if it is not about this login."""
    try:
        query = parse_qs(urlsplit(address.strip()).query)
    except ValueError:
        return ""
    if not secrets.compare_digest(query.get("state", [""])[0].encode(), state.encode()):
        return ""
    if error := query.get("error", [""])[0]:
        raise LoginFailed(f"It was not granted: {error[:100]!r}")
    return query.get("code", [""])[0]


@asynccontextmanager
async def _waiting_for_browser(answers: asyncio.Queue[str]) -> AsyncIterator[int]:
    """A port of this machine that takes requests and passes their paths on."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                line = await reader.readline()
                while (await reader.readline()).strip():
                    pass
            method, _, rest = line.decode("latin-1").partition(" ")
            path = rest.partition(" ")[0]
            is_answer = method == "GET" and "state=" in path
            words = "You can close this page and go back to the command." if is_answer else "Nothing here."
            body = _PAGE.format(words=words).encode()
            status = "200 OK" if is_answer else "404 Not Found"
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()
            if is_answer:
                answers.put_nowait(path)
        except (OSError, ValueError, TimeoutError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, limit=_MOST_LINE_BYTES)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@asynccontextmanager
async def _listening_to(keyboard: int, answers: asyncio.Queue[str]) -> AsyncIterator[None]:
    """Pass on the lines that somebody types, as far as there is a keyboard."""
    loop = asyncio.get_running_loop()
    typed = b""

    def read() -> None:
        nonlocal typed
        piece = os.read(keyboard, 4096)
        if not piece:
            loop.remove_reader(keyboard)
        *lines, typed = (typed + piece).split(b"\n")
        typed = typed[-_MOST_LINE_BYTES:]
        for line in lines:
            if line.strip():
                answers.put_nowait(line.decode("utf-8", "replace"))

    try:
        loop.add_reader(keyboard, read)
    except (OSError, ValueError):
        # A file or nothing: there is nobody to wait for.
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(keyboard)
