"""The courier: the loop that pays what the outbox owes.

It claims due mails under a lease, composes and sends each, and settles it. Mails about one ticket go one after the
other, in order, but for those that have to be tried again; different tickets side by side, and a letter on which the
relay hangs keeps one of the senders busy and no other letter back. A commit wakes it at once, and it looks every
second anyway, because a wake-up is only a hint and another process may have written the row. What cannot be composed
is set aside as failed: a broken template never keeps other mail back. It sends at least once: a courier that dies
after the relay took a letter leaves a lease that runs out, and the letter goes again with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from gateway import notices, outbox
from gateway.config import Settings
from gateway.database import Database
from gateway.model import Outbound, OutboxState
from mail.compose import Composer
from mail.intake import new_name, utc_now
from mail.relay import RefusedForGood, Sender, TryLater, open_sender
from mail.xoauth2 import Tokens

_MOST_CLAIMED = 40
_SENDERS = 4
_LEASE = timedelta(seconds=45)
_HEARTBEAT_SECONDS = 15
_POLL_SECONDS = 1.0
_TROUBLE_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 5
_log = logging.getLogger("helpdesk.courier")


class Courier:
    """One courier of one process; `trouble` says why the relay takes nothing at the moment."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        tokens: Tokens | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.trouble = ""
        self._stopping = False
        self._settings = settings
        self._database = database
        self._clock = clock
        self._composer = Composer(settings)
        self._claimed: dict[int, Outbound] = {}
        self._by_ticket: dict[int, deque[Outbound]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._senders: asyncio.Queue[Sender] = asyncio.Queue()
        for _ in range(_SENDERS):
            self._senders.put_nowait(open_sender(settings.relay, settings.support_domain, tokens))

    async def run(self) -> None:
        """Work until `stop`, or until cancelled. An error of ours is logged and tried again after a pause."""
        heartbeat = asyncio.create_task(self._keep_leases())
        try:
            while self._database.is_embedded and not self._stopping and not await self._patiently(self._take_over):
                pass
            while not self._stopping:
                self._database.committed.clear()
                if not await self._patiently(self.pay_due):
                    if not self._tasks:
                        await self.close()
                    await self._wait()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            left = [heartbeat, *self._tasks]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """Ask the loop to end once the letters under way are settled."""
        self._stopping = True
        self._database.committed.set()

    async def _patiently(self, work: Callable[[], Awaitable[int]]) -> int:
        try:
            return await work()
        except Exception:
            _log.exception("the courier is in trouble and goes on in %d s", _TROUBLE_PAUSE_SECONDS)
            await asyncio.sleep(_TROUBLE_PAUSE_SECONDS)
            return 0

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._database.committed.wait()
        except TimeoutError:
            pass

    async def _take_over(self) -> int:
        """On a database of our own, whatever is in sending was left there by our predecessor."""
        await self._database.write(outbox.release_leases)
        return 1

    async def pay_due(self) -> int:
        """Begin to send what is due now, as much as is not waiting already; returns how many mails were begun."""
        room = _MOST_CLAIMED - len(self._claimed)
        now = self._clock()
        if room <= 0 or not await self._database.read(lambda connection: outbox.is_any_due(connection, now=now)):
            return 0
        batch = await self._database.write(
            lambda connection: outbox.claim_due(connection, now=now, lease=_LEASE, count=room, but=list(self._claimed))
        )
        for mail in batch:
            self._claimed[mail.id] = mail
            key = mail.ticket_id or -mail.id
            if key in self._by_ticket:
                self._by_ticket[key].append(mail)
                continue
            self._by_ticket[key] = deque([mail])
            task = asyncio.create_task(self._pay_in_order(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(batch)

    async def _keep_leases(self) -> None:
        """What is claimed and not settled stays ours, however long the relay takes to answer."""
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            mails, until = list(self._claimed.values()), self._clock() + _LEASE
            if mails:
                await self._patiently(partial(self._extend, mails, until))

    async def _extend(self, mails: list[Outbound], until: datetime) -> int:
        await self._database.write(lambda connection: outbox.extend_lease(connection, mails, until=until))
        return len(mails)

    async def _pay_in_order(self, key: int) -> None:
        """Send what is claimed about one ticket, and what is claimed about it meanwhile."""
        try:
            while self._by_ticket[key]:
                await self._pay(self._by_ticket[key].popleft())
        finally:
            for mail in self._by_ticket.pop(key):
                self._done_with(mail)

    async def _pay(self, mail: Outbound) -> None:
        sender = await self._senders.get()
        try:
            state, reply, due_at = await self._send(sender, mail)
        finally:
            self._senders.put_nowait(sender)
        log = _log.info if state is OutboxState.SENT else _log.warning
        log("outbox=%d kind=%s state=%s attempts=%d reply=%r", mail.id, mail.kind, state, mail.attempts, reply)
        # How it ended is known: that must not get lost because the database is in trouble, or the mail goes out twice.
        # Meanwhile it stays claimed, and no sender is kept from other mail.
        while not await self._patiently(partial(self._settle, mail, state, reply, due_at)):
            pass
        self._done_with(mail)

    async def _settle(self, mail: Outbound, state: OutboxState, reply: str, due_at: datetime | None) -> int:
        now = self._clock()
        await self._database.write(
            lambda connection: notices.settle_mail(
                connection,
                self._settings,
                mail,
                state,
                reply=reply,
                now=now,
                due_at=due_at,
                new_name=new_name,
            ),
            must_run=True,
        )
        return 1

    def _done_with(self, mail: Outbound) -> None:
        if self._claimed.get(mail.id) is mail:
            del self._claimed[mail.id]

    async def _send(self, sender: Sender, mail: Outbound) -> tuple[OutboxState, str, datetime | None]:
        """Compose and send one mail; returns its next state, what the relay said, and when to try again."""
        try:
            letter = self._composer.compose(mail)
        except Exception as error:
            _log.exception("outbox %d (%s) cannot be composed", mail.id, mail.kind)
            return OutboxState.FAILED, f"cannot be composed: {type(error).__name__}: {error}", None
        try:
            reply = await sender.send(letter)
        except RefusedForGood as refusal:
            self.trouble = ""
            return OutboxState.FAILED, str(refusal), None
        except Exception as error:
            # Whatever else happens is temporary: only a 5xx answer to this letter is the end of it.
            reply = str(error) or type(error).__name__
            if isinstance(error, TryLater) and error.unreachable:
                self.trouble = reply
            due_at = outbox.next_attempt(
                mail.attempts, mail.created_at, self._clock(), first_seconds=self._settings.retry_seconds
            )
            return OutboxState.QUEUED if due_at else OutboxState.FAILED, reply, due_at
        self.trouble = ""
        return OutboxState.SENT, reply, None

    async def close(self) -> None:
        """Let go of the relay's connections that nobody is sending over."""
        for _ in range(self._senders.qsize()):
            sender = self._senders.get_nowait()
            await sender.close()
            self._senders.put_nowait(sender)


@asynccontextmanager
async def delivering(settings: Settings, database: Database, tokens: Tokens | None = None) -> AsyncIterator[Courier]:
    """Run a courier meanwhile. On leaving, the letters under way get some seconds to be settled.

    `tokens` is where the relay's access token comes from, if it wants one.
    """
    courier = Courier(settings, database, tokens=tokens)
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        courier.stop()
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await courier.close()
