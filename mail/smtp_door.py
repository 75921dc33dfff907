"""What all connections of one SMTP or LMTP listener share: the limits, and the mails that are being taken.

Promised: `answer` has a reply within TAKE_SECONDS whatever `take` does, and never cancels it because somebody no
longer waits for the reply. Counters live in this process and belong to one listener. Nothing of the protocol is
known here, and what is logged holds no mail content and no raw control character.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
import ssl
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.config import Settings
from gateway.limits import RateCounter
from gateway.model import Delivery, Taken
from mail import replies

Take = Callable[[Delivery], Awaitable[Taken]]

MOST_CONNECTIONS = 200
MOST_CONNECTIONS_PER_CLIENT = 20
# From this share of all connections on, who has said nothing for so long has to make room.
CROWD_SHARE = 0.8
CROWD_PATIENCE_SECONDS = 10.0
TAKE_SECONDS = 60.0
SHUTDOWN_SECONDS = 6.0
# How long a closed connection may still take in our last word, so that it is read and not cut off by a reset.
LINGER_SECONDS = 2.0
SPACE_CACHE_SECONDS = 1.0
LEAST_FREE_MESSAGES = 1.5
_STORY_CHARACTERS = 200
_STORY_FRAMES = 6

_log = logging.getLogger("helpdesk.smtp")


class Client(Protocol):
    """A connection as its listener sees it."""

    name: str
    trusted: bool
    ended: asyncio.Future[None]
    # Since when it has been waiting for a command, in seconds of the loop's clock; None while something is done.
    waiting_since: float | None

    def close_if_idle(self) -> None:
        """Say 421 and close, unless a mail of this connection is being taken."""

    def make_room(self) -> None:
        """Say 421 and close: there are many connections, and this one does nothing."""

    def abort(self) -> None:
        """Cut the connection off."""


def client_name(host: str) -> str:
    """Under which name an IP address is counted: itself, or for IPv6 its /64, which is one customer's."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def story(error: BaseException) -> str:
    """One line for the log: the class, the first line of the text, and where it happened.

    Only the first line, since database errors go on with their parameters, which are mail.
    """
    text = (str(error).splitlines() or [""])[0][:_STORY_CHARACTERS]
    frames = traceback.extract_tb(error.__traceback__)[-_STORY_FRAMES:]
    places = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} {text!r} at {places or 'nowhere'}"


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What STARTTLS is done with; None where it is not offered."""
    if settings.smtp_tls_cert is None or settings.smtp_tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.smtp_tls_cert, settings.smtp_tls_key)
    return context


class Door:
    """One listener, without its sockets."""

    def __init__(self, settings: Settings, take: Take, is_ours: Callable[[str], bool], *, lmtp: bool) -> None:
        self.settings = settings
        self.is_ours = is_ours
        self.lmtp = lmtp
        self.closing = False
        self.buffered_bytes = 0
        self._take = take
        # Each with the name under which it is counted; none where it is not yet known who it is.
        self._clients: dict[Client, str | None] = {}
        self._per_client: Counter[str] = Counter()
        self._takes: set[asyncio.Task[str]] = set()
        self._rates = RateCounter(settings.mail_limit)
        self._space = (-SPACE_CACHE_SECONDS, False)

    def admit(self, client: Client, now: float) -> bool:
        """Count the connection in, unless there are too many in all. When it gets crowded, silence is not borne long:
        else two hundred clients that say nothing would keep everybody out for as long as a command may take."""
        if len(self._clients) >= CROWD_SHARE * MOST_CONNECTIONS:
            for other in list(self._clients):
                if other.waiting_since is not None and now - other.waiting_since >= CROWD_PATIENCE_SECONDS:
                    other.make_room()
                    self.dismiss(other)
        if self.closing or len(self._clients) >= MOST_CONNECTIONS:
            return False
        self._clients[client] = None
        return True

    def introduce(self, client: Client) -> bool:
        """Count the connection of an admitted client under his name, unless he has too many."""
        if not client.trusted and self._per_client[client.name] >= MOST_CONNECTIONS_PER_CLIENT:
            return False
        self._clients[client] = client.name
        self._per_client[client.name] += 1
        return True

    def dismiss(self, client: Client) -> None:
        """The connection has ended and counts no longer."""
        name = self._clients.pop(client, None)
        if name is not None:
            self._per_client[name] -= 1
            if not self._per_client[name]:
                del self._per_client[name]

    def may_send(self, client: Client, now: float) -> bool:
        """Count one mail of this client, and whether it is within the limit."""
        return client.trusted or not self._rates.hit(client.name, now)

    def has_space(self, now: float) -> bool:
        """Whether the data folder has room for a mail; looked up at most once in SPACE_CACHE_SECONDS."""
        seen_at, enough = self._space
        if now - seen_at >= SPACE_CACHE_SECONDS:
            free_bytes = shutil.disk_usage(self.settings.data_dir).free
            enough = free_bytes >= LEAST_FREE_MESSAGES * self.settings.max_message_bytes
            self._space = (now, enough)
        return enough

    async def answer(self, delivery: Delivery, peer: str) -> str:
        """Have the mail taken and get the reply; the taking goes on when whoever waits for it is cancelled."""
        if self.closing:
            # The database may be gone before this mail would be stored.
            return replies.TROUBLE
        task = asyncio.create_task(self._taken(delivery, peer))
        self._takes.add(task)
        task.add_done_callback(self._takes.discard)
        # The task has the same deadline. This one holds even where `take` will not be cancelled.
        await asyncio.wait({task}, timeout=TAKE_SECONDS)
        return task.result() if task.done() and not task.cancelled() else replies.TROUBLE

    async def _taken(self, delivery: Delivery, peer: str) -> str:
        size_bytes = len(delivery.raw)
        self.buffered_bytes += size_bytes
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                taken = await self._take(delivery)
        except Exception as error:
            _log.error("mail of %d bytes from %r was not taken: %s", size_bytes, peer, story(error))
            return replies.for_exception(error)
        finally:
            self.buffered_bytes -= size_bytes
        _log.info("mail of %d bytes from %r stored as %d", size_bytes, peer, taken.intake_id)
        return replies.for_taken(taken)

    async def close(self) -> None:
        """Tell idle clients, let mails finish that are being taken, then end every connection."""
        self.closing = True
        for client in list(self._clients):
            client.close_if_idle()
        if self._takes:
            _, late = await asyncio.wait(self._takes, timeout=SHUTDOWN_SECONDS)
            for task in late:
                _log.warning("a mail was not taken before the end")
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=LINGER_SECONDS)
        # The connections now say their last words; who does not take them in is cut off.
        if endings := {client.ended for client in self._clients}:
            await asyncio.wait(endings, timeout=LINGER_SECONDS)
        for client in list(self._clients):
            client.abort()
        if endings := {client.ended for client in self._clients}:
            await asyncio.wait(endings, timeout=LINGER_SECONDS)
