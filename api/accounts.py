"""Accounts over HTTP: registration, tokens, one's own account, the confirmation of an address."""

from __future__ import annotations

import asyncio
import re
import secrets
from datetime import datetime, timedelta

from aiohttp import web

from api.calls import Call, Reply
from api.payloads import Credentials, NewUser, Nothing, RefreshBody, TokenBody, TokenPair, User
from api.tokens import ACCESS, REFRESH, Claims, read, sign, token_key
from gateway import logins, people, tickets
from gateway.errors import InvalidFields, NotFound, NotSignedIn, TooMany, WrongCredentials
from gateway.keys import DATABASE, PASSWORDS, SETTINGS
from gateway.limits import RateCounter
from gateway.model import LONGEST_USERNAME, USERNAME_PATTERN, Actor, Person, fold_key
from gateway.passwords import password_mistakes
from gateway.reply_token import random_name

_LONGEST_PASSWORD = 256
FAILED_BY_ACCOUNT = web.AppKey("FAILED_BY_ACCOUNT", RateCounter)
FAILED_BY_CLIENT = web.AppKey("FAILED_BY_CLIENT", RateCounter)
REGISTRATIONS = web.AppKey("REGISTRATIONS", RateCounter)


def new_name() -> str:
    """A random name for an outgoing mail."""
    return random_name(secrets.token_bytes(7))


def _seconds() -> float:
    return asyncio.get_running_loop().time()


def _user(public_url: str, person: Person, ticket_ids: list[int]) -> User:
    return User(
        id=person.id,
        username=person.username,
        email=person.email,
        is_active=person.is_active,
        tickets=[f"{public_url}/api/ticket/{ticket_id}" for ticket_id in ticket_ids],
    )


async def register(call: Call[NewUser]) -> Reply:
    new = call.body
    mistakes = {}
    if wrong := password_mistakes(new.password, username=new.username, email=new.email):
        mistakes["password"] = wrong
    if fold_key(new.email) in call.settings.support_addresses:
        mistakes["email"] = ["This is the address of the desk itself."]
    if mistakes:
        raise InvalidFields(mistakes)
    if wait := call.request.app[REGISTRATIONS].hit(call.client, _seconds()):
        raise TooMany(wait)
    password_hash = await call.request.app[PASSWORDS].hash(new.password)
    now = call.now
    person = await call.database.write(
        lambda connection: people.register(
            connection,
            call.settings,
            username=new.username,
            email=new.email,
            password_hash=password_hash,
            now=now,
            new_name=new_name,
        )
    )
    return Reply(_user(call.settings.public_url, person, []))


async def create_tokens(call: Call[Credentials]) -> Reply:
    username, password = call.body.username, call.body.password
    by_account, by_client = call.request.app[FAILED_BY_ACCOUNT], call.request.app[FAILED_BY_CLIENT]
    account, client = fold_key(username), call.client
    # Counted before the work, and taken back after a success, so that many at once do not get round the limit.
    if wait := by_client.wait_seconds(client, _seconds()) or by_account.wait_seconds(account, _seconds()):
        raise TooMany(wait)
    by_account.count(account, _seconds())
    by_client.count(client, _seconds())
    # A name that cannot be one is looked up nowhere, and costs the same.
    is_name = re.search(USERNAME_PATTERN, username) is not None and len(username) <= LONGEST_USERNAME
    found = await call.database.read(lambda connection: people.find_account(connection, username)) if is_name else None
    stored = found[1] if found else None
    is_right = await call.request.app[PASSWORDS].verify(password[: _LONGEST_PASSWORD + 1], stored)
    if not (is_right and found and found[0].is_active):
        raise WrongCredentials
    by_account.forgive(account, _seconds())
    by_client.forgive(client, _seconds())
    person, now, refresh_id = found[0], call.now, _token_id()
    login_id = await call.database.write(
        lambda connection: logins.start_login(
            connection, person_id=person.id, refresh_id=refresh_id, now=now, expires_at=now + _refresh_life(call)
        )
    )
    return Reply(_pair(call, person_id=person.id, login_id=login_id, refresh_id=refresh_id, now=now))


async def refresh_tokens(call: Call[RefreshBody]) -> Reply:
    claims = read(token_key(call.settings.secret_key), call.body.refresh)
    if claims.kind != REFRESH:
        raise NotSignedIn
    now, next_id = call.now, _token_id()
    person_id = await call.database.write(
        lambda connection: logins.rotate_login(
            connection,
            login_id=claims.login_id,
            used_id=claims.token_id,
            next_id=next_id,
            now=now,
            expires_at=now + _refresh_life(call),
        )
    )
    if person_id is None:
        raise NotSignedIn
    return Reply(_pair(call, person_id=person_id, login_id=claims.login_id, refresh_id=next_id, now=now))


async def verify_token(call: Call[TokenBody]) -> Reply:
    claims = read(token_key(call.settings.secret_key), call.body.token)
    now = call.now
    if not await call.database.read(
        lambda connection: logins.is_login_alive(
            connection,
            login_id=claims.login_id,
            now=now,
            refresh_id=claims.token_id if claims.kind == REFRESH else None,
        )
    ):
        raise NotSignedIn
    return Reply(Nothing())


def _token_id() -> str:
    return secrets.token_urlsafe(24)


def _refresh_life(call: Call[Credentials] | Call[RefreshBody]) -> timedelta:
    return timedelta(days=call.settings.refresh_token_days)


def _pair(
    call: Call[Credentials] | Call[RefreshBody], *, person_id: int, login_id: int, refresh_id: str, now: datetime
) -> TokenPair:
    key = token_key(call.settings.secret_key)
    refresh = Claims(kind=REFRESH, person_id=person_id, login_id=login_id, token_id=refresh_id)
    access = Claims(kind=ACCESS, person_id=person_id, login_id=login_id, token_id=_token_id())
    return TokenPair(
        refresh=sign(key, refresh, now=now, life=_refresh_life(call)),
        access=sign(key, access, now=now, life=timedelta(minutes=call.settings.access_token_minutes)),
    )


async def authenticate(request: web.Request) -> Actor:
    """Who sends this request, with the rights of this moment. Raises NotSignedIn."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in {"bearer", "jwt"}:
        raise NotSignedIn
    claims = read(token_key(request.app[SETTINGS].secret_key), token.strip())
    if claims.kind != ACCESS:
        raise NotSignedIn
    now = Call(request, None, None).now
    return await request.app[DATABASE].read(
        lambda connection: logins.actor_of(connection, login_id=claims.login_id, person_id=claims.person_id, now=now)
    )


async def get_me(call: Call[None]) -> Reply:
    return await _get_user(call, call.actor.person_id)


async def get_user(call: Call[None]) -> Reply:
    return await _get_user(call, call.path_id())


async def _get_user(call: Call[None], person_id: int) -> Reply:
    if person_id != call.actor.person_id and not call.actor.is_staff:
        raise NotFound
    person = await call.database.read(lambda connection: people.get_person(connection, person_id))
    if person is None:
        raise NotFound
    ids = await call.database.read(lambda connection: tickets.ticket_ids_of(connection, person.id))
    return Reply(_user(call.settings.public_url, person, ids))


async def confirm(call: Call[None]) -> web.Response:
    secret, now = call.request.match_info["secret"], call.now
    await call.database.write(lambda connection: people.confirm_address(connection, call.settings, secret, now=now))
    return web.Response(
        text="Your address is confirmed. The tickets that you opened by mail are now in your account.\n",
        headers={"Referrer-Policy": "no-referrer"},
    )
