"""What happens around every handler: who calls, with which rights and how often; the body; the answer; the errors.

Errors of the domain become statuses here and nowhere else. Trouble with the database is 503, because it passes; an
error that nobody foresaw is 500 with a neutral text, and its story is in the log alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from api.accounts import authenticate
from api.calls import (
    MOST_JSON_BYTES,
    BadBody,
    BadQuery,
    BodyTooLarge,
    BodyTooSlow,
    Call,
    Reply,
    Route,
    Who,
    WrongMediaType,
    read_bytes,
)
from api.intake import EmptyMail
from api.keys import authenticate_key, shown_key
from api.payloads import Detail, MalformedBody, read_body
from gateway.errors import (
    Conflict,
    DeskError,
    InvalidFields,
    NotAllowed,
    NotFound,
    NotSignedIn,
    SpaceShort,
    TooMany,
    TryAgainLater,
    WrongCredentials,
)
from gateway.limits import RateCounter

REQUESTS = web.AppKey("REQUESTS", RateCounter)
_log = logging.getLogger("helpdesk.api")
_STATUS: dict[type[DeskError], int] = {
    BadQuery: 400,
    BadBody: 400,
    MalformedBody: 400,
    InvalidFields: 400,
    EmptyMail: 400,
    NotSignedIn: 401,
    WrongCredentials: 401,
    NotAllowed: 403,
    NotFound: 404,
    BodyTooSlow: 408,
    Conflict: 409,
    BodyTooLarge: 413,
    WrongMediaType: 415,
    TooMany: 429,
    SpaceShort: 503,
    TryAgainLater: 503,
}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a route: checks what the route says, calls its handler, writes the answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        actor = None
        if route.who is not Who.ANYONE and (key := shown_key(request)):
            found = await authenticate_key(request, key)
            if wait := request.app[REQUESTS].hit(f"key {found.id}", asyncio.get_running_loop().time()):
                raise TooMany(wait)
            if not route.or_by_key:
                raise NotAllowed
        elif route.who is not Who.ANYONE:
            actor = await authenticate(request)
            if wait := request.app[REQUESTS].hit(str(actor.person_id), asyncio.get_running_loop().time()):
                raise TooMany(wait)
            if (route.who is Who.STAFF and not actor.is_staff) or (route.who is Who.ADMIN and not actor.is_admin):
                raise NotAllowed
        body = None
        if route.body is not None:
            data = await read_bytes(request, MOST_JSON_BYTES)
            if data and not _is_json(request):
                raise WrongMediaType("application/json")
            body = read_body(b"{}" if not data and route.body_optional else data, route.body)
        result = await route.handler(Call(request, actor, body))
        if isinstance(result, Reply):
            return _json(result.value, result.status or route.status, result.headers)
        return result

    return handle


def _is_json(request: web.Request) -> bool:
    return "Content-Type" not in request.headers or request.content_type == "application/json"


def _json(value: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", headers=headers
    )


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever is raised into an answer, and put the safety headers on every one."""
    try:
        response = await handler(request)
    except DeskError as error:
        response = _domain_error(error)
    except web.HTTPException as error:
        response = _json(Detail(detail=error.reason), error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except (SQLAlchemyError, TimeoutError, OSError):
        _log.exception("trouble while answering %s %s", request.method, request.path)
        response = _json(Detail(detail="Temporary trouble, try again later."), 503, {"Retry-After": "5"})
    except Exception:
        _log.exception("unforeseen error while answering %s %s", request.method, request.path)
        response = _json(Detail(detail="Internal error."), 500)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _domain_error(error: DeskError) -> web.Response:
    status = _STATUS.get(type(error), 400)
    if isinstance(error, InvalidFields):
        return _json(error.fields, status)
    headers = {}
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, (NotSignedIn, WrongCredentials)):
        headers["WWW-Authenticate"] = 'Bearer realm="helpdesk"'
    return _json(Detail(detail=str(error)), status, headers)
