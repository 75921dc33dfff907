"""What a web application is given: typed keys, and the shape of the mailroom, which `mail` provides and `api` uses.

`api` and `mail` are strangers to each other; `gateway.app` hands one to the other under these keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from gateway.config import Settings
from gateway.database import Database
from gateway.model import Delivery, InboundMessage, Taken
from gateway.passwords import Passwords


class Mailroom(Protocol):
    """Everything that the API asks of mail."""

    async def take(self, delivery: Delivery) -> Taken:
        """Store one mail and do what follows from it; committed when this returns."""

    async def rerun(self, intake_id: int, *, accept: bool) -> Taken:
        """Run a failed or held mail again."""

    async def read(self, raw: bytes) -> InboundMessage | None:
        """What is understood of a mail; None where nothing is."""

    async def attachment(self, raw: bytes, position: int) -> bytes:
        """The bytes of an attachment in a raw mail."""


class CourierState(Protocol):
    """How the courier fares."""

    @property
    def trouble(self) -> str:
        """Why the relay takes nothing at the moment; empty if it does."""


class MailboxState(Protocol):
    """How the watcher of a mailbox's folder fares."""

    @property
    def name(self) -> str:
        """The folder and the server that it is on."""

    @property
    def trouble(self) -> str:
        """Why it cannot be read at the moment; empty if it can."""


class Troubled(Protocol):
    """Something that may not be well."""

    def troubles(self) -> list[str]:
        """What is not, one sentence each, in words for everybody; nothing if all is."""


SETTINGS = web.AppKey("SETTINGS", Settings)
DATABASE = web.AppKey("DATABASE", Database)
PASSWORDS = web.AppKey("PASSWORDS", Passwords)
MAILROOM = web.AppKey("MAILROOM", Mailroom)
COURIER = web.AppKey("COURIER", CourierState)
MAILBOXES = web.AppKey("MAILBOXES", Sequence[MailboxState])
TOKENS = web.AppKey("TOKENS", Troubled)
