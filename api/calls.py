"""One call of the API: what a route is, and what its handler gets and gives.

A route says everything that can be known of a call before it runs: who may make it, which body it takes, what it
answers and with which errors. The middleware enforces it and `openapi` writes it down. A handler reads, calls one
service and answers; it decides nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.config import Settings
from gateway.database import Database
from gateway.errors import DeskError
from gateway.keys import DATABASE, SETTINGS
from gateway.model import Actor
from gateway.values import contains

B = TypeVar("B")
MOST_JSON_BYTES = 1 << 20
_BODY_SECONDS = 30
_PAGE = 100


class Who(IntEnum):
    """Who may make a call."""

    ANYONE = 0
    SIGNED_IN = 1
    STAFF = 2
    ADMIN = 3


class BadQuery(DeskError):
    """A mistake in the address of the request."""


class BodyTooLarge(DeskError):
    """The body is larger than what is taken here."""

    message = "The body is too large."


class BodyTooSlow(DeskError):
    """The body did not arrive in time."""

    message = "The body did not arrive in time."


class BadBody(DeskError):
    """The body cannot be read."""

    message = "The body is broken."


class WrongMediaType(DeskError):
    """The body is of a kind that is not taken here."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"Send the body as {wanted}.")


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """One request, checked: `actor` is there unless anyone may call, `body` unless the route takes none."""

    request: web.Request
    caller: Actor | None
    body: B

    @property
    def actor(self) -> Actor:
        assert self.caller is not None
        return self.caller

    @property
    def settings(self) -> Settings:
        return self.request.app[SETTINGS]

    @property
    def database(self) -> Database:
        return self.request.app[DATABASE]

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def client(self) -> str:
        """The client's IP address; behind a trusted proxy the one that the proxy names."""
        return client_address(self.request)

    def path_id(self, name: str = "id") -> int:
        """The id in the path; the routes let only digits through, and this only what a database takes."""
        digits = self.request.match_info[name]
        return int(digits) if len(digits) <= 18 else -1

    def query(self, name: str) -> str | None:
        """A parameter of the query; None where it is not given."""
        return self.request.query.get(name)

    def query_number(self, name: str, low: int, high: int) -> int | None:
        """A number in the query. Raises BadQuery."""
        text = self.query(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 18 and low <= int(text) <= high):
            raise BadQuery(f"{name} must be a number from {low} to {high}.")
        return int(text)

    def page(self) -> Page:
        """Which page of a list is asked for. Raises BadQuery."""
        return Page(self.query_number("before", 1, 10**18 - 1), self.query_number("limit", 1, _PAGE) or _PAGE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list that is ordered by id, newest first."""

    before_id: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a value to be written as JSON, and where needed another status or more headers."""

    value: Any
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call[Any]], Awaitable[Reply | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query, for the description: `schema` is JSON Schema."""

    name: str
    schema: dict[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the URL table. `answer` is a type, or a tuple of types any of which may come; None: not JSON, but
    `content_type`. `or_by_key` lets in whoever shows an API key too; then there is no actor."""

    method: str
    path: str
    handler: Handler
    who: Who
    or_by_key: bool = False
    summary: str
    answer: Any = None
    content_type: str = "application/json"
    body: Any = None
    body_optional: bool = False
    may_head: bool = True
    raw_body: str = ""
    status: int = 200
    more_answers: dict[int, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    query: tuple[Query, ...] = ()


def paged(call: Call[Any], page: Page, rows: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """Cut what was read (one more than the page) to the page, with the Link to the next one (RFC 8288)."""
    if len(rows) <= page.count:
        return rows, {}
    rows = rows[: page.count]
    query = {name: value for name, value in call.request.query.items() if name not in {"before", "limit"}}
    query |= {"limit": str(page.count), "before": str(rows[-1].id)}
    return rows, {"Link": f'<{call.settings.public_url}{call.request.path}?{urlencode(query)}>; rel="next"'}


async def read_bytes(request: web.Request, limit_bytes: int) -> bytes:
    """The body. Raises BodyTooLarge, BodyTooSlow; nothing above the limit is kept in memory."""
    if (request.content_length or 0) > limit_bytes:
        raise BodyTooLarge
    chunks, size = [], 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit_bytes:
                    raise BodyTooLarge
                chunks.append(chunk)
    except TimeoutError as error:
        raise BodyTooSlow from error
    except (web.RequestPayloadError, HttpProcessingError) as error:
        # A transfer that breaks off, or is not compressed as it says.
        raise BadBody from error
    return b"".join(chunks)


def client_address(request: web.Request) -> str:
    """Who is at the other end: the peer, or behind trusted proxies the last address that none of them has."""
    address = request.remote or ""
    proxies = request.app[SETTINGS].trusted_proxies
    if proxies and contains(proxies, address):
        named = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        for candidate in reversed(named):
            try:
                address = str(ipaddress.ip_address(candidate))
            except ValueError:
                break
            if not contains(proxies, address):
                break
    return address
