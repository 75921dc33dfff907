"""API keys over HTTP: administrators make, list and revoke them; a program shows one to hand mail over."""

from __future__ import annotations

import logging
import secrets

from aiohttp import web

from api.calls import Call, Reply
from api.payloads import KeyCreated, KeyRow, NewKey, instant
from gateway import api_keys
from gateway.api_keys import KEY_PREFIX, ApiKey
from gateway.keys import DATABASE

_log = logging.getLogger("helpdesk.api")


def shown_key(request: web.Request) -> str:
    """What the request shows as an API key; empty where it shows none."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and key.startswith(KEY_PREFIX) else ""


async def authenticate_key(request: web.Request, key: str) -> ApiKey:
    """The key that is shown. Raises NotSignedIn for one that is not, or no longer, valid."""
    database, now = request.app[DATABASE], Call(request, None, None).now
    found = await database.read(lambda connection: api_keys.find_key(connection, key))
    if found.is_use_due(now):
        await database.write(lambda connection: api_keys.note_use(connection, found.id, now=now))
    return found


async def create_key(call: Call[NewKey]) -> Reply:
    secret, now = secrets.token_urlsafe(32), call.now
    made, key = await call.database.write(
        lambda connection: api_keys.create_key(connection, call.actor, name=call.body.name, secret=secret, now=now)
    )
    _log.info("API key %d made by person %d", made.id, call.actor.person_id)
    return Reply(KeyCreated(id=made.id, name=made.name, key=key, created_at=instant(made.created_at)))


async def list_keys(call: Call[None]) -> Reply:
    found = await call.database.read(lambda connection: api_keys.list_keys(connection, call.actor))
    return Reply(
        [
            KeyRow(
                id=key.id,
                name=key.name,
                created_at=instant(key.created_at),
                last_used_at=instant(key.last_used_at) if key.last_used_at else None,
                revoked_at=instant(key.revoked_at) if key.revoked_at else None,
            )
            for key in found
        ]
    )


async def revoke_key(call: Call[None]) -> web.Response:
    key_id, now = call.path_id(), call.now
    await call.database.write(lambda connection: api_keys.revoke_key(connection, call.actor, key_id, now=now))
    _log.info("API key %d revoked by person %d", key_id, call.actor.person_id)
    return web.Response(status=204)
