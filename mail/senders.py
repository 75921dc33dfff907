"""The senders of one courier: how many letters are under way at once, in all and to one domain.

A letter waits for a place of its domain and then for one of all; then it takes the sender that was used last, whose
connection is the most likely to be open still, and only if all are at work another one. So as many connections are
open as are needed, and a domain on which letters get stuck keeps at most its own places.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mail.relay import Sender

MOST_AT_ONCE = 20
MOST_OF_A_DOMAIN = 5


class Senders:
    """Lends senders, made by `open_one` as they are needed."""

    def __init__(self, open_one: Callable[[], Sender]) -> None:
        self._open_one = open_one
        self._idle: list[Sender] = []
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._of_domain: dict[str, asyncio.Semaphore] = {}
        self._interested: dict[str, int] = {}

    @asynccontextmanager
    async def lend(self, domain: str) -> AsyncIterator[Sender]:
        """A sender for one letter to this domain, waited for."""
        places = self._of_domain.setdefault(domain, asyncio.Semaphore(MOST_OF_A_DOMAIN))
        self._interested[domain] = self._interested.get(domain, 0) + 1
        try:
            async with places, self._places:
                sender = self._idle.pop() if self._idle else self._open_one()
                try:
                    yield sender
                finally:
                    self._idle.append(sender)
        finally:
            self._interested[domain] -= 1
            if not self._interested[domain]:
                del self._of_domain[domain], self._interested[domain]

    async def close(self) -> None:
        """Let go of the connections over which nobody is sending."""
        while self._idle:
            await self._idle.pop().close()
